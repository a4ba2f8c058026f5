"""Forms of people, set-up and settings. They shape what comes in; ``agents/people.py`` decides."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from agents.accounts import LONGEST_NAME, time_zones
from agents.models import Role
from agents.sign_in import LONGEST_PASSWORD
from console.filters import search_input

ROLES = [(value, capfirst(label)) for value, label in Role.choices]


class TimeZoneField(forms.ChoiceField):
    """A time zone by its name, such as Europe/Vienna. The page's script chooses the browser's own."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Time zone"))
        kwargs.setdefault("help_text", _("Times are shown in it, and “today, 18:00” on a consent means it."))
        kwargs.setdefault("widget", forms.Select(attrs={"data-time-zone": ""}))
        super().__init__(choices=[(name, name.replace("_", " ")) for name in sorted(time_zones())], **kwargs)


def name_field(label: Any = _("Your name")) -> forms.CharField:
    """The field of a person's name, as browsers can fill it in."""
    return forms.CharField(label=label, max_length=LONGEST_NAME, widget=forms.TextInput(attrs={"autocomplete": "name"}))


def password_field() -> forms.CharField:
    """The field of a new password. It is neither shortened nor trimmed on its way."""
    return forms.CharField(
        label=_("Password"),
        max_length=LONGEST_PASSWORD,
        strip=False,
        help_text=_("12 characters or more. A few words are easier to remember than signs."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class SetUpForm(forms.Form):
    """The first administrator and the organisation."""

    name = name_field()
    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    organisation_name = forms.CharField(
        label=_("Organisation"),
        max_length=120,
        help_text=_("People see it on every consent screen."),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    password = password_field()
    time_zone = TimeZoneField(initial="UTC")


class AcceptForm(forms.Form):
    """What somebody who was invited tells of themselves."""

    name = name_field()
    password = password_field()
    time_zone = TimeZoneField(initial="UTC")


class InviteForm(forms.Form):
    """Whom an administrator invites, and as what."""

    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    name = forms.CharField(
        label=_("Name"), max_length=LONGEST_NAME, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, widget=forms.RadioSelect, initial=Role.USER)


class RoleForm(forms.Form):
    """Another role, and why."""

    role = forms.ChoiceField(label=_("Role"), choices=ROLES)
    reason = forms.CharField(label=_("Why?"), max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off"}))


class OwnFactsForm(forms.Form):
    """What people change about themselves."""

    name = name_field()
    time_zone = TimeZoneField(widget=forms.Select)
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("As the browser asks")), *settings.LANGUAGES],
        help_text=_("Of these pages, and of what Mandate writes to you."),
    )


class PolicyForm(forms.Form):
    """The organisation's name and policy."""

    name = forms.CharField(
        label=_("Organisation"), max_length=120, help_text=_("People see it on every consent screen.")
    )
    second_person_activates = forms.BooleanField(
        label=_("A second person activates agents"),
        required=False,
        help_text=_(
            "Whoever submits an agent cannot activate it: another administrator has to look at it, and again when somebody changes it later."
        ),
    )
    dpop_nonces = forms.BooleanField(
        label=_("Proofs of keys need a number from Mandate (DPoP nonces)"),
        required=False,
        help_text=_(
            "So nobody can make a proof ahead of time. Costs agents that use DPoP one more request now and then."
        ),
    )


class PeopleFilter(forms.Form):
    """The filters of the list of people. Whatever the address says, the list works."""

    q = forms.CharField(
        required=False, max_length=100, label=_("Find people"), widget=search_input(_("Name or e-mail"))
    )
    role = forms.ChoiceField(required=False, choices=[("", _("Every role")), *ROLES], label=_("Role"))
    state = forms.ChoiceField(
        required=False,
        choices=[("", _("Everybody")), ("active", _("Can sign in")), ("deactivated", _("Deactivated"))],
        label=_("State"),
    )
