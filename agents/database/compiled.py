"""Querysets that are compiled once, for the token path: what is asked stays written as a queryset, and in one place.

To build and compile a queryset costs a token request more than its answer. It is the same text each time, with other values
in it; so the text is kept, and where each value stands in it. Rows become instances as Django makes them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators

from agents.database.statements import rows_of

M = TypeVar("M", bound=Model)
Value = uuid.UUID | datetime | str
Place = tuple[int, timedelta | None]
"""Which value, and for a time how far from it (``now - PAUSES_AFTER``)."""


class Compiled(Generic[M]):
    """One queryset. make: returns it for values of which none is empty and no two are equal."""

    def __init__(self, make: Callable[..., QuerySet[M]]) -> None:
        self.make = make

    def all(self, *values: Value) -> list[M]:
        """Return the instances for these values, in one statement."""
        return self._text.instances(values)

    @cached_property
    def _text(self) -> _Text:
        return _Text(self.make)

    def first(self, *values: Value) -> M | None:
        """Return the first of them, or None. The queryset says how many it reads."""
        return next(iter(self.all(*values)), None)


class _Text:
    """The text of a queryset on one engine, and how its rows become instances."""

    def __init__(self, make: Callable[..., QuerySet[Any]]) -> None:
        kinds = list(make.__annotations__.values())[: make.__code__.co_argcount]
        samples: list[Value] = [_sample(str(kind), number) for number, kind in enumerate(kinds)]
        self.compiler = make(*samples).query.get_compiler(DEFAULT_DB_ALIAS)
        self.sql, values = self.compiler.as_sql()
        self.values = list(values)
        self.places = [_place(value, samples) for value in self.values]
        self.populators = get_related_populators(  # type: ignore[call-arg]  # the stubs know a newer Django
            self.compiler.klass_info, self.compiler.select, DEFAULT_DB_ALIAS
        )
        start, *_, end = self.compiler.klass_info["select_fields"]
        self.model = self.compiler.klass_info["model"]
        self.columns = slice(start, end + 1)
        self.names = [column[0].target.attname for column in self.compiler.select[self.columns]]

    def instances(self, values: tuple[Value, ...]) -> list[Any]:
        filled = [
            fixed if place is None else _filled(values[place[0]], place[1])
            for fixed, place in zip(self.values, self.places, strict=True)
        ]
        found = []
        for row in self.compiler.results_iter([rows_of(self.sql, filled, as_django=True)]):
            instance = self.model.from_db(DEFAULT_DB_ALIAS, self.names, row[self.columns])
            for populator in self.populators:
                populator.populate(row, instance)
            found.append(instance)
        return found


def _sample(kind: str, number: int) -> Value:
    """Return a value that stands nowhere else, to be found again in what was compiled."""
    if kind == "UUID":
        return uuid.UUID(int=2**127 + number)
    return datetime(2001 + number, 2, 3, 4, 5, 6, 7, tzinfo=UTC) if kind == "datetime" else f"sample {number} of a text"


def _place(value: Any, samples: list[Value]) -> Place | None:
    for number, sample in enumerate(samples):
        if isinstance(sample, datetime):
            moment = _as_moment(value)
            if moment is not None and abs(moment - sample) < timedelta(days=100):
                return number, moment - sample
        elif value == sample or (isinstance(sample, uuid.UUID) and value == sample.hex):
            return number, None
    return None


def _as_moment(value: Any) -> datetime | None:
    """Return a compiled time: PostgreSQL keeps it, SQLite writes it in UTC without zone."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _filled(value: Value, apart: timedelta | None) -> Value:
    return value + apart if apart and isinstance(value, datetime) else value
