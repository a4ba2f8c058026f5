"""What people open most, with tables that are full: one load after the other, as one person waits for each."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import urlencode

from tests.bench import load
from tests.bench.seed import AGENTS, CONSENTS, EVENTS

SHOWN = 20


def measure(port: int, seeded: dict[str, Any]) -> dict[str, load.Measured]:
    """Return some loads of each page, by its name and how many rows stand behind it."""
    authorize = "/oauth/authorize?" + urlencode(
        {
            "response_type": "code",
            "client_id": seeded["assistant_id"],
            "redirect_uri": "https://app.st-anna.example/callback",
            "scope": "calendar:read",
            "state": "s",
            "code_challenge": seeded["challenge"],
            "code_challenge_method": "S256",
        }
    )
    pages = {
        "consent_page": (authorize, seeded["person"]),
        f"agents_list.{AGENTS}": ("/agents/", seeded["administrator"]),
        f"agents_search.{AGENTS}": ("/agents/?q=task+9999", seeded["administrator"]),
        f"trail.{EVENTS}": ("/trail/", seeded["administrator"]),
        f"trail_search.{EVENTS}": ("/trail/?q=letters&outcome=refused", seeded["administrator"]),
        f"my_agents.{CONSENTS}": ("/my-agents/", seeded["person"]),
    }
    measured = {}
    for name, (path, cookie) in pages.items():
        request = load.get(path, port, cookie)
        load.run(port, itertools.repeat(request), connections=1, at_most=2)
        measured[name] = load.run(port, itertools.repeat(request), connections=1, at_most=SHOWN, seconds=30)
    return measured
