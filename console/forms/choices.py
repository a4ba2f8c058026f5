"""Fields that choose among rows: what a row is called there, and which rows a form offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet

from agents.models import User


class OneOf(forms.ModelChoiceField):  # type: ignore[type-arg]  # takes none at run time
    """Choose one row. called: the words for a row in the list. Which rows there are, ``offer`` says."""

    def __init__(self, *, called: Callable[[Any], str] = str, **more: Any) -> None:
        super().__init__(queryset=None, **more)
        self.called = called

    def label_from_instance(self, obj: Any) -> str:
        return self.called(obj)


class SomeOf(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # takes none at run time
    """Choose several rows. called: the words for a row in the list. Which rows there are, ``offer`` says."""

    def __init__(self, *, called: Callable[[Any], str] = str, **more: Any) -> None:
        super().__init__(queryset=None, **more)
        self.called = called

    def label_from_instance(self, obj: Any) -> str:
        return self.called(obj)


def offer(form: forms.Form, name: str, rows: QuerySet[Any]) -> None:
    """Let this field of the form choose among these rows, in their order."""
    field = form.fields[name]
    if not isinstance(field, forms.ModelChoiceField):
        raise TypeError(f"{name} does not choose among rows")
    field.queryset = rows


def offer_words(form: forms.Form, name: str, choices: Sequence[tuple[str, Any]]) -> None:
    """Let this field of the form choose among these values, each with its words."""
    field = form.fields[name]
    if not isinstance(field, forms.ChoiceField):
        raise TypeError(f"{name} does not choose among words")
    field.choices = list(choices)


def person_called(person: User) -> str:
    """Return the name of a person, and the address that tells two of the same name apart."""
    return f"{person.display_name} ({person.email})" if person.name else str(person.email)


def people_who_may_answer() -> QuerySet[User]:
    """Return the people who can be owner or deputy, by name."""
    return User.objects.who_may_own_agents().order_by("name", "email")
