"""Sensitivity rules as such: which counts where several classes meet, and who may change them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Forbidden, InvalidInput
from agents.models import Access, ApproverRole, DataClass, Scope, SensitivityClass, SensitivityRule, User
from agents.rule_changes import change_rule
from agents.rules import DEFAULTS, LONGEST_LIFE, Rule, Rules, classes_of, in_class, strictness
from agents.trail.kinds import Kind
from tests import builders
from tests.builders import actor

LIVES = st.integers(5, 5_000_000).map(lambda minutes: timedelta(minutes=minutes)).filter(lambda x: x <= LONGEST_LIFE)
RULES = st.builds(
    Rule,
    purpose_required=st.booleans(),
    longest_life=LIVES,
    fresh_within=st.none() | LIVES,
    passkey_required=st.booleans(),
    approver_role=st.sampled_from([role.value for role in ApproverRole]),
    remember_allowed=st.booleans(),
)
SCOPES = st.builds(
    Scope,
    access=st.sampled_from(Access.values),
    data_class=st.sampled_from(DataClass.values),
    marked_sensitive=st.booleans(),
    longest_life=LIVES,
)


def is_at_least_as_strict(one: Rule, other: Rule) -> bool:
    """Whether whatever the one lets pass, the other lets pass too."""
    return (
        one.purpose_required >= other.purpose_required
        and one.longest_life <= other.longest_life
        and (other.fresh_within is None or (one.fresh_within is not None and one.fresh_within <= other.fresh_within))
        and one.passkey_required >= other.passkey_required
        and strictness(one.approver_role) >= strictness(other.approver_role)
        and one.remember_allowed <= other.remember_allowed
    )


@given(st.fixed_dictionaries(dict.fromkeys(SensitivityClass.values, RULES)), st.lists(SCOPES, max_size=6), st.data())
def test_the_strictest_rule_counts_whatever_the_mix_of_permissions(
    by_class: dict[str, Rule], scopes: list[Scope], data: st.DataObject
) -> None:
    rules = Rules(by_class)
    together = rules.over(scopes)
    for scope in scopes:
        assert is_at_least_as_strict(together, rules.over([scope]))
        for each in classes_of(scope):
            assert is_at_least_as_strict(together, by_class[each])
        assert rules.longest_life(scope) == min([scope.longest_life, rules.over([scope]).longest_life])
    assert rules.over(data.draw(st.permutations(scopes))) == together
    assert rules.over([*scopes, *scopes]) == together
    # Each point comes from one of those that apply: nothing is made up.
    applying = [Rule(), *(by_class[each] for scope in scopes for each in classes_of(scope))]
    for point, value in together.facts().items():
        assert value in [rule.facts()[point] for rule in applying]


@given(SCOPES)
def test_what_counts_as_sensitive_is_confirmed_by_default(scope: Scope) -> None:
    assert Rules(DEFAULTS).over([scope]).purpose_required == scope.is_sensitive


@pytest.mark.django_db
def test_a_class_is_the_same_for_a_permission_and_for_a_queryset(mara: User) -> None:
    at = builders.resource()
    for number, (access, data, marked) in enumerate(
        (access, data, marked) for access in Access.values for data in DataClass.values for marked in (False, True)
    ):
        builders.scope(at, f"s:{number}", access=access, data_class=data, marked_sensitive=marked)
    for key in SensitivityClass.values:
        found = set(Scope.objects.filter(in_class(key)))
        assert found == {scope for scope in Scope.objects.all() if key in classes_of(scope)} != set()


@pytest.mark.django_db
def test_a_change_counts_at_once_and_stands_in_the_trail_with_before_and_after(mara: User, now: datetime) -> None:
    stricter = Rule(purpose_required=True, longest_life=timedelta(days=7), passkey_required=True)
    change_rule("health", stricter, pause_beyond=False, reason="The board wants it.", by=actor(mara), now=now)

    assert Rules.current().by_class == {**DEFAULTS, "health": stricter}
    (event,) = builders.events(Kind.RULE_CHANGED)
    assert event.detail["sensitivity_class"] == "health"
    assert event.detail["before"] == {"longest_life": LONGEST_LIFE.total_seconds(), "passkey_required": False}
    assert event.detail["after"] == {"longest_life": 604800, "passkey_required": True}
    assert (event.actor_id, event.detail["version"]) == (mara.pk, 2)
    assert SensitivityRule.objects.get().changed_by == mara


@pytest.mark.django_db
def test_the_same_rule_again_is_no_change_and_no_event(mara: User, now: datetime) -> None:
    change_rule("health", DEFAULTS["health"], pause_beyond=True, reason="Nothing.", by=actor(mara), now=now)
    assert not builders.events(Kind.RULE_CHANGED)
    assert not SensitivityRule.objects.exists()


@pytest.mark.django_db
def test_nobody_but_an_administrator_changes_a_rule(ada: User, omar: User, weber: User, now: datetime) -> None:
    for person in (ada, omar, weber):
        with pytest.raises(Forbidden):
            change_rule("health", Rule(), pause_beyond=False, reason="For me.", by=actor(person), now=now)
    assert not SensitivityRule.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("longest_life", Rule(longest_life=timedelta(minutes=4))),
        ("longest_life", Rule(longest_life=LONGEST_LIFE + timedelta(days=1))),
        ("fresh_within", Rule(fresh_within=timedelta(seconds=1))),
        ("fresh_within", Rule(fresh_within=timedelta(days=31))),
        ("approver_role", Rule(approver_role="auditor")),
    ],
)
def test_a_rule_that_nobody_could_follow_is_refused(mara: User, now: datetime, field: str, rule: Rule) -> None:
    with pytest.raises(InvalidInput) as problem:
        change_rule("health", rule, pause_beyond=False, reason="Try.", by=actor(mara), now=now)
    assert problem.value.field == field


@pytest.mark.django_db
def test_a_reason_is_needed(mara: User, now: datetime) -> None:
    with pytest.raises(InvalidInput):
        change_rule("health", Rule(), pause_beyond=False, reason=" ", by=actor(mara), now=now)
