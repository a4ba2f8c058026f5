"""The addresses behind a name that a stranger chose, and whether each of them is an ordinary public one.

The system's resolver knows no deadline of ours, and whoever owns a name can let it wait: so it works in a thread, for
which nobody waits beyond the deadline, and of which there are only so many.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from threading import BoundedSemaphore, Thread

from django.conf import settings

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
AT_ONCE = 32
"""Names that one process looks up at a time. While so many hang, no further one is looked up."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_slots = BoundedSemaphore(AT_ONCE)
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\Z")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("fec0::/10", "3fff::/20", "5f00::/16", "192.88.99.0/24")))
"""Beside what the library knows, in each of its versions: site-local, documentation, segment routing, relays of 6to4."""


def public_addresses(host: str, port: int, *, within: float) -> list[str] | None:
    """Return the addresses behind the name. Empty: one of them is not public. None: no answer within so many seconds.

    This machine's own count where ``settings.LOCAL_CALLS`` allows it, for tests and trials.
    """
    addresses = _looked_up(host, port, within)
    if addresses is None:
        return None
    local = settings.LOCAL_CALLS and host in LOCAL_NAMES
    for address in addresses:
        parsed = address_of(address)
        if parsed is None or not (is_public(parsed) or (local and parsed.is_loopback)):
            return []
    return addresses


def is_host_name(host: str) -> bool:
    """Whether this can be the name of a host, in small letters and ASCII, without a dot at its end (RFC 1035 §2.3.1).

    Browsers and resolvers take more, such as ``bank.example,other.example``, which people would read as something else.
    """
    return bool(_NAME.match(host))


def address_of(text: str | None) -> Address | None:
    """Return the address that this text spells, without its zone, or None for a name."""
    try:
        return ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether it is an ordinary public address. IPv4 inside IPv6 counts as what it is inside."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is not None:
            return is_public(inner)
        if address in _NAT64:  # the last four bytes are an IPv4 address
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _looked_up(host: str, port: int, within: float) -> list[str] | None:
    found: list[str] = []

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # no such name, or none that can be: a label too long is an error of its coding
            return
        finally:
            _slots.release()
        found.extend(dict.fromkeys(str(entry[4][0]) for entry in entries))

    if not _slots.acquire(timeout=within):
        return None
    thread = Thread(target=look_up, name="name-look-up", daemon=True)
    thread.start()
    thread.join(within)
    return list(found) or None
