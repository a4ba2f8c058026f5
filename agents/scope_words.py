"""The words in which people read a scope. Consents keep those that their human saw, so new words never edit old ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from agents import drift
from agents.actors import Actor, require
from agents.drift import Drift, What
from agents.models import Scope, ScopeWording
from agents.permissions import May
from agents.resource_locks import locked_scope
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record


@dataclass(frozen=True, slots=True)
class Words:
    """What people read of a scope. concerns: whom the data is about, if that is said."""

    title: str
    detail: str
    concerns: str = ""

    def checked(self) -> Words:
        """Return the words as they are kept. Raises InvalidInput."""
        return Words(
            one_line("title", self.title, longest=120),
            one_line("detail", self.detail, longest=500, needed=False),
            one_line("concerns", self.concerns, longest=80, needed=False),
        )

    def as_kept(self) -> dict[str, str]:
        """Return them as a difference keeps them."""
        said = {"title": self.title, "detail": self.detail}
        return {**said, "concerns": self.concerns} if self.concerns else said


@transaction.atomic
def reword_scope(
    scope: Scope,
    *,
    title: str,
    detail: str,
    concerns: str | None = None,
    by: Actor,
    now: datetime,
    same_meaning: str = "",
) -> ScopeWording:
    """Give a scope new words. Consents keep the words that their human saw, and pause until they have seen these.

    concerns: None leaves whom the data is about as it is. same_meaning: why the new words mean the same, where only the writing is mended. Then nobody is asked again.
    Raises Forbidden, Ended, InvalidInput. Records ``scope.reworded``, with that reason.
    """
    scope, resource = locked_scope(scope)
    require(by, May.MANAGE_RESOURCE, resource)
    newest = scope.wording
    drifts = drift_of_words(scope, title=title, detail=detail, concerns=concerns)
    if not drifts:
        return newest
    reason = reason_of(same_meaning) if same_meaning else ""
    wording = add_wording(
        scope,
        version=newest.version + 1,
        meaning=newest.meaning if reason else newest.version + 1,
        words=_new_words(newest, title, detail, concerns),
        by=by,
        now=now,
    )
    record(
        Kind.SCOPE_REWORDED,
        by=by,
        now=now,
        resource_id=resource.pk,
        scopes=[scope.name],
        name=scope.name,
        version=wording.version,
        title=wording.title,
        detail=wording.detail,
        concerns=wording.concerns,
        same_meaning=bool(reason),
        reason=reason,
    )
    if not reason:
        drift.tell(drifts, by=by, now=now)
    return wording


def drift_of_words(scope: Scope, *, title: str, detail: str, concerns: str | None = None) -> list[Drift]:
    """Return how these words differ from the newest ones, or nothing. Raises InvalidInput for words that may not be."""
    newest = scope.wording
    before, after = Words(newest.title, newest.detail, newest.concerns), _new_words(newest, title, detail, concerns)
    return [] if before == after else [Drift(What.WORDING, before.as_kept(), after.as_kept(), scope=scope)]


def _new_words(newest: ScopeWording, title: str, detail: str, concerns: str | None) -> Words:
    return Words(title, detail, newest.concerns if concerns is None else concerns).checked()


def add_wording(scope: Scope, *, version: int, meaning: int, words: Words, by: Actor, now: datetime) -> ScopeWording:
    """Add a version of the words. meaning: the version since which they mean the same."""
    return ScopeWording.objects.create(
        scope=scope,
        version=version,
        meaning=meaning,
        title=words.title,
        detail=words.detail,
        concerns=words.concerns,
        created_at=now,
        created_by=by.user,
    )
