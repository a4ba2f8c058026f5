"""S46: nothing changes by another site's form, by a GET, or inside a frame. In Chromium: ``tests/browser/``."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.utils import timezone

from consent import evidence_keys
from consent.models import AuthorizationCode, Consent
from tests import builders, grants
from tests.consent.asking import DECIDE, answer_of, decides, screen
from tests.security.routes import asks, every_route

pytestmark = pytest.mark.django_db


@pytest.fixture
def strict(weber):
    """Weber's browser at a server that checks CSRF tokens, as the real one does."""
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(weber, backend=builders.SIGN_IN_BACKEND)
    return browser


def test_s46_a_decision_needs_the_token_of_its_own_session_and_our_origin(strict, mallory, discharge_client):
    form = screen(strict, discharge_client)
    other = Browser(enforce_csrf_checks=True)
    other.force_login(mallory, backend=builders.SIGN_IN_BACKEND)
    foreign_token = screen(other, discharge_client)["csrfmiddlewaretoken"]
    assert decides(strict, form, csrfmiddlewaretoken=None).status_code == 403
    assert decides(strict, form, csrfmiddlewaretoken=foreign_token).status_code == 403
    assert decides(strict, form, csrfmiddlewaretoken="x" * 64).status_code == 403
    for origin in ("https://evil.example", "null", "http://testserver.evil.example", "https://testserver"):
        forged = strict.post(DECIDE, {**form, "decision": "allow"}, HTTP_ORIGIN=origin)
        assert forged.status_code == 403, origin
    assert not Consent.objects.exists()
    assert not AuthorizationCode.objects.exists()
    assert "code" in answer_of(decides(strict, form))


def test_s46_revoking_needs_it_too(strict, weber, discharge_client, read_records):
    given = grants.consent(discharge_client, scopes=[read_records], user=weber)
    for path in (f"/consents/{given.pk}/revoke/", f"/consents/{given.pk}/narrow/", "/my-agents/stop/"):
        assert strict.post(path, {"reason": "x"}).status_code == 403
    given.refresh_from_db()
    assert given.revoked_at is None


@pytest.mark.parametrize("method", ["get", "head"])
def test_s46_no_get_changes_anything(mara, own, method):
    browser = builders.browser(mara)
    browser.get("/.well-known/jwks.json")  # makes the first signing key where there is none
    evidence_keys.make_key(now=timezone.now())  # as the first file of evidence does
    for route in every_route():
        status, _, changed = asks(browser, method, route.address(own))
        assert not changed, (route.name, status)


def test_s46_no_page_can_be_framed(mara, own):
    for browser in (builders.browser(mara), builders.browser()):
        saved = browser.cookies.copy()
        for route in every_route():
            page = browser.get(route.address(own))
            browser.cookies = saved.copy()
            if "text/html" not in page.headers.get("Content-Type", ""):
                continue
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"], route.name
            assert page.headers["X-Frame-Options"] == "DENY", route.name
