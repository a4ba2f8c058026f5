"""Every address of Mandate. A test walks this list: a new page without a rule fails (security.md S55)."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("consent.oauth.urls")),
    path("", include("consent.urls")),
    path("account/", include("console.accounts.urls")),
    path("", include("console.api.urls")),
    path("", include("console.pages.urls")),
    path("", include("console.pages.people_urls")),
    path("", include("console.pages.registration_urls")),
]

handler500 = "console.pages.faults.fault"
