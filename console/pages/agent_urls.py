"""Addresses under ``/agents/``."""

from __future__ import annotations

from django.urls import path

from console.pages import (
    agent,
    agent_circle,
    agent_connect,
    agent_edit,
    agent_moves,
    agent_passing,
    agent_people,
    agent_register,
    agent_review,
    agent_scopes,
    agents,
    client_keys,
    clients,
)

urlpatterns = [
    path("", agents.agents, name="agents"),
    path("register/", agent_register.register, name="agent-register"),
    path("<uuid:agent_id>/", agent.overview, name="agent"),
    path("<uuid:agent_id>/consents/", agent.consents, name="agent-consents"),
    path("<uuid:agent_id>/activity/", agent.activity, name="agent-activity"),
    path("<uuid:agent_id>/edit/", agent_edit.edit, name="agent-edit"),
    path("<uuid:agent_id>/people/", agent_people.people, name="agent-people"),
    path("<uuid:agent_id>/people/hand-over/", agent_people.hand_over, name="agent-hand-over"),
    path("<uuid:agent_id>/people/deputies/", agent_people.deputies, name="agent-deputies"),
    path("<uuid:agent_id>/circle/", agent_circle.circle, name="agent-circle"),
    path("<uuid:agent_id>/circle/<uuid:person_id>/leave/", agent_circle.leave, name="agent-circle-leave"),
    path("<uuid:agent_id>/scopes/", agent_scopes.scopes, name="agent-scopes"),
    path("<uuid:agent_id>/scopes/<uuid:scope_id>/confirm/", agent_scopes.confirm, name="agent-scope-confirm"),
    path("<uuid:agent_id>/passing/", agent_passing.passing, name="agent-passing"),
    path("<uuid:agent_id>/move/<slug:move>/", agent_moves.move, name="agent-move"),
    path("<uuid:agent_id>/changes/", agent_review.changes, name="agent-changes"),
    path("<uuid:agent_id>/stopped/", agent_moves.stopped, name="agent-stopped"),
    path("<uuid:agent_id>/connect/", agent_connect.connect, name="agent-connect"),
    path("<uuid:agent_id>/connect/heard/", agent_connect.heard, name="agent-heard"),
    path("<uuid:agent_id>/clients/", clients.clients, name="agent-clients"),
    path("<uuid:agent_id>/clients/add/", clients.add, name="client-add"),
    path("<uuid:agent_id>/clients/<uuid:client_id>/edit/", clients.edit, name="client-edit"),
    path("<uuid:agent_id>/clients/<uuid:client_id>/end/", clients.end, name="client-end"),
    path(
        "<uuid:agent_id>/clients/<uuid:client_id>/device-codes/",
        agent_circle.client_device_codes,
        name="client-device-codes",
    ),
    path("<uuid:agent_id>/clients/<uuid:client_id>/key/", client_keys.issue, name="client-key"),
    path(
        "<uuid:agent_id>/clients/<uuid:client_id>/key/<uuid:credential_id>/revoke/",
        client_keys.revoke,
        name="client-key-revoke",
    ),
]
