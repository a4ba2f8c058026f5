"""Forms about receivers of signals."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.models import Resource
from consent.models import Stream
from consent.signals.events import CREDENTIAL_CHANGE, SESSION_REVOKED, SUPPORTED, TOKEN_CLAIMS_CHANGE
from console.forms.choices import OneOf, offer
from console.forms.sent_once import SentOnce

HEARD = [
    (SESSION_REVOKED, _("Access was taken away: a consent was revoked or paused, an agent suspended or retired")),
    (TOKEN_CLAIMS_CHANGE, _("Less is allowed: a consent was narrowed or ends earlier")),
    (CREDENTIAL_CHANGE, _("A key was issued, revoked or came to its end")),
]


class StreamForm(forms.Form):
    """Where and of what a receiver is told."""

    said_at = {"events_requested": "heard"}

    endpoint_url = forms.CharField(
        label=_("Address that takes signals"),
        max_length=500,
        widget=forms.URLInput(
            attrs={"spellcheck": "false", "autocomplete": "off", "placeholder": "https://records.example.org/signals"}
        ),
        help_text=_("Mandate sends each signal there by POST (RFC 8935)."),
    )
    authorization = forms.CharField(
        label=_("Authorization header"),
        required=False,
        max_length=2_000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "What the receiver wants with each signal, such as Bearer and a secret of its own. Kept encrypted."
        ),
    )
    heard = forms.MultipleChoiceField(
        label=_("What it hears"), choices=HEARD, initial=list(SUPPORTED), widget=forms.CheckboxSelectMultiple
    )
    description = forms.CharField(
        label=_("What it is for"), required=False, max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def facts(self) -> dict[str, Any]:
        """Return what ``streams.create`` and ``streams.change`` take."""
        data = self.cleaned_data
        return {
            "endpoint_url": data["endpoint_url"].strip(),
            "authorization": data["authorization"],
            "events_requested": data["heard"],
            "description": data["description"],
        }


class NewStreamForm(StreamForm, SentOnce):
    """A receiver with the resource that it serves."""

    resource = OneOf(
        label=_("Resource"),
        called=lambda resource: f"{resource.name} · {resource.uri}",
        empty_label=_("Choose a resource"),
        help_text=_("It hears of tokens for this resource, and of nothing else."),
    )
    field_order = ("resource", "endpoint_url", "authorization", "heard", "description")

    def __init__(self, data: Any = None, *, resource: str = "") -> None:
        super().__init__(data, initial={"resource": resource})
        offer(self, "resource", Resource.objects.live().order_by("name", "pk"))


class EditStreamForm(StreamForm):
    """Facts of a receiver that exists. What it asked for by itself and nobody here knows stays asked for."""

    no_header = forms.BooleanField(label=_("Send no header any more"), required=False)
    field_order = ("endpoint_url", "authorization", "no_header", "heard", "description")

    def __init__(self, data: Any = None, *, stream: Stream) -> None:
        initial = {
            "endpoint_url": stream.endpoint_url,
            "heard": [type_ for type_ in SUPPORTED if type_ in stream.events_requested],
            "description": stream.description,
        }
        super().__init__(data, initial=initial)
        self.unknown = [type_ for type_ in stream.events_requested if type_ not in SUPPORTED]
        if stream.authorization_sealed:
            self.fields["authorization"].help_text = _(
                "There is one, which nobody can read. Leave this empty to keep it; at another host it is forgotten."
            )
        else:
            del self.fields["no_header"]

    def facts(self) -> dict[str, Any]:
        """Return the changes. An empty header keeps the one there is."""
        facts = super().facts()
        facts["events_requested"] = [*facts["events_requested"], *self.unknown]
        if not facts["authorization"]:
            facts["authorization"] = "" if self.cleaned_data.get("no_header") else None
        return facts
