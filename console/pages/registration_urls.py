"""Addresses of programs that registered themselves, and of what administrators decide about them."""

from __future__ import annotations

from django.urls import path

from console.pages import client_changes, registration, unclaimed

urlpatterns = [
    path("unclaimed/", unclaimed.software_list, name="unclaimed"),
    path("unclaimed/<slug:software>/", unclaimed.one_software, name="unclaimed-software"),
    path("unclaimed/<slug:software>/adopt/", unclaimed.adopt, name="unclaimed-adopt"),
    path("unclaimed/<slug:software>/adopt/new/", unclaimed.adopt_new, name="unclaimed-adopt-new"),
    path("unclaimed/<slug:software>/refuse/", unclaimed.refuse, name="unclaimed-refuse"),
    path("programs/<uuid:client_id>/changes/", client_changes.client_changes, name="client-changes"),
    path("settings/registration/", registration.registration, name="registration"),
    path("settings/registration/token/", registration.issue_token, name="registration-token"),
    path(
        "settings/registration/token/<uuid:token_id>/revoke/",
        registration.revoke_token,
        name="registration-token-revoke",
    ),
    path("settings/registration/rule/", registration.add_rule, name="registration-rule"),
    path("settings/registration/rule/<uuid:rule_id>/end/", registration.end_rule, name="registration-rule-end"),
]
