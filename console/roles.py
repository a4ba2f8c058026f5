"""Who may do what: one rule for each name of ``agents.permissions.May``, and nowhere else.

Deny by default: a name without a rule is refused to everybody, and a test fails for it. The page
``docs/reference/roles.md`` is generated from this file.
"""

from __future__ import annotations

from typing import Any

from rules.permissions import add_perm, perm_exists
from rules.predicates import Predicate, predicate

from agents.models import Adoption, Agent, Event, Organisation, Ownership, Role, State, User
from agents.permissions import May
from agents.programs import personal
from consent.models import Consent, PendingConsent


@predicate
def is_administrator(user: User) -> bool:
    return user.is_administrator


@predicate
def is_somebody(user: User) -> bool:
    """Anybody who can sign in. What they then see is limited row by row (``visible_to``)."""
    return user.is_active


@predicate
def reads_everything(user: User) -> bool:
    return user.reads_everything


@predicate
def may_own_agents(user: User) -> bool:
    return user.may_own_agents


@predicate
def may_change_things(user: User) -> bool:
    """Auditors read everything and change nothing, whatever they were before."""
    return user.is_active and user.role != Role.AUDITOR


@predicate
def keeps_the_agent(user: User, subject: Any = None) -> bool:
    """Owner or deputy of the agent that the subject is or belongs to."""
    agent = subject if isinstance(subject, Agent) else getattr(subject, "agent", None)
    return agent is not None and agent.is_kept_by(user)


@predicate
def is_the_owner(user: User, agent: Agent | None = None) -> bool:
    return agent is not None and agent.owner == user


@predicate
def is_their_personal_agent(user: User, agent: Agent | None = None) -> bool:
    return agent is not None and agent.personal_of_id == user.pk


@predicate
def is_personal_and_suspended(_user: User, agent: Agent | None = None) -> bool:
    """Somebody's own agent that was stopped. Once it is retired its person could have another of the same program."""
    return agent is not None and agent.is_personal and agent.state == State.SUSPENDED


@predicate
def is_the_person_acted_for(user: User, consent: Consent | None = None) -> bool:
    return consent is not None and consent.user_id == user.pk


@predicate
def is_for_the_organisation(user: User, consent: Consent | None = None) -> bool:
    return consent is not None and consent.user_id is None


@predicate
def approved_it(user: User, consent: Consent | None = None) -> bool:
    return consent is not None and consent.approved_by_id == user.pk


def needs_two_people() -> bool:
    """Whether policy asks for a second person."""
    organisation = Organisation.current()
    return organisation is not None and organisation.second_person_activates


@predicate
def is_first_person_where_two_are_needed(user: User, agent: Agent | None = None) -> bool:
    """Whether policy asks for a second person and this is the one who asked for activation."""
    return agent is not None and agent.submitted_by_id == user.pk and needs_two_people()


@predicate
def changed_it(user: User, agent: Agent | None = None) -> bool:
    """Whether a change of the agent that waits for a second person to look at it is theirs."""
    return agent is not None and str(user.pk) in agent.changed_by and needs_two_people()


@predicate
def concerns_them(user: User, event: Event | None = None) -> bool:
    if event is None:
        return False
    if user.pk in {event.user_id, event.actor_id}:
        return True
    return event.agent_id is not None and Ownership.objects.live().filter(user=user, agent_id=event.agent_id).exists()


@predicate
def is_for_nobody_else(user: User, owner: User | None = None) -> bool:
    """Whether the owner of what is registered is the person themselves (or not said yet, where a page only asks)."""
    return owner is None or owner.pk == user.pk


@predicate
def keeps_the_agent_and_it_is_sensitive(user: User, consent: Consent | None = None) -> bool:
    """Owner or deputy of an agent that holds something sensitive under this consent."""
    return consent is not None and consent.agent.is_kept_by(user) and consent.is_sensitive()


@predicate
def can_agree_to_it(user: User, waiting: PendingConsent | None = None) -> bool:
    """Somebody of the role that the rule names, who has no part in the decision and does not keep the agent."""
    return user.may_own_agents if waiting is None else waiting.may_be_agreed_to_by(user)


@predicate
def is_themselves(user: User, person: User | None = None) -> bool:
    return person is not None and person.pk == user.pk


@predicate
def owners_may_adopt(_user: User) -> bool:
    """Whether policy lets agent owners adopt programs into agents of theirs."""
    organisation = Organisation.current()
    return organisation is not None and organisation.adoption != Adoption.ADMINISTRATORS


