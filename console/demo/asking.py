"""How somebody at St. Anna is asked and decides: the request, the screen and the answer, as in earnest."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.acr import MULTI, PASSKEY, SINGLE, SignIn
from agents.models import AgentScope
from consent import decision
from consent.models import Consent, PendingConsent
from consent.oauth.authorization import AuthorizationRequest, read_request
from consent.offer import Asking, Offer
from consent.offering import make_offer
from consent.screens.details_answer import DetailsAnswer
from consent.screens.form import Answer, approval_of
from consent.screens.limits import Limits
from console.demo.agents import REDIRECT
from console.demo.endpoints import ask_token
from console.demo.people import PEOPLE
from console.demo.world import ZONE, World

THINKS_FOR = timedelta(seconds=40)
SIGNED_IN_BEFORE = timedelta(minutes=3)
METHODS = {person.key: tuple(person.methods) for person in PEOPLE}


@dataclass(frozen=True, slots=True)
class Wish:
    """What an agent asks somebody for. until: a choice of the screen. Scopes that are not named stay unticked."""

    agent: str
    who: str
    purpose: str
    scopes: str
    until: str = "30d"
    details: tuple[dict[str, Any], ...] = ()
    """``authorization_details``, for the scopes that are asked for in detail."""
    passes: bool = False
    """Whether they let the agent pass the work on, where it asks for that."""


def _signed_in(wish: Wish, decided: datetime) -> SignIn:
    methods = METHODS[wish.who]
    acr = PASSKEY if "passkey" in methods else MULTI if len(methods) > 1 else SINGLE
    return SignIn(methods, decided - SIGNED_IN_BEFORE, acr)


def allow_person(world: World, wish: Wish, at: datetime) -> Consent:
    """Let the person allow it, and the agent fetch its first tokens."""
    verifier = secrets.token_urlsafe(48)
    decided = at + THINKS_FOR
    request, done = _decide(world, wish, verifier, at)
    form = {"code": done.code, "code_verifier": verifier, "redirect_uri": request.redirect_uri}
    consent = _allowed(done)
    first = min(consent.resources(decided), key=lambda resource: resource.name)
    got = ask_token(
        world,
        wish.agent,
        decided + timedelta(seconds=2),
        grant_type="authorization_code",
        resource=first.uri,
        **form,
    )
    if "refresh_token" in got.body:
        world.refresh_tokens[str(consent.pk)] = got.body["refresh_token"]
    return consent


def let_wait(world: World, wish: Wish, at: datetime) -> PendingConsent:
    """Let the person allow what somebody else must agree to."""
    _, done = _decide(world, wish, secrets.token_urlsafe(48), at)
    if done.pending is None:
        raise LookupError("no rule asks for an approver of this")
    return done.pending


def _decide(world: World, wish: Wish, verifier: str, at: datetime) -> tuple[AuthorizationRequest, decision.Allowed]:
    request = _request(world, wish, verifier, at)
    offer = _offer(world, wish, request, at)
    decided = at + THINKS_FOR
    approval = approval_of(_answer(world, wish, offer), offer, signed_in=_signed_in(wish, decided), now=decided)
    by = world.actor(wish.who, decided)
    done = decision.allow(approval, form_nonce=secrets.token_urlsafe(16), request=request, by=by, now=decided)
    return request, done


def refuse_person(world: World, wish: Wish, at: datetime) -> None:
    """Let the person refuse it."""
    request = _request(world, wish, secrets.token_urlsafe(48), at)
    offer = _offer(world, wish, request, at)
    by = world.actor(wish.who, at + THINKS_FOR)
    decision.refuse(offer, form_nonce=secrets.token_urlsafe(16), by=by, now=at + THINKS_FOR)


def allow_organisation(world: World, wish: Wish, at: datetime) -> Consent:
    """Let an administrator allow it for the organisation."""
    rows = tuple(
        AgentScope.objects.live()
        .filter(agent=world.agents[wish.agent], scope__name__in=wish.scopes.split())
        .select_related("scope__resource")
        .order_by("scope__resource__name", "scope__name")
    )
    asking = Asking(world.clients[wish.agent], rows, wish.purpose)
    offer = make_offer(asking, person=None, zone_name=ZONE.key, now=at)
    decided = at + THINKS_FOR
    approval = approval_of(_answer(world, wish, offer), offer, signed_in=_signed_in(wish, decided), now=decided)
    by = world.actor(wish.who, decided)
    return _allowed(decision.allow(approval, form_nonce=secrets.token_urlsafe(16), request=None, by=by, now=decided))


def _allowed(done: decision.Allowed) -> Consent:
    if done.consent is None:
        raise LookupError("no rule asks for an approver of this")
    return done.consent


def _request(world: World, wish: Wish, verifier: str, at: datetime) -> AuthorizationRequest:
    digest = hashlib.sha256(verifier.encode()).digest()
    sent = {
        "client_id": [world.clients[wish.agent].client_id],
        "redirect_uri": [REDIRECT.format(key=wish.agent)],
        "response_type": ["code"],
        "state": [secrets.token_urlsafe(16)],
        "scope": [wish.scopes],
        "resource": sorted({world.scopes[name].resource.uri for name in wish.scopes.split()}),
        "purpose": [wish.purpose],
        "code_challenge": [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()],
        "code_challenge_method": ["S256"],
        **({"authorization_details": [json.dumps(wish.details)]} if wish.details else {}),
    }
    return read_request(sent, now=at, pushed=True)


def _offer(world: World, wish: Wish, request: AuthorizationRequest, at: datetime) -> Offer:
    asking = Asking(request.client, request.asked, request.purpose, request.redirect_uri, details=request.details)
    return make_offer(asking, person=world.people[wish.who], zone_name=ZONE.key, now=at)


def _answer(world: World, wish: Wish, offer: Offer) -> Answer:
    ticked = frozenset(world.scopes[name] for name in wish.scopes.split())
    details = DetailsAnswer(frozenset(line.key for each in offer.lines for line in each.details))
    return Answer(
        ticked=ticked,
        until=wish.until,
        until_at="",
        purpose=wish.purpose,
        purpose_ok=True,
        details=details,
        limits=Limits(),
        passes=wish.passes,
    )
