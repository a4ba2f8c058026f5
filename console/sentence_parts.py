"""The parts of which the sentences about events are made: names, scopes, times, and what an event's detail says.

All of them are safe HTML. Whatever stands in a detail is escaped and cut short, since other versions and other
programs wrote it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.credentials import PUBLIC_HANDLE
from agents.models import Event, SensitivityClass
from agents.trail.kinds import Kind
from consent.differences import what_changed
from console.detail_words import life_in_words, moment_of, short, value_in_words
from console.fact_words import FACTORS, MOVES, SUBJECTS, fact_name, fact_value, said
from console.names import Names, as_uuid, strong
from console.receipt_words import receipt_sentence
from console.templatetags.moments import until


class Parts:
    """The parts of which sentences are made. Each is worked out only when a sentence names it."""

    def __init__(self, event: Event, names: Names, now: datetime) -> None:
        self.event = event
        self.names = names
        self.now = now
        self.detail: dict[str, Any] = event.detail if isinstance(event.detail, dict) else {}

    def for_sentence(self, sentence: str) -> dict[str, SafeString]:
        """Return what this sentence names."""
        return {name: getattr(self, f"_{name}")() for name in PARTS if "{" + name + "}" in sentence}

    def _actor(self) -> SafeString:
        return self.names.actor(self.event)

    def _person(self) -> SafeString:
        return self.names.person(
            self.event.user_id or (self.event.actor_id if self.event.actor_kind == "user" else None)
        )

    def _agent(self) -> SafeString:
        if not self.event.agent_id and self.event.client_id:
            return self.names.client(self.event.client_id)
        return self.names.agent(self.event.agent_id)

    def _passed_by(self) -> SafeString:
        return self.names.agent(as_uuid(self.detail.get("passed_by")))

    def _client(self) -> SafeString:
        return self.names.client(self.event.client_id)

    def _resource(self) -> SafeString:
        by_itself = self.event.actor_kind == "resource"
        return self.names.resource(self.event.resource_id or (self.event.actor_id if by_itself else None))

    def _holder(self) -> SafeString:
        return self._resource() if self.event.resource_id and not self.event.client_id else self._agent()

    def _name(self) -> SafeString:
        return strong(value_in_words(self.detail.get("name")) or _("this organisation"))

    def _sensitivity_class(self) -> SafeString:
        known = dict(SensitivityClass.choices)
        said = self.detail.get("sensitivity_class")
        return format_html("{}", known.get(said, said) if isinstance(said, str) else _("a class of permissions"))

    def _role(self) -> SafeString:
        return self._code("role", _("a user"))

    def _before(self) -> SafeString:
        return self._code("role", _("nothing"), key="before")

    def _after(self) -> SafeString:
        return self._code("role", _("nothing"), key="after")

    def _factor(self) -> SafeString:
        return format_html("{}", said(FACTORS, self.detail.get("factor")) or _("a second factor"))

    def _subject(self) -> SafeString:
        return format_html("{}", said(SUBJECTS, self.detail.get("subject")) or _("time"))

    def _handle(self) -> SafeString:
        handle = value_in_words(self.detail.get("handle"))
        # Those of public keys are the beginning of a thumbprint, and longer than those of secrets.
        return format_html("<code>{}…</code>" if len(handle) == PUBLIC_HANDLE else "<code>mdt_{}_…</code>", handle)

    def _scope(self) -> SafeString:
        return code(value_in_words(self.detail.get("scope")) or self.event.scopes)

    def _scope_name(self) -> SafeString:
        return code(value_in_words(self.detail.get("name")) or self.event.scopes)

    def _scopes(self) -> SafeString:
        listed = self.event.scopes.split()
        return format_html_join(", ", "<code>{}</code>", ((scope,) for scope in listed)) or code("…")

    def _for_scopes(self) -> SafeString:
        return format_html(_(" for {}"), self._scopes()) if self.event.scopes else SafeString()

    def _scope_count(self) -> SafeString:
        n = len(self.event.scopes.split())
        return format_html("{}", ngettext("%(n)s scope", "%(n)s scopes", n) % {"n": n})

    def _changed(self) -> SafeString:
        after = self.detail.get("after", self.detail.get("changed"))
        changed = sorted(name for name in after if isinstance(name, str)) if isinstance(after, (dict, list)) else []
        return format_html("{}", short(", ".join(fact_name(name) for name in changed) or _("its facts")))

    def _added_and_removed(self) -> SafeString:
        counts = [
            (ngettext("%(n)s more", "%(n)s more", n), n)
            if key == "added"
            else (ngettext("%(n)s less", "%(n)s less", n), n)
            for key in ("added", "removed")
            if isinstance(self.detail.get(key), list) and (n := len(self.detail[key]))
        ]
        said = ", ".join(words % {"n": n} for words, n in counts)
        return format_html(": {}", said) if said else SafeString()

    def _move(self) -> SafeString:
        move = said(MOVES, self.detail.get("move"))
        return format_html(" ({})", move) if move else SafeString()

    def _until(self) -> SafeString:
        return self._moment("ends_at")

    def _until_after(self) -> SafeString:
        return self._moment("after")

    def _moment(self, key: str) -> SafeString:
        moment = moment_of(self.detail.get(key))
        return format_html("{}", _("until %(end)s") % {"end": until(moment, self.now)}) if moment else SafeString()

    def _what_changed(self) -> SafeString:
        changes = self.detail.get("changes")
        listed = changes if isinstance(changes, list) else []
        if not listed:
            return format_html("{}", _("nobody answers for it any more"))
        whats = {what for change in listed if isinstance(change, dict) and isinstance(what := change.get("what"), str)}
        return format_html("{}", what_changed(whats))

    def _after_seconds(self) -> SafeString:
        seconds = self.detail.get("seconds")
        figure = (
            f"{number_format(seconds, 2)} s"
            if isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
            else "…"
        )
        return format_html(_("after {}"), figure)

    def _life(self) -> SafeString:
        return format_html("{}", life_in_words(self.detail.get("life")))

    def _count(self) -> SafeString:
        count = self.detail.get("count")
        return format_html("{}", count if isinstance(count, int) else "…")

    def _counted_kind(self) -> SafeString:
        try:
            return format_html("{}", _(Kind(str(self.detail.get("kind"))).facts.meaning))
        except ValueError:
            return format_html("{}", _("refusals"))

    def _receipt(self) -> SafeString:
        person = self.names.person(self.event.user_id) if self.event.user_id else None
        return receipt_sentence(self._agent(), person, self.detail)

    def _code(self, fact: str, otherwise: str, *, key: str = "") -> SafeString:
        return format_html("{}", fact_value(fact, self.detail.get(key or fact)) or otherwise)


PARTS = tuple(
    name[1:] for name in vars(Parts) if name.startswith("_") and name[1].isalpha() and name not in {"_code", "_moment"}
)


def code(text: str) -> SafeString:
    """Return a text in mono, cut short."""
    return format_html("<code>{}</code>", short(text))
