"""Clients: the OAuth registrations of an agent. What an agent's kind allows is decided here.

An assistant acts for people: authorization code with PKCE, and refresh. An autonomous agent acts for the
organisation: client credentials. Secrets are in ``credentials.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from agents import drift
from agents.actors import Actor, require
from agents.drift import Drift, What
from agents.errors import Ended, InvalidInput
from agents.ids import random_handle
from agents.models import Agent, AuthMethod, Client, FetchedKeys, GrantType, State
from agents.models.agent import Kind as AgentKind
from agents.outgoing import BadAddress, check_url
from agents.permissions import May
from agents.redirects import BadRedirectUri, check_redirect_uri, hosts_of
from agents.review import before_change, note_change
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

MOST_REDIRECT_URIS = 20
LONGEST_REDIRECT_URI = 500
CHANGEABLE = frozenset(
    {
        "name",
        "auth_method",
        "grant_types",
        "redirect_uris",
        "notification_endpoint",
        "require_par",
        "jwks_uri",
        "older_reason",
        "require_dpop",
    }
)
GRANTS_OF = {
    AgentKind.ASSISTANT: frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}),
    AgentKind.AUTONOMOUS: frozenset({GrantType.CLIENT_CREDENTIALS}),
}
"""How a client of such an agent gets tokens unless somebody says otherwise."""
AT_MOST = {
    AgentKind.ASSISTANT: GRANTS_OF[AgentKind.ASSISTANT] | {GrantType.CIBA},
    AgentKind.AUTONOMOUS: GRANTS_OF[AgentKind.AUTONOMOUS],
}
"""What can be chosen for it. Device codes are not: an administrator allows them (``agents/device_codes.py``)."""
WITH_A_PERSON = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.CIBA, GrantType.DEVICE})
"""Ways to a first token in which a person takes part, so that a refresh token can follow."""


@transaction.atomic
def add(
    agent: Agent,
    *,
    name: str,
    auth_method: str,
    grant_types: Iterable[str],
    redirect_uris: Iterable[str],
    notification_endpoint: str = "",
    require_par: bool = False,
    jwks_uri: str = "",
    older_reason: str = "",
    require_dpop: bool = False,
    by: Actor,
    now: datetime,
) -> Client:
    """Register one more client of the agent. Its id is made here and never changes.

    Raises Forbidden, Ended (the agent is retired), InvalidInput. Records ``client.created``.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.MANAGE_CLIENT, agent)
    _must_not_be_retired(agent)
    facts = _checked(
        agent,
        name,
        auth_method,
        grant_types,
        redirect_uris,
        notification_endpoint,
        require_par=require_par,
        jwks_uri=jwks_uri,
        older_reason=older_reason,
        require_dpop=require_dpop,
    )
    so_far = before_change(agent)
    client = Client.objects.create(agent=agent, client_id=_new_client_id(facts["name"]), **_columns(facts))
    reason = facts["older_reason"]
    record(Kind.CLIENT_CREATED, by=by, now=now, agent_id=agent.pk, client_id=client.pk, reason=reason, **_told(facts))
    note_change(agent, so_far, by=by, now=now)
    return client