@predicate
def keeps_what_is_named(user: User, agent: Agent | None = None) -> bool:
    """Whether they keep the agent, where one is named already."""
    return agent is None or agent.is_kept_by(user)


@predicate
def everybody_may_have_one(_user: User) -> bool:
    """Whether policy lets everybody adopt a program as a personal agent of their own."""
    return personal.are_offered()


manages_the_agent = is_administrator | (may_own_agents & keeps_the_agent)

RULES: dict[May, Predicate] = {
    May.SEE_AGENT: reads_everything | keeps_the_agent,
    May.REGISTER_AGENT: is_administrator | (may_own_agents & is_for_nobody_else),
    May.EDIT_AGENT: manages_the_agent,
    May.SUBMIT_AGENT: manages_the_agent,
    May.ACTIVATE_AGENT: is_administrator & ~is_first_person_where_two_are_needed,
    May.LOOK_AT_CHANGES: is_administrator & ~changed_it,
    May.SUSPEND_AGENT: manages_the_agent,
    May.RESUME_AGENT: is_administrator,
    May.RETIRE_AGENT: is_administrator
    | (((may_own_agents & is_the_owner) | (may_change_things & is_their_personal_agent)) & ~is_personal_and_suspended),
    May.HAND_OVER_AGENT: is_administrator | (may_own_agents & is_the_owner),
    May.REQUIRE_SCOPE: manages_the_agent,
    May.CONFIRM_REQUIRED_SCOPE: is_administrator & ~keeps_the_agent,
    May.MANAGE_CLIENT: manages_the_agent,
    May.SEE_UNCLAIMED: reads_everything | (may_own_agents & owners_may_adopt),
    May.ADOPT_CLIENT: is_administrator | (may_own_agents & owners_may_adopt & keeps_what_is_named),
    May.REFUSE_CLIENT: is_administrator,
    May.DECIDE_REGISTRATION: is_administrator,
    May.HAVE_PERSONAL_AGENT: may_change_things & everybody_may_have_one,
    May.MANAGE_CIRCLE: is_administrator,
    May.ALLOW_DEVICE_CODES: is_administrator,
    May.ISSUE_CREDENTIAL: manages_the_agent,
    May.REVOKE_CREDENTIAL: manages_the_agent,
    May.SEE_RESOURCES: reads_everything | may_own_agents,
    May.MANAGE_RESOURCE: is_administrator,
    May.DECIDE_SENSITIVITY: is_administrator,
    May.SEE_TRAIL: is_somebody,
    May.SEE_EVENT: reads_everything | concerns_them,
    May.SEE_PEOPLE: reads_everything,
    May.INVITE_PERSON: is_administrator,
    May.CHANGE_ROLE: is_administrator & ~is_themselves,
    May.DEACTIVATE_PERSON: is_administrator & ~is_themselves,
    May.RESTORE_ACCESS: is_administrator & ~is_themselves,
    May.CHANGE_POLICY: is_administrator,
    May.TRUST_ISSUER: is_administrator,
    May.SEE_CONSENT: reads_everything | is_the_person_acted_for | approved_it | keeps_the_agent,
    May.SEE_CONSENTS: reads_everything | may_own_agents,
    May.APPROVE_CONSENT: may_change_things,
    May.APPROVE_ORGANISATION_CONSENT: is_administrator,
    May.LOOK_AT_REPORT: is_administrator,
    May.CONFIRM_CONSENT: is_administrator & ~keeps_the_agent_and_it_is_sensitive,
    May.NARROW_CONSENT: is_administrator | is_the_person_acted_for | (may_own_agents & keeps_the_agent),
    May.SHORTEN_CONSENT: is_administrator | is_the_person_acted_for | (may_own_agents & keeps_the_agent),
    May.REVOKE_CONSENT: is_administrator | is_the_person_acted_for | (may_own_agents & keeps_the_agent),
    May.AGREE_TO_CHANGE: (may_change_things & is_the_person_acted_for) | (is_administrator & is_for_the_organisation),
    May.CHANGE_CONSENTS: may_own_agents,
    May.AGREE_AS_APPROVER: can_agree_to_it,
    May.MANAGE_SIGNING_KEYS: is_administrator,
    May.SEE_SIGNALS: reads_everything,
    May.MANAGE_SIGNALS: is_administrator,
}


def register_rules() -> None:
    """Make each rule known to the permission backend. Called once, when the app is ready."""
    for permission, rule in RULES.items():
        if not perm_exists(permission):
            add_perm(permission, rule)
