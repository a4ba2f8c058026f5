"""What is wrong with a form is summed up at its top, and each line leads to the field that it is about."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from tests import builders
from tests.builders import browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation")]


def leads_to_fields(page: str) -> list[str]:
    """The names of the elements to which the summary leads, each of which is there once."""
    summary = re.search(r'<div class="note stop summary".*?</ul>', page, re.DOTALL).group()
    named = re.findall(r'href="#([^"]+)"', summary)
    for name in named:
        assert page.count(f'id="{name}"') == 1, name
    return named


def test_of_a_field_of_one_line_and_of_several_to_choose_from(ada):
    facts = {"name": "", "purpose": "", "kind": "robot", "environment": "moon", "data_classes": ["gossip"]}
    page = browser(ada).post("/agents/register/", {**facts, "scopes": ["none"], "ends_on": "soon"}).content.decode()
    assert set(leads_to_fields(page)) == {
        *("id_name", "id_purpose", "id_kind", "id_environment", "id_data_classes", "id_scopes", "id_ends_on")
    }


def test_of_permissions_that_are_ticked(ada, discharge_assistant):
    url = reverse("agent-scopes", args=[discharge_assistant.pk])
    assert leads_to_fields(browser(ada).post(url, {"scopes": ["none"]}).content.decode()) == ["id_scopes"]


@pytest.mark.parametrize(("change", "field"), [("narrow", "id_take"), ("shorten", "id_until")])
def test_of_many_consents(mara, discharge_client, look_up_staff, see_appointments, change, field):
    builders.consent(builders.person("Somebody"), discharge_client, [look_up_staff, see_appointments])
    page = browser(mara).post(reverse("consents-bulk", args=[change]), {"all": "1", "until": "never", "reason": "x"})
    assert leads_to_fields(page.content.decode()) == [field]


@pytest.mark.parametrize("page", ["/people/invite/", "/resources/new/", "/settings/registration/"])
def test_of_administrators_forms(mara, page):
    assert leads_to_fields(browser(mara).post(page, {"role": "king", "checks": "never"}).content.decode())
