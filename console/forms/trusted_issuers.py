"""The form by which an administrator trusts an issuer to say for whom agents act, and says how far."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.errors import InvalidInput
from agents.models import Client, Scope
from agents.public_keys import LONGEST_TEXT, keys_in_text
from agents.trusted_issuers import Terms
from console.forms.agents import lines
from console.forms.choices import SomeOf, offer, offer_words
from console.forms.reasons import LONGEST_REASON

MOST_CLIENTS = 50
LIVES = [
    (timedelta(hours=1), gettext_lazy("1 hour")),
    (timedelta(hours=8), gettext_lazy("8 hours")),
    (timedelta(days=1), gettext_lazy("1 day")),
    (timedelta(days=7), gettext_lazy("7 days")),
    (timedelta(days=30), gettext_lazy("30 days")),
]


class TrustedIssuerForm(forms.Form):
    """One issuer and its rule."""

    name = forms.CharField(
        label=gettext_lazy("What people call it"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("They read it where it vouched for them, such as St. Anna sign-in."),
    )
    issuer = forms.CharField(
        label=gettext_lazy("Its issuer address"),
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Exactly as its tokens say it (iss)."),
    )
    jwks_uri = forms.CharField(
        label=gettext_lazy("Where its public keys are"),
        required=False,
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Leave it empty to read it from the issuer’s own document."),
    )
    public_keys = forms.CharField(
        label=gettext_lazy("Its public keys"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy("Only for an issuer that publishes none: a JWK Set, a JWK or PEM."),
    )
    email_domains = forms.CharField(
        label=gettext_lazy("Domains of its people’s addresses"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy(
            "One a line, such as st-anna.example. In these, an address that it has verified finds a person the first time. "
            "From then on only its own name for them counts."
        ),
    )
    clients = forms.CharField(
        label=gettext_lazy("Which clients may bring its word"),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy("Client ids, one a line: clients with a key, of agents that act for people."),
    )
    scopes = SomeOf(
        label=gettext_lazy("The most that follows from it"),
        called=lambda scope: f"{scope.wording.title} ({scope.resource.name})",
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Never more than an agent may ask for. People see each consent, and take back what they like."
        ),
    )
    allow_sensitive = forms.BooleanField(
        label=gettext_lazy("Sensitive permissions too"),
        required=False,
        help_text=gettext_lazy(
            "Without a screen, so nobody confirms what it is for. What asks for a fresh sign-in, a passkey or somebody who "
            "agrees is never given like this."
        ),
    )
    consent_life = forms.ChoiceField(label=gettext_lazy("For how long at a time"))
    reason = forms.CharField(
        label=gettext_lazy("Why?"), max_length=LONGEST_REASON, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    said_at = {"keys": "public_keys"}

    def __init__(self, data: Any = None, *, before: Terms | None = None) -> None:
        chosen = before.consent_life if before else timedelta(hours=8)
        initial: dict[str, Any] = {"consent_life": str(int(chosen.total_seconds()))}
        if before:
            initial |= {
                "name": before.name,
                "issuer": before.issuer,
                "jwks_uri": before.jwks_uri,
                "email_domains": "\n".join(sorted(before.email_domains)),
                "clients": "\n".join(sorted(client.client_id for client in before.clients)),
                "scopes": list(before.scopes),
                "allow_sensitive": before.allow_sensitive,
            }
        super().__init__(data, initial=initial)
        self.before = before
        if before:
            self.fields["issuer"].disabled = True
        lives = [(str(int(life.total_seconds())), str(words)) for life, words in LIVES]
        if str(int(chosen.total_seconds())) not in dict(lives):
            lives.insert(0, (str(int(chosen.total_seconds())), str(chosen)))
        offer_words(self, "consent_life", lives)
        scopes = Scope.objects.live().filter(resource__ended_at=None).select_related("resource")
        offer(self, "scopes", scopes.prefetch_related("wordings").order_by("resource__name", "name"))

    def terms(self) -> Terms:
        """Return what was filled in. Raises InvalidInput."""
        data = self.cleaned_data
        keys = keys_in_text("public_keys", data["public_keys"]) if data["public_keys"].strip() else []
        kept = self.before.keys if self.before and not keys and not data["jwks_uri"] else ()
        return Terms(
            name=data["name"],
            issuer=data["issuer"].strip(),
            clients=self._clients(),
            scopes=frozenset(data["scopes"]),
            keys=tuple(keys) or kept,
            jwks_uri=data["jwks_uri"].strip(),
            email_domains=tuple(line.lower().removeprefix("@") for line in lines(data["email_domains"])),
            allow_sensitive=data["allow_sensitive"],
            consent_life=timedelta(seconds=int(data["consent_life"])),
        )

    def _clients(self) -> frozenset[Client]:
        asked = set(lines(self.cleaned_data["clients"]))
        if len(asked) > MOST_CLIENTS:
            raise InvalidInput("clients", _("Give at most %(most)s clients.") % {"most": MOST_CLIENTS})
        found = {
            client.client_id: client for client in Client.objects.select_related("agent").filter(client_id__in=asked)
        }
        missing = sorted(asked - found.keys())
        if missing:
            raise InvalidInput("clients", _("There is no client %(client)s.") % {"client": missing[0][:80]})
        return frozenset(found.values())
