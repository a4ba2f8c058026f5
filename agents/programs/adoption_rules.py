"""Rules that adopt by themselves, and the tokens that some programs register with. Administrators make both.

A rule matches only what Mandate verified: the host that a client's document was read from, or the initial access token that
it registered with. Never a name, a software id, a logo or a redirect, which a program chooses (decisions.md).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.credentials import digest_of_key
from agents.ends import checked_end
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import AdoptionRule, Agent, Client, RegistrationToken, Source
from agents.permissions import May
from agents.programs.adoption import must_take_clients, take
from agents.review import before_change, note_change
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+(?::[0-9]{1,5})?\Z"
)
Match = AdoptionRule.Match


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new initial access token and the one moment in which its value is known."""

    token: RegistrationToken
    value: str


@transaction.atomic
def issue_token(*, name: str, ends_at: datetime | None, by: Actor, now: datetime) -> IssuedToken:
    """Make an initial access token (RFC 7591 §3). Raises Forbidden, InvalidInput. Records ``registration_token.issued``."""
    require(by, May.DECIDE_REGISTRATION)
    if by.user is None:
        raise Forbidden(May.DECIDE_REGISTRATION)
    name = one_line("name", name, longest=80)
    checked_end(ends_at, now=now)
    value = f"mdi_{secrets.token_urlsafe(32)}"
    token = RegistrationToken.objects.create(
        name=name, digest=digest_of_key(value), made_by=by.user, made_at=now, ends_at=ends_at
    )
    record(Kind.REGISTRATION_TOKEN_ISSUED, by=by, now=now, initial_token=token.pk, name=name, ends_at=ends_at)
    return IssuedToken(token, value)


@transaction.atomic
def revoke_token(token: RegistrationToken, *, reason: str, by: Actor, now: datetime) -> RegistrationToken:
    """Let nobody register with this token any more. Clients that did stay. Its rule ends.

    Raises Forbidden, Ended, InvalidInput. Records ``registration_token.revoked``.
    """
    require(by, May.DECIDE_REGISTRATION)
    reason = reason_of(reason)
    token = RegistrationToken.objects.select_for_update().get(pk=token.pk)
    if token.revoked_at is not None:
        raise Ended(_("This token was revoked already."))
    token.revoked_at = now
    token.save(update_fields=["revoked_at"])
    record(Kind.REGISTRATION_TOKEN_REVOKED, by=by, now=now, reason=reason, initial_token=token.pk, name=token.name)
    for rule in AdoptionRule.objects.live().filter(token=token).select_for_update():
        _end(rule, reason=reason, by=by, now=now)
    return token


def matching(match: str, *, host: str = "", token: RegistrationToken | None = None) -> QuerySet[Client]:
    """Return the unclaimed clients that such a rule would adopt now: what its preview shows."""
    waiting = Client.objects.unclaimed()
    if match == Match.TOKEN:
        return waiting.filter(initial_token=token) if token is not None else waiting.none()
    at = Q()
    for scheme in ("https", "http"):  # http only where a trial takes documents of its own machine
        at |= Q(client_id__startswith=f"{scheme}://{host}/")
    return waiting.filter(at, registration_source=Source.CIMD)


@transaction.atomic
def make_rule(
    *,
    match: str,
    agent: Agent,
    reason: str,
    by: Actor,
    now: datetime,
    host: str = "",
    token: RegistrationToken | None = None,
) -> AdoptionRule:
    """Adopt into this agent what matches: all that waits now, and each client that comes.

    Raises Forbidden, InvalidInput. Records ``adoption_rule.made``, and ``client.adopted`` for each that waited.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.DECIDE_REGISTRATION)
    if by.user is None:
        raise Forbidden(May.DECIDE_REGISTRATION)
    reason = reason_of(reason)
    must_take_clients(agent)
    host = checked_host(host) if match == Match.DOCUMENT_HOST else ""
    token = RegistrationToken.objects.filter(pk=token.pk).first() if token and match == Match.TOKEN else None
    if match == Match.TOKEN and (token is None or not token.is_live(now)):
        raise InvalidInput("token", _("Choose a token that still counts."))
    try:
        with transaction.atomic():  # one rule for a host or a token: that decides, also for two agents at once
            rule = AdoptionRule.objects.create(
                match=match, host=host, token=token, agent=agent, made_by=by.user, made_at=now
            )
    except IntegrityError as standing:
        problem = InvalidInput("host" if host else "token", _("There is a rule for this already. End it first."))
        raise problem from standing
    record(
        Kind.ADOPTION_RULE_MADE,
        by=by,
        now=now,
        agent_id=agent.pk,
        reason=reason,
        rule=rule.pk,
        match=match,
        host=host,
        initial_token=token.pk if token else None,
    )
    so_far = before_change(agent)
    for client in matching(match, host=host, token=token).select_for_update(of=("self",)).order_by("pk"):
        take(client, agent, how="rule", rule=rule.pk, by=by, now=now)
    note_change(agent, so_far, by=by, now=now)
    return rule


@transaction.atomic
def end_rule(rule: AdoptionRule, *, reason: str, by: Actor, now: datetime) -> AdoptionRule:
    """Let the rule adopt nothing more. What it adopted stays. Raises Forbidden, Ended. Records ``adoption_rule.ended``."""
    require(by, May.DECIDE_REGISTRATION)
    reason = reason_of(reason)
    rule = AdoptionRule.objects.select_for_update().get(pk=rule.pk)
    if rule.ended_at is not None:
        raise Ended(_("This rule was ended already."))
    return _end(rule, reason=reason, by=by, now=now)


def _end(rule: AdoptionRule, *, reason: str, by: Actor, now: datetime) -> AdoptionRule:
    rule.ended_at = now
    rule.save(update_fields=["ended_at"])
    record(Kind.ADOPTION_RULE_ENDED, by=by, now=now, agent_id=rule.agent_id, reason=reason, rule=rule.pk)
    return rule


def adopt_by_rule(client: Client, *, now: datetime) -> Client:
    """Adopt a client that was just made where a rule says so, in the caller's transaction. Returns it."""
    rules = AdoptionRule.objects.live()
    if client.document_host:
        rules = rules.filter(match=Match.DOCUMENT_HOST, host=client.document_host)
    elif client.initial_token_id is not None:
        rules = rules.filter(match=Match.TOKEN, token=client.initial_token_id)
    else:
        return client
    rule = rules.first()
    if rule is None:
        return client
    agent = Agent.objects.locked(rule.agent_id)
    if rules.select_for_update(of=("self",)).filter(pk=rule.pk).first() is None:  # ended a moment ago
        return client
    so_far = before_change(agent)
    system = Actor.system()
    try:
        must_take_clients(agent)
    except InvalidInput:  # retired since: it waits for a person like every other
        return client
    take(client, agent, how="rule", rule=rule.pk, by=system, now=now)
    note_change(agent, so_far, by=system, now=now)
    return client


def checked_host(host: str) -> str:
    """Return a host as rules compare it. Raises InvalidInput."""
    host = host.strip().lower().removeprefix("https://").rstrip("/")
    if not HOST.match(host) and not re.match(r"(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?\Z", host):
        raise InvalidInput("host", _("Give the whole name of one host, such as app.example.org."))
    return host
