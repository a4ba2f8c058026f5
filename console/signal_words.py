"""What pages say of receivers of signals: what is told, and what came of the last try, in plain words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.models import Stream
from consent.signals.events import (
    CREDENTIAL_CHANGE,
    SESSION_REVOKED,
    STREAM_UPDATED,
    TOKEN_CLAIMS_CHANGE,
    VERIFICATION,
)

TYPES: dict[str, str | Promise] = {
    SESSION_REVOKED: gettext_lazy("Access was taken away"),
    TOKEN_CLAIMS_CHANGE: gettext_lazy("Less is allowed"),
    CREDENTIAL_CHANGE: gettext_lazy("A key was changed"),
    VERIFICATION: gettext_lazy("Test signal"),
    STREAM_UPDATED: gettext_lazy("The stream itself was changed"),
}
ERRORS: dict[str, str | Promise] = {
    "not_reached": gettext_lazy("Nobody answers at its address, or its certificate is not good."),
    "timeout": gettext_lazy("It did not answer in time."),
    "address_not_public": gettext_lazy("Its address leads to a machine that is not public, and such are not called."),
    "secret_unreadable": gettext_lazy("The header for it cannot be read any more. Enter it again."),
    "invalid_request": gettext_lazy("It could not read a signal."),
    "invalid_key": gettext_lazy("It does not know the key that signed. It has to read the published keys again."),
    "invalid_issuer": gettext_lazy("It does not know this Mandate. Look at the issuer in its settings."),
    "invalid_audience": gettext_lazy("It says that it is not meant. Look at the audience in its settings."),
    "authentication_failed": gettext_lazy("It does not accept the header that Mandate sends."),
    "access_denied": gettext_lazy("It does not let Mandate send it signals."),
    "status_401": gettext_lazy("It does not accept the header that Mandate sends (it answered 401)."),
    "status_403": gettext_lazy("It does not let Mandate send it signals (it answered 403)."),
    "status_404": gettext_lazy("Nothing takes signals at this address (it answered 404)."),
    "status_429": gettext_lazy("It asked for a pause (it answered 429)."),
    "status_503": gettext_lazy("It cannot take signals at present (it answered 503)."),
}


def type_in_words(type_: str) -> str:
    """Return what one signal tells."""
    return str(TYPES.get(type_, type_.rpartition("/")[2]))


def error_in_words(error: str) -> str:
    """Return what came of a try. Empty where it was taken."""
    if not error:
        return ""
    known = ERRORS.get(error)
    if known:
        return str(known)
    status = error.removeprefix("status_")
    if status.startswith("3"):
        return _("It sends on to another address (it answered %(status)s), where nothing is sent.") % {"status": status}
    return _("It answered %(status)s.") % {"status": status}


def stopped_in_words(stream: Stream) -> str:
    """Return why nothing is sent, where Mandate itself or its resource stopped that. Empty where a person did."""
    return {
        "not_reached": _(
            "Mandate tried for a week and has stopped. What happens is kept for 30 days; resume it when the receiver works."
        ),
        "unreadable": _(
            "It could not read several signals in a row, so Mandate has stopped. They are kept; resume it when it is mended."
        ),
        "waited_too_long": _("It was paused for 30 days and is off now. Nothing is kept for it."),
        "resource_ended": _("Its resource was removed. Nothing is sent any more."),
        "receiver": _("Its receiver asked for this by its own key."),
    }.get(stream.status_because, "")
