"""Row locks on resources and their scopes, always in this order, and only on what is still offered."""

from __future__ import annotations

from django.utils.translation import gettext as _

from agents.errors import Ended
from agents.models import Resource, Scope


def locked(resource: Resource) -> Resource:
    """Return the resource under a row lock. Raises Ended for one that was removed."""
    resource = Resource.objects.select_for_update().get(pk=resource.pk)
    if resource.ended_at is not None:
        raise Ended(_("%(resource)s was removed already.") % {"resource": resource.name})
    return resource


def locked_scope(scope: Scope) -> tuple[Scope, Resource]:
    """Lock resource and scope, in this order: the rule about sensitive scopes concerns both. Raises Ended."""
    resource = locked(Resource(pk=scope.resource_id))
    scope = Scope.objects.select_for_update().get(pk=scope.pk)
    scope.resource = resource
    if scope.ended_at is not None:
        raise Ended(_("This permission is no longer offered."))
    return scope, resource
