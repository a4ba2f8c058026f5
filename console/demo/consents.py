"""Forty consents: live, narrowed, shortened, revoked, superseded and ended, of people and of the organisation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from consent import mandate
from console.demo.agents import AGENTS, ASSISTANT
from console.demo.asking import Wish, allow_organisation, allow_person
from console.demo.timeline import Timeline
from console.demo.world import World

LETTERS = "Draft the discharge letters of ward 3B"
ROUNDS = "Take notes on the ward round"
CALENDAR = "Keep my calendar free of double bookings"
CHECKING = "Check invoices before they are paid"
CLAIMS = "File insurance claims after discharge"
ICU = "Watch critical values in intensive care"
SUPPLIES = {
    "type": "bank_transfer",
    "amount": 4800,
    "currency": "EUR",
    "creditor": "Nordmed Supplies",
    "until": "2030-12-31",
}
GASES = {
    "type": "bank_transfer",
    "amount": 950.5,
    "currency": "EUR",
    "creditor": "Linz Medical Gases",
    "until": "2030-12-31",
}


@dataclass(frozen=True, slots=True)
class Given:
    """One consent and what became of it. since, after: days ago. becomes: ``narrow:<scopes>``, ``shorten:<days>``, ``revoke``."""

    key: str
    since: int
    wish: Wish
    becomes: str = ""
    after: int = 0
    who: str = ""
    why: str = ""

    def changed_at(self, world: World) -> datetime:
        """When it was changed: each at another minute of an early afternoon."""
        return world.moment(self.after, 13, sum(self.key.encode()) % 60)


CONSENTS = (
    Given("letters-weber-1", 26, Wish("discharge", "weber", LETTERS, "records:read letters:write")),
    Given(
        "letters-weber",
        12,
        Wish("discharge", "weber", LETTERS, "records:read letters:write directory:read", passes=True),
    ),
    Given("labs-weber", 9, Wish("discharge", "weber", "Add lab results to a letter", "records:read labs:read", "1d")),
    Given("one-weber", 7, Wish("discharge", "weber", "Check one letter for gaps", "records:read", "once")),
    Given(
        "letters-okafor",
        11,
        Wish("discharge", "okafor", LETTERS, "records:read letters:write directory:read"),
        "narrow:records:read directory:read",
        4,
        "okafor",
        "I write the letters by hand again.",
    ),
    Given(
        "transfers-okafor",
        6,
        Wish("discharge", "okafor", "Draft transfer letters from intensive care", "records:read letters:write"),
        "shorten:3",
        2,
        "okafor",
        "I am back on the ward on Monday.",
    ),
    Given(
        "down-okafor",
        2,
        Wish(
            "discharge", "okafor", "Write one letter while the ward system is down", "records:read letters:write", "1h"
        ),
    ),
    Given(
        "sheets-peeters-1",
        13,
        Wish("discharge", "peeters", "Prepare hand-over sheets", "records:read directory:read"),
        "revoke",
        5,
        "peeters",
        "The sheets were about the wrong ward.",
    ),
    Given("sheets-peeters", 3, Wish("discharge", "peeters", "Prepare hand-over sheets", "records:read")),
    Given(
        "trial-ana",
        8,
        Wish("discharge", "ana", "Try it out before the ward gets it", "records:read calendar:read", "1d"),
    ),
    Given("rounds-okafor-1", 28, Wish("rounds", "okafor", ROUNDS, "records:read records:write")),
    Given("rounds-weber", 13, Wish("rounds", "weber", ROUNDS, "records:read records:write")),
    Given(
        "rounds-okafor",
        10,
        Wish("rounds", "okafor", ROUNDS, "records:read records:write directory:read"),
        "narrow:records:read directory:read",
        3,
        "mara",
        "Two notes ended up in the wrong file. Reading only until that is understood.",
    ),
    Given("rounds-peeters", 9, Wish("rounds", "peeters", ROUNDS, "records:read")),
    Given(
        "plans-okafor",
        5,
        Wish("rounds", "okafor", "Compare medication plans before the round", "medication:read", "1d"),
    ),
    Given(
        "stand-in-weber",
        1,
        Wish("rounds", "weber", "Stand in for Dr. Okafor today", "records:read records:write", "1h"),
    ),
    Given(
        "icu-weber",
        4,
        Wish("rounds", "weber", "Take notes in intensive care", "records:read records:write"),
        "revoke",
        1,
        "weber",
        "My time in intensive care is over.",
    ),
    Given("calendar-weber", 25, Wish("appointments", "weber", CALENDAR, "calendar:read calendar:write", "longest")),
    Given(
        "calendar-okafor",
        20,
        Wish("appointments", "okafor", CALENDAR, "calendar:read calendar:write", "longest"),
        "shorten:10",
        12,
        "okafor",
        "Until my leave begins.",
    ),
    Given("calendar-peeters", 14, Wish("appointments", "peeters", CALENDAR, "calendar:read directory:read", "longest")),
    Given("calendar-elif", 22, Wish("appointments", "elif", CALENDAR, "calendar:read calendar:write")),
    Given("calendar-li", 15, Wish("appointments", "li", CALENDAR, "calendar:read calendar:write", "longest")),
    Given("calendar-mara", 32, Wish("appointments", "mara", CALENDAR, "calendar:read")),
    Given(
        "calendar-ana",
        12,
        Wish("appointments", "ana", CALENDAR, "calendar:read calendar:write", "longest"),
        "revoke",
        6,
        "ana",
        "It moved a meeting that may not be moved.",
    ),
    Given(
        "calendar-tomas",
        17,
        Wish("appointments", "tomas", CALENDAR, "calendar:read calendar:write", "longest"),
        "narrow:calendar:read",
        2,
        "tomas",
        "It may look, I move things myself.",
    ),
    Given(
        "away-weber", 10, Wish("appointments", "weber", "Move the appointments of one day away", "calendar:write", "1d")
    ),
    Given("checking-petra-1", 27, Wish("invoices", "petra", CHECKING, "invoices:read invoices:write")),
    Given(
        "matching-elif",
        19,
        Wish("invoices", "elif", "Match invoices with orders", "invoices:read invoices:write", "longest"),
    ),
    Given(
        "checking-petra",
        16,
        Wish("invoices", "petra", CHECKING, "invoices:read payments:send", details=(SUPPLIES, GASES)),
    ),
    Given("twice-elif", 8, Wish("invoices", "elif", "Cancel a payment that was made twice", "payments:cancel", "once")),
    Given("quarter-elif", 6, Wish("invoices", "elif", "Prepare the quarterly report", "invoices:read")),
    Given("look-tomas", 11, Wish("invoices", "tomas", "See why a claim was not paid", "invoices:read", "1d")),
    Given("flu-peeters", 20, Wish("flu", "peeters", "Remind me of my vaccination", "calendar:read", "longest")),
    Given(
        "flu-elif", 18, Wish("flu", "elif", "Remind me of my vaccination", "calendar:read directory:read", "longest")
    ),
    Given("claims-1", 34, Wish("claims", "mara", CLAIMS, "claims:submit", "longest")),
    Given("claims", 24, Wish("claims", "mara", CLAIMS, "claims:submit invoices:read", "longest")),
    Given("beds", 21, Wish("beds", "li", "Show free beds to the wards", "directory:read statistics:read", "longest")),
    Given(
        "labs-trial",
        29,
        Wish("labs", "li", ICU, "labs:read records:read"),
        "revoke",
        24,
        "li",
        "The trial is over.",
    ),
    Given(
        "labs",
        23,
        Wish("labs", "mara", "Watch critical values on all wards", "labs:read records:read"),
        "narrow:labs:read",
        7,
        "mara",
        "It needs results, not whole files.",
    ),
    Given("payroll", 18, Wish("payroll", "li", "Find errors in the payroll", "payroll:read")),
)
FOR_PEOPLE = {text.key for text in AGENTS if text.kind == ASSISTANT}


def tell(world: World, line: Timeline) -> None:
    """Let each be given, and changed where it was."""
    for number, given in enumerate(CONSENTS):
        line.at(world.moment(given.since, 8 + number % 3, (7 * number) % 60), partial(_give, world, given))
        if given.becomes:
            line.at(given.changed_at(world), partial(_change, world, given))


def _give(world: World, given: Given, at: datetime) -> None:
    allow = allow_person if given.wish.agent in FOR_PEOPLE else allow_organisation
    world.consents[given.key] = allow(world, given.wish, at)


def _change(world: World, given: Given, at: datetime) -> None:
    consent_id, by = world.consents[given.key].pk, world.actor(given.who, at)
    verb, _, what = given.becomes.partition(":")
    if verb == "narrow":
        keep = frozenset(world.scopes[name] for name in what.split())
        mandate.narrow(consent_id, keep=keep, reason=given.why, by=by, now=at)
    elif verb == "shorten":
        ends_at = world.now + timedelta(days=int(what))
        mandate.shorten(consent_id, ends_at=ends_at, reason=given.why, by=by, now=at)
    else:
        mandate.revoke(consent_id, reason=given.why, by=by, now=at)
