"""The facts of a client's registration: which may stand together, how they are kept, and how an event tells them.

What an agent's kind allows is decided here. An assistant acts for people: authorization code with PKCE, and refresh. An
autonomous agent acts for the organisation: client credentials.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from agents.errors import InvalidInput
from agents.models import Agent, AuthMethod, Client, GrantType
from agents.models.agent import Kind as AgentKind
from agents.outgoing import BadAddress, check_url
from agents.redirects import LONGEST_REDIRECT_URI, MOST_REDIRECT_URIS, BadRedirectUri, check_redirect_uri
from agents.texts import one_line

GRANTS_OF = {
    AgentKind.ASSISTANT: frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}),
    AgentKind.AUTONOMOUS: frozenset({GrantType.CLIENT_CREDENTIALS}),
}
"""How a client of such an agent gets tokens unless somebody says otherwise."""
AT_MOST = {
    AgentKind.ASSISTANT: GRANTS_OF[AgentKind.ASSISTANT] | {GrantType.CIBA, GrantType.EXCHANGE},
    AgentKind.AUTONOMOUS: GRANTS_OF[AgentKind.AUTONOMOUS],
}
"""What can be chosen for it. Device codes are not: an administrator allows them (``agents/device_codes.py``)."""
WITH_A_PERSON = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.CIBA, GrantType.DEVICE})
"""Ways to a first token in which a person takes part, so that a refresh token can follow."""


def checked(
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
    if GrantType.EXCHANGE in grants and auth_method == AuthMethod.NONE:
        raise InvalidInput("auth_method", _("Only a client that proves itself with a key may take work over."))
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


def told(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts as an event tells them: a reason is free text, and stands where it can be erased."""
    told = {name: value for name, value in facts.items() if name != "older_reason"}
    return told | ({"older": bool(facts["older_reason"])} if "older_reason" in facts else {})


def columns(facts: dict[str, Any]) -> dict[str, Any]:
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
