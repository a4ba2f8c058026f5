"""The addresses of the console's pages, one module for each subject. Deny by default: SignInMiddleware."""

from __future__ import annotations

from django.urls import include, path

from console.pages.styleguide import styleguide

urlpatterns = [
    path("", include("console.pages.trail_urls")),
    path("agents/", include("console.pages.agent_urls")),
    path("styleguide/", styleguide, name="styleguide"),
    path("resources/", include("console.pages.resource_urls")),
    path("signals/", include("console.pages.signal_urls")),
]
