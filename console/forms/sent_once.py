"""Forms that make something new: pressed twice, or sent again by a reload, they make it once."""

from __future__ import annotations

from django import forms

from console.pages.once import form_token


class SentOnce(forms.Form):
    """Carries a mark by which ``console.pages.once.sent_before`` knows the form again."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False, initial=form_token)
