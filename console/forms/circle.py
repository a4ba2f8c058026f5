"""The form by which an administrator puts somebody into an agent's circle."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.models import User
from agents.models.user import folded_email
from console.forms.reasons import LONGEST_REASON


class CircleForm(forms.Form):
    """Whom the agent may ask from now on, and why. By address: a list of everybody would have thousands of names."""

    person = forms.EmailField(
        label=gettext_lazy("Their e-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    reason = forms.CharField(
        label=gettext_lazy("Why? They and the owner see this."),
        max_length=LONGEST_REASON,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_person(self) -> User:
        """Return who has this address."""
        found = User.objects.active().filter(email=folded_email(self.cleaned_data["person"])).first()
        if found is None:
            raise forms.ValidationError(_("Nobody who can sign in here has this address."))
        return found
