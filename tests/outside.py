"""The world outside as an attacker would have it: names that lead inside, and hosts that never end."""

from __future__ import annotations

import socket
import threading
import time

import pytest

INSIDE = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
    "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::a00:1", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "fec0::1", "3fff::1",
    "5f00::1", "192.0.0.1", "192.88.99.1", "198.18.0.1", "240.0.0.1",
)  # fmt: skip


@pytest.fixture
def dialled(monkeypatch):
    """What Mandate tried to connect to."""
    tried = []

    def connects(address, *_args, **_kwargs):
        tried.append(address)
        raise OSError("nobody there")

    monkeypatch.setattr("socket.create_connection", connects)
    return tried


def names_lead_to(monkeypatch, *answers):
    """Each look-up of a name gives the next of these lists of addresses, the last one again and again."""
    left = list(answers)

    def looks_up(_host, port, **_more):
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr("socket.getaddrinfo", looks_up)


@pytest.fixture
def host(settings):
    """A program at a port of this machine that sends what a test says, byte by byte if it likes."""
    settings.LOCAL_CALLS = True
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serves(answers):
        def run():
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(4_096)
                        for part in answers():
                            connection.sendall(part)
                            if stop.is_set():
                                return
                    except OSError:
                        continue

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/jwks"

    yield serves
    stop.set()
    listener.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def drip():
    yield HEAD + b"\r\n"
    while True:
        time.sleep(0.05)
        yield b" "


def endless():
    yield HEAD + b"\r\n"
    while True:
        yield b"x" * 65_536


def endless_head():
    yield HEAD
    while True:
        yield b"X-More: " + b"x" * 4_096 + b"\r\n"
