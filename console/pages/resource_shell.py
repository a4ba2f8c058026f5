"""What the pages of one resource share."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.models import Resource, Scope
from agents.permissions import May
from agents.promises import when_it_counts
from consent.screens.who_and_when import person_of


def resource_or_404(request: HttpRequest, resource_id: uuid.UUID) -> Resource:
    """Return the resource. Raises Forbidden for whoever sees no resources at all."""
    require(Actor.of(request), May.SEE_RESOURCES)
    return get_object_or_404(Resource, pk=resource_id)


def scope_or_404(resource: Resource, scope_id: uuid.UUID) -> Scope:
    """Return a permission of this resource that is still offered."""
    scope = get_object_or_404(resource.scopes.filter(ended_at=None).prefetch_related("wordings"), pk=scope_id)
    scope.resource = resource
    return scope


def shell(request: HttpRequest, resource: Resource) -> dict[str, Any]:
    """Return what the head of each page of the resource shows."""
    return {
        "resource": resource,
        "crumbs": [(_("Resources"), reverse("resources"))],
        "promise": when_it_counts(resource),
        "may_manage": person_of(request).has_perm(May.MANAGE_RESOURCE, resource) and resource.ended_at is None,
        "may_decide": person_of(request).has_perm(May.DECIDE_SENSITIVITY, resource) and resource.ended_at is None,
    }
