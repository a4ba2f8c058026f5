"""The closed list of event kinds. ``docs/reference/events.md`` is generated from it.

``record`` accepts only the detail fields that a kind declares, so that no secret slips into the trail.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_noop as _


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What a kind means, which detail fields it may carry, and the icon pages draw it with.

    meaning: in English, marked so that every catalogue has it; whoever shows it to people translates it.
    """

    meaning: str
    fields: frozenset[str]
    icon: str


class Kind(StrEnum):
    """One kind of event."""

    facts: KindFacts

    def __new__(cls, value: str, meaning: str = "", fields: tuple[str, ...] = (), icon: str = "info") -> Kind:
        member = str.__new__(cls, value)
        member._value_ = value
        member.facts = KindFacts(meaning, frozenset(fields), icon)
        return member

    ORGANISATION_SET_UP = (
        "organisation.set_up",
        _("Mandate was set up and its first administrator made."),
        ("name",),
        "stamp",
    )
    POLICY_CHANGED = (
        "organisation.policy_changed",
        _("An administrator changed the policy."),
        ("before", "after"),
        "settings",
    )

    RULE_CHANGED = (
        "sensitivity.rule_changed",
        _("An administrator changed what decisions on a class of permissions take."),
        ("sensitivity_class", "before", "after", "version", "paused"),
        "settings",
    )

    ISSUER_TRUSTED = (
        "issuer.trusted",
        _("An administrator trusts an issuer to say for whom agents act."),
        ("issuer", "after"),
        "badge-check",
    )
    ISSUER_CHANGED = (
        "issuer.changed",
        _("What agents get on the word of a trusted issuer was changed."),
        ("issuer", "before", "after", "version"),
        "badge-check",
    )
    ISSUER_ENDED = "issuer.ended", _("An issuer is not trusted any more."), ("issuer",), "circle-x"
    PERSON_LINKED = (
        "issuer.person_linked",
        _("A trusted issuer named somebody for the first time; from now on it is its name for them."),
        ("issuer", "link"),
        "user-round-check",
    )
    PERSON_UNLINKED = (
        "issuer.person_unlinked",
        _("What a trusted issuer calls somebody was forgotten."),
        ("issuer", "link"),
        "user-round-x",
    )

    PERSON_INVITED = "person.invited", _("Somebody was invited by a one-time link."), ("role", "link"), "user-plus"
    PERSON_JOINED = "person.joined", _("Somebody accepted an invitation."), ("role", "link"), "user-round-check"
    INVITATION_WITHDRAWN = "person.invitation_withdrawn", _("An invitation was withdrawn."), ("link",), "user-round-x"
    LINK_ISSUED = "link.issued", _("A set-up link was made; the ones before it ended."), ("link",), "link"
    LINK_ENDED = "link.ended", _("A one-time link ended unused."), ("link", "kind"), "hourglass"
    LINK_REFUSED = "link.refused", _("A one-time link was refused."), ("kind",), "ban"
    ROLE_CHANGED = "person.role_changed", _("Somebody's role was changed."), ("before", "after"), "users-round"
    PERSON_DEACTIVATED = "person.deactivated", _("Somebody can no longer sign in."), (), "user-round-x"
    PERSON_REACTIVATED = "person.reactivated", _("Somebody can sign in again."), (), "user-round-check"
    ADMINISTRATOR_RECOVERED = (
        "person.administrator_recovered",
        _("Access of an administrator was recovered at the server."),
        (),
        "key-round",
    )
    PERSON_EDITED = "person.edited", _("Somebody changed facts of their own."), ("changed",), "pencil"
    PASSWORD_LINK_ISSUED = (
        "person.password_link_issued",
        _("An administrator made a one-time link by which somebody sets a new password."),
        (),
        "link",
    )
    SIGNED_IN = "person.signed_in", _("Somebody signed in."), ("methods",), "log-in"
    SIGNED_OUT = "person.signed_out", _("Somebody signed out."), (), "log-out"
    SIGN_IN_REFUSED = "person.sign_in_refused", _("A sign-in was refused."), (), "ban"
    PASSWORD_CHANGED = "person.password_changed", _("A password was changed or reset."), ("how",), "key-round"
    FACTOR_ADDED = "person.factor_added", _("A second factor or passkey was added."), ("factor",), "fingerprint"
    FACTOR_REMOVED = "person.factor_removed", _("A second factor or passkey was removed."), ("factor",), "fingerprint"
    SESSION_ENDED = "person.session_ended", _("Somebody ended another session of theirs."), (), "log-out"

    AGENT_REGISTERED = (
        "agent.registered",
        _("An agent was registered as a draft."),
        ("name", "kind", "environment"),
        "bot",
    )
    PERSONAL_AGENT_MADE = (
        "agent.personal_made",
        _("A program that registered itself became somebody's personal agent, with their approval."),
        ("name",),
        "bot",
    )
    PERSONAL_AGENT_GREW = (
        "agent.personal_grew",
        _("A personal agent may ask its person for more."),
        ("added",),
        "list-checks",
    )
    AGENT_EDITED = "agent.edited", _("Facts of an agent were changed."), ("before", "after"), "pencil"
    AGENT_SUBMITTED = "agent.submitted", _("An agent waits for activation."), (), "clock"
    AGENT_ACTIVATED = "agent.activated", _("An agent became active."), (), "circle-check"
    AGENT_SUSPENDED = (
        "agent.suspended",
        _("An agent was suspended; it gets no token until it is resumed."),
        ("automatic",),
        "circle-pause",
    )
    AGENT_RESUMED = "agent.resumed", _("A suspended agent became active again."), (), "play"
    AGENT_RETIRED = "agent.retired", _("An agent was retired for good."), ("automatic",), "archive"
    AGENT_SENT_BACK = "agent.sent_back", _("A waiting agent went back to draft."), (), "undo-2"
    AGENT_HANDED_OVER = "agent.handed_over", _("An agent has another owner."), ("before", "after"), "users-round"
    DEPUTIES_CHANGED = (
        "agent.deputies_changed",
        _("Deputies of an agent were changed."),
        ("before", "after"),
        "users-round",
    )
    AGENT_CHANGES_LOOKED_AT = (
        "agent.changes_looked_at",
        _("Another person looked at what was changed about an agent in use."),
        ("changed", "changed_by"),
        "eye",
    )
    AGENT_SCOPES_CHANGED = (
        "agent.scopes_changed",
        _("What an agent may ask for was changed."),
        ("added", "removed", "required"),
        "list-checks",
    )
    AGENT_PASSING_CHANGED = (
        "agent.passing_changed",
        _("To which other agents an agent may ask people to let it pass work on was changed."),
        ("added", "removed", "deep"),
        "git-fork",
    )
    REQUIRED_SCOPE_CONFIRMED = (
        "agent.required_scope_confirmed",
        _("A sensitive scope was confirmed as required."),
        ("scope",),
        "lock",
    )
    AGENT_MOVE_REFUSED = "agent.move_refused", _("A change of an agent was refused."), ("move",), "ban"
    OWNER_WARNED = (
        "agent.owner_warned",
        _("The owner was warned of an end date."),
        ("subject", "days", "ends_at"),
        "hourglass",
    )

    CIRCLE_JOINED = (
        "agent.circle_joined",
        _("An administrator let an agent ask somebody out of band."),
        (),
        "user-plus",
    )
    CIRCLE_LEFT = "agent.circle_left", _("Somebody was taken out of an agent's circle."), (), "user-round-x"
    CLIENT_CREATED = (
        "client.created",
        _("A client was added to an agent."),
        (
            "name",
            "auth_method",
            "grant_types",
            "redirect_uris",
            "notification_endpoint",
            "require_par",
            "jwks_uri",
            "older",
            "require_dpop",
        ),
        "plug",
    )
    CLIENT_REGISTERED = (
        "client.registered",
        _("A program registered itself; it gets no token until somebody adopts it."),
        ("source", "name", "auth_method", "grant_types", "redirect_uris", "host"),
        "plug",
    )
    REGISTRATION_REFUSED = "client.registration_refused", _("The registration of a program was refused."), (), "ban"
    REGISTRATION_WAITS = (
        "client.registration_waits",
        _("A program says something else of itself; that waits until somebody has seen it."),
        ("before", "after"),
        "git-compare",
    )
    CLIENT_ADOPTED = (
        "client.adopted",
        _("A client that registered itself became a client of an agent."),
        ("how", "name", "rule"),
        "plug",
    )
    ADOPTION_ASKED = (
        "client.adoption_asked",
        _("Somebody asked the administrators to adopt a program."),
        ("name",),
        "hand",
    )
    REGISTRATION_SEEN = (
        "client.registration_seen",
        _("Somebody looked at what a program says of itself now; it counts from now on, or never will."),
        ("before", "after", "taken"),
        "git-compare",
    )
    CLIENT_SWEPT = (
        "client.swept",
        _("A program that registered itself and was never used was forgotten."),
        ("name", "source", "host"),
        "trash-2",
    )
    REGISTRATION_TOKEN_ISSUED = (
        "registration_token.issued",
        _("An administrator made a token by which programs may register."),
        ("initial_token", "name", "ends_at"),
        "ticket",
    )
    REGISTRATION_TOKEN_REVOKED = (
        "registration_token.revoked",
        _("A token by which programs could register was revoked."),
        ("initial_token", "name"),
        "ban",
    )
    ADOPTION_RULE_MADE = (
        "adoption_rule.made",
        _("An administrator lets a rule adopt programs."),
        ("rule", "match", "host", "initial_token"),
        "gavel",
    )
    ADOPTION_RULE_ENDED = "adoption_rule.ended", _("A rule adopts no more programs."), ("rule",), "gavel"
    CLIENT_CHANGED = "client.changed", _("A client's registration was changed."), ("before", "after"), "plug"
    CLIENT_ENDED = "client.ended", _("A client was removed; it gets no token any more."), (), "circle-x"
    DEVICE_CODES_ALLOWED = (
        "client.device_codes_allowed",
        _("An administrator let a client use device codes."),
        (),
        "shield-alert",
    )
    DEVICE_CODES_ENDED = "client.device_codes_ended", _("A client may no longer use device codes."), (), "ban"
    CREDENTIAL_ISSUED = (
        "credential.issued",
        _("A credential was issued and shown once."),
        ("handle", "ends_at"),
        "key-round",
    )
    PUBLIC_KEY_ADDED = (
        "credential.public_key_added",
        _("A client may prove itself by the private half of a key."),
        ("handle", "thumbprint", "ends_at"),
        "key-round",
    )
    CREDENTIAL_REVOKED = "credential.revoked", _("A credential was revoked."), ("handle",), "key-round"
    CREDENTIAL_ENDED = "credential.ended", _("A credential's end date passed."), ("handle",), "hourglass"

    RESOURCE_CREATED = "resource.created", _("A resource was registered."), ("name", "uri", "checks"), "server"
    RESOURCE_CHANGED = "resource.changed", _("A resource's facts were changed."), ("before", "after"), "server"
    RESOURCE_ENDED = "resource.ended", _("A resource was removed; nobody gets a token for it any more."), (), "server"
    SENSITIVE_OFFLINE_ALLOWED = (
        "resource.sensitive_offline_allowed",
        _("Sensitive scopes were allowed at a resource that checks offline."),
        (),
        "shield-alert",
    )
    SCOPE_CREATED = (
        "scope.created",
        _("A scope was added to a resource."),
        ("name", "access", "data_class", "title"),
        "list-checks",
    )
    SCOPE_CHANGED = "scope.changed", _("A scope's facts were changed."), ("name", "before", "after"), "list-checks"
    SCOPE_REWORDED = (
        "scope.reworded",
        _("A scope has a new wording."),
        ("name", "version", "title", "detail", "concerns", "same_meaning"),
        "pencil",
    )
    SCOPE_ENDED = "scope.ended", _("A scope is no longer offered."), ("name",), "list-checks"
    DETAIL_TYPE_CREATED = (
        "detail_type.created",
        _("A scope is asked for with details of a type from now on."),
        ("name", "version", "words", "schema"),
        "list-checks",
    )
    DETAIL_TYPE_CHANGED = (
        "detail_type.changed",
        _("A type of details says something else."),
        ("name", "version", "words", "schema"),
        "list-checks",
    )
    DETAIL_TYPE_ENDED = (
        "detail_type.ended",
        _("A scope is asked for without details again."),
        ("name", "version", "words", "schema"),
        "list-checks",
    )

    CONSENT_APPROVED = (
        "consent.approved",
        _("A human allowed an agent to act."),
        (
            "ends_at",
            "origin",
            "methods",
            "superseded",
            "once",
            "limits",
            "tells_who",
            "redirect_host",
            "client_digest",
            "shown_digest",
            "passes_to",
            "passes_deep",
        ),
        "file-check-2",
    )
    CONSENT_PASSED_ON = (
        "consent.passed_on",
        _("Work that a person allowed was passed on to another agent."),
        ("parent", "passed_by", "ends_at"),
        "git-fork",
    )
    PASSING_LIMITED = (
        "consent.passing_limited",
        _("An agent may pass work on to fewer agents, less far, or no more."),
        ("before", "after", "live_tokens"),
        "scissors",
    )
    CONSENT_VOUCHED = (
        "consent.vouched",
        _("An agent was allowed to act for somebody on the word of a trusted issuer, as an administrator had decided."),
        ("issuer", "version", "trusted_by", "ends_at", "superseded", "client_digest", "shown_digest"),
        "badge-check",
    )
    CONSENT_WAITS = (
        "consent.waits_for_approver",
        _("Somebody allowed something; nothing is allowed by it until an approver agrees."),
        ("pending", "role", "ends_at", "methods"),
        "hand",
    )
    APPROVER_AGREED = (
        "consent.approver_agreed",
        _("An approver agreed to what somebody had allowed."),
        ("pending",),
        "badge-check",
    )
    APPROVER_REFUSED = (
        "consent.approver_refused",
        _("An approver refused what somebody had allowed."),
        ("pending",),
        "ban",
    )
    APPROVAL_OVER = (
        "consent.approval_over",
        _("What somebody had allowed was withdrawn, decided anew, or nobody agreed in time."),
        ("pending", "because"),
        "hourglass",
    )
    CONSENT_REFUSED = "consent.refused", _("A human refused what an agent asked for."), ("redirect_host",), "ban"
    REQUEST_REPORTED = "consent.reported", _("A human reported what an agent asked for."), ("redirect_host",), "flag"
    REPORT_LOOKED_AT = (
        "consent.report_looked_at",
        _("An administrator looked at a report and said what they found."),
        ("report",),
        "flag",
    )
    CONSENT_NARROWED = (
        "consent.narrowed",
        _("Scopes were taken away from a consent."),
        ("before", "after", "live_tokens"),
        "scissors",
    )
    CONSENT_SHORTENED = "consent.shortened", _("A consent ends earlier."), ("before", "after"), "hourglass"
    CONSENT_LESSENED = (
        "consent.lessened",
        _("Less is allowed of what a consent holds in detail."),
        ("live_tokens",),
        "scissors",
    )
    CONSENT_LIMITED = (
        "consent.limited",
        _("A consent was limited to times of day, networks, a number of uses or an environment."),
        ("before", "after", "limits_digest", "live_tokens"),
        "scissors",
    )
    CONSENT_REVOKED = "consent.revoked", _("A consent was revoked."), ("live_tokens",), "octagon-x"
    CONSENT_SUPERSEDED = (
        "consent.superseded",
        _("A newer consent took the place of one."),
        ("successor",),
        "git-compare",
    )
    CONSENT_PAUSED = (
        "consent.paused",
        _("A consent counts for nothing until somebody has seen what is different, or answers for it."),
        ("since", "changes", "live_tokens"),
        "circle-pause",
    )
    CONSENT_CONFIRMED = (
        "consent.confirmed",
        _("Another administrator answers for a consent of the organisation."),
        ("before", "after"),
        "badge-check",
    )
    CONSENT_ENDED = "consent.ended", _("A consent's end date passed."), ("ended_at",), "hourglass"
    CONSENT_CHANGE_REFUSED = "consent.change_refused", _("A change of a consent was refused."), ("change",), "ban"
    CONSENT_FORM_REFUSED = "consent.form_refused", _("A decision on the consent screen was refused."), (), "ban"

    REQUEST_MADE = (
        "request.made",
        _("An agent asked somebody out of band, or a device began to wait for a code."),
        ("request", "way", "expires_at"),
        "inbox",
    )
    REQUEST_REFUSED = "request.refused", _("An agent was not let ask."), ("way",), "ban"
    REQUEST_OVER = "request.over", _("Nobody answered what an agent asked."), ("request", "way"), "hourglass"
    REQUEST_NOT_TOLD = (
        "request.not_told",
        _("The agent could not be told of a decision at its notification endpoint."),
        ("request", "tries"),
        "circle-pause",
    )
    USER_CODE_ENTERED = "request.code_entered", _("Somebody typed the code of a device."), ("request",), "laptop"
    USER_CODE_REFUSED = "request.code_refused", _("A device's code was refused."), (), "ban"
    AGENT_SILENCED = (
        "request.silenced",
        _("Somebody wants to be asked no more by an agent."),
        ("request",),
        "circle-pause",
    )
    AGENT_UNSILENCED = "request.unsilenced", _("Somebody lets an agent ask again."), (), "bell"

    AUTHORIZATION_REFUSED = (
        "authorization.refused",
        _("An authorization request was refused."),
        ("redirect_host",),
        "ban",
    )
    CODE_ISSUED = "code.issued", _("An authorization code was issued."), (), "ticket"
    CODE_USED_TWICE = "code.used_twice", _("A code was used twice; what the first use got is dead."), (), "shield-alert"
    TOKEN_ISSUED = (
        "token.issued",
        _("An access token was issued."),
        ("grant", "life", "bound", "subject", "id_token"),
        "ticket",
    )
    TOKEN_REFUSED = "token.refused", _("A token request was refused."), ("grant",), "ban"
    REFRESH_REPLAYED = (
        "refresh.replayed",
        _("A rotated refresh token came again; its family is dead."),
        (),
        "shield-alert",
    )
    TOKEN_REVOKED = "token.revoked", _("A client gave back a token."), ("hint",), "circle-x"
    INTROSPECTION_INACTIVE = "introspection.inactive", _("A token was first seen to be worth nothing."), (), "ban"
    REVOCATION_OBSERVED = (
        "revocation.observed",
        _("The first use that was refused, or counted for less, because access was taken away."),
        ("of", "change", "seconds", "refusal"),
        "shield-check",
    )
    INTROSPECTION_REFUSED = "introspection.refused", _("An introspection was refused."), (), "ban"
    REVOCATION_REFUSED = "revocation.refused", _("A revocation request was refused."), (), "ban"

    RECEIPT_REPORTED = (
        "receipt.reported",
        _("A resource reported what was done with a token."),
        ("operation", "records", "idempotency_key", "at"),
        "eye",
    )
    RECEIPT_REFUSED = "receipt.refused", _("A receipt was refused."), (), "ban"
    API_REFUSED = "api.refused", _("A request to the API was refused."), (), "ban"
    PAGE_REFUSED = "page.refused", _("A person was refused a page or a change."), ("permission",), "ban"
    REFUSALS_COUNTED = (
        "refusals.counted",
        _("Further refusals of one source within one minute, counted."),
        ("kind", "count", "minute"),
        "ban",
    )
    SIGNING_KEY_MADE = "signing_key.made", _("A signing key was made."), ("kid", "signs_from"), "key-round"
    SIGNING_KEY_RETIRED = (
        "signing_key.retired",
        _("A signing key is published no more: the last token it signed has ended."),
        ("kid",),
        "archive",
    )
    SIGNING_KEY_COMPROMISED = (
        "signing_key.compromised",
        _("A signing key was given up because somebody else may hold it; nothing it signed counts any more."),
        ("kid", "successor"),
        "shield-alert",
    )
    STREAM_CREATED = (
        "signal_stream.created",
        _("A receiver of signals was added: a resource is told when access is taken away."),
        ("stream", "host", "signals"),
        "radio",
    )
    STREAM_CHANGED = (
        "signal_stream.changed",
        _("Where or of what a receiver of signals is told was changed."),
        ("stream", "before", "after"),
        "radio",
    )
    STREAM_PAUSED = (
        "signal_stream.paused",
        _("A receiver of signals is told nothing until it is resumed."),
        ("stream", "status"),
        "circle-pause",
    )
    STREAM_RESUMED = (
        "signal_stream.resumed",
        _("A receiver of signals is told again, and first what waited."),
        ("stream", "waiting"),
        "play",
    )
    STREAM_STOPPED = (
        "signal_stream.stopped",
        _("Mandate stopped telling a receiver of signals, because it could not be reached or would not take them."),
        ("stream", "because", "tries", "waiting"),
        "circle-pause",
    )
    STREAM_ENDED = "signal_stream.ended", _("A receiver of signals was removed."), ("stream", "waiting"), "circle-x"
    SIGNAL_SET_ASIDE = (
        "signal.set_aside",
        _("A receiver could not read one signal; it was set aside so that the next ones arrive."),
        ("stream", "signal", "number"),
        "triangle-alert",
    )
    STREAM_REQUEST_REFUSED = (
        "signal_stream.request_refused",
        _("A request about receiving signals was refused."),
        (),
        "ban",
    )
    EVIDENCE_KEY_MADE = "evidence_key.made", _("A key that signs evidence was made."), ("kid",), "key-round"
