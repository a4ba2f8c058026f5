"""What is asked about many consents at once: why, what to take away from them, or when they end."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from agents.errors import InvalidInput
from agents.models import Scope
from consent.until import CUSTOM, chosen_end, earlier_ends
from console.forms.choices import SomeOf, offer
from console.forms.reasons import ReasonForm


class BulkForm(ReasonForm):
    """The reason."""

    def __init__(self, data: Mapping[str, Any] | None) -> None:
        super().__init__(data, label=_("Why? Everybody whom it concerns reads this."))

    def shown(self) -> dict[str, Any]:
        """Return what the page says beside the reason."""
        return {}


class NarrowForm(BulkForm):
    """And what to take away from each that holds it."""

    take = SomeOf(widget=forms.CheckboxSelectMultiple, label="")

    def __init__(self, data: Any, *, scopes: Iterable[Scope]) -> None:
        super().__init__(data)
        self.scopes = list(scopes)
        offer(self, "take", Scope.objects.filter(pk__in=[scope.pk for scope in self.scopes]))
        self.fields["take"].error_messages["required"] = _("Choose at least one permission to take away.")

    def shown(self) -> dict[str, Any]:
        """Return the permissions to choose from, each with whether it is chosen."""
        chosen = set(self.data.getlist("take")) if isinstance(self.data, QueryDict) else set()
        return {"scopes": [(scope, str(scope.pk) in chosen) for scope in self.scopes]}


class ShortenForm(BulkForm):
    """And when each of them ends that does not end sooner. latest: when the last of them ends so far."""

    until = forms.CharField(required=False, label=_lazy("New end"))
    until_at = forms.CharField(required=False)

    def __init__(self, data: Any, *, latest: datetime, now: datetime, zone: zoneinfo.ZoneInfo) -> None:
        super().__init__(data)
        self.latest, self.now, self.zone = latest, now, zone
        self.choices = earlier_ends(now, zone, before=latest)
        self.ends_at = latest

    def clean(self) -> dict[str, Any]:
        """Read the end. It must lie ahead; what ends sooner stays as it is."""
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            end = chosen_end(
                cleaned.get("until", ""),
                cleaned.get("until_at", ""),
                latest=self.latest,
                shown_at=self.now,
                now=self.now,
                zone=self.zone,
            )
        except InvalidInput as problem:
            self.add_error("until", problem.sentence)
            return cleaned
        if not self.now < end.ends_at < self.latest:
            self.add_error("until", _("Choose an end that lies ahead and before theirs."))
        self.ends_at = end.ends_at
        return cleaned

    def shown(self) -> dict[str, Any]:
        """Return the ends to choose from, and what was chosen."""
        first = self.choices[0].key if self.choices else CUSTOM
        return {
            "choices": self.choices,
            "until": (self.data.get("until") if self.is_bound else "") or first,
            "until_at": self.data.get("until_at", "") if self.is_bound else "",
            "until_error": self.errors["until"][0] if "until" in self.errors else "",
            "earliest_at": self.now.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M"),
            "latest_at": self.latest.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M"),
            "zone": self.zone.key,
        }
