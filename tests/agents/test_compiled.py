"""Querysets compiled once answer as Django answers them, whatever the values are the next time."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db.models import QuerySet

from agents.database.compiled import Compiled
from consent.models import Consent, RefreshToken
from consent.oauth import audience, refresh_token
from tests import grants

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_rows_become_the_same_instances(discharge, weber_allows, pkce, now):
    discharge.redeem(grants.code(weber_allows, pkce), pkce)
    slow = RefreshToken.objects.select_related("family").get()
    quick = refresh_token.PRESENTED.first(slow.token_checksum)
    assert quick is not None
    for one, other in (slow, quick), (slow.family, quick.family):
        assert {field.attname: getattr(one, field.attname) for field in one._meta.concrete_fields} == {
            field.attname: getattr(other, field.attname) for field in other._meta.concrete_fields
        }
    assert {row.scope.resource.uri for row in audience.HELD.all(weber_allows.pk, now)} == {
        scope.resource.uri for scope in weber_allows.scopes(now)
    }


def test_what_counts_now_is_asked_with_the_time_of_now(weber_allows, now):
    for moment in now, weber_allows.ends_at, weber_allows.starts_at - timedelta(seconds=1), now + timedelta(minutes=1):
        slow = Consent.objects.effective(moment).filter(pk=weber_allows.pk).first()
        assert refresh_token.EFFECTIVE.first(weber_allows.pk, moment) == slow
    assert refresh_token.EFFECTIVE.first(uuid.uuid4(), now) is None


def test_a_time_may_stand_at_a_distance(weber_allows, now):
    def began_after(consent_id: UUID, moment: datetime) -> QuerySet[Consent]:
        return Consent.objects.filter(pk=consent_id, starts_at__gt=moment - timedelta(days=14), ends_at__gt=moment)

    began = Compiled(began_after)
    assert began.first(weber_allows.pk, now) == weber_allows
    assert began.first(weber_allows.pk, weber_allows.starts_at + timedelta(days=14)) is None


def test_equal_values_do_not_change_places(weber_allows):
    def named(first: str, second: str) -> QuerySet[Consent]:
        return Consent.objects.filter(purpose=first).exclude(time_zone=second)

    question = Compiled(named)
    assert question.first("same", "same") is None
    assert question.first(weber_allows.purpose, "Mars/Olympus") == weber_allows
    assert question.first(weber_allows.purpose, weber_allows.time_zone) is None
