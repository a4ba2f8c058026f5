"""On the way to a decision: proving once more who one is, and coming back to what was chosen (RFC 9470; S45).

What was ticked and written waits in the session, which only this person's browser opens and whose rows are encrypted: never
in an address. It waits as long as a screen may stay open. Whoever comes back decides then; nothing is decided by the way.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.models import User
from agents.sign_in import factors_of
from consent.decision import FORM_LIFE
from consent.errors import SignInNeeded
from consent.offer import Offer
from consent.screens.form import Answer, FormTampered, is_chosen, read_answer
from consent.screens.who_and_when import moment_of, person_of

KEPT = "kept"
"""Our own parameter on the way back: the name under which the session keeps what was chosen. It opens nothing by itself."""
SESSION = "mandate_kept_answers"
MOST = 5
"""Screens of one session on the way to a sign-in at a time: the oldest goes first."""


def can_prove(problem: SignInNeeded, person: User) -> bool:
    """Whether this person has what it takes at all."""
    if not (problem.passkey or problem.second_factor):
        return True
    factors = factors_of(person)
    return bool(factors.passkeys) if problem.passkey else not factors.is_password_alone


def cannot(problem: SignInNeeded) -> str:
    """Say what is missing to somebody who has no way to prove it."""
    if problem.passkey:
        return _("This takes a passkey, and you have none yet. Add one to your account, then come back to this page.")
    return _(
        "This takes a second factor, and you have none yet. Add a passkey or an app with codes, then come back to this page."
    )


def proof_page(problem: SignInNeeded, person: User, *, back: str) -> str:
    """Return the address of the page on which they prove it, and then come back."""
    factors = factors_of(person)
    page = "account_reauthenticate" if factors.password else "mfa_reauthenticate_webauthn"
    if problem.passkey or (problem.second_factor and factors.passkeys and not factors.app):
        page = "mfa_reauthenticate_webauthn"
    elif problem.second_factor:
        page = "mfa_reauthenticate"
    return f"{reverse(page)}?{urlencode({'next': back})}"


def lead_to_proof(request: HttpRequest, problem: SignInNeeded, *, back: str) -> HttpResponse | None:
    """Keep what the form holds and lead to the sign-in, and from there back. None: this person has no way to prove it."""
    person = person_of(request)
    if not can_prove(problem, person):
        return None
    name, kept = secrets.token_urlsafe(12), _all_kept(request)
    newest = sorted(kept, key=lambda each: str(kept[each]["at"]))[-(MOST - 1) :]
    chosen = {field: request.POST.getlist(field) for field in request.POST if is_chosen(field)}
    request.session[SESSION] = {
        **{each: kept[each] for each in newest},
        name: {"at": moment_of(request).isoformat(), "chosen": chosen},
    }
    joint = "&" if "?" in back else "?"
    response = redirect(proof_page(problem, person, back=f"{back}{joint}{urlencode({KEPT: name})}"))
    response.status_code = 303
    return response


def kept_answer(request: HttpRequest, offer: Offer, now: datetime) -> Answer | None:
    """Return what was chosen before the sign-in, if this offer still lets it be chosen. None: nothing was kept."""
    kept = _all_kept(request).get(request.GET.get(KEPT, ""))
    if kept is None or not datetime.fromisoformat(kept["at"]) > now - FORM_LIFE:
        return None
    form = QueryDict(mutable=True)
    for field, values in kept["chosen"].items():
        form.setlist(field, values)
    try:
        return read_answer(form, offer)
    except FormTampered:  # something else is asked now
        return None


def _all_kept(request: HttpRequest) -> dict[str, Any]:
    kept = request.session.get(SESSION)
    return kept if isinstance(kept, dict) else {}
