"""Addresses under ``/resources/``."""

from __future__ import annotations

from django.urls import path

from console.pages import resource_details, resource_keys, resource_scopes, resources

urlpatterns = [
    path("", resources.resources, name="resources"),
    path("new/", resources.create, name="resource-create"),
    path("<uuid:resource_id>/", resources.resource, name="resource"),
    path("<uuid:resource_id>/edit/", resources.edit, name="resource-edit"),
    path("<uuid:resource_id>/end/", resources.end, name="resource-end"),
    path("<uuid:resource_id>/offline/", resources.allow_offline, name="resource-sensitive-offline"),
    path("<uuid:resource_id>/key/", resource_keys.issue, name="resource-key"),
    path("<uuid:resource_id>/key/<uuid:credential_id>/revoke/", resource_keys.revoke, name="resource-key-revoke"),
    path("<uuid:resource_id>/scopes/add/", resource_scopes.add, name="scope-add"),
    path("<uuid:resource_id>/scopes/<uuid:scope_id>/", resource_scopes.edit, name="scope-edit"),
    path("<uuid:resource_id>/scopes/<uuid:scope_id>/reword/", resource_scopes.reword, name="scope-reword"),
    path("<uuid:resource_id>/scopes/<uuid:scope_id>/end/", resource_scopes.end, name="scope-end"),
    path("<uuid:resource_id>/scopes/<uuid:scope_id>/details/", resource_details.details, name="scope-details"),
    path("<uuid:resource_id>/scopes/<uuid:scope_id>/details/end/", resource_details.end, name="scope-details-end"),
]
