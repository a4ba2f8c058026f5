"""``/oauth/authorize``: from a client's request to a person's decision and back."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from agents.acr import MULTI, PASSKEY, SignIn, is_worth_any, sign_in_of, weakest
from agents.actors import Actor, allowed
from agents.errors import InvalidInput
from agents.models import User
from agents.permissions import May
from agents.sign_in import signed_in_at
from consent import decision
from consent.client_metadata import digest_of_json
from consent.errors import DecisionMadeAlready, OfferChanged, SignInNeeded
from consent.oauth.authorization import PARAMETERS, AuthorizationRequest
from consent.oauth.authorization_reading import AuthorizationRefused, Sent
from consent.oauth.authorization_response import answer
from consent.oauth.par import OPENED, read, was_opened
from consent.offer import Asking, Offer
from consent.offering import make_offer
from consent.screens.approvals import waits_page
from consent.screens.authorize_refusals import form_refused, record_form_refused, refused
from consent.screens.client_document import bring_document
from consent.screens.csp import without_form_action
from consent.screens.form import FormTampered, Shown, approval_of, open_sealed, read_answer
from consent.screens.proving import can_prove, cannot, lead_to_proof, proof_page
from consent.screens.screen import Again, show
from consent.screens.storing import never_stored
from consent.screens.unclaimed import sealed_ask
from consent.screens.who_and_when import moment_of, person_of

READS_FOR = timedelta(minutes=5)
"""How long somebody may read a screen that asked for a fresher sign-in than that."""
SIGNED_IN_AFTER = "signed_in_after"
"""Our own parameter on the way through a fresh sign-in: for which request and since when it must have happened, signed."""
AUDITOR = gettext_lazy(
    "You read everything here and change nothing, so you cannot allow this. Refuse it, or sign in as somebody else."
)


@login_not_required
@without_form_action
@never_stored
@require_GET
def authorize(request: HttpRequest) -> HttpResponse:
    """Show what a client asks for, to somebody who is signed in. A GET uses nothing up and stores nothing."""
    sent = dict(request.GET.lists())
    try:
        bring_document(request, sent)
        asked = read(sent, now=moment_of(request), tells=request.user.is_authenticated, person=_reader(request))
        return _answer(request, asked) if was_opened(sent, asked) else redirect(_address(asked))
    except AuthorizationRefused as refusal:
        if refusal.code == "login_required" and not refusal.redirect_uri and not _is_silent(sent):
            return _sign_in_first(sent)
        return refused(request, refusal, sent)


def _reader(request: HttpRequest) -> User | None:
    return person_of(request) if request.user.is_authenticated else None


def _is_silent(sent: Sent) -> bool:
    return any("none" in prompt.split() for prompt in sent.get("prompt") or [])


def _sign_in_first(sent: Sent) -> HttpResponse:
    """Lead to the sign-in and back to this very request: what nobody has adopted is looked at for people alone."""
    here = {name: list(values) for name, values in sent.items() if name in {*PARAMETERS, OPENED}}
    back = f"{reverse('authorize')}?{urlencode(here, doseq=True)}"
    return redirect(f"{reverse('account_login')}?{urlencode({'next': back})}")


def _answer(request: HttpRequest, asked: AuthorizationRequest) -> HttpResponse:
    silent = "none" in asked.prompt
    if not request.user.is_authenticated:
        if silent:
            raise _told(asked, "login_required", "The person is not signed in.")
        return _to_sign_in(asked)
    if asked.hinted is not None and asked.hinted != request.user.pk:
        raise _told(asked, "login_required", "Somebody else is signed in than id_token_hint names.")
    needed = _sign_in_needed(request, asked)
    if needed is not None:
        return _to_fresh_sign_in(request, asked, needed)
    offer = offer_of_request(request, asked)
    by = Actor.of(request)
    code = decision.code_without_screen(offer, asked, by=by, now=moment_of(request))
    if code is not None:
        return answer(asked.redirect_uri, state=asked.state, code=code)
    if silent:
        missing = "consent_required" if allowed(by, May.APPROVE_CONSENT, offer.agent) else "interaction_required"
        raise _told(asked, missing, "The person must decide on the screen.")
    return _show(request, offer, asked)


@login_not_required
@without_form_action
@never_stored
@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """Take a person's answer. What was shown is made again from the signed request and compared."""
    try:
        shown = open_sealed(request.POST)
    except FormTampered as problem:
        return form_refused(request, problem, None)
    try:
        asked = read(shown.sent, now=moment_of(request), decided_too=True, person=_reader(request))
    except AuthorizationRefused as refusal:
        if refusal.code == "login_required" and not refusal.redirect_uri:
            return _sign_in_first(shown.sent)
        return refused(request, refusal, shown.sent)
    if not request.user.is_authenticated:
        return _to_sign_in(asked)
    return _decide(request, asked, shown)


