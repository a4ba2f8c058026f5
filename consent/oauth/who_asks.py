"""Who asks for authorization: a client that is known and usable, and an address of its own to answer at.

RFC 6749 §4.1.2.1: until both are proven nothing is sent anywhere, so a refusal here is a page.
RFC 6749 §3.1.2.3 redirect URI     check_redirect_uri          §4.1.2.1 unauthorized_client     check_grant

``authorization.py`` says in which order.
"""

from __future__ import annotations

from agents.models import Client, GrantType
from agents.models import Kind as AgentKind
from agents.permissions import May
from agents.programs import client_documents, personal
from consent.oauth.authorization_reading import Reading


def check_client(reading: Reading) -> None:
    if any(len(reading.sent.get(name) or []) > 1 for name in ("client_id", "redirect_uri")):
        raise reading.page("invalid_request", "client_id or redirect_uri was sent twice.")
    client_id = reading.one("client_id")
    if not client_id:
        raise reading.page("invalid_request", "client_id is missing.")
    client = Client.objects.select_related("agent").filter(client_id=client_id).first()
    if client is None and reading.person is None and client_documents.is_address(client_id):
        raise reading.page("login_required", "Whether there is such a client is read for people who have signed in.")
    if client is None:
        raise reading.page("unknown_client", "There is no such client.")
    reading.client = client


def check_usable(reading: Reading) -> None:
    """Refuse the client of an agent that is not active, and one that nobody adopted. On a page: it has earned no redirect."""
    client = reading.client
    if client is not None and client.is_unclaimed:
        _lend_personal_agent(client, reading)
    if client is None or not client.is_live(reading.now):
        raise reading.page("client_not_usable", "The agent of this client is not active.")


def _lend_personal_agent(client: Client, reading: Reading) -> None:
    """Let a program that nobody adopted ask as the person's own agent, where policy lets them have one."""
    if reading.person is None:
        raise reading.page("login_required", "Nobody has adopted this client, and nobody is signed in.")
    if not reading.person.has_perm(May.HAVE_PERSONAL_AGENT):
        raise reading.page("client_unclaimed", "Nobody has adopted this client yet.")
    client.agent = personal.agent_of(client, reading.person, reading.now)


def check_redirect_uri(reading: Reading) -> None:
    uri = reading.one("redirect_uri")
    if not uri:
        raise reading.page("invalid_redirect_uri", "redirect_uri is missing.")
    if reading.client is None or not reading.client.redirect_uri_allowed(uri):
        raise reading.page("invalid_redirect_uri", "redirect_uri is not one of those registered.")
    reading.redirect_uri = uri


def check_grant(reading: Reading) -> None:
    if reading.agent.kind != AgentKind.ASSISTANT:
        raise reading.refused(
            "unauthorized_client", "This agent acts for the organisation: it uses client_credentials."
        )
    if reading.client is None or not reading.client.allows_grant_type(GrantType.AUTHORIZATION_CODE):
        raise reading.refused("unauthorized_client", "The client is not registered for authorization_code.")