@transaction.atomic
def change(client: Client, *, by: Actor, now: datetime, **changes: Any) -> Client:
    """Change a client's registration: any of ``CHANGEABLE``. A change to what already holds is no change and no event.

    Consents of the client pause where people would return to another host (``drift_of_redirects``).
    Raises Forbidden, Ended, InvalidInput. Records ``client.changed``.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    client, agent = locked(client)
    require(by, May.MANAGE_CLIENT, agent)
    _must_not_be_retired(agent)
    _must_be_there(client)
    before = {
        "name": client.name,
        "auth_method": client.auth_method,
        "grant_types": client.grant_types,
        "redirect_uris": client.redirect_uris.split(),
        "notification_endpoint": client.notification_endpoint,
        "require_par": client.require_par,
        "jwks_uri": client.jwks_uri,
        "older_reason": client.older_reason,
        "require_dpop": client.require_dpop,
    }
    after = _checked(agent, **{**before, **changes}, device_codes=bool(client.device_reason))
    differing = {name for name in CHANGEABLE if before[name] != after[name]}
    if not differing:
        return client
    if after["auth_method"] == AuthMethod.NONE and client.credentials.live(now).exists():
        raise InvalidInput("auth_method", _("Revoke its keys first: a public client keeps no secret."))
    drifts, so_far = drift_of_redirects(client, after["redirect_uris"]), before_change(agent)
    columns = _columns(after)
    for name, value in columns.items():
        setattr(client, name, value)
    client.save(update_fields=[*columns])
    record(
        Kind.CLIENT_CHANGED,
        by=by,
        now=now,
        agent_id=agent.pk,
        client_id=client.pk,
        reason=after["older_reason"] if "older_reason" in differing else "",
        before=_told({name: before[name] for name in sorted(differing)}),
        after=_told({name: after[name] for name in sorted(differing)}),
    )
    if "jwks_uri" in differing:
        FetchedKeys.objects.filter(client=client).delete()  # those of another address count for nothing
    note_change(agent, so_far, by=by, now=now)
    drift.tell(drifts, by=by, now=now)
    return client


def drift_of_redirects(client: Client, redirect_uris: Iterable[str]) -> list[Drift]:
    """Return whether people would return to other hosts than those of now. Another path on the same host is no drift."""
    before, after = hosts_of(client.redirect_uris.split()), hosts_of(redirect_uris)
    return [Drift(What.REDIRECT_HOST, sorted(before), sorted(after), client=client)] if before != after else []


@transaction.atomic
def end(client: Client, *, reason: str, by: Actor, now: datetime) -> Client:
    """Remove a client for good. It gets no token any more, and those that are out are refused at their next use.

    Raises Forbidden, Ended. Records ``client.ended``.
    """
    reason = reason_of(reason)
    client, agent = locked(client)
    require(by, May.MANAGE_CLIENT, agent)
    _must_be_there(client)
    so_far = before_change(agent)
    client.ended_at = now
    client.save(update_fields=["ended_at"])
    record(Kind.CLIENT_ENDED, by=by, now=now, agent_id=agent.pk, client_id=client.pk, reason=reason)
    note_change(agent, so_far, by=by, now=now)
    return client


def locked(client: Client) -> tuple[Client, Agent]:
    """Lock agent and client, in this order: every change of an agent begins with its row.

    Raises Ended for a client that no agent has adopted.
    """
    agent_id = Client.objects.values_list("agent_id", flat=True).get(pk=client.pk)
    if agent_id is None:
        raise Ended(_("This client belongs to no agent. Somebody must adopt it first."))
    agent = Agent.objects.locked(agent_id)
    client = Client.objects.select_for_update().get(pk=client.pk)
    client.agent = agent
    return client, agent


def _must_be_there(client: Client) -> None:
    if client.ended_at is not None:
        raise Ended(_("This client was removed already."))


def _must_not_be_retired(agent: Agent) -> None:
    if agent.state == State.RETIRED:
        raise Ended(
            _("%(agent)s is retired. It gets no client any more, and those that it has stay as they are.")
            % {"agent": agent.name}
        )


def _new_client_id(name: str) -> str:
    return f"{slugify(name)[:60].strip('-') or 'client'}-{random_handle(6)}"


def _checked(
    agent: Agent,
    name: str,
    auth_method: str,
    grant_types: Iterable[str],
    redirect_uris: Iterable[str],
    notification_endpoint: str = "",
    *,
    require_par: bool = False,
    jwks_uri: str = "",
    older_reason: str = "",
    require_dpop: bool = False,
    device_codes: bool = False,
) -> dict[str, Any]:
    """Return the registration as it is kept. Raises InvalidInput for the first thing that may not be.

    device_codes: whether an administrator allowed them: they stay, whatever else is changed.
    """
    grants = {str(grant) for grant in grant_types} - {GrantType.DEVICE.value}
    if auth_method not in AuthMethod.values:
        raise InvalidInput("auth_method", _("Choose how it proves itself."))
    if not grants or not grants <= AT_MOST[AgentKind(agent.kind)]:
        raise InvalidInput(
            "grant_types",
            _("An agent of this kind (%(kind)s) cannot get tokens this way.") % {"kind": agent.get_kind_display()},
        )
    uris = list(dict.fromkeys(uri.strip() for uri in redirect_uris if uri.strip()))
    if device_codes:
        grants.add(GrantType.DEVICE.value)
    if GrantType.REFRESH_TOKEN in grants and not grants & WITH_A_PERSON:
        raise InvalidInput(
            "grant_types", _("Refreshing needs the authorization code flow, which the first token comes from.")
        )
    if GrantType.CIBA in grants and auth_method == AuthMethod.NONE:
        raise InvalidInput("auth_method", _("Only a client that proves itself with a key may ask people out of band."))
    endpoint = _checked_endpoint(notification_endpoint, asks=GrantType.CIBA in grants)
    if GrantType.CLIENT_CREDENTIALS in grants and auth_method == AuthMethod.NONE:
        raise InvalidInput("auth_method", _("An agent that acts by itself must prove itself with a key."))
    _check_redirects(uris, needed=GrantType.AUTHORIZATION_CODE in grants)
    return {
        "name": one_line("name", name, longest=80),
        "auth_method": str(auth_method),
        "grant_types": sorted(grants),
        "redirect_uris": uris,
        "notification_endpoint": endpoint,
        "require_par": require_par and GrantType.AUTHORIZATION_CODE in grants,
        "require_dpop": require_dpop,
        **_checked_signing(auth_method, jwks_uri, older_reason),
    }


def _checked_signing(auth_method: str, jwks_uri: str, older_reason: str) -> dict[str, str]:
    """Return what only a client that signs has; of another one nothing of it is kept."""
    if auth_method != AuthMethod.PRIVATE_KEY_JWT:
        return {"jwks_uri": "", "older_reason": ""}
    jwks_uri, older_reason = jwks_uri.strip(), older_reason.strip()
    try:
        if jwks_uri:
            check_url(jwks_uri)
    except BadAddress as problem:
        raise InvalidInput("jwks_uri", str(problem)) from problem
    return {
        "jwks_uri": jwks_uri,
        "older_reason": one_line("older_reason", older_reason, longest=500) if older_reason else "",
    }


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts as an event tells them: a reason is free text, and stands where it can be erased."""
    told = {name: value for name, value in facts.items() if name != "older_reason"}
    return told | ({"older": bool(facts["older_reason"])} if "older_reason" in facts else {})


