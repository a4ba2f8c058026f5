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


PARTS = (
    "%00",
    "a%00b",
    "%ff",
    "%ed%a0%80",
    "x" * 3_000,
    "%0d%0aX:%20y",
    "..%2f..%2fetc%2fpasswd",
    "%F0%9F%98%80",
    "'%22;--",
    "9" * 5_000,
)
"""What somebody may write where an address has a part that is neither an id of ours nor a number."""


@pytest.mark.engine
def test_s59_no_part_of_an_address_is_a_fault(mara, own):
    """PostgreSQL takes no NUL in a text, and a text of ours may come from the address itself."""
    browser = builders.browser(mara)
    browser.raise_request_exception = False
    saved, free = (
        browser.cookies.copy(),
        {"software", "token", "change", "kid", "sensitivity_class", "uidb36", "key", "move", "rest"},
    )
    for route in every_route():
        for name in free & set(route.parameters) | (
            {"client_id"} if route.name == "registration-management" else set()
        ):
            for part in PARTS:
                address = route.address({**own, name: part})
                for method in ("get", "post"):
                    with undone():
                        answer = getattr(browser, method)(address)
                    browser.cookies = saved.copy()
                    assert answer.status_code < 500, (method, address[:120], answer.status_code)
                    assert all(value.isascii() for value in answer.headers.values()), address[:120]


@pytest.mark.parametrize(
    "seen", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z", "x", "9" * 5_000]
)
def test_s59_a_moment_that_has_no_time_in_utc(mara, weber_allows, seen):
    browser = builders.browser(mara)
    for method in ("get", "post"):
        answer = getattr(browser, method)(
            "/consents/many/revoke/", {"consent": weber_allows.pk, "seen": seen, "reason": "x"}
        )
        assert answer.status_code in {200, 302, 404, 409}
        weber_allows.refresh_from_db()


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "3000-01-01", "2999-12-31"])
def test_s59_a_last_day_that_has_no_end_in_utc(ada, mara, discharge_assistant, zone, day):
    """The page counts days in the zone of whoever reads it; the end of the last year there is lies outside of UTC."""
    for person in (ada, mara):
        person.time_zone = zone
        person.save(update_fields=["time_zone"])
    facts = {"name": "A", "purpose": "B", "environment": "production", "ends_on": day}
    edited = builders.browser(ada).post(f"/agents/{discharge_assistant.pk}/edit/", facts)
    made = builders.browser(mara).post("/settings/registration/token/", {"name": "A", "ends_on": day, "once": "x" * 32})
    assert edited.status_code == (302 if day == "2999-12-31" else 200)
    assert made.status_code == 200
    assert (b"mdi_" in made.content) == (day == "2999-12-31")
