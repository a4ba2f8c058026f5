"""Why something was refused, in words. The codes are the specifications' own or those of our errors."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

REASONS: dict[str, str | Promise] = {
    # OAuth (RFC 6749 §4.1.2.1, §5.2; RFC 8707; RFC 6750)
    "access_denied": _("the person said no"),
    "invalid_client": _("the client is unknown or did not prove itself"),
    "invalid_grant": _("the code or refresh token does not count"),
    "invalid_request": _("the request is malformed"),
    "invalid_scope": _("it asked for a scope that is not in the consent"),
    "invalid_target": _("it named no resource of the consent"),
    "invalid_token": _("the token does not count"),
    "insufficient_scope": _("the token may not do this"),
    "login_required": _("nobody was signed in"),
    "interaction_required": _("a person had to decide"),
    "slow_down": _("it asked too often"),
    "server_error": _("Mandate could not answer"),
    "unauthorized_client": _("the client is not registered for this"),
    "unsupported_grant_type": _("this way of getting a token is not offered"),
    "unsupported_response_type": _("this kind of answer is not offered"),
    "code_used_twice": _("a code counts once"),
    "refresh_replayed": _("a refresh token counts once"),
    # asking out of band and devices (CIBA Core §11, §13; RFC 8628 §3.5)
    "expired_token": _("nobody answered in time, or the answer was not fetched in time"),
    "unknown_user_id": _("it named nobody whom it may ask"),
    "invalid_binding_message": _("its message could have deceived whoever reads it"),
    "silenced": _("the person wants to be asked no more by this agent"),
    "asked_too_often": _("it had asked this person too often"),
    "asked_already": _("it waits for an answer of this person already"),
    "not_to_be_asked": _("it may not ask this person now"),
    "request_closed": _("it was answered already, or waited too long"),
    "silenced_already": _("the agent asks no more already"),
    "not_silenced": _("the agent may ask already"),
    "unknown_user_code": _("no device waits with this code"),
    "too_many_user_codes": _("too many wrong codes came from there"),
    "not_reached": _("its address did not answer"),
    # what makes a token worth nothing (consent/oauth/worth.py)
    "token_revoked": _("the token was given back"),
    "token_expired": _("the token has run out"),
    "family_ended": _("what it came from is dead"),
    "consent_revoked": _("the consent was revoked"),
    "consent_superseded": _("a newer consent took its place"),
    "consent_paused": _("the consent is paused"),
    "consent_ended": _("the consent is over"),
    "client_ended": _("the client was removed"),
    "credential_revoked": _("the key by which it was got is revoked"),
    "agent_not_usable": _("the agent is not active, has ended or has no owner"),
    "agent_not_active": _("the agent is not active"),
    "agent_ended": _("the agent's time is over"),
    "owner_gone": _("the agent has no owner"),
    "person_deactivated": _("the person can no longer act"),
    "resource_ended": _("the resource was removed"),
    "outside_hours": _("the consent does not count at this time of day"),
    "outside_network": _("the consent does not count from that network"),
    "uses_spent": _("it was used as often as it may be"),
    "other_environment": _("the agent no longer runs where it was allowed to"),
    "nothing_left": _("nothing of it is allowed any more"),
    "wrong_audience": _("the token is for another resource"),
    "unknown_token": _("the token is unknown"),
    # our own
    "refused": _("it is not so"),
    "forbidden": _("not allowed for this person"),
    "not_found": _("there is no such thing for them"),
    "facts_changed": _("the agent had changed since it was looked at"),
    "illegal_move": _("no such move from this state"),
    "not_ready": _("something is missing"),
    "ended": _("it has ended already"),
    "invalid_input": _("a value may not be so"),
    "link_refused": _("the link is unknown, used or over"),
    "sensitive_offline": _("sensitive scopes need a resource that asks Mandate"),
    "not_narrower": _("it would not have been less"),
    "not_tighter": _("it would not have been tighter"),
    "not_shorter": _("it would not have been shorter"),
    "decision_refused": _("it does not fit what was shown"),
    "decided_already": _("it was decided before"),
    "consent_required": _("the person had to be asked"),
    "unknown_client": _("no such client is registered"),
    "client_not_usable": _("the agent of the client is not active"),
    "invalid_redirect_uri": _("it named an address to return to that is not registered"),
    "request_not_supported": _("it sent its parameters in a signed object"),
    "request_uri_not_supported": _("it sent its parameters by reference"),
    "invalid_request_uri": _("what it referred to is over, used, or another's"),
    "form_tampered": _("the form was not the one that was shown"),
    "form_too_old": _("the page had been open for too long"),
    "other_person": _("somebody else, or another session, had been shown the page"),
    "not_visible": _("it is not theirs to see, or does not exist"),
    "offer_changed": _("what was asked had changed"),
    "consent_not_begun": _("the consent had been given at the same moment"),
    "nothing_to_confirm": _("somebody answers for it already"),
    # signing in
    "wrong_password": _("the password was wrong"),
    "wrong_code": _("the code or passkey was wrong"),
    "too_many_attempts": _("there had been too many tries"),
    "deactivated": _("this person cannot sign in"),
    # receipts and the API
    "not_authenticated": _("the caller did not prove itself"),
    "method_not_allowed": _("no such method here"),
    "unsupported_media_type": _("the body is not JSON"),
    "not_acceptable": _("no such form of answer"),
    "malformed": _("the body cannot be read"),
    "too_large": _("the body is too large"),
    "invalid_receipt": _("the receipt does not follow the rules"),
    "receipt_too_late": _("the token ended more than a day before"),
    "too_many_receipts": _("the resource had had its share of this minute"),
    "key_used_for_another": _("the idempotency key belongs to another receipt"),
    "csrf": _("the page was too old"),
}


def reason_in_words(code: str) -> SafeString:
    """Return a reason code as words; one without words as it is, in mono."""
    said = REASONS.get(code)
    return format_html("{}", said) if said else format_html("<code>{}</code>", code)
