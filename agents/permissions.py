"""What one may do at all: the closed list of permissions. Who may stands in ``console/roles.py``."""

from __future__ import annotations

from enum import StrEnum


class May(StrEnum):
    """One permission. The value is the name under which its rule is registered."""

    SEE_AGENT = "agents.see_agent"
    REGISTER_AGENT = "agents.register_agent"
    EDIT_AGENT = "agents.edit_agent"
    SUBMIT_AGENT = "agents.submit_agent"
    ACTIVATE_AGENT = "agents.activate_agent"
    LOOK_AT_CHANGES = "agents.look_at_changes"
    SUSPEND_AGENT = "agents.suspend_agent"
    RESUME_AGENT = "agents.resume_agent"
    RETIRE_AGENT = "agents.retire_agent"
    HAND_OVER_AGENT = "agents.hand_over_agent"
    REQUIRE_SCOPE = "agents.require_scope"
    CONFIRM_REQUIRED_SCOPE = "agents.confirm_required_scope"
    MANAGE_CLIENT = "agents.manage_client"
    SEE_UNCLAIMED = "agents.see_unclaimed"
    ADOPT_CLIENT = "agents.adopt_client"
    REFUSE_CLIENT = "agents.refuse_client"
    DECIDE_REGISTRATION = "agents.decide_registration"
    HAVE_PERSONAL_AGENT = "agents.have_personal_agent"
    MANAGE_CIRCLE = "agents.manage_circle"
    ALLOW_DEVICE_CODES = "agents.allow_device_codes"
    ISSUE_CREDENTIAL = "agents.issue_credential"
    REVOKE_CREDENTIAL = "agents.revoke_credential"

    SEE_RESOURCES = "agents.see_resources"
    MANAGE_RESOURCE = "agents.manage_resource"
    DECIDE_SENSITIVITY = "agents.decide_sensitivity"

    SEE_TRAIL = "agents.see_trail"
    SEE_EVENT = "agents.see_event"

    SEE_PEOPLE = "agents.see_people"
    INVITE_PERSON = "agents.invite_person"
    CHANGE_ROLE = "agents.change_role"
    DEACTIVATE_PERSON = "agents.deactivate_person"
    RESTORE_ACCESS = "agents.restore_access"
    CHANGE_POLICY = "agents.change_policy"
    TRUST_ISSUER = "agents.trust_issuer"

    SEE_CONSENT = "consent.see_consent"
    SEE_CONSENTS = "consent.see_consents"
    APPROVE_CONSENT = "consent.approve_consent"
    APPROVE_ORGANISATION_CONSENT = "consent.approve_organisation_consent"
    CONFIRM_CONSENT = "consent.confirm_consent"
    NARROW_CONSENT = "consent.narrow_consent"
    SHORTEN_CONSENT = "consent.shorten_consent"
    REVOKE_CONSENT = "consent.revoke_consent"
    AGREE_TO_CHANGE = "consent.agree_to_change"
    LOOK_AT_REPORT = "consent.look_at_report"
    CHANGE_CONSENTS = "consent.change_consents"
    AGREE_AS_APPROVER = "consent.agree_as_approver"
    MANAGE_SIGNING_KEYS = "consent.manage_signing_keys"
    SEE_SIGNALS = "consent.see_signals"
    MANAGE_SIGNALS = "consent.manage_signals"
