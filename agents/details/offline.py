"""Details at a resource that checks tokens itself stand in each token (RFC 9396 §9.1), where anybody can read them."""

from __future__ import annotations

from django.utils.translation import gettext as _

from agents.errors import InvalidInput
from agents.models import DataClass, DetailType, Resource


def must_not_stand_in_tokens(resource: Resource) -> None:
    """Refuse a resource that checks offline and whose details are about anybody's data. Raises InvalidInput."""
    about_data = DetailType.objects.live().filter(scope__resource=resource).exclude(scope__data_class=DataClass.NONE)
    if resource.is_offline and about_data.exists():
        raise InvalidInput(
            "checks",
            _("%(resource)s checks tokens itself, so details about people's data would stand readable in each token.")
            % {"resource": resource.name},
        )
