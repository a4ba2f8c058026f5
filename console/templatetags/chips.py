"""The chips that pages show: one list of tone, icon and word for each kind. Never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Chip:
    """A word with an icon. Tones: ``""``, ``ok``, ``warn``, ``stop``, ``accent``, ``health``, ``money``, ``person``."""

    tone: str
    icon: str
    text: str | Promise


CHIPS: dict[str, Chip] = {
    # states of an agent, and of a client or credential
    "draft": Chip("", "circle-dashed", _("draft")),
    "pending": Chip("accent", "clock", _("pending")),
    "active": Chip("ok", "circle-check", _("active")),
    "suspended": Chip("warn", "circle-pause", _("suspended")),
    "retired": Chip("", "archive", _("retired")),
    # states of a consent
    "live": Chip("ok", "circle-check", _("live")),
    "scheduled": Chip("accent", "calendar-clock", _("not begun")),
    "paused": Chip("warn", "circle-pause", _("paused")),
    "ended": Chip("", "hourglass", _("ended")),
    "expired": Chip("", "hourglass", _("ended")),
    "revoked": Chip("stop", "octagon-x", _("revoked")),
    "superseded": Chip("", "history", _("replaced")),
    "narrowed": Chip("", "scissors", _("narrowed")),
    # states of a receiver of signals, and of one signal
    "enabled": Chip("ok", "radio", _("sending")),
    "disabled": Chip("", "circle-minus", _("off")),
    "delivered": Chip("ok", "circle-check", _("taken")),
    "set-aside": Chip("warn", "triangle-alert", _("set aside")),
    # states of an access request
    "waiting": Chip("accent", "hand", _("waiting")),
    "approved": Chip("ok", "circle-check", _("allowed")),
    "denied": Chip("stop", "ban", _("refused")),
    # data class of a scope
    "none": Chip("", "circle-slash", _("no personal data")),
    "personal": Chip("person", "user-round", _("personal")),
    "health": Chip("health", "heart-pulse", _("health")),
    "financial": Chip("money", "landmark", _("financial")),
    # access of a scope
    "read": Chip("", "eye", _("read")),
    "write": Chip("warn", "pencil", _("write")),
    "delete": Chip("stop", "trash-2", _("delete")),
    # outcome of an event
    "allowed": Chip("ok", "circle-check", _("allowed")),
    "refused": Chip("stop", "ban", _("refused")),
    "reported": Chip("accent", "receipt-text", _("reported")),
    "unexplained": Chip("warn", "circle-help", _("unexplained")),
    # how somebody proved who they are, and what Mandate checked
    "passkey": Chip("", "fingerprint", _("passkey")),
    "password": Chip("", "key-round", _("password")),
    "totp": Chip("", "smartphone", _("authenticator app")),
    "sealed": Chip("ok", "stamp", _("sealed")),
    "verified": Chip("ok", "badge-check", _("verified by your organisation")),
    "unverified": Chip("warn", "circle-help", _("not verified")),
    "sensitive": Chip("warn", "shield-alert", _("sensitive")),
    "new": Chip("accent", "sparkles", _("new")),
    "never-used": Chip("warn", "circle-minus", _("never used")),
    # roles
    "administrator": Chip("accent", "shield-check", _("administrator")),
    "owner": Chip("person", "bot", _("agent owner")),
    "auditor": Chip("", "scroll-text", _("auditor")),
    "user": Chip("", "user-round", _("user")),
}


def chip_for(kind: object, text: object = "") -> Chip | None:
    """Return the chip of a kind (a word, an enum member or a Chip), with other words when given. None for nothing."""
    if isinstance(kind, Chip):
        return kind
    word = str(kind.value if isinstance(kind, Enum) else kind if kind is not None else "")
    if not word:
        return None
    known = CHIPS.get(word, Chip("", "", word))
    return Chip(known.tone, known.icon, str(text)) if text else known
