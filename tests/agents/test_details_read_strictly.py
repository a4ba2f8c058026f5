"""Details and schemas from outside: nothing in them crashes, takes long, hides, or is more than it seems."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.details.narrowing import is_within, narrowed
from agents.details.schema import checked_schema, problem_with
from agents.details.strict_json import NotStrict, strictly
from agents.details.words import in_words
from agents.errors import InvalidInput


def schema(**properties: Any) -> dict[str, Any]:
    return checked_schema(json.dumps({"type": "object", "properties": properties}))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '[{"a": {"b": 1, "b": 1}}]',
        "[NaN]",
        "[-Infinity]",
        "[1e999]",
        "[9007199254740992]",
        "[" + "9" * 5000 + "]",
        '["\\u0000"]',
        '[["\\u0000"]]',
        '{"\\u0000": 1}',
        '["\\ud800"]',
        '{"\\udfff": 1}',
        "[" * 60 + "]" * 60,
        "[" * 100_000,
        "[" * 800 + "]" * 800,
        "{",
        "",
        "[1,]",
        "\ufeff[]",
    ],
)
def test_what_two_readers_could_take_differently_is_not_taken(text: str):
    with pytest.raises(NotStrict):
        strictly(text, deepest=8)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
        max_leaves=6,
    )
)
def test_all_else_is_read_as_it_was_written(value: Any):
    assert strictly(json.dumps(value), deepest=30) == value


@pytest.mark.parametrize(
    "properties",
    [
        {"a": {"type": ["string", "null"]}},
        {"a": {"type": "string", "maxLength": "x"}},
        {"a": {"type": "string", "maxLength": True}},
        {"a": {"type": "string", "maxLength": [1]}},
        {"a": {"type": "array", "items": {"type": "string"}, "maxItems": {}}},
        {"a": {"type": "array"}},
        {"a": {"type": "string", "pattern": "(a+)+$"}},
        {"a": {"$ref": "https://evil.example/schema"}},
        {"a": {"type": "string", "$ref": "#/properties/a"}},
        {"a": {"type": "string", "enum": "x"}},
        {"a": {"type": "number", "multipleOf": 0}},
        {"a.b": {"type": "string"}, "a": {"type": "object", "properties": {"b": {"type": "string"}}}},
        {"": {"type": "string"}},
        {"a b": {"type": "string"}},
        {"a" * 41: {"type": "string"}},
        {"a": None},
        {"a": []},
    ],
)
def test_a_schema_that_cannot_be_kept_to_is_refused_with_a_sentence(properties: dict[str, Any]):
    with pytest.raises(InvalidInput) as refused:
        schema(**properties)
    assert refused.value.field == "schema"


@pytest.mark.parametrize("amount", [0, 0.01, 19.99, 1000.10, 0.07, 123456789.01])
def test_money_is_counted_as_it_is_written(amount: float):
    assert problem_with({"a": amount}, schema(a={"type": "number", "multipleOf": 0.01})) == ""


@pytest.mark.parametrize("amount", [0.001, 19.995, 1e300, 10**50, 1e-300])
def test_what_is_no_whole_number_of_cents_is_refused(amount: float):
    assert "multipleOf" in problem_with({"a": amount}, schema(a={"type": "number", "multipleOf": 0.01}))


def test_a_long_list_is_refused_before_its_items_are_compared():
    unique = schema(
        a={"type": "array", "uniqueItems": True, "items": {"type": "object", "properties": {"k": {"type": "string"}}}}
    )
    begun = time.perf_counter()
    assert "more than 100 items" in problem_with({"a": [{"k": str(number)} for number in range(5_000)]}, unique)
    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize("wild", ["{amount}", "{{amount}}", "{0.__class__}", "%(x)s", "<b>", "\u202eNHA\u2069", "a\nb"])
def test_what_is_asked_stays_text(wild: str):
    said = in_words("To {name}, %(x)s {{amount}} {0.__class__}", {"name": wild, "amount": 5})
    begin, end = "To \u2068", "\u2069, %(x)s {\u20685\u2069} {0.__class__}"
    assert said.startswith(begin)
    assert said.endswith(end)
    inside = said.removeprefix(begin).removesuffix(end)
    assert not any(mark in inside for mark in "\u202e\u2069\u2068\n")


RULES = {"amount": "at_most", "accounts": "subset"}
GRANTED = {"amount": 100, "accounts": ["a", "b"], "to": "Acme"}
numbers = st.integers(-1000, 1000) | st.floats(allow_nan=True, allow_infinity=True) | st.booleans() | st.none()
lists = st.lists(st.sampled_from(["a", "b", "c", True, 1]), max_size=4)


@given(numbers, lists, st.sampled_from(["Acme", "acme", None]))
def test_what_counts_as_within_is_never_more(amount: Any, accounts: list[Any], to: Any):
    asked = {"amount": amount, "accounts": accounts, "to": to}
    if is_within(asked, GRANTED, RULES):
        assert not isinstance(amount, bool)
        assert 0 <= amount <= 100
        assert accounts
        assert all(accounts.count(item) <= 1 and item in ("a", "b") for item in accounts)
        assert to == "Acme"


@pytest.mark.parametrize(
    "asked",
    [
        GRANTED | {"more": 1},
        {name: value for name, value in GRANTED.items() if name != "to"},
        {name: value for name, value in GRANTED.items() if name != "amount"},
        GRANTED | {"amount": 100.01},
        GRANTED | {"amount": "1"},
        GRANTED | {"amount": -1},
        GRANTED | {"accounts": []},
        GRANTED | {"accounts": ["a", "a"]},
        GRANTED | {"accounts": "a"},
        GRANTED | {"accounts": {"a": 1}},
    ],
)
def test_another_shape_is_not_within(asked: dict[str, Any]):
    assert not is_within(asked, GRANTED, RULES)


@pytest.mark.parametrize("choice", [{"amount": 101}, {"amount": -5}, {"to": "Me"}, {"who.name": "x"}, {"accounts": []}])
def test_nobody_makes_a_detail_more(choice: dict[str, Any]):
    shape = schema(
        amount={"type": "number"}, accounts={"type": "array", "items": {"type": "string"}}, to={"type": "string"}
    )
    with pytest.raises(InvalidInput):
        narrowed(GRANTED, choice, RULES | {"who.name": "at_most"}, shape)
