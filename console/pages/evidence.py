"""Evidence of one consent: a page to read and print, and one signed file that proves the same offline."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from agents.models import User
from consent.evidence import evidence_of, history_of
from consent.evidence_keys import newest_key, sign_evidence
from consent.models import Consent
from consent.screens.who_and_when import moment_of, person_of
from console.agreed import agreed_of, whose_words
from console.names import Names
from console.pages.parts import never_stored, render_page
from console.sentences import tell

MEDIA_TYPE = "application/jose"


def _visible(request: HttpRequest, consent_id: uuid.UUID) -> Consent:
    """Return the consent if this person may see it. What is not theirs to see does not exist for them."""
    viewer: User = person_of(request)
    return get_object_or_404(Consent.objects.visible_to(viewer).with_scopes(), pk=consent_id)


@require_safe
def evidence(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Show the evidence of a consent as one sheet."""
    now, consent = moment_of(request), _visible(request, consent_id)
    viewer = person_of(request)
    events = list(history_of(consent))
    own = consent.user_id == viewer.pk
    context: dict[str, Any] = {
        "consent": consent,
        "evidence": evidence_of(consent, now=now),
        "agreed": (agreed := agreed_of(consent, now)),
        "read_in": _language_in_words(agreed.language),
        "written_by": whose_words(consent),
        "status": consent.status(now),
        "events": tell(events, Names.of(events, viewer), now, quoted=False),
        "kid": key.kid if (key := newest_key(now)) else "",
        "keys_url": settings.ISSUER + reverse("evidence-keys"),
        "back_url": reverse("my-consent" if own else "consent", args=[consent.pk]),
    }
    return never_stored(render_page(request, "console/evidence.html", context))


def _language_in_words(code: str) -> str:
    """Return a language's own name, as it was called on the screen then. One that is not known is told by its code."""
    known = LANG_INFO.get(code) or LANG_INFO.get(code.partition("-")[0], {})
    return str(known.get("name_local", code))


@require_safe
def signed(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Hand out the evidence as one signed file."""
    now, consent = moment_of(request), _visible(request, consent_id)
    content = sign_evidence(evidence_of(consent, now=now), now=now)
    response = HttpResponse(content, content_type=MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="consent-{consent.pk}.jws"'
    response["X-Content-Type-Options"] = "nosniff"
    return never_stored(response)
