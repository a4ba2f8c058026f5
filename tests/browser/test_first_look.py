"""What somebody sees who comes to a Mandate for the first time."""

from __future__ import annotations

import pytest

from tests.services.chromium import complaints_of

pytestmark = pytest.mark.browser


def test_the_sign_in_page_opens_whole_and_without_a_complaint(page):
    complaints = complaints_of(page)

    answer = page.goto("/account/login/")

    assert answer.status == 200
    assert page.locator("input[type=password]").is_visible()
    assert complaints == []


def test_no_other_site_can_frame_it(page, running_mandate):
    answer = page.goto("/account/login/")

    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
