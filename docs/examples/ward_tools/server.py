"""The MCP server: three tools, two scopes.

``free_beds``         ``beds:read``        ordinary: an agent that somebody uses gets it at once
``medication_of``     ``medication:read``  health data: the agent must be registered for it, and an administrator sees to that
``recently_asked``    ``beds:read``        what this agent, for this person, under this consent, asked about last

What a token allows and what the person behind it may see are two questions, and both are asked: an agent that acts for
Dr. Weber sees the patients of his wards and no others.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.auth import RemoteAuthProvider
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter
from starlette.applications import Starlette
from starlette.middleware import Middleware

from ward_tools.caller import Caller, Recent, caller
from ward_tools.mandate import Mandate
from ward_tools.settings import Settings
from ward_tools.transport import StepUp, Unavailable
from ward_tools.ward import BEDS, PATIENTS

BEDS_READ, MEDICATION_READ = "beds:read", "medication:read"
SCOPES = {"free_beds": BEDS_READ, "medication_of": MEDICATION_READ, "recently_asked": BEDS_READ}
"""The scope that each tool takes."""
ADDRESS = TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True))
"""Keeps an issuer as it is. AnyHttpUrl alone adds a slash, and clients then meet two issuers and stop (RFC 8414 §3.3)."""


def create_app(settings: Settings) -> Starlette:
    """Return the ASGI application."""
    mandate, recent = Mandate(settings), Recent()
    protection = RemoteAuthProvider(
        mandate,
        authorization_servers=[ADDRESS.validate_python(settings.issuer)],
        base_url=settings.base,
        scopes_supported=list(dict.fromkeys(SCOPES.values())),
        # A client that has no token asks for this, and for more once a tool takes more.
        challenge_scopes=[BEDS_READ],
        resource_name="Ward tools",
    )
    mcp: FastMCP[None] = FastMCP("Ward tools", auth=protection)

    @mcp.tool
    async def free_beds(ward: str) -> int:
        """Say how many beds are free on a ward, such as 3B."""
        who = _who_may(BEDS_READ)
        if ward not in BEDS:
            raise ToolError(f"There is no ward {ward}. There are: {', '.join(BEDS)}.")
        mandate.report(who, "list", "bed", [ward])
        return BEDS[ward]

    @mcp.tool
    async def medication_of(patient: str) -> list[str]:
        """List what a patient of your wards takes. patient: an id such as p-1001."""
        who = _who_may(MEDICATION_READ)
        found = PATIENTS.get(patient)
        if found is None or found.ward not in settings.wards_of(who.sub):
            raise ToolError("There is no such patient on your wards.")
        recent.note(who, patient)
        mandate.report(who, "read", "medication-list", [patient])
        return list(found.medication)

    @mcp.tool
    async def recently_asked() -> list[str]:
        """List the patients whose medication you asked for last."""
        return recent.of(_who_may(BEDS_READ))

    # Without sessions there is none that could be taken over or mixed up: each request says who calls.
    guard = Middleware(StepUp, scopes=SCOPES, metadata=_metadata_url(settings))
    app = mcp.http_app(
        path=settings.path,
        middleware=[guard],
        stateless_http=True,
        json_response=True,
        # A page that somebody visits must not reach this server through a name of its own (DNS rebinding).
        host_origin_protection=True,
        allowed_hosts=[urlsplit(settings.uri).hostname or ""],
    )
    app.add_middleware(Unavailable)
    return app


def _who_may(scope: str) -> Caller:
    """Return who calls, if their token holds the scope. The transport has looked already; this holds without it."""
    who = caller()
    if scope not in who.scopes:
        raise ToolError(f"This takes the scope {scope}.")
    return who


def _metadata_url(settings: Settings) -> str:
    """Return where FastMCP serves our metadata (RFC 9728 §3.1): the path comes after the well-known part."""
    return f"{settings.base}/.well-known/oauth-protected-resource{settings.path}"
