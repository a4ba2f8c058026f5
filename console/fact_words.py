"""Facts of agents, clients, resources, scopes and people as events name them, in the words of whoever reads.

An event keeps the name of a column and a code (``time_zone``, ``administrator``), so that it has no language. A name or
code that another version wrote stands as it is.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Choices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agents.models import Access, Adoption, Checks, DataClass, Environment, Registration, Role, State
from agents.models import Kind as AgentKind
from console.detail_words import value_in_words

NAMES: dict[str, str | Promise] = {
    "adoption": _("who may adopt programs"),
    "client_documents": _("programs known by a document"),
    "jwks_uri": _("where its keys are published"),
    "registration": _("programs that may register"),
    "access": _("access"),
    "auth_method": _("how it proves itself"),
    "backchannel_client_notification_endpoint": _("where it is told of answers"),
    "cache_seconds": _("seconds for which it keeps an answer"),
    "checks": _("how it checks tokens"),
    "data_class": _("kind of data"),
    "data_classes": _("kinds of data"),
    "ends_at": _("end"),
    "environment": _("environment"),
    "grants": _("ways to tokens"),
    "has_header": _("header for its receiver"),
    "host": _("host"),
    "grant_types": _("ways to tokens"),
    "kind": _("kind"),
    "language": _("language"),
    "longest_life": _("longest life"),
    "marked_sensitive": _("marked as sensitive"),
    "name": _("name"),
    "operations": _("operations"),
    "owner": _("owner"),
    "passes_deep": _("how far work may be passed on"),
    "passes_to": _("to whom it may pass work on"),
    "purpose": _("purpose"),
    "record_types": _("record types"),
    "redirect_uris": _("where people return to"),
    "required_by_default": _("proposed as required"),
    "scopes": _("scopes"),
    "signals": _("what it is told"),
    "second_person_activates": _("second person activates"),
    "time_zone": _("time zone"),
    "token_life": _("life of tokens"),
    "unit": _("unit"),
}
VALUES: dict[str, type[Choices]] = {
    "adoption": Adoption,
    "registration": Registration,
    "access": Access,
    "checks": Checks,
    "data_class": DataClass,
    "data_classes": DataClass,
    "environment": Environment,
    "kind": AgentKind,
    "role": Role,
    "state": State,
}
"""The facts whose values are codes of a closed list. A name that happens to be such a word is left alone."""
FACTORS: dict[str, str | Promise] = {
    "passkey": _("passkey"),
    "totp": _("authenticator app"),
    "recovery_codes": _("recovery codes"),
}
SUBJECTS: dict[str, str | Promise] = {
    "agent": pgettext_lazy("what ends", "agent"),
    "credential": pgettext_lazy("what ends", "credential"),
    "consent": pgettext_lazy("what ends", "consent"),
}
MOVES: dict[str, str | Promise] = {
    "submit": _("submit"),
    "submit_agent": _("submit"),
    "activate": _("activate"),
    "activate_agent": _("activate"),
    "suspend": _("suspend"),
    "suspend_agent": _("suspend"),
    "resume": _("resume"),
    "resume_agent": _("resume"),
    "retire": _("retire"),
    "retire_agent": _("retire"),
    "send-back": _("send back"),
    "hand_over_agent": _("hand over"),
    "edit_agent": _("edit"),
    "manage_client": _("change clients"),
    "issue_credential": _("issue a key"),
    "revoke_credential": _("revoke a key"),
}


def fact_name(name: object) -> str:
    """Return what a fact is called."""
    return str(NAMES.get(str(name)) or str(name).replace("_", " "))


def fact_value(name: str, value: Any) -> str:
    """Return a value of this fact in words."""
    known = VALUES.get(name)
    if known is not None and value in known.values:
        return str(known(value).label)
    return value_in_words(value)


def said(words: dict[str, str | Promise], value: Any) -> str:
    """Return the words of a code of one of the lists above, or the value as it stands."""
    return str(words.get(value) or value_in_words(value)) if isinstance(value, str) else value_in_words(value)
