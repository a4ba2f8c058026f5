"""Forms about resources and their scopes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.models import Access, Checks, DataClass, Resource, Scope
from agents.resources import LONGEST_CACHE_SECONDS

CHECKS = [
    (Checks.INTROSPECTION, _("It asks Mandate (introspection). A change counts once it asks again.")),
    (Checks.OFFLINE, _("It checks signatures itself (JWKS). A change counts once its tokens have ended.")),
]
DATA = [
    (DataClass.NONE, _("no personal data")),
    (DataClass.PERSONAL, _("personal")),
    (DataClass.HEALTH, _("health")),
    (DataClass.FINANCIAL, _("financial")),
]


class ResourceForm(forms.Form):
    """An API or MCP server that agents call."""

    said_at = {"token_life": "token_minutes"}

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("People read it on the consent screen, such as Patient records."),
    )
    uri = forms.CharField(
        label=_("Address"),
        max_length=255,
        widget=forms.URLInput(attrs={"spellcheck": "false", "placeholder": "https://records.example.org"}),
        help_text=_("Its resource indicator (RFC 8707): tokens name it letter by letter, so it never changes."),
    )
    checks = forms.ChoiceField(
        label=_("How it checks tokens"), choices=CHECKS, initial=Checks.INTROSPECTION, widget=forms.RadioSelect
    )
    cache_seconds = forms.IntegerField(
        label=_("Keeps an answer for (seconds)"),
        min_value=0,
        max_value=LONGEST_CACHE_SECONDS,
        initial=0,
        help_text=_("Of introspection, and for so long a change may go unnoticed there. 0 where it asks each time."),
    )
    token_minutes = forms.IntegerField(
        label=_("A token lives for (minutes)"),
        min_value=1,
        max_value=1440,
        initial=5,
        help_text=_("At most 5 where the resource checks signatures itself."),
    )
    require_dpop = forms.BooleanField(
        label=_("It takes only tokens that are bound to a key (DPoP)"),
        required=False,
        help_text=_("It must check the proofs itself. A copied token is then useless; agents without a key get none."),
    )
    offline_reason = forms.CharField(
        label=_("Why may sensitive permissions stand there?"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Only for checking signatures itself: a revoked token goes on counting there until it ends."),
    )
    operations = forms.CharField(
        label=_("Operations in receipts"),
        required=False,
        max_length=1000,
        help_text=_("Words with blanks between, such as read write. Receipts may name these only."),
    )
    record_types = forms.CharField(
        label=_("Record types in receipts"),
        required=False,
        max_length=1000,
        help_text=_("Such as patient-file draft-letter."),
    )

    def __init__(self, data: Any = None, *, resource: Resource | None = None) -> None:
        initial: dict[str, Any] = {}
        if resource is not None:
            initial = {
                "name": resource.name,
                "checks": resource.checks,
                "cache_seconds": resource.cache_seconds,
                "token_minutes": max(1, round(resource.token_life.total_seconds() / 60)),
                "require_dpop": resource.require_dpop,
                "operations": " ".join(resource.operations),
                "record_types": " ".join(resource.record_types),
            }
        super().__init__(data, initial=initial)
        self.resource = resource
        if resource is not None:
            del self.fields["uri"]
        if resource is None or resource.is_offline or not resource.scopes.filter(ended_at=None).sensitive().exists():
            del self.fields["offline_reason"]

    def facts(self) -> dict[str, Any]:
        """Return what ``resources.create`` and ``resources.change`` take. A life that was left as it is stays exact."""
        data = self.cleaned_data
        facts = {
            "name": data["name"],
            "checks": data["checks"],
            "cache_seconds": data["cache_seconds"],
            "require_dpop": data["require_dpop"],
            "operations": data["operations"].split(),
            "record_types": data["record_types"].split(),
        }
        if self.resource is None or "token_minutes" in self.changed_data:
            facts["token_life"] = timedelta(minutes=data["token_minutes"])
        if "offline_reason" in data:
            facts["offline_reason"] = data["offline_reason"]
        return facts if self.resource is not None else facts | {"uri": data["uri"].strip()}


class ScopeFactsForm(forms.Form):
    """What a permission is: how deep it goes, on which data, for how long at most."""

    said_at = {"longest_life": "longest_days"}

    access = forms.ChoiceField(
        label=_("It lets an agent"), choices=Access.choices, widget=forms.RadioSelect, initial=Access.READ
    )
    data_class = forms.ChoiceField(label=_("Data"), choices=DATA, initial=DataClass.NONE)
    longest_days = forms.IntegerField(
        label=_("Longest time (days)"),
        min_value=1,
        max_value=3653,
        initial=365,
        help_text=_("No consent holds it for longer."),
    )
    required_by_default = forms.BooleanField(
        label=_("Propose it as required"),
        required=False,
        help_text=_("Owners of agents can decide otherwise; a sensitive one needs an administrator’s word too."),
    )
    marked_sensitive = forms.BooleanField(
        label=_("Treat it as sensitive"),
        required=False,
        help_text=_("Health and financial data, and whatever deletes, is sensitive anyway."),
    )

    def facts(self) -> dict[str, Any]:
        """Return what ``resources.add_scope`` and ``scopes.change_scope`` take."""
        names = ("access", "data_class", "required_by_default", "marked_sensitive")
        return {name: self.cleaned_data[name] for name in names} | {
            "longest_life": timedelta(days=self.cleaned_data["longest_days"])
        }


class WordingForm(forms.Form):
    """The words in which people read a permission."""

    title = forms.CharField(
        label=_("In plain words"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("What it lets the agent do, such as Read patient files of ward 3B."),
    )
    detail = forms.CharField(
        label=_("More about it"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What is in it, and what is not."),
    )
    concerns = forms.CharField(
        label=_("Whom the data is about"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Such as patients of the ward, or the person who allows it. Empty where it is about nobody."),
    )


class RewordForm(WordingForm):
    """Other words for a permission that exists."""

    said_at = {"reason": "same_meaning"}

    same_meaning = forms.CharField(
        label=_("If only the writing is mended: why do they mean the same?"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_(
            "Then nobody is asked again. Leave it empty where the meaning is another: what people allowed pauses until "
            "they have seen the new words. Kept in the trail."
        ),
    )

    def words(self) -> dict[str, str]:
        """Return the new words alone."""
        return {name: self.cleaned_data[name] for name in ("title", "detail", "concerns")}


class NewScopeForm(WordingForm, ScopeFactsForm):
    """A new permission with its first wording."""

    name = forms.CharField(
        label=_("Scope"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "records:read"}),
        help_text=_("As programs name it. It never changes."),
    )
    field_order = ("title", "detail", "concerns", "name", "access", "data_class", "longest_days")


class EditScopeForm(ScopeFactsForm):
    """Facts of a permission that exists."""

    def __init__(self, data: Any = None, *, scope: Scope) -> None:
        names = ("access", "data_class", "required_by_default", "marked_sensitive")
        initial = {name: getattr(scope, name) for name in names} | {"longest_days": max(1, scope.longest_life.days)}
        super().__init__(data, initial=initial)

    def facts(self) -> dict[str, Any]:
        """Return the changes. A longest life that was left as it is stays exact."""
        facts = super().facts()
        if "longest_days" not in self.changed_data:
            del facts["longest_life"]
        return facts
