"""The form of the consent screen: what was shown is signed into it, and what comes back is read strictly (S46, S47, S49)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core import signing
from django.http import HttpRequest, QueryDict
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from agents.acr import SignIn
from agents.errors import InvalidInput
from agents.models import Scope
from consent.approval import Approval, check_conditions
from consent.condition_words import in_words
from consent.decision import FORM_LIFE
from consent.errors import DecisionRefused
from consent.models.consent import fold_purpose
from consent.offer import Offer
from consent.passing_on.passing import NOTHING
from consent.proof import must_have_proved
from consent.purpose import clean_purpose
from consent.screens import limits
from consent.screens.details_answer import NARROW, DetailsAnswer, read_details
from consent.screens.limits import Limits, conditions_of, read_limits
from consent.until import CUSTOM, ChosenEnd, chosen_end, zone_of

SALT = "mandate.consent-form"
SHOWN = "shown"
CSRF = "csrfmiddlewaretoken"
FIELDS = (
    frozenset({SHOWN, CSRF, "scope", "detail", "tells_who", "until", "until_at", "purpose", "purpose_ok", "passes"})
    | frozenset({"decision"})
    | limits.FIELDS
)
MUST_BE_THERE = frozenset({SHOWN, "until_at", "purpose", "decision"}) | limits.TEXTS
MAY_REPEAT = frozenset({"scope", "detail", limits.DAYS})
REPORT_FIELDS = frozenset({SHOWN, CSRF, "why"})
LONGEST_BLOB = 40_000
LONGEST_VALUE = 4_000


def is_chosen(field: str) -> bool:
    """Whether a person chooses by this field: kept for them while they prove who they are."""
    return field not in {SHOWN, CSRF, "decision"} and (field in FIELDS or bool(NARROW.match(field)))


class FormTampered(DecisionRefused):
    """The form is not the one that was shown: a field was changed, added, doubled or taken away."""

    code = "form_tampered"

    def __init__(self, why: str) -> None:
        super().__init__(
            _("This form is not the one that was shown to you, so nothing was allowed. Start again from the agent.")
        )
        self.why = why


@dataclass(frozen=True, slots=True)
class Shown:
    """What the form says was shown: to whom, in which session, when, and what (as a digest).

    sent: the request to check and offer again. nonce: makes the decision count once.
    """

    sent: dict[str, list[str]]
    person: uuid.UUID
    session: str
    digest: str
    nonce: str
    at: datetime

    def is_of(self, request: HttpRequest) -> bool:
        """Whether the same person in the same session posts it."""
        return self.person == request.user.pk and constant_time_compare(self.session, session_mark(request))

    def is_old(self, now: datetime) -> bool:
        return not self.at <= now < self.at + FORM_LIFE


def session_mark(request: HttpRequest) -> str:
    """Return what binds a form to one session: a keyed digest, so that the page does not hold the key itself."""
    return salted_hmac(SALT, request.session.session_key or "", algorithm="sha256").hexdigest()


def seal(offer: Offer, sent: Mapping[str, Sequence[str]], request: HttpRequest, now: datetime) -> str:
    """Return the signed hidden field of a screen with this offer."""
    content = {
        "p": {name: list(values) for name, values in sent.items()},
        "u": str(request.user.pk),
        "s": session_mark(request),
        "d": offer.digest(),
        "n": secrets.token_urlsafe(16),
        "t": now.isoformat(),
    }
    return signing.dumps(content, salt=SALT, compress=True)


def open_sealed(post: QueryDict) -> Shown:
    """Return what was shown. Raises FormTampered for a form with other fields or without our signature."""
    check_fields(post)
    return _open(str(post[SHOWN]))


def open_report(post: QueryDict) -> Shown:
    """Return what was shown where somebody reports it. Raises FormTampered as ``open_sealed`` does."""
    if not {SHOWN} <= set(post) <= REPORT_FIELDS or any(len(post.getlist(name)) > 1 for name in post):
        raise FormTampered("fields")
    return _open(str(post[SHOWN]))


def _open(blob: str) -> Shown:
    if len(blob) > LONGEST_BLOB:
        raise FormTampered("too long")
    try:
        content: dict[str, Any] = signing.loads(blob, salt=SALT)
    except signing.BadSignature as problem:
        raise FormTampered("signature") from problem
    return Shown(
        sent=content["p"],
        person=uuid.UUID(content["u"]),
        session=content["s"],
        digest=content["d"],
        nonce=content["n"],
        at=datetime.fromisoformat(content["t"]),
    )


def check_fields(post: QueryDict) -> None:
    """Raise FormTampered unless the form has the fields that it was shown with, each once, of a sane size."""
    names = set(post)
    if not all(name in FIELDS or NARROW.match(name) for name in names):
        raise FormTampered("unknown field")
    if not names >= MUST_BE_THERE:
        raise FormTampered("missing field")
    for name in names:
        values = post.getlist(name)
        if len(values) > 1 and name not in MAY_REPEAT and not NARROW.match(name):
            raise FormTampered("doubled field")
        if name != SHOWN and any(len(value) > LONGEST_VALUE or "\0" in value for value in values):
            raise FormTampered("value")
    if post["decision"] not in {"allow", "refuse"}:
        raise FormTampered("decision")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person chose, as the form holds it: said again where the screen must be shown once more."""

    ticked: frozenset[Scope]
    until: str
    until_at: str
    purpose: str
    purpose_ok: bool
    limits: Limits
    details: DetailsAnswer = field(default_factory=DetailsAnswer)
    tells_who: bool = False
    passes: bool = False
    """Whether passing work on was left ticked."""


