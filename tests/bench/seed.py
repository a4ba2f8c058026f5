"""What is measured, made through the domain functions; the two big tables by plain statements, for their size only.

Run as a program of the measured installation: ``python -m tests.bench.seed`` prints what the measuring needs as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import django

AGENTS = 10_000
EVENTS = 1_000_000
CODES = 1_000
CONSENTS = 1_000
WIDE = 200


def seed(codes: int) -> dict[str, Any]:
    """Make clients, keys, consents and codes; return what the requests need."""
    from agents.models import Role
    from tests import builders, grants

    builders.organisation("St. Anna")
    mara = builders.administrator()
    ada = builders.person("Ada Bench", Role.OWNER)
    weber = builders.person("Weber Bench")
    offline = builders.resource("Directory", "https://directory.bench.example", checks="offline")
    asking = builders.resource("Calendar", "https://calendar.bench.example")
    look, see = builders.scope(offline, "staff:read"), builders.scope(asking, "calendar:read")

    filer = builders.agent("Claims Filer", owner=ada, kind="autonomous", scopes=[look, see])
    alone = builders.client(filer)
    grants.consent(alone, scopes=[look, see], user=None, by=mara, life=timedelta(days=1))

    move = builders.scope(asking, "calendar:write", access="write")
    assistant = builders.agent("Assistant", owner=ada, scopes=[see, move])
    acting = builders.client(assistant)
    given = grants.consent(acting, scopes=[see], user=weber, life=timedelta(days=1))
    pkce = grants.Pkce()
    return {
        "autonomous": grants.basic(alone.client_id, builders.key(alone).key)["HTTP_AUTHORIZATION"],
        "assistant": grants.basic(acting.client_id, builders.key(acting).key)["HTTP_AUTHORIZATION"],
        "assistant_id": acting.client_id,
        "resource": grants.basic(asking.identifier, builders.key(asking).key)["HTTP_AUTHORIZATION"],
        "offline": offline.uri,
        "asking": asking.uri,
        "codes": [grants.code(given, pkce) for _ in range(codes)],
        "verifier": pkce.verifier,
        "challenge": pkce.challenge,
        "wide": [
            str(grants.consent(acting, scopes=[see, move], user=weber, purpose=f"Move week {number}").pk)
            for number in range(WIDE)
        ],
        "kept_scope": str(see.pk),
        "administrator": _session_of(mara),
        "person": _session_of(weber),
    }


def _session_of(user: Any) -> str:
    """Sign somebody in without a browser and return the cookie."""
    from django.conf import settings

    from tests.builders import browser

    return f"{settings.SESSION_COOKIE_NAME}={browser(user).cookies[settings.SESSION_COOKIE_NAME].value}"


def allow_much(consents: int) -> None:
    """Make one person allow much: so many consents of one assistant, each for a purpose of its own."""
    from agents.models import Client, Scope, User
    from tests import grants

    acting = Client.objects.get(name="Assistant")
    scopes = list(Scope.objects.filter(agent_scopes__agent=acting.agent).order_by("name"))
    weber = User.objects.get(name="Weber Bench")
    for number in range(consents):
        grants.consent(acting, scopes=scopes, user=weber, purpose=f"Plan day {number}", life=timedelta(days=1))


def fill(agents: int, events: int) -> None:
    """Make the tables big: agents with owners, and events that spread over them."""
    from django.db import connection
    from django.utils import timezone

    from agents.models import Agent, Ownership, User

    now = timezone.now()
    owner = User.objects.get(name="Ada Bench")
    made = [
        Agent(
            name=f"Agent {number:05}", purpose=f"Does task {number}", kind="assistant", state="active", created_at=now
        )
        for number in range(agents)
    ]
    Agent.objects.bulk_create(made, batch_size=500)
    Ownership.objects.bulk_create(
        [Ownership(agent=agent, user=owner, role="owner", since=now) for agent in made], batch_size=500
    )
    template = Agent.objects.order_by("name").first()
    assert template is not None
    series = {
        "postgresql": "generate_series(1, %s) AS numbers(n)",
        "sqlite": "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %s) SELECT n FROM s)",
    }[connection.vendor]
    last = connection.ops.adapt_datetimefield_value(now)
    columns = (
        "at, kind, outcome, reason_code, actor_kind, scopes, data_class, purpose_digest, reason_digest, "
        "address_digest, detail, transaction_id, agent_id"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO agents_event ({columns})
            SELECT CAST(%s AS {"timestamptz" if connection.vendor == "postgresql" else "text"}),
                   CASE WHEN n %% 50 = 0 THEN 'token.refused' ELSE 'token.issued' END,
                   CASE WHEN n %% 50 = 0 THEN 'refused' ELSE 'allowed' END, '', 'client', 'calendar:read', 'personal',
                   '', '', '', '{{}}', 0, CASE WHEN n %% 100 = 0 THEN {"%s" if connection.vendor == "sqlite" else "CAST(%s AS uuid)"} END
            FROM {series}""",
            [last, template.pk.hex if connection.vendor == "sqlite" else template.pk, events],
        )
        cursor.execute("ANALYZE")


def main() -> None:
    """Do what the command line says: ``seed CODES`` or ``fill AGENTS EVENTS``."""
    django.setup()
    if sys.argv[1] == "seed":
        seeded = seed(int(sys.argv[2]))
        from django.db import connection

        if connection.vendor == "postgresql":
            # Autovacuum would, in the middle of the first measurement: until then plans are guesses about empty tables.
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
        print(json.dumps(seeded))
    else:
        allow_much(CONSENTS)
        fill(int(sys.argv[2]), int(sys.argv[3]))


if __name__ == "__main__":
    main()
