"""Events as people read them: one plain sentence for each kind, with icon, chips, and what stands behind the ids.

A sentence is a translatable format string. Its parts are safe HTML: names in bold and isolated (somebody chose them),
scopes and codes in mono, everything from an event's detail escaped and cut short, whatever it holds.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.functional import Promise
from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.models import Event
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from console.names import Names
from console.reasons import reason_in_words
from console.receipt_words import operation_chip
from console.sentence_parts import Parts
from console.templatetags.chips import CHIPS

LONGEST_QUOTE = 60
SENTENCES: dict[Kind, str | Promise] = {
    Kind.ORGANISATION_SET_UP: gettext_lazy("{actor} set up Mandate for {name}"),
    Kind.POLICY_CHANGED: gettext_lazy("{actor} changed the policy: {changed}"),
    Kind.RULE_CHANGED: gettext_lazy("{actor} changed the rule for {sensitivity_class}: {changed}"),
    Kind.ISSUER_TRUSTED: gettext_lazy("{actor} trusts an issuer to say for whom agents act"),
    Kind.ISSUER_CHANGED: gettext_lazy("{actor} changed what agents get on the word of a trusted issuer: {changed}"),
    Kind.ISSUER_ENDED: gettext_lazy("{actor} ended the trust in an issuer"),
    Kind.PERSON_LINKED: gettext_lazy("A trusted issuer named {person} for the first time"),
    Kind.PERSON_UNLINKED: gettext_lazy("{actor} forgot what a trusted issuer calls {person}"),
    Kind.PERSON_INVITED: gettext_lazy("{actor} invited somebody as {role}"),
    Kind.PERSON_JOINED: gettext_lazy("{person} joined as {role}"),
    Kind.INVITATION_WITHDRAWN: gettext_lazy("{actor} withdrew an invitation"),
    Kind.LINK_ISSUED: gettext_lazy("{actor} made a new set-up link; those before it ended"),
    Kind.LINK_ENDED: gettext_lazy("A one-time link ended unused"),
    Kind.LINK_REFUSED: gettext_lazy("A one-time link was refused"),
    Kind.ROLE_CHANGED: gettext_lazy("{actor} made {person} {after} instead of {before}"),
    Kind.PERSON_EDITED: gettext_lazy("{person} changed facts of their own: {changed}"),
    Kind.PERSON_DEACTIVATED: gettext_lazy("{actor} deactivated {person}, who can no longer sign in"),
    Kind.PERSON_REACTIVATED: gettext_lazy("{actor} let {person} sign in again"),
    Kind.ADMINISTRATOR_RECOVERED: gettext_lazy("Access of administrator {person} was recovered at the server"),
    Kind.SIGNED_IN: gettext_lazy("{person} signed in"),
    Kind.SIGNED_OUT: gettext_lazy("{person} signed out"),
    Kind.SIGN_IN_REFUSED: gettext_lazy("A sign-in was refused"),
    Kind.PASSWORD_CHANGED: gettext_lazy("{person} has a new password"),
    Kind.PASSWORD_LINK_ISSUED: gettext_lazy("{actor} made a one-time link by which {person} chooses a password"),
    Kind.FACTOR_ADDED: gettext_lazy("{person} added a way to prove who they are: {factor}"),
    Kind.FACTOR_REMOVED: gettext_lazy("{person} removed a way to prove who they are: {factor}"),
    Kind.SESSION_ENDED: gettext_lazy("{person} ended another session of theirs"),
    Kind.AGENT_REGISTERED: gettext_lazy("{actor} registered {agent}"),
    Kind.PERSONAL_AGENT_MADE: gettext_lazy("{person} took {agent} as a personal agent"),
    Kind.PERSONAL_AGENT_GREW: gettext_lazy("{agent} may ask {person} for more{added_and_removed}"),
    Kind.AGENT_EDITED: gettext_lazy("{actor} changed {agent}: {changed}"),
    Kind.AGENT_SUBMITTED: gettext_lazy("{actor} asked for {agent} to be activated"),
    Kind.AGENT_ACTIVATED: gettext_lazy("{actor} activated {agent}"),
    Kind.AGENT_SUSPENDED: gettext_lazy("{actor} suspended {agent}"),
    Kind.AGENT_RESUMED: gettext_lazy("{actor} resumed {agent}"),
    Kind.AGENT_RETIRED: gettext_lazy("{actor} retired {agent}"),
    Kind.AGENT_SENT_BACK: gettext_lazy("{actor} sent {agent} back to draft"),
    Kind.AGENT_HANDED_OVER: gettext_lazy("{actor} handed {agent} over to {person}"),
    Kind.DEPUTIES_CHANGED: gettext_lazy("{actor} changed the deputies of {agent}"),
    Kind.AGENT_CHANGES_LOOKED_AT: gettext_lazy("{actor} looked at what was changed about {agent}: {changed}"),
    Kind.AGENT_SCOPES_CHANGED: gettext_lazy("{actor} changed what {agent} may ask for{added_and_removed}"),
    Kind.AGENT_PASSING_CHANGED: gettext_lazy("{actor} changed to whom {agent} may pass work on{added_and_removed}"),
    Kind.REQUIRED_SCOPE_CONFIRMED: gettext_lazy("{actor} confirmed that {agent} needs {scope}"),
    Kind.AGENT_MOVE_REFUSED: gettext_lazy("A change of {agent} was refused{move}"),
    Kind.OWNER_WARNED: gettext_lazy("{person} was told that the {subject} of {agent} ends soon"),
    Kind.CIRCLE_JOINED: gettext_lazy("{actor} let {agent} ask {person} out of band"),
    Kind.CIRCLE_LEFT: gettext_lazy("{actor} took {person} out of the circle of {agent}"),
    Kind.CLIENT_CREATED: gettext_lazy("{actor} added the client {client} to {agent}"),
    Kind.CLIENT_REGISTERED: gettext_lazy("The program {client} registered itself"),
    Kind.REGISTRATION_REFUSED: gettext_lazy("A program wanted to register itself"),
    Kind.REGISTRATION_WAITS: gettext_lazy("The client {client} says something else of itself than before"),
    Kind.CLIENT_ADOPTED: gettext_lazy("{actor} made the program {client} a client of {agent}"),
    Kind.ADOPTION_ASKED: gettext_lazy("{person} asked to have the program {client} adopted"),
    Kind.REGISTRATION_SEEN: gettext_lazy("{actor} looked at what the program {client} says of itself now"),
    Kind.CLIENT_SWEPT: gettext_lazy("The program {name} was never used, and was forgotten"),
    Kind.REGISTRATION_TOKEN_ISSUED: gettext_lazy("{actor} made the registration token {name}"),
    Kind.REGISTRATION_TOKEN_REVOKED: gettext_lazy("{actor} revoked the registration token {name}"),
    Kind.ADOPTION_RULE_MADE: gettext_lazy("{actor} made a rule that adopts programs into {agent}"),
    Kind.ADOPTION_RULE_ENDED: gettext_lazy("{actor} ended a rule that adopted programs into {agent}"),
    Kind.CLIENT_CHANGED: gettext_lazy("{actor} changed the client {client} of {agent}: {changed}"),
    Kind.CLIENT_ENDED: gettext_lazy("{actor} removed the client {client} of {agent}"),
    Kind.DEVICE_CODES_ALLOWED: gettext_lazy("{actor} let the client {client} of {agent} use device codes"),
    Kind.DEVICE_CODES_ENDED: gettext_lazy("{actor} took device codes away from the client {client} of {agent}"),
    Kind.CREDENTIAL_ISSUED: gettext_lazy("{actor} issued the key {handle} for {holder}"),
    Kind.PUBLIC_KEY_ADDED: gettext_lazy("{actor} gave {holder} the public key {handle}"),
    Kind.CREDENTIAL_REVOKED: gettext_lazy("{actor} revoked the key {handle} of {holder}"),
    Kind.CREDENTIAL_ENDED: gettext_lazy("The key {handle} of {holder} came to its end"),
    Kind.RESOURCE_CREATED: gettext_lazy("{actor} registered the resource {resource}"),
    Kind.RESOURCE_CHANGED: gettext_lazy("{actor} changed the resource {resource}: {changed}"),
    Kind.RESOURCE_ENDED: gettext_lazy("{actor} removed the resource {resource}"),
    Kind.SENSITIVE_OFFLINE_ALLOWED: gettext_lazy(
        "{actor} allowed sensitive scopes at {resource}, which checks tokens offline"
    ),
    Kind.SCOPE_CREATED: gettext_lazy("{actor} added {scope_name} to {resource}"),
    Kind.SCOPE_CHANGED: gettext_lazy("{actor} changed {scope_name} of {resource}: {changed}"),
    Kind.SCOPE_REWORDED: gettext_lazy("{actor} worded {scope_name} of {resource} anew"),
    Kind.SCOPE_ENDED: gettext_lazy("{actor} ended {scope_name} of {resource}"),
    Kind.DETAIL_TYPE_CREATED: gettext_lazy("{actor} let {scopes} of {resource} be asked for in detail"),
    Kind.DETAIL_TYPE_CHANGED: gettext_lazy("{actor} changed how {scopes} of {resource} is asked for in detail"),
    Kind.DETAIL_TYPE_ENDED: gettext_lazy("{actor} let {scopes} of {resource} be asked for without details again"),
    Kind.CONSENT_APPROVED: gettext_lazy("{actor} allowed {agent} {scope_count} {until}"),
    Kind.CONSENT_PASSED_ON: gettext_lazy("{passed_by} passed work on to {agent}: {scope_count}"),
    Kind.PASSING_LIMITED: gettext_lazy("{actor} limited to whom {agent} may pass work on"),
    Kind.CONSENT_VOUCHED: gettext_lazy(
        "{agent} may act for {person} on the word of a trusted issuer: {scope_count} {until}"
    ),
    Kind.CONSENT_WAITS: gettext_lazy("{actor} allowed {agent} {scope_count}; somebody must agree before it counts"),
    Kind.APPROVER_AGREED: gettext_lazy("{actor} agreed to what {agent} was allowed"),
    Kind.APPROVER_REFUSED: gettext_lazy("{actor} refused what {agent} was allowed"),
    Kind.APPROVAL_OVER: gettext_lazy("What {agent} was allowed waits for nobody’s word any more"),
    Kind.CONSENT_REFUSED: gettext_lazy("{actor} refused what {agent} asked for"),
    Kind.REQUEST_REPORTED: gettext_lazy("{actor} reported what {agent} asked for"),
    Kind.REPORT_LOOKED_AT: gettext_lazy("{actor} looked at a report about {agent}"),
    Kind.CONSENT_NARROWED: gettext_lazy("{actor} narrowed the consent of {agent}: no longer {scopes}"),
    Kind.CONSENT_SHORTENED: gettext_lazy("{actor} shortened the consent of {agent}: {until_after}"),
    Kind.CONSENT_LESSENED: gettext_lazy("{actor} allowed {agent} less in detail: {scopes}"),
    Kind.CONSENT_LIMITED: gettext_lazy("{actor} limited when, whence or how often the consent of {agent} counts"),
    Kind.CONSENT_REVOKED: gettext_lazy("{actor} revoked the consent of {agent}"),
    Kind.CONSENT_SUPERSEDED: gettext_lazy("A newer consent took the place of one of {agent}"),
    Kind.CONSENT_PAUSED: gettext_lazy("A consent of {agent} was paused: {what_changed}"),
    Kind.CONSENT_CONFIRMED: gettext_lazy("{actor} confirmed a consent of {agent} and answers for it now"),
    Kind.CONSENT_ENDED: gettext_lazy("A consent of {agent} came to its end"),
    Kind.CONSENT_CHANGE_REFUSED: gettext_lazy("A change of a consent of {agent} was refused"),
    Kind.CONSENT_FORM_REFUSED: gettext_lazy("A decision on the consent screen was refused"),
    Kind.REQUEST_MADE: gettext_lazy("{agent} asked {person} to allow it {scope_count}"),
    Kind.REQUEST_REFUSED: gettext_lazy("{agent} wanted to ask somebody, and was not let"),
    Kind.REQUEST_OVER: gettext_lazy("What {agent} asked {person} was not answered in time"),
    Kind.REQUEST_NOT_TOLD: gettext_lazy("{agent} could not be told what {person} decided"),
    Kind.USER_CODE_ENTERED: gettext_lazy("{person} typed the code of a device of {agent}"),
    Kind.USER_CODE_REFUSED: gettext_lazy("A device’s code was refused"),
    Kind.AGENT_SILENCED: gettext_lazy("{person} wants to be asked no more by {agent}"),
    Kind.AGENT_UNSILENCED: gettext_lazy("{person} lets {agent} ask again"),
    Kind.AUTHORIZATION_REFUSED: gettext_lazy("{agent} asked people to allow something, and the request was refused"),
    Kind.CODE_ISSUED: gettext_lazy("Code for {agent} after the consent of {person}"),
    Kind.CODE_USED_TWICE: gettext_lazy("{agent} used a code a second time; what the first use got is dead"),
    Kind.TOKEN_ISSUED: gettext_lazy("Token for {agent} at {resource}: {scope_count}, {life}"),
    Kind.TOKEN_REFUSED: gettext_lazy("{agent} asked for a token{for_scopes} and got none"),
    Kind.REFRESH_REPLAYED: gettext_lazy("A used refresh token of {agent} came again; all it led to is dead"),
    Kind.TOKEN_REVOKED: gettext_lazy("{agent} gave back a token"),
    Kind.INTROSPECTION_INACTIVE: gettext_lazy("{resource} asked about a token of {agent} that is worth nothing"),
    Kind.INTROSPECTION_REFUSED: gettext_lazy("A question about a token was refused"),
    Kind.REVOCATION_OBSERVED: gettext_lazy("The change counts: first use by {agent} that met it, {after_seconds}"),
    Kind.REVOCATION_REFUSED: gettext_lazy("A request to give back a token was refused"),
    Kind.RECEIPT_REPORTED: "{receipt}",
    Kind.RECEIPT_REFUSED: gettext_lazy("A receipt of {resource} was refused"),
    Kind.API_REFUSED: gettext_lazy("A request to the API was refused"),
    Kind.PAGE_REFUSED: gettext_lazy("{actor} was refused a page or a change"),
    Kind.REFUSALS_COUNTED: gettext_lazy("{count} more of one source within a minute: {counted_kind}"),
    Kind.SIGNING_KEY_MADE: gettext_lazy("{actor} made a signing key"),
    Kind.SIGNING_KEY_RETIRED: gettext_lazy("A signing key was retired"),
    Kind.SIGNING_KEY_COMPROMISED: gettext_lazy("{actor} gave up a signing key: nothing that it signed counts any more"),
    Kind.STREAM_CREATED: gettext_lazy("{actor} let {resource} be told when access is taken away"),
    Kind.STREAM_CHANGED: gettext_lazy("{actor} changed how {resource} is told of changes: {changed}"),
    Kind.STREAM_PAUSED: gettext_lazy("{actor} stopped telling {resource} of changes"),
    Kind.STREAM_RESUMED: gettext_lazy("{actor} let {resource} be told of changes again"),
    Kind.STREAM_STOPPED: gettext_lazy("{resource} is told of changes no more until somebody resumes it"),
    Kind.STREAM_ENDED: gettext_lazy("{actor} removed a receiver of signals of {resource}"),
    Kind.SIGNAL_SET_ASIDE: gettext_lazy("{resource} could not read a signal, which was set aside"),
    Kind.STREAM_REQUEST_REFUSED: gettext_lazy("A request about receiving signals was refused"),
    Kind.EVIDENCE_KEY_MADE: gettext_lazy("Mandate made a key that signs evidence"),
}
"""One for each kind; a test walks the closed list. The names of the parts are those of ``console.sentence_parts.Parts``."""

WITHOUT_ACTOR = {
    Kind.AGENT_SUSPENDED: gettext_lazy("{agent} was suspended because its end date passed"),
    Kind.AGENT_RETIRED: gettext_lazy("{agent} was retired because its end date passed"),
}
FOR_THE_ORGANISATION = {
    Kind.REQUEST_MADE: gettext_lazy("A device of {agent} waits for its code"),
    Kind.REQUEST_OVER: gettext_lazy("Nobody typed the code of a device of {agent} in time"),
    Kind.CODE_ISSUED: gettext_lazy("Code for {agent}"),
    Kind.ADMINISTRATOR_RECOVERED: gettext_lazy("Access of an administrator was recovered at the server"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One event as a row of ``components/event_row.html``; ``title`` is the sentence without markup."""

    number: int
    at: datetime
    icon: str
    sentence: SafeString
    title: str
    quote: str = ""
    chips: list[str] = field(default_factory=list)
    url: str = ""
    refused: bool = False


