"""What a person reads when an authorization request or its answer is refused, and what the trail keeps of it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.actors import Actor, allowed
from agents.errors import MandateError
from agents.models import Agent
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent.errors import DecisionMadeAlready
from consent.oauth.authorization_reading import AuthorizationRefused, Sent
from consent.oauth.authorization_response import error_answer, host_to_tell
from consent.offer import Offer
from consent.screens.unclaimed import unclaimed_page
from consent.screens.who_and_when import moment_of, person_of

ASKS = frozenset({"client_unclaimed", "needs_administrator"})
"""Refusals of a program that only an administrator can lift: from their page one can ask for it."""
_ABOUT_DOCUMENTS: dict[str, Callable[[], str]] = {
    "document_not_reached": lambda: _(
        "It describes itself in a document, and that could not be read at its address. Nothing was allowed. Try again in "
        "a minute; if it goes on, tell whoever made the program."
    ),
    "document_busy": lambda: _("Too many programs are looked up at this moment. Nothing was allowed. Try again soon."),
    "bad_document": lambda: _(
        "The document in which it describes itself is not as it must be. Nothing was allowed. Tell whoever made the program."
    ),
    "bad_document_address": lambda: _(
        "It names an address that can hold no description of a program. Nothing was allowed. If you came here from a "
        "link in a message, do not use it again."
    ),
    "too_many_registrations": lambda: _(
        "Too many new programs were brought within an hour. Nothing was allowed. Try again later."
    ),
}


def refused(request: HttpRequest, refusal: AuthorizationRefused, sent: Sent) -> HttpResponse:
    """Answer a refused request by redirect or page, and record it."""
    client = refusal.client
    # A host that nobody registered is a stranger's words: they stand beside the trail, where they can be erased.
    unproven = "" if refusal.redirect_uri else host_to_tell(next(iter(sent.get("redirect_uri") or [""])))
    record_refusal(
        Kind.AUTHORIZATION_REFUSED,
        reason_code=refusal.code,
        reason=f"{refusal.description} It would have led to {unproven}." if unproven else refusal.description,
        by=Actor.of(request),
        now=moment_of(request),
        client_id=client.pk if client else None,
        agent_id=client.agent.known_id if client and client.agent else None,
        **({"redirect_host": host_to_tell(refusal.redirect_uri)} if refusal.redirect_uri else {}),
    )
    if refusal.redirect_uri:
        return error_answer(refusal)
    if refusal.code in ASKS and refusal.client is not None and request.user.is_authenticated:
        return unclaimed_page(request, refusal.client, refusal.beyond, *_words(refusal), detail=refusal.code)
    return _page(request, *_words(refusal), detail=refusal.code, lifted_at=_where_lifted(request, refusal))


def _where_lifted(request: HttpRequest, refusal: AuthorizationRefused) -> tuple[str, str]:
    """Return address and words of the page on which this very person can see to it, or nothing for anybody else."""
    if not request.user.is_authenticated:
        return "", ""
    person, client = person_of(request), refusal.client
    if refusal.code == "unknown_client" and allowed(Actor.of(request), May.REGISTER_AGENT):
        return reverse("agent-register"), _("Register an agent")
    if client is None or not Agent.objects.visible_to(person).filter(pk=client.agent_id).exists():
        return "", ""
    if refusal.code == "client_not_usable":
        return reverse("agent", args=[client.agent_id]), _("Look at the agent")
    if refusal.code == "invalid_redirect_uri":
        return reverse("agent-clients", args=[client.agent_id]), _("Look at its clients")
    return "", ""


def _words(refusal: AuthorizationRefused) -> tuple[str, str]:
    """Return title and sentence of a refusal that has no way back to a client."""
    if refusal.code in _ABOUT_DOCUMENTS:
        return _("Mandate could not read who this program is"), _ABOUT_DOCUMENTS[refusal.code]()
    if refusal.code == "client_unclaimed":
        return _("Nobody has adopted this program yet"), _(
            "It registered itself here, and may act for nobody until somebody answers for it. Nothing was allowed."
        )
    if refusal.code == "needs_administrator":
        return _("This needs an administrator"), _(
            "The program asks for something sensitive, which a personal agent does not get. An administrator can adopt "
            "it as an agent of the organisation. Nothing was allowed."
        )
    if refusal.code == "unknown_client":
        return _("Mandate does not know this program"), _(
            "Whatever sent you here is not registered as an agent, or its address was cut off. Nothing was allowed. "
            "If you know who runs it, ask them to register it."
        )
    if refusal.code == "client_not_usable":
        return _("This agent is not active"), _(
            "It is registered here, but it may not be allowed anything now. Nothing was allowed. Its owner or an "
            "administrator can say why."
        )
    if refusal.code == "invalid_redirect_uri":
        return _("This request does not lead back to where it should"), _(
            "It names an address to return to that is not registered for this agent, so Mandate sends you nowhere. "
            "Nothing was allowed. If you came here from a link in a message, do not use it again."
        )
    if refusal.code == "invalid_request_uri":
        return _("This request is over"), _(
            "It was answered already, or it waited too long before it was opened here. Nothing more was allowed. Start "
            "again from the agent."
        )
    return _("Mandate could not read this request"), _(
        "Something in it was missing, doubled or too long. Nothing was allowed. Start again from the agent; if it goes "
        "on, tell its owner."
    )


def form_refused(request: HttpRequest, problem: MandateError, offer: Offer | None) -> HttpResponse:
    """Answer a decision that cannot count with a page of its own: nothing was done, or it was done before."""
    record_form_refused(request, problem.code, offer)
    if isinstance(problem, DecisionMadeAlready):
        return _page(request, _("You have decided this already"), problem.sentence, detail="", status=409)
    return _page(request, _("This form cannot be taken"), problem.sentence, detail=problem.code)


def record_form_refused(request: HttpRequest, code: str, offer: Offer | None) -> None:
    """Record that an answer on the screen did not count. Records ``consent.form_refused``."""
    record_refusal(
        Kind.CONSENT_FORM_REFUSED,
        reason_code=code,
        by=Actor.of(request),
        now=moment_of(request),
        client_id=offer.client.pk if offer else None,
        agent_id=offer.agent.known_id if offer else None,
        user_id=request.user.pk if request.user.is_authenticated else None,
    )


def _page(
    request: HttpRequest,
    title: str,
    sentence: str,
    *,
    detail: str,
    status: int = 400,
    lifted_at: tuple[str, str] = ("", ""),
) -> HttpResponse:
    home = reverse("my-agents")
    words = _("Go to My agents") if request.user.is_authenticated else _("Go to the sign-in page")
    context = {"title": title, "sentence": sentence, "detail": detail, "url": home, "way_on": words}
    context["second_url"], context["second_way"] = lifted_at
    return render(request, "problem.html", context, status=status)
