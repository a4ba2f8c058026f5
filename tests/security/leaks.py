"""Where a secret must not be: every table, the log, the events and the pages of a Mandate that runs."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from django.db import connection

from agents.models import Event, User
from tests import builders
from tests.security.routes import every_route
from tests.services.mandate import RunningMandate

NOISY = {"MANDATE_LOG_LEVEL": "DEBUG", "EMAIL_URL": "smtp://mail.invalid:25"}
"""How it runs: it says all that it can say, and its mails wait."""


class Answer:
    """What requests got, as ``form_of`` reads it."""

    def __init__(self, got):
        self.content, self.headers, self.charset = got.content, got.headers, "utf-8"


def places_of(mandate: RunningMandate, reader: User) -> dict[str, str]:
    """Every place as text, by name. reader: who opens the pages, and sees them all."""
    places = {"log": mandate.log()}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            places[f"table {table}"] = "\n".join(map(repr, cursor.fetchall()))
    browser = builders.browser(reader)
    values = {"agent_id": None, "consent_id": None, "number": None}
    for event in Event.objects.order_by("-pk")[:40]:
        values |= {"number": event.pk} | {
            name: getattr(event, name)
            for name in ("agent_id", "consent_id", "client_id", "resource_id")
            if getattr(event, name)
        }
        places[f"event {event.pk}"] = browser.get(f"/trail/{event.pk}/").content.decode()
    for route in every_route():
        if set(route.parameters) <= values.keys() and "logout" not in route.path:
            places[f"page {route.name}"] = browser.get(route.address(values)).content.decode("utf-8", "replace")
    return places


def hits(secrets: dict[str, str], places: dict[str, str], *, but: Iterable[str] = ()) -> list[str]:
    """Which secret stands where, as it is or percent-encoded. but: the places in which one may stand."""
    return [
        f"{name} in {place}"
        for name, secret in secrets.items()
        for place, text in places.items()
        for form_of_it in {secret, quote(secret, safe="")}
        if place not in but and form_of_it in text
    ]
