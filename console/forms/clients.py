"""Forms about clients and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.client_facts import GRANTS_OF
from agents.models import Agent, AuthMethod, Client, GrantType
from agents.models.agent import Kind as AgentKind
from agents.public_keys import LONGEST_TEXT, PublicKey, keys_in_text
from console.forms.agents import lines
from console.forms.choices import offer_words
from console.forms.last_day import LastDayField, end_of
from console.forms.sent_once import SentOnce
from console.pages.once import form_token

AUTH_METHODS = [
    (AuthMethod.BASIC, _("with a key, in the header (client_secret_basic)")),
    (AuthMethod.POST, _("with a key, in the form (client_secret_post)")),
    (AuthMethod.PRIVATE_KEY_JWT, _("by signing, with a key that only it has (private_key_jwt)")),
    (AuthMethod.NONE, _("without a key: it runs on people’s own devices (none, with PKCE)")),
]


class ClientForm(SentOnce):
    """One registration of an agent's software."""

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Which of its installations this is, such as Discharge Assistant, production."),
    )
    auth_method = forms.ChoiceField(label=_("Proves itself"), choices=AUTH_METHODS, widget=forms.RadioSelect)
    jwks_uri = forms.CharField(
        label=_("Where its public keys are published"),
        required=False,
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Only for one that signs. An https address of a JWK Set; leave it empty to give the keys here."),
    )
    older_reason = forms.CharField(
        label=_("Why it may sign in an older way"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_(
            "Only for one that signs and cannot do otherwise: its assertions may then name the token endpoint, last an "
            "hour and use RS256. Leave it empty for every other."
        ),
    )
    require_dpop = forms.BooleanField(
        label=_("It must prove a key with each token request (DPoP)"),
        required=False,
        help_text=_("Its tokens are then bound to that key, and useless to whoever copies them."),
    )
    redirect_uris = forms.CharField(
        label=_("Where people return to"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_(
            "One address a line, compared letter by letter. On the same machine, the port of 127.0.0.1 is free."
        ),
    )
    refresh = forms.BooleanField(
        label=_("It may go on while the person is away (refresh tokens)"), required=False, initial=True
    )
    require_par = forms.BooleanField(
        label=_("It must push its requests first (PAR)"),
        required=False,
        help_text=_("What it asks for, and why, then stands in no address. Needed where its purpose can name people."),
    )
    asks = forms.BooleanField(
        label=_("It may ask people out of band (CIBA)"),
        required=False,
        help_text=_("For agents without a browser at hand. The person answers in their inbox. Needs a key."),
    )
    notification_endpoint = forms.CharField(
        label=_("Where it is told that somebody answered"),
        required=False,
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "Only with the line above. An https address; leave it empty for an agent that asks again by itself."
        ),
    )

    takes_over = forms.BooleanField(
        label=_("It may take work over from other agents (token exchange)"),
        required=False,
        help_text=_("Only where a person has let the other agent pass work on to this one. Needs a key."),
    )

    def __init__(self, data: Any = None, *, agent: Agent, client: Client | None = None) -> None:
        initial: dict[str, Any] = {"name": agent.name, "auth_method": AuthMethod.BASIC}
        if client is not None:
            initial = {
                "name": client.name,
                "auth_method": client.auth_method,
                "redirect_uris": "\n".join(client.redirect_uris.split()),
                "refresh": GrantType.REFRESH_TOKEN in client.grant_types,
                "require_par": client.require_par,
                "require_dpop": client.require_dpop,
                "jwks_uri": client.jwks_uri,
                "older_reason": client.older_reason,
                "asks": GrantType.CIBA in client.grant_types,
                "takes_over": GrantType.EXCHANGE in client.grant_types,
                "notification_endpoint": client.notification_endpoint,
            }
        super().__init__(data, initial=initial)
        self.agent = agent
        if agent.kind == AgentKind.AUTONOMOUS:
            for name in ("redirect_uris", "refresh", "require_par", "asks", "takes_over", "notification_endpoint"):
                del self.fields[name]
            offer_words(self, "auth_method", AUTH_METHODS[:-1])

    def facts(self) -> dict[str, Any]:
        """Return what ``clients.add`` and ``clients.change`` take."""
        grants = set(GRANTS_OF[AgentKind(self.agent.kind)])
        uris = list(lines(self.cleaned_data.get("redirect_uris", "")))
        asks = self.cleaned_data.get("asks", False)
        if not self.cleaned_data.get("refresh", True):
            grants.discard(GrantType.REFRESH_TOKEN)
        takes_over = self.cleaned_data.get("takes_over", False)
        if asks:
            grants.add(GrantType.CIBA)
        if takes_over:
            grants.add(GrantType.EXCHANGE)
        if (asks or takes_over) and not uris:  # it has no browser to send people to
            grants.discard(GrantType.AUTHORIZATION_CODE)
            if not asks:  # what it takes over is not refreshed
                grants.discard(GrantType.REFRESH_TOKEN)
        return {
            "name": self.cleaned_data["name"],
            "auth_method": self.cleaned_data["auth_method"],
            "grant_types": grants,
            "redirect_uris": uris,
            "notification_endpoint": self.cleaned_data.get("notification_endpoint", "") if asks else "",
            "require_par": self.cleaned_data.get("require_par", False),
            "require_dpop": self.cleaned_data["require_dpop"],
            "jwks_uri": self.cleaned_data["jwks_uri"],
            "older_reason": self.cleaned_data["older_reason"],
        }


class EndsForm(forms.Form):
    """When a key ends by itself."""

    said_at = {"ends_at": "ends_on"}

    ends_on = LastDayField(
        help_text=_("A key that ends by itself is one thing less to forget. Leave it empty for none."),
    )

    def ends_at(self) -> datetime | None:
        """Return the end: the last moment of the day that was chosen, in the person's time zone."""
        return end_of(self.cleaned_data["ends_on"])


class KeyForm(EndsForm):
    """Ask for one more key."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=form_token)


class PublicKeysForm(EndsForm):
    """Give the public halves of keys by which a client signs."""

    public_keys = forms.CharField(
        label=_("Public key"),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("In PEM, as a JWK or as a JWK Set. P-256, Ed25519, or RSA of 2048 bits or more."),
    )
    field_order = ["public_keys", "ends_on"]

    def keys(self) -> list[PublicKey]:
        """Return the keys that were given. Raises InvalidInput."""
        return keys_in_text("public_keys", self.cleaned_data["public_keys"])
