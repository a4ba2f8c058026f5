"""The form by which a permission is asked for in detail: its type, what a request may say, and in which words."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.details.narrowing import Narrowing
from agents.details.schema import LONGEST_SCHEMA
from agents.details.words import LONGEST_WORDS
from agents.models import DetailVersion

EXAMPLE = """{
  "type": "object",
  "properties": {
    "patient": {"type": "string", "title": "patient"}
  },
  "required": ["patient"]
}"""


class DetailTypeForm(forms.Form):
    """A type of details. Its name is asked for once: clients write it."""

    name = forms.CharField(
        label=_("Type"),
        max_length=120,
        help_text=_("What clients write as “type” in authorization_details, for example discharge_letter."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    words = forms.CharField(
        label=_("What people read"),
        max_length=LONGEST_WORDS,
        help_text=_("One sentence. A member in braces stands for what is asked: Read the file of {patient}."),
    )
    schema = forms.CharField(
        label=_("What a request may say (JSON Schema)"),
        max_length=LONGEST_SCHEMA,
        initial=EXAMPLE,
        help_text=_("An object with properties. Whatever the sentence does not name is listed beneath it."),
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "mono"}),
    )
    narrowing = forms.CharField(
        label=_("What people may make less"),
        required=False,
        help_text=_("One member to a line: “amount at_most” for a number, “accounts subset” for a list."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
    )

    def __init__(self, data: Any = None, *, version: DetailVersion | None = None) -> None:
        initial = {}
        if version is not None:
            initial = {
                "words": version.words,
                "schema": json.dumps(version.schema, indent=2, ensure_ascii=False),
                "narrowing": "\n".join(f"{member} {how}" for member, how in sorted(version.narrowing.items())),
            }
        super().__init__(data, initial=initial)
        if version is not None:
            del self.fields["name"]

    def clean_narrowing(self) -> dict[str, str]:
        """Return member to how."""
        found = {}
        for line in self.cleaned_data["narrowing"].splitlines():
            parts = line.split()
            if len(parts) == 1:
                parts.append(Narrowing.AT_MOST.value)
            if len(parts) > 2:
                raise forms.ValidationError(_("One member to a line, and how: at_most or subset."))
            if parts:
                found[parts[0]] = parts[1]
        return found

    def facts(self) -> dict[str, Any]:
        """Return what ``detail_types.add_detail_type`` and ``change_detail_type`` take."""
        return dict(self.cleaned_data)
