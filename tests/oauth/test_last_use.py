"""Noting a last use never costs an answer that is certain already."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from agents.models import LastUse
from tests import grants

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]


class Refusing:
    """The engine as it is, but for statements on one table, which it cannot write now."""

    def __call__(self, execute, sql, params, many, context):
        if "agents_lastuse" in sql.lower():
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)


def test_a_code_is_answered_although_its_use_cannot_be_noted(discharge, weber_allows, pkce):
    code = grants.code(weber_allows, pkce)
    LastUse.objects.all().delete()
    with connection.execute_wrapper(Refusing()):
        answer = discharge.redeem(code, pkce)
    assert answer.status_code == 200
    assert not LastUse.objects.exists()
