"""A consent as it was agreed to, word for word, beside what is left of it now.

``Consent.shown`` is what the screen said (``consent.offer.Offer.as_shown``). It is read with care: an older version, or
a consent that was not given on a screen, may have kept less, and then the wordings that the consent holds are shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from consent.models import Consent, ConsentScope
from consent.whom import detail_with_whom


@dataclass(frozen=True, slots=True)
class AgreedScope:
    """One permission as it was read, and what became of it.

    ticked: the person left it ticked. taken_at: when it was taken away. withdrawn: its resource offers it no longer.
    """

    name: str
    title: str
    detail: str = ""
    access: str = ""
    data_class: str = ""
    required: bool = False
    new: bool = False
    ticked: bool = True
    taken_at: datetime | None = None
    withdrawn: bool = False
    version: int = 0
    granted: tuple[str, ...] = ()
    """For what it was allowed, where it was asked for in detail."""
    lessened: tuple[str, ...] = ()
    """For what it is held now, where that became less."""

    @property
    def is_held(self) -> bool:
        return self.ticked and self.taken_at is None and not self.withdrawn


@dataclass(frozen=True, slots=True)
class AgreedResource:
    name: str
    uri: str = ""
    promise: str = ""
    scopes: list[AgreedScope] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was said on the screen. word_for_word: false where the screen's words were not kept."""

    resources: list[AgreedResource]
    word_for_word: bool
    agent: str = ""
    owner: str = ""
    unit: str = ""
    purpose: str = ""
    registered_purpose: str = ""
    until: str = ""
    language: str = ""
    limits: tuple[str, ...] = ()
    who: dict[str, Any] | None = None
    """The line that asked to know who the person is: title, detail, ticked. None where it was not asked."""


def agreed_of(consent: Consent, now: datetime) -> Agreed:
    """Return what was agreed to, from the consent with its scopes prefetched (``ConsentQuerySet.with_scopes``)."""
    shown = consent.shown if isinstance(consent.shown, dict) else {}
    rows = {str(row.scope_id): row for row in consent.consent_scopes.all()}
    resources = [
        AgreedResource(
            _text(said, "name"),
            _text(said, "uri"),
            _text(said, "promise"),
            [_scope(scope, rows, now) for scope in _listed(said, "scopes")],
        )
        for said in _listed(shown, "resources")
    ]
    return Agreed(
        resources=resources or _from_wordings(rows.values(), now),
        word_for_word=bool(resources),
        limits=tuple(said for said in _list(shown.get("limits")) if isinstance(said, str)),
        who=_who(shown.get("who")),
        **{
            name: _text(shown, name)
            for name in ("agent", "owner", "unit", "purpose", "registered_purpose", "until", "language")
        },
    )


def _who(said: Any) -> dict[str, Any] | None:
    if not isinstance(said, dict) or not _text(said, "title"):
        return None
    return {"title": _text(said, "title"), "detail": _text(said, "detail"), "ticked": said.get("ticked") is True}


def whose_words(consent: Consent | None) -> str:
    """Return who wrote the purpose: ``person`` (who rewrote it), ``owner`` (who registered the agent), or ``agent``.

    Empty where the screen's words were not kept: pages then name nobody. Without a consent it is the owner's.
    """
    if consent is None:
        return "owner"
    shown = consent.shown if isinstance(consent.shown, dict) else {}
    if not _text(shown, "purpose"):
        return ""
    if _text(shown, "purpose") != consent.purpose:
        return "person"
    return "owner" if consent.purpose == _text(shown, "registered_purpose") else "agent"


def _scope(said: dict[str, Any], rows: dict[str, ConsentScope], now: datetime) -> AgreedScope:
    row = rows.get(_text(said, "id"))
    return AgreedScope(
        name=_text(said, "name"),
        title=_text(said, "title") or _text(said, "name"),
        detail=detail_with_whom(_text(said, "detail"), _text(said, "concerns")),
        access=_text(said, "access"),
        data_class=_text(said, "data_class"),
        required=said.get("required") is True,
        new=said.get("new") is True,
        ticked=row is not None,
        taken_at=_taken_at(row, now),
        withdrawn=row is not None and _is_withdrawn(row, now),
        version=version if isinstance(version := said.get("version"), int) else 0,
        granted=tuple(words for words in _list(said.get("granted")) if isinstance(words, str)),
        lessened=_lessened(row),
    )


def _from_wordings(rows: Any, now: datetime) -> list[AgreedResource]:
    found: dict[str, AgreedResource] = {}
    for row in rows:
        resource = row.scope.resource
        place = found.setdefault(str(resource.pk), AgreedResource(resource.name, resource.uri))
        place.scopes.append(
            AgreedScope(
                name=row.scope.name,
                title=row.wording.title,
                detail=detail_with_whom(row.wording.detail, row.wording.concerns),
                access=row.scope.access,
                data_class=row.scope.data_class,
                required=row.required,
                taken_at=_taken_at(row, now),
                withdrawn=_is_withdrawn(row, now),
                version=row.wording.version,
                granted=tuple(row.details_as_agreed),
                lessened=_lessened(row),
            )
        )
    return list(found.values())


def _lessened(row: ConsentScope | None) -> tuple[str, ...]:
    return tuple(row.details_in_words) if row is not None and row.details_before else ()


def _taken_at(row: ConsentScope | None, now: datetime) -> datetime | None:
    return row.ended_at if row is not None and row.ended_at is not None and row.ended_at <= now else None


def _is_withdrawn(row: ConsentScope, now: datetime) -> bool:
    return not row.is_held(now) and _taken_at(row, now) is None


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _listed(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [item for item in _list(said.get(name)) if isinstance(item, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
