"""What never reaches a log."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest
import structlog

from console.logs import NoTraceOfCallers, logging_settings
from console.redaction import clean_event, redacted


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Not Found: /setup/q8Zs-l0ngT0ken", "q8Zs-l0ngT0ken"),
        ("GET /invitation/q8Zs-l0ngT0ken/", "q8Zs-l0ngT0ken"),
        ("/account/password/reset/key/3f-c0ffee-abc/", "c0ffee"),
        ("/authorize?client_id=x&state=s3cr3t&code=c0de", "s3cr3t"),
        ("/callback?code=c0de", "c0de"),
        ("Authorization: Bearer abcdefghijklmn", "abcdefghijklmn"),
        ("authorization: basic Zm9vOmJhcg==", "Zm9vOmJhcg=="),
        ("key mdt_01JD_abcdefgh_1234 leaked", "abcdefgh"),
        ("initial token mdi_q8Zs-l0ngT0ken0fSomebody was bad", "l0ngT0ken0fSomebody"),
        ("registration token mdr_q8Zs-l0ngT0ken0fSomebody was bad", "l0ngT0ken0fSomebody"),
        ("token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln was bad", "eyJzdWIiOiIxIn0"),
        ("connection to postgresql://mandate:open-sesame@db failed", "open-sesame"),
    ],
)
def test_a_secret_is_known_by_its_shape(text, secret):
    assert secret not in redacted(text)
    assert "[hidden]" in redacted(text)


@pytest.mark.parametrize(
    "text", ["GET /agents/01JD", "/setup/", "state of the agent: active", "code review", "/static/setup.css"]
)
def test_what_is_no_secret_stays(text):
    assert redacted(text) == text


def test_a_secret_is_known_by_its_name():
    cleaned = clean_event(
        None, "info", {"event": "x", "client_secret": "abc", "detail": {"password": "abc"}, "cookies": ["abc"]}
    )
    assert "abc" not in str(cleaned)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_stays_one_line(as_json):
    settings = logging_settings("INFO", json=as_json)["formatters"]["mandate"]
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=settings["processors"], foreign_pre_chain=settings["foreign_pre_chain"]
        )
    )
    logger = logging.getLogger("test.forged")
    logger.propagate = False
    logger.addHandler(handler)

    logger.error("bad path %s", "/x\n2026-01-01 [info] all is well\x1b[31m\u202e\r")

    line = out.getvalue()
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert not set("\x1b\u202e\r") & set(line)
    assert "all is well" in line
    if as_json:
        assert json.loads(line)["level"] == "error"


def test_what_callers_do_wrong_is_one_line_and_a_fault_of_ours_has_its_trace():
    """A wrong Host header costs nothing to send; ten lines for each would fill a disk."""
    out = io.StringIO()
    settings = logging_settings("INFO", json=False)
    formatter = structlog.stdlib.ProcessorFormatter(
        **{name: value for name, value in settings["formatters"]["mandate"].items() if name != "()"}
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    handler.addFilter(NoTraceOfCallers())
    for name, level, is_one_line in (
        ("django.security.test", logging.ERROR, True),
        ("django.request", logging.WARNING, True),
        ("django.request", logging.ERROR, False),
        ("test.fault", logging.WARNING, False),
    ):
        out.truncate(out.seek(0))
        try:
            raise ValueError("evil.example")
        except ValueError:
            record = logging.getLogger(name).makeRecord(name, level, "", 0, "evil.example", (), sys.exc_info())
        handler.handle(record)
        assert (out.getvalue().count("\n") == 1) is is_one_line, out.getvalue()