def _decide(request: HttpRequest, asked: AuthorizationRequest, shown: Shown) -> HttpResponse:
    if not shown.is_of(request):
        sentence = _("Somebody else had this page open, or another session. Look again: this is asked of you.")
        return _show_again(request, asked, sentence, code="other_person")
    try:
        decision.must_be_undecided(shown.nonce, asked)
    except DecisionMadeAlready as problem:
        return form_refused(request, problem, offer_of_request(request, asked))
    if request.POST["decision"] == "refuse":
        return _no(request, asked, shown)  # a no to something that has changed since is still a no
    if shown.is_old(moment_of(request)):
        sentence = _("This page was open for a long time. Look again before you decide.")
        return _show_again(request, asked, sentence, code="form_too_old")
    offer = offer_of_request(request, asked, shown)
    if offer.digest() != shown.digest:
        sentence = _("What is asked has changed since you saw it. Look again before you decide.")
        return _show_again(request, asked, sentence, code=OfferChanged.code)
    try:
        return _yes(request, asked, offer, shown)
    except (DecisionMadeAlready, FormTampered) as problem:
        return form_refused(request, problem, offer)


def _no(request: HttpRequest, asked: AuthorizationRequest, shown: Shown) -> HttpResponse:
    offer = offer_of_request(request, asked)
    try:
        decision.refuse(offer, form_nonce=shown.nonce, request=asked, by=Actor.of(request), now=moment_of(request))
    except DecisionMadeAlready as problem:
        return form_refused(request, problem, offer)
    return answer(asked.redirect_uri, state=asked.state, error="access_denied", error_description="The person refused.")


def _yes(request: HttpRequest, asked: AuthorizationRequest, offer: Offer, shown: Shown) -> HttpResponse:
    given = read_answer(request.POST, offer)
    try:
        approval = approval_of(given, offer, signed_in=sign_in_of(request), now=moment_of(request))
        _must_still_be_young(request, asked)
    except InvalidInput as problem:
        record_form_refused(request, problem.code, offer)
        again = Again(error=problem.sentence, error_field=problem.field, answer=given)
        return _show(request, offer, asked, again=again, status=400)
    except SignInNeeded as problem:
        record_form_refused(request, problem.code, offer)
        back = _address(asked, **{SIGNED_IN_AFTER: _stamp(request, asked)})
        again = Again(error=cannot(problem), error_field="scope", answer=given)
        return lead_to_proof(request, problem, back=back) or _show(request, offer, asked, again=again, status=400)
    done = decision.allow(approval, form_nonce=shown.nonce, request=asked, by=Actor.of(request), now=moment_of(request))
    if done.pending is not None:
        return waits_page(done.pending, asked)
    return answer(asked.redirect_uri, state=asked.state, code=done.code)


# ------------------------------------------------------------------------------------------------------ parts of these


def offer_of_request(request: HttpRequest, asked: AuthorizationRequest, shown: Shown | None = None) -> Offer:
    """Return what this request asks of the person who is signed in. shown: the screen that is answered."""
    person = person_of(request)
    asking = Asking(
        asked.client,
        asked.asked,
        asked.purpose,
        asked.redirect_uri,
        acr_values=asked.acr_values,
        details=asked.details,
        openid=asked.openid,
        versions=asked.versions,
    )
    return make_offer(
        asking,
        person=person,
        zone_name=person.time_zone,
        now=moment_of(request),
        shown_at=shown.at if shown else None,
    )


def _show(
    request: HttpRequest,
    offer: Offer,
    asked: AuthorizationRequest,
    *,
    again: Again | None = None,
    status: int = 200,
) -> HttpResponse:
    may = allowed(Actor.of(request), May.APPROVE_CONSENT, offer.agent)
    return show(
        request,
        offer,
        sent=asked.sent,
        action=reverse("authorize-decide"),
        now=moment_of(request),
        again=again,
        status=status,
        again_url=_address(asked),
        may_not="" if may else str(AUDITOR),
        more={"beyond": asked.beyond, "asks": sealed_ask(request, asked.client, asked.beyond)},
    )


