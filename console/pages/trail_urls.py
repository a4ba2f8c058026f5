"""Addresses of the overview, the trail, the consents and the finder."""

from __future__ import annotations

from django.urls import path

from console.pages import consent, consents, consents_bulk, event, evidence, find, overview, trail

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("trail/", trail.trail, name="trail"),
    path("trail/<int:number>/", event.event, name="event"),
    path("consents/", consents.consents, name="consents"),
    path("consents/many/<str:change>/", consents_bulk.change, name="consents-bulk"),
    path("consents/<uuid:consent_id>/", consent.consent, name="consent"),
    path("consents/<uuid:consent_id>/evidence/", evidence.evidence, name="consent-evidence"),
    path("consents/<uuid:consent_id>/evidence/signed/", evidence.signed, name="consent-evidence-file"),
    path("find/", find.find, name="find"),
]
