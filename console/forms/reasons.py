"""Forms that ask for nothing but a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LONGEST_REASON = 500


class ReasonForm(forms.Form):
    """Why something is done. Kept with the event, and read by whoever it concerns."""

    reason = forms.CharField(
        label=_("Why?"), max_length=LONGEST_REASON, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, label: str | Promise = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if label:
            self.fields["reason"].label = str(label)
