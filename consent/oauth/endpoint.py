"""What the endpoints of machines have in common: read the form, let it be answered, record what is refused.

The border of all of them (decisions.md, The trail): a refusal is recorded after its work has rolled back, guessing is
held up, and a database that cannot answer is 503. Each of them says only what it does with a request that was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from agents.actors import RequestFacts, facts_of
from agents.trail.kinds import Kind
from consent.oauth.errors import OAuthRefusal, refuse, refuse_method, unavailable
from consent.oauth.guessing import check_not_guessing, is_anybody_guessing, note_wrong_guess
from consent.oauth.parameters import LONGEST_VALUE, Form, read_form
from consent.oauth.presented import named_client

View = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that was read: its form, its Authorization and DPoP headers, and what is known of it."""

    form: Form
    authorization: str
    facts: RequestFacts
    dpop: str = ""


def nothing_more(_form: Form) -> dict[str, str]:
    """The details of a refusal where the endpoint has none of its own."""
    return {}


def endpoint(
    refused: Kind, *, longest: int = LONGEST_VALUE, tells: Callable[[Form], dict[str, str]] = nothing_more
) -> Callable[[Callable[[Asked], HttpResponse]], View]:
    """Make a function that answers ``Asked`` (or raises OAuthRefusal) the view of an endpoint that machines call.

    refused: the kind of its refusals. longest: of one parameter, in characters. tells: the refusal's details.
    """

    def decorate(answer: Callable[[Asked], HttpResponse]) -> View:
        @csrf_exempt
        @login_not_required
        @wraps(answer)
        def view(request: HttpRequest) -> HttpResponse:
            facts = facts_of(request)
            if request.method != "POST":
                return refuse_method(refused, facts)
            authorization = request.META.get("HTTP_AUTHORIZATION", "")
            form = Form()
            try:
                form = read_form(request, longest=longest)
                if is_anybody_guessing():
                    check_not_guessing(refused, named_client(authorization, form), facts)
                return answer(Asked(form, authorization, facts, request.META.get("HTTP_DPOP", "")))
            except OAuthRefusal as refusal:
                response = refuse(refused, refusal, facts, **tells(form))
                if refusal.reason_code == "invalid_client":
                    note_wrong_guess(refusal, named_client(authorization, form), facts)
                return response
            except DatabaseFault as problem:
                return unavailable(problem)

        return view

    return decorate
