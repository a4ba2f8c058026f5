"""What allowing takes of the person who looks, beyond a click: said on the screen before they click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.acr import sign_in_of
from agents.rules import Rule, classes_of
from consent.errors import SignInNeeded
from consent.offer import Offer
from consent.pending import role_in_words
from consent.proof import missing
from consent.rule_words import class_in_words
from consent.screens.proving import can_prove
from consent.screens.who_and_when import person_of


@dataclass(frozen=True, slots=True)
class Take:
    """One thing that it takes, as a note. url, action: where it can be done, if that is not a part of allowing."""

    icon: str
    sentence: str
    url: str = ""
    action: str = ""


def takes_of(request: HttpRequest, offer: Offer, now: datetime) -> list[Take]:
    """Return what allowing all of it would take now."""
    return [*_sign_in(request, offer, now), *_approver(offer)]


def _sign_in(request: HttpRequest, offer: Offer, now: datetime) -> list[Take]:
    signed_in = sign_in_of(request)
    rule = offer.rule_of(line.scope for line in offer.lines)
    lacks = missing(rule, offer.asking.acr_values, acr=signed_in.acr, at=signed_in.at, now=now)
    if lacks is None:
        return []
    what = about(offer, lambda one: one.passkey_required or one.fresh_within is not None) or _("this")
    needed = SignInNeeded(passkey=lacks.passkey, second_factor=lacks.second_factor)
    if not can_prove(needed, person_of(request)):
        sentence = (
            _("To allow %(what)s you need a passkey, and you have none yet.")
            if lacks.passkey
            else _("To allow %(what)s you need a second factor, and you have none yet.")
        )
        return [Take("fingerprint", sentence % {"what": what}, reverse("mfa_index"), _("Add a passkey"))]
    sentence = (
        _("To allow %(what)s you show your passkey first. What you choose here is kept.")
        if lacks.passkey
        else _("To allow %(what)s you sign in again first. What you choose here is kept.")
    )
    return [Take("fingerprint" if lacks.passkey else "lock", sentence % {"what": what})]


def _approver(offer: Offer) -> list[Take]:
    rule = offer.rule_of(line.scope for line in offer.lines)
    if not rule.approver_role:
        return []
    sentence = _("%(what)s: besides you, %(who)s must agree before the agent gets anything.")
    about_it = about(offer, lambda one: bool(one.approver_role))
    return [
        Take(
            "users-round",
            sentence % {"what": about_it[:1].upper() + about_it[1:], "who": role_in_words(rule.approver_role)},
        )
    ]


def about(offer: Offer, asks: Callable[[Rule], bool]) -> str:
    """Name the classes in this offer whose rule asks for something: health data, deleting."""
    found = {each for line in offer.lines for each in classes_of(line.scope)}
    asking = (each for each, rule in offer.rules.by_class.items() if each in found and asks(rule))
    return ", ".join(class_in_words(each) for each in asking)