def read_answer(post: QueryDict, offer: Offer) -> Answer:
    """Return the person's choices. Raises FormTampered for what this offer does not let anybody choose."""
    by_key = {line.key: line.scope for line in offer.lines}
    keys = post.getlist("scope")
    if len(set(keys)) != len(keys) or not set(keys) <= by_key.keys():
        raise FormTampered("scope")
    ticked = frozenset(by_key[key] for key in keys)
    if not offer.locked <= ticked:
        raise FormTampered("required scope")
    until = post.get("until", "")
    free = {choice.key for choice in offer.ends if not choice.disabled} | {CUSTOM, ""}
    if until not in free:
        raise FormTampered("until")
    if post.get("purpose_ok", "on") != "on" or ("purpose_ok" in post and not offer.asks_to_confirm_purpose):
        raise FormTampered("purpose_ok")
    if post.get("tells_who", "on") != "on" or ("tells_who" in post and not offer.asks_who):
        raise FormTampered("tells_who")
    if post.get("passes", "on") != "on" or ("passes" in post and offer.passing is None):
        raise FormTampered("passes")
    try:
        limited = read_limits(post)
        details = read_details(post, offer)
    except ValueError as problem:
        raise FormTampered("limits") from problem
    return Answer(
        ticked,
        until,
        str(post["until_at"]),
        str(post["purpose"]),
        "purpose_ok" in post,
        limited,
        details,
        "tells_who" in post,
        "passes" in post,
    )


def approval_of(answer: Answer, offer: Offer, *, signed_in: SignIn, now: datetime) -> Approval:
    """Return the approval that an answer stands for.

    Raises InvalidInput, with the field to mend, and then SignInNeeded: only what is filled in right leads to a sign-in.
    """
    if not answer.ticked:
        raise InvalidInput("scope", _("Leave at least one permission ticked, or refuse."))
    purpose = clean_purpose(answer.purpose)
    own_words = fold_purpose(purpose) != fold_purpose(offer.purpose)
    rule = offer.rule_of(answer.ticked)
    if rule.purpose_required and not (answer.purpose_ok or own_words):
        raise InvalidInput(
            "purpose", _("Confirm what it is for, or say it in your own words: sensitive data is asked for.")
        )
    end = _end(answer, offer, now)
    conditions = conditions_of(answer.limits, offer.agent)
    check_conditions(conditions, offer.agent, zone_name=offer.zone_name)
    if end.once and conditions.uses not in {None, 1}:
        raise InvalidInput("limit_uses", _("You chose just once above. Leave the number empty, or choose another end."))
    acr_values = offer.asking.acr_values
    must_have_proved(rule, acr_values, acr=signed_in.acr, at=signed_in.at, now=now)
    granted = answer.details.granted(offer, answer.ticked)
    words = {line.scope: line.wording for line in offer.lines if line.scope in answer.ticked}
    return Approval(
        client=offer.client,
        user=offer.person,
        scopes=words,
        purpose=purpose,
        ends_at=end.ends_at,
        once=end.once,
        conditions=conditions,
        required=offer.locked,
        details=granted,
        shown=offer.as_shown(
            ticked=answer.ticked,
            until=_end_in_words(answer, offer),
            limits=in_words(conditions, offer.zone_name),
            granted=granted,
            tells_who=answer.tells_who,
            passes=answer.passes,
        ),
        tells_who=answer.tells_who,
        passing=offer.passing.passing() if offer.passing and answer.passes else NOTHING,
        redirect_host=offer.redirect_host,
        signed_in=signed_in,
        acr_values=acr_values,
        time_zone=offer.zone_name,
    )


def _end(answer: Answer, offer: Offer, now: datetime) -> ChosenEnd:
    if answer.until_at and answer.until != CUSTOM:
        raise InvalidInput("until", _("You gave a date but chose another end. Choose the date's button, or empty it."))
    latest = offer.latest_end(answer.ticked, now)
    end = chosen_end(
        answer.until,
        answer.until_at,
        latest=latest,
        shown_at=offer.made_at,
        now=now,
        zone=zone_of(offer.zone_name),
        so_far=offer.so_far,
    )
    if end.ends_at <= now:
        raise InvalidInput("until", _("That moment has passed. Choose a later end."))
    if end.ends_at > latest:
        raise InvalidInput(
            "until", _("That is longer than one of the ticked permissions may be given for. Choose an earlier end.")
        )
    return end


def _end_in_words(answer: Answer, offer: Offer) -> str:
    label = next((choice.label for choice in offer.ends if choice.key == answer.until), "")
    return label or answer.until_at
