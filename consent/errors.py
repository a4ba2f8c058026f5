"""Errors of this floor, below the tree of ``agents/errors.py``."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from agents.errors import Ended, MandateError, Refused


class ConsentEnded(Ended):
    code = "consent_ended"

    def __init__(self, consent_id: uuid.UUID) -> None:
        super().__init__(_("This consent has ended already. Nothing is allowed under it any more."))
        self.consent_id = consent_id


class ConsentNotBegun(Refused):
    code = "consent_not_begun"

    def __init__(self, consent_id: uuid.UUID) -> None:
        super().__init__(_("This consent was given while you asked. Look at it as it is now, and ask again."))
        self.consent_id = consent_id


class NotNarrower(Refused):
    code = "not_narrower"

    def __init__(self, consent_id: uuid.UUID) -> None:
        super().__init__(
            _("Leave at least one permission and take at least one away. To stop everything, revoke the consent.")
        )
        self.consent_id = consent_id


class NotShorter(Refused):
    code = "not_shorter"

    def __init__(self, consent_id: uuid.UUID) -> None:
        super().__init__(_("The new end must lie between now and the end so far. More time needs a new consent."))
        self.consent_id = consent_id


class NotTighter(Refused):
    code = "not_tighter"

    def __init__(self, consent_id: uuid.UUID) -> None:
        super().__init__(
            _("This would allow what was not allowed before, or change nothing. Only less is possible here.")
        )
        self.consent_id = consent_id


class NothingToConfirm(Refused):
    code = "nothing_to_confirm"

    def __init__(self, consent_id: uuid.UUID, *, sentence: str = "") -> None:
        super().__init__(sentence or _("An administrator answers for this consent already."))
        self.consent_id = consent_id


class DecisionRefused(Refused):
    """A decision on the consent screen that does not fit what was shown."""

    code = "decision_refused"


class DecisionMadeAlready(Refused):
    code = "decided_already"

    def __init__(self) -> None:
        super().__init__(_("You have decided this already. If the agent still waits, start again from there."))


class OfferChanged(Refused):
    """What is asked has changed since the screen was shown: it must be shown again."""

    code = "offer_changed"


class SignInNeeded(Refused):
    """Who decides must prove who they are first: again, or more strongly. Nothing was decided."""

    code = "sign_in_needed"

    def __init__(self, *, passkey: bool = False, second_factor: bool = False) -> None:
        super().__init__(
            _("This can only be allowed by whoever just signed in by a passkey.")
            if passkey
            else _("This can only be allowed by whoever just signed in. Prove once more who you are.")
        )
        self.passkey = passkey
        self.second_factor = second_factor


class ApproverNeeded(Refused):
    """A rule asks for somebody besides the person, who has not agreed. role: who must (``ApproverRole``)."""

    code = "approver_needed"

    def __init__(self, role: str) -> None:
        super().__init__(_("Somebody else must agree to this before it counts."))
        self.role = role


class NotToBeAsked(Refused):
    """A question that an agent may not put to a person now. The sentence is for the agent's developers, in English."""

    code = "not_to_be_asked"


class Silenced(NotToBeAsked):
    code = "silenced"

    def __init__(self) -> None:
        super().__init__("This person wants to be asked no more by this agent. Only they can take that back.")


class AskedTooOften(NotToBeAsked):
    code = "asked_too_often"


class AskedAlready(NotToBeAsked):
    code = "asked_already"

    def __init__(self) -> None:
        super().__init__("This person was asked for this purpose already and has not answered yet.")


class RequestClosed(Ended):
    code = "request_closed"

    def __init__(self) -> None:
        super().__init__(
            _("This was answered already, or it waited too long. If the agent still needs it, it asks again.")
        )


class SilencedAlready(Ended):
    code = "silenced_already"

    def __init__(self) -> None:
        super().__init__(_("This agent does not ask you any more already."))


class NotSilenced(Ended):
    code = "not_silenced"

    def __init__(self) -> None:
        super().__init__(_("This agent may ask you already."))


class UserCodeUnknown(Refused):
    code = "unknown_user_code"

    def __init__(self) -> None:
        super().__init__(_("No device waits with this code. Look at it again; it may also have run out."))


class UserCodesStopped(Refused):
    code = "too_many_user_codes"

    def __init__(self, until: datetime) -> None:
        super().__init__(_("Too many wrong codes came from you or your network. Wait 15 minutes, then try again."))
        self.until = until


class NextKeyWaits(Refused):
    code = "next_key_waits"

    def __init__(self, signs_from: datetime) -> None:
        super().__init__(_("The next key is published already and signs soon. One change at a time is enough."))
        self.signs_from = signs_from


class KeyGivenUp(Ended):
    code = "key_given_up"

    def __init__(self) -> None:
        super().__init__(_("This key is published no more: nothing that it signed counts."))


class TokenRefused(MandateError):
    """A token request that is refused: an OAuth error code and a description that helps (RFC 6749 §5.2)."""

    def __init__(self, code: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status


class ForeignHost(Refused):
    """A resource wants signals sent to a host that is not its own."""

    code = "foreign_host"

    def __init__(self, host: str) -> None:
        super().__init__(
            _(
                "By its own key a resource has signals sent to its own host only. An administrator can give another address."
            )
        )
        self.host = host


class TooManyStreams(Refused):
    code = "too_many_streams"

    def __init__(self, most: int) -> None:
        super().__init__(_("This resource has %(most)s receivers already. Remove one first.") % {"most": most})


class AskedTooSoon(Refused):
    """A verification was asked for a moment ago. wait: until the next may be asked for."""

    code = "asked_too_soon"

    def __init__(self, wait: timedelta) -> None:
        super().__init__(_("A verification was asked for a moment ago. Wait until it has arrived."))
        self.retry_after = max(1, round(wait.total_seconds()))
        """In seconds."""


class ChangedTooOften(Refused):
    """A resource has changed its receivers by its keys as often as it may. wait: until it should come again."""

    code = "changed_too_often"

    def __init__(self, wait: timedelta) -> None:
        super().__init__(_("Its receivers were changed too often. Try again later."))
        self.retry_after = max(1, round(wait.total_seconds()))
        """In seconds."""


class StoppedByAPerson(Refused):
    """A resource wants to undo by its key what a person decided about its receivers."""

    code = "stopped_by_a_person"

    def __init__(self) -> None:
        super().__init__(_("A person here stopped telling this resource. Only a person starts it again."))
