"""The error tree of the domain. An error carries facts and knows nothing of HTTP; each face maps it once.

MandateError
├── Forbidden             the actor may not do this
├── Refused               something that is not so (state, time, form); ``sentence`` says it to people
│   ├── IllegalMove       a lifecycle move that does not exist
│   ├── NotReady          a move whose conditions are not met
│   ├── Ended             what was to be changed has ended already
│   ├── InvalidInput      a value that may not be; names the field
│   └── LinkRefused       a one-time link that is unknown, used or over
└── (consent/errors.py adds those of its floor)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from agents.permissions import May


class MandateError(Exception):
    """Any refusal of the domain. ``code`` is stable, short and free of secrets: it is recorded with the event."""

    code = "refused"

    @property
    def sentence(self) -> str:
        """What happened and what to do, in plain words, for a page."""
        return str(self)


class Forbidden(MandateError):
    code = "forbidden"

    def __init__(self, permission: May, subject: object | None = None) -> None:
        super().__init__(_("You may not do this. Ask an administrator if you think you should."))
        self.permission = permission
        self.subject = subject


class Refused(MandateError):
    """Something is not as it must be. The message is the sentence for people."""


class FactsChanged(Refused):
    """What was looked at before a decision is no longer what would be decided."""

    code = "facts_changed"

    def __init__(self) -> None:
        super().__init__(_("The agent has changed since you looked at it. Look at it again before you decide."))


class IllegalMove(Refused):
    code = "illegal_move"

    def __init__(self, state: str, move: str) -> None:
        super().__init__(
            _("An agent that is %(state)s cannot %(move)s. Load the page again to see where it stands now.")
            % {"state": state, "move": move}
        )
        self.state = state
        self.move = move


class NotReady(Refused):
    code = "not_ready"


class Ended(Refused):
    code = "ended"


class InvalidInput(Refused):
    code = "invalid_input"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class LinkRefused(Refused):
    code = "link_refused"
