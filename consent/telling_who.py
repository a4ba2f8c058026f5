"""The wish of an agent to know who the person is (the scope ``openid``): how it is kept, and how people read it.

It is a permission of no resource. Among the pairs (resource id, scope name) that a client asked for it stands with an empty
resource; a consent says by a column of its own whether the person let it be told (``Consent.tells_who``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

OPENID = "openid"
WISH = ("", OPENID)


def is_wished(requested: Iterable[Sequence[str]]) -> bool:
    """Whether a client asked for it, by the pairs that it asked for."""
    return any(tuple(pair) == WISH for pair in requested)


def title() -> str:
    """What it lets an agent do, in the words that people tick."""
    return _("Know who you are")


def detail() -> str:
    """What it learns by it, and what not."""
    return _(
        "It learns that it is you: the number of your account here, and how and when you signed in. Neither your name nor "
        "your address."
    )
