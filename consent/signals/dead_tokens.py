"""Tokens that died by themselves, without their consent: given back, or lost with the family of a token used twice.

Each is named by its ``jti``, so that nothing else under the consent suffers: another device of the same person, another
worker of the same agent. Programs bring this about as often as they like, so there is a limit to what of it is told: nobody
fills a stream with tokens of their own, before a signal that takes something away from them.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db.models import Q

from agents.models import Event
from agents.trail.kinds import Kind
from consent.models import AccessToken, TokenFamily

MOST_TOKENS = 20
"""Of one family, those that run out last. A client that refreshes as tokens run out has one or two for each resource."""
MOST_GIVEN_BACK = 20
"""Of one client, within ``WITHIN``. What goes beyond is refused all the same where Mandate is asked, and ends by itself."""
WITHIN = timedelta(minutes=1)
LOOKED_AT = 5_000
"""Numbers of events before this one, whatever they are: as far back as is looked for others of the client."""


def dead_tokens(event: Event) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Return the tokens that an event made worth nothing before their end, with their resources. At most three queries."""
    if event.kind == Kind.TOKEN_REVOKED and _gives_back_very_many(event):
        return []
    families = TokenFamily.objects.filter(consent=event.consent_id, ended_at=event.at).values("pk")
    of_it = Q(family__in=families) | Q(pk=event.token_id)
    tokens = AccessToken.objects.filter(of_it, consent=event.consent_id, expires__gt=event.at)
    return list(tokens.order_by("-expires", "pk").values_list("pk", "audience_id")[:MOST_TOKENS])


def _gives_back_very_many(event: Event) -> bool:
    before = Event.objects.of_agent(event.agent_id).filter(pk__lt=event.pk, pk__gt=event.pk - LOOKED_AT)
    same = before.filter(kind=Kind.TOKEN_REVOKED, client_id=event.client_id, at__gt=event.at - WITHIN)
    return len(same.values_list("pk")[:MOST_GIVEN_BACK]) >= MOST_GIVEN_BACK