def _show_again(request: HttpRequest, asked: AuthorizationRequest, sentence: str, *, code: str) -> HttpResponse:
    """Show the screen of now, with what happened. Nothing was decided."""
    offer = offer_of_request(request, asked)
    record_form_refused(request, code, offer)
    return _show(request, offer, asked, again=Again(note=sentence), status=409)


def _address(asked: AuthorizationRequest, **more: str) -> str:
    return f"{reverse('authorize')}?{urlencode({**asked.sent, **more}, doseq=True)}"


def _to_sign_in(asked: AuthorizationRequest) -> HttpResponse:
    return redirect(f"{reverse('account_login')}?{urlencode({'next': _address(asked)})}")


def _sign_in_needed(request: HttpRequest, asked: AuthorizationRequest) -> SignInNeeded | None:
    """Return what the client asks of the person's sign-in and is not so yet (RFC 9470 §4; OpenID Connect Core §3.1.2.1)."""
    signed_in, since = sign_in_of(request), _signed_in_since(request, asked)
    strong = is_worth_any(signed_in.acr, asked.acr_values)
    young = asked.max_age is None or _is_younger(signed_in, asked.max_age, moment_of(request))
    if strong and (since or (young and "login" not in asked.prompt)):
        return None
    wanted = weakest(asked.acr_values)
    return SignInNeeded(passkey=wanted == PASSKEY, second_factor=wanted == MULTI)


def _must_still_be_young(request: HttpRequest, asked: AuthorizationRequest) -> None:
    """See that the sign-in is as fresh as the client asked, at the click too. Raises SignInNeeded.

    It was when the screen was shown; reading takes a while, and what is asked for less than that could never be met.
    """
    if asked.max_age is None or _is_younger(sign_in_of(request), max(asked.max_age, READS_FOR), moment_of(request)):
        return
    wanted = weakest(asked.acr_values)
    raise SignInNeeded(passkey=wanted == PASSKEY, second_factor=wanted == MULTI)


def _is_younger(signed_in: SignIn, age: timedelta, now: datetime) -> bool:
    return signed_in.at is not None and now - signed_in.at <= age


def _to_fresh_sign_in(request: HttpRequest, asked: AuthorizationRequest, needed: SignInNeeded) -> HttpResponse:
    if not can_prove(needed, person_of(request)):
        raise _told(
            asked, "unmet_authentication_requirements", "The person has no way to sign in as strongly as asked."
        )
    if "none" in asked.prompt:
        raise _told(asked, "login_required", "The person must sign in again, or more strongly.")
    back = _address(asked, **{SIGNED_IN_AFTER: _stamp(request, asked)})
    return redirect(proof_page(needed, person_of(request), back=back))


def _stamp(request: HttpRequest, asked: AuthorizationRequest) -> str:
    return signing.dumps([_whose(request, asked), moment_of(request).timestamp()], salt=SIGNED_IN_AFTER)


def _signed_in_since(request: HttpRequest, asked: AuthorizationRequest) -> bool:
    """Whether the person proved themselves after this very request first came (``prompt=login``, ``max_age``)."""
    try:
        whose, since = signing.loads(request.GET.get(SIGNED_IN_AFTER, ""), salt=SIGNED_IN_AFTER, max_age=900)
    except (signing.BadSignature, TypeError, ValueError):
        return False
    last = signed_in_at(request)
    # One of another request, or that somebody else got for the same one, would let an older sign-in pass for a new one.
    return whose == _whose(request, asked) and last is not None and last >= since


def _whose(request: HttpRequest, asked: AuthorizationRequest) -> str:
    """Return the digest of who is asked, and for what."""
    return digest_of_json([str(request.user.pk), asked.sent])


def _told(asked: AuthorizationRequest, code: str, description: str) -> AuthorizationRefused:
    # A program that is nobody's agent yet has earned no redirect that nobody asked for.
    back = asked.redirect_uri if asked.agent.is_made else ""
    return AuthorizationRefused(code, description, redirect_uri=back, state=asked.state, client=asked.client)