def _checked_endpoint(endpoint: str, *, asks: bool) -> str:
    endpoint = endpoint.strip()
    if not endpoint:
        return ""
    if not asks:
        raise InvalidInput(
            "notification_endpoint", _("It is told of decisions only where it may ask people out of band.")
        )
    try:
        check_url(endpoint)
    except BadAddress as error:
        raise InvalidInput("notification_endpoint", str(error)) from error
    return endpoint


def _check_redirects(uris: list[str], *, needed: bool) -> None:
    if needed and not uris:
        raise InvalidInput("redirect_uris", _("Give the address to which people return after they have decided."))
    if not needed and uris:
        raise InvalidInput("redirect_uris", _("An agent that acts by itself sends nobody anywhere. Leave this empty."))
    if len(uris) > MOST_REDIRECT_URIS:
        raise InvalidInput(
            "redirect_uris",
            _("Give at most %(most)s addresses.") % {"most": MOST_REDIRECT_URIS},
        )
    for uri in uris:
        if len(uri) > LONGEST_REDIRECT_URI:
            raise InvalidInput(
                "redirect_uris",
                _("Use at most %(longest)s characters for an address.") % {"longest": LONGEST_REDIRECT_URI},
            )
        try:
            check_redirect_uri(uri)
        except BadRedirectUri as error:
            raise InvalidInput("redirect_uris", f"{uri}: {error}") from error


def _columns(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the registration as columns. The toolkit's own client type follows from how the client proves itself."""
    public = facts["auth_method"] == AuthMethod.NONE
    return {
        "name": facts["name"],
        "auth_method": facts["auth_method"],
        "grant_types": facts["grant_types"],
        "redirect_uris": " ".join(facts["redirect_uris"]),
        "notification_endpoint": facts["notification_endpoint"],
        "require_par": facts["require_par"],
        "jwks_uri": facts["jwks_uri"],
        "older_reason": facts["older_reason"],
        "require_dpop": facts["require_dpop"],
        "client_type": Client.CLIENT_PUBLIC if public else Client.CLIENT_CONFIDENTIAL,
        "hash_client_secret": False,
    }
