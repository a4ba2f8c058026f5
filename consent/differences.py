"""What is different now from what was agreed to, in words: for the person who decides, and for everybody who asks why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.drift import What
from agents.models import Access, DataClass
from consent.models import Consent
from consent.rule_words import changes_in_words, class_in_words
from consent.whom import detail_with_whom

SHORTLY: dict[str, str | Promise] = {
    What.WORDING: gettext_lazy("its wording changed"),
    What.ACCESS: gettext_lazy("it goes deeper now"),
    What.DATA_CLASS: gettext_lazy("it is about other data now"),
    What.SENSITIVE: gettext_lazy("it counts as sensitive now"),
    What.REQUIRED: gettext_lazy("it is required now"),
    What.REDIRECT_HOST: gettext_lazy("it returns to another place"),
    What.RULE: gettext_lazy("its rule changed"),
    What.DETAILS: gettext_lazy("its details changed"),
}
"""One for each ``What``, for a chip and for the trail."""
ORDER = {what.value: rank for rank, what in enumerate(What)}


def what_changed(whats: Iterable[Any]) -> str:
    """Say in a few words what kinds of things are different."""
    known = sorted((what for what in whats if what in ORDER), key=ORDER.__getitem__)
    return ", ".join(str(SHORTLY[what]) for what in known) or _("something changed")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference as a page draws it: what was, beside what is. title: the permission, or what is meant.

    changed_back: it was different for a while and is as it was agreed to; even so a person looks before it counts again.
    """

    what: str
    title: str
    resource: str
    before: str
    after: str
    before_detail: str = ""
    after_detail: str = ""
    changed_back: bool = False

    @property
    def shortly(self) -> str:
        return what_changed([self.what])


def differences_of(consent: Consent) -> list[Difference]:
    """Return what a paused consent waits for, as it was kept when it paused."""
    kept = consent.paused_because if isinstance(consent.paused_because, list) else []
    found = [_difference(change) for change in kept if isinstance(change, dict) and _text(change.get("what")) in ORDER]
    return sorted(found, key=lambda difference: (ORDER[difference.what], difference.title))


def why_paused(consent: Consent) -> str:
    """Say in a few words why a consent is paused. Empty for one that is not."""
    if consent.paused_at is None:
        return ""
    return _("paused: %(why)s") % {"why": what_changed({difference.what for difference in differences_of(consent)})}


def _difference(change: dict[str, Any]) -> Difference:
    what, before, after = change["what"], change.get("before"), change.get("after")
    common = {"what": what, "resource": _text(change.get("resource")), "changed_back": before == after}
    if what == What.WORDING:
        was, now = _words(before), _words(after)
        return Difference(
            title=was[0], before=was[0], before_detail=was[1], after=now[0], after_detail=now[1], **common
        )
    if what == What.RULE:
        about = class_in_words(_text(change.get("scope_id"))) or _("A rule")
        return Difference(title=about[:1].upper() + about[1:], before=_rule(before), after=_rule(after), **common)
    title = _text(change.get("title")) or _text(change.get("scope")) or _("Where you return to")
    return Difference(title=title, before=_say(what, before), after=_say(what, after), **common)


def _rule(value: Any) -> str:
    return changes_in_words(value) if isinstance(value, dict) else ""


def _words(value: Any) -> tuple[str, str]:
    if not isinstance(value, dict):
        return "", ""
    return _text(value.get("title")), detail_with_whom(_text(value.get("detail")), _text(value.get("concerns")))


def _say(what: str, value: Any) -> str:
    if what == What.ACCESS and value in Access.values:
        return str(Access(value).label)
    if what == What.DATA_CLASS and value in DataClass.values:
        return str(DataClass(value).label)
    if what == What.SENSITIVE:
        return _("sensitive") if value else _("not sensitive")
    if what == What.REQUIRED:
        return _("needed for the task: it cannot be unticked") if value else _("you can take it away")
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value) or _("nowhere")
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