def tell(
    events: Iterable[Event], names: Names, now: datetime, *, current: int | None = None, quoted: bool = True
) -> list[Told]:
    """Return the events as rows.

    current: the number of the one whose page this is, which gets no link. quoted: false where the page says the purpose.
    """
    return [tell_one(event, names, now, linked=event.pk != current, quoted=quoted) for event in events]


def tell_one(event: Event, names: Names, now: datetime, *, linked: bool = True, quoted: bool = True) -> Told:
    """Return one event as a row."""
    sentence = sentence_of(event, names, now)
    refused = event.outcome == Outcome.REFUSED
    return Told(
        number=event.pk,
        at=event.at,
        icon=icon_of(event),
        sentence=sentence,
        title=html.unescape(strip_tags(sentence)),
        quote=_quote(event, names) if quoted else "",
        chips=_chips(event),
        url=event.get_absolute_url() if linked else "",
        refused=refused,
    )


def _quote(event: Event, names: Names) -> str:
    """Return the purpose under which it happened, cut to a line: the event's page has all of it."""
    said = names.text(event.purpose_digest) if event.consent_id or event.token_id else ""
    return said if len(said) <= LONGEST_QUOTE else said[:LONGEST_QUOTE].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"


def sentence_of(event: Event, names: Names, now: datetime) -> SafeString:
    """Say in one sentence what happened. Never fails for an event of a kind or detail that this version does not know."""
    kind = kind_of(event)
    if kind is None:
        return format_html("<code>{}</code>", event.kind)
    parts = Parts(event, names, now)
    said = SENTENCES.get(kind) or _(kind.facts.meaning)
    if kind in WITHOUT_ACTOR and parts.detail.get("automatic") is True:
        said = WITHOUT_ACTOR[kind]
    elif kind in FOR_THE_ORGANISATION and event.user_id is None:
        said = FOR_THE_ORGANISATION[kind]
    named = parts.for_sentence(str(said))
    sentence = format_html(str(said), **named) if named else format_html("{}", said)
    if event.outcome == Outcome.REFUSED and event.reason_code:
        return format_html(_("{}: {}"), sentence, reason_in_words(event.reason_code))
    return sentence


def kind_of(event: Event) -> Kind | None:
    """Return the kind of an event, or None for one that a newer version wrote."""
    try:
        return Kind(event.kind)
    except ValueError:
        return None


def icon_of(event: Event) -> str:
    """Return the icon of an event: that of the operation for a receipt, otherwise its kind's."""
    kind = kind_of(event)
    if kind == Kind.RECEIPT_REPORTED:
        return {"write": "pencil", "delete": "trash-2"}.get(operation_chip(event.detail), "eye")
    return kind.facts.icon if kind else "info"


def _chips(event: Event) -> list[str]:
    detail = event.detail if isinstance(event.detail, dict) else {}
    chips: list[str] = []
    if event.kind == Kind.RECEIPT_REPORTED and (operation := operation_chip(detail)) in {"write", "delete"}:
        chips.append(operation)
    if event.data_class and event.data_class != "none":
        chips.append(event.data_class)
    if event.kind in {Kind.CONSENT_APPROVED, Kind.SIGNED_IN}:
        methods = detail.get("methods")
        listed = methods if isinstance(methods, list) else []
        chips += [method for method in listed if isinstance(method, str) and method in CHIPS][:3]
    if event.outcome == Outcome.REFUSED:
        chips.append("refused")
    return chips
