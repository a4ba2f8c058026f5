"""S59: whatever is sent to whatever address, by somebody who may send it: never a 500, never a trace, in bounded time.

What each endpoint of the protocols says to bad input: ``tests/oauth/test_errors.py``; receipts: ``tests/api/``.
"""

from __future__ import annotations

import time

import pytest

from tests import builders
from tests.security.routes import every_route
from tests.undone import undone

pytestmark = pytest.mark.django_db
DEEP = "[" * 100_000 + "]" * 100_000
BODIES = [
    (b"a=%00&name=%00&reason=%ff", "application/x-www-form-urlencoded"),
    (b"name=%ed%a0%80&purpose=%ed%a0%80&reason=x&scope=%00&until=%ed", "application/x-www-form-urlencoded"),
    (b"reason=" + b"x" * 200_000, "application/x-www-form-urlencoded"),
    (b"x=" + b"y" * 1_000_000, "application/x-www-form-urlencoded"),
    (b"life=" + b"9" * 5_000 + b"&ends_at=" + b"9" * 5_000 + b"&page=NaN&days=-1", "application/x-www-form-urlencoded"),
    (b"&".join(b"a%d=1" % number for number in range(3_000)), "application/x-www-form-urlencoded"),
    (DEEP.encode(), "application/json"),
    (b"\xff\xfe{}", "application/json"),
    (b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "application/xml"),
    (b"--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\nc\r\n--x--", "multipart/form-data; boundary=x"),
    (b"--x", "multipart/form-data"),
    (b"", "nonsense/\x7f"),
]
QUERIES = [
    "page=1000000000&page_size=1000000000&per_page=1000000000",
    "page=-1&before=-1&after=-1",
    "page=%00&q=%00&before=%00&sort=%00",
    "q=%ed%a0%80&state=%ff&sort=%ff&kind=%ff",
    "q=" + "x" * 5_000,
    "before=" + "9" * 5_000 + "&after=" + "9" * 5_000 + "&page=" + "9" * 5_000,
    "from=9999-99-99&until=0000-00-00&since=NaN&to=-1",
    "agent=x&consent=x&person=x&client=x&resource=x&person=%27",
    "&".join(f"kind=k{number}&agent={number}" for number in range(300)),
    "q=%25%5f%5c&sort=-name,,,&state[]=a&state[$ne]=1",
]


@pytest.mark.parametrize("who", ["mara", "nobody"])
def test_s59_no_address_answers_with_a_fault(request, own, who):
    browser = builders.browser(None if who == "nobody" else request.getfixturevalue(who))
    browser.raise_request_exception = False
    saved = browser.cookies.copy()
    for number, route in enumerate(every_route()):
        address = route.address(own)
        # Each address meets a third of them, and the addresses together all of them: a whole run stays short.
        tries = [("get", f"{address}?{query}", None, None) for query in QUERIES[number % 3 :: 3]]
        tries += [("post", address, body, kind) for body, kind in BODIES[number % 3 :: 3]]
        for method, path, body, kind in tries:
            began = time.monotonic()
            with undone():
                answer = browser.get(path) if method == "get" else browser.generic("POST", path, body, kind)
            browser.cookies = saved.copy()
            told = (method, path[:120], (body or b"")[:40], kind, answer.status_code)
            assert answer.status_code < 500, told
            assert b"Traceback" not in answer.content, told
            assert time.monotonic() - began < 5, told


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace", "options"])
def test_s59_no_method_is_a_fault(mara, own, method):
    browser = builders.browser(mara)
    browser.raise_request_exception = False
    for route in every_route():
        assert getattr(browser, method)(route.address(own)).status_code < 500, (method, route.path)
