"""Custom values and definitions as pure decisions."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.custom_fields.definitions import clean_changes, clean_definition, clean_target
from steward_core.custom_fields.index import INDEXED_CHARACTERS, LARGEST_INTEGER, after, as_entry_columns
from steward_core.custom_fields.models import FieldType
from steward_core.custom_fields.rules import ValueRules, clean_rules, clean_value, display, from_json, rules_of, to_json
from steward_tenants.errors import InvalidInput
from steward_tenants.people.rules import Unacceptable

OPTIONS = [{"key": "a", "zh": "甲", "en": "First"}, {"key": "b", "zh": "乙", "en": "Second"}]
ROW = UUID(int=7)
BODY = ValueRules(longest=4000)
CHOOSING = rules_of(
    FieldType.CHOICES, {"options": [*OPTIONS, {"key": "c", "zh": "丙", "en": "Third", "retired": True}]}
)

ACCEPTED: list[tuple[FieldType, ValueRules, Any, Any]] = [
    (FieldType.TEXT, ValueRules(), "  𠮷野家（北京）  ", "𠮷野家（北京）"),
    (FieldType.TEXT, ValueRules(), "e\u0301", "\u00e9"),
    (FieldType.TEXT, BODY, "第一行\r\n第二行\t末", "第一行\n第二行\t末"),
    (FieldType.INTEGER, ValueRules(least=-5, most=10**15), -5, -5),
    (FieldType.MONEY, ValueRules(), 1250, 1250),
    (FieldType.DECIMAL, ValueRules(), "0012.500000", "12.5"),
    (FieldType.DECIMAL, ValueRules(), 0.1, "0.1"),
    (FieldType.DECIMAL, ValueRules(), Decimal("-0"), "0"),
    (FieldType.DECIMAL, ValueRules(), 1_000_000, "1000000"),
    (FieldType.DATE, ValueRules(), "2026-11-03", "2026-11-03"),
    (FieldType.DATE, ValueRules(), date(2024, 2, 29), "2024-02-29"),
    (FieldType.DATETIME, ValueRules(), "2026-11-03T09:30:00+08:00", "2026-11-03T01:30:00+00:00"),
    (FieldType.BOOLEAN, ValueRules(), False, False),
    (FieldType.CHOICE, CHOOSING, "b", "b"),
    (FieldType.CHOICES, CHOOSING, ["b", "a"], ["a", "b"]),
]
REFUSED: list[tuple[FieldType, ValueRules, Any, str]] = [
    (FieldType.TEXT, ValueRules(), 5, "text"),
    (FieldType.TEXT, ValueRules(longest=3), "一二三四", "length"),
    (FieldType.TEXT, ValueRules(), "一\n二", "control"),
    (FieldType.TEXT, ValueRules(), "一\x00二", "control"),
    (FieldType.TEXT, BODY, "一\u202e二", "control"),
    (FieldType.TEXT, BODY, "\ud800", "control"),
    (FieldType.TEXT, BODY, "长" * 10_000_000, "length"),
    (FieldType.INTEGER, ValueRules(), True, "integer"),
    (FieldType.INTEGER, ValueRules(), 1.0, "integer"),
    (FieldType.INTEGER, ValueRules(), "1", "integer"),
    (FieldType.INTEGER, ValueRules(), 10**400, "range"),
    (FieldType.INTEGER, ValueRules(least=3), 2, "range"),
    (FieldType.MONEY, ValueRules(), 12.5, "money"),
    (FieldType.DECIMAL, ValueRules(), float("nan"), "finite"),
    (FieldType.DECIMAL, ValueRules(), float("inf"), "finite"),
    (FieldType.DECIMAL, ValueRules(), Decimal("sNaN"), "finite"),
    (FieldType.DECIMAL, ValueRules(), "NaN", "decimal"),
    (FieldType.DECIMAL, ValueRules(), "1e5", "decimal"),
    (FieldType.DECIMAL, ValueRules(), "１２", "decimal"),
    (FieldType.DECIMAL, ValueRules(), Decimal("1E+999999"), "range"),
    (FieldType.DECIMAL, ValueRules(), Decimal("1E-999999"), "places"),
    (FieldType.DECIMAL, ValueRules(), "0.1234567", "places"),
    (FieldType.DECIMAL, ValueRules(most=Decimal(5)), "5.1", "range"),
    (FieldType.DATE, ValueRules(), "2026-02-30", "date"),
    (FieldType.DATE, ValueRules(), "2026/02/03", "date"),
    (FieldType.DATE, ValueRules(), datetime(2026, 1, 1, tzinfo=UTC), "date"),
    (FieldType.DATE, ValueRules(), "1066-10-14", "range"),
    (FieldType.DATETIME, ValueRules(), "2026-11-03T09:30:00", "datetime"),
    (FieldType.DATETIME, ValueRules(), "2026-11-03", "datetime"),
    (FieldType.DATETIME, ValueRules(), "0001-01-01T00:00:00+23:00", "range"),
    (FieldType.BOOLEAN, ValueRules(), 1, "boolean"),
    (FieldType.CHOICE, CHOOSING, "x", "option"),
    (FieldType.CHOICE, CHOOSING, ["a"], "option"),
    (FieldType.CHOICE, CHOOSING, "c", "option_retired"),
    (FieldType.CHOICES, CHOOSING, "a", "list"),
    (FieldType.CHOICES, CHOOSING, ["a", "a"], "twice"),
    (FieldType.CHOICES, CHOOSING, [], "empty"),
    (FieldType.CHOICES, rules_of(FieldType.CHOICES, {"options": OPTIONS, "most": 1}), ["a", "b"], "count"),
]


@pytest.mark.parametrize(("kind", "rules", "value", "stored"), ACCEPTED)
def test_good_values_are_kept_in_one_form(kind: FieldType, rules: ValueRules, value: Any, stored: Any) -> None:
    kept = to_json(clean_value(kind, rules, value))
    assert kept == stored
    assert to_json(clean_value(kind, rules, kept)) == kept


@pytest.mark.parametrize(("kind", "rules", "value", "code"), REFUSED)
def test_bad_values_are_refused(kind: FieldType, rules: ValueRules, value: Any, code: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        clean_value(kind, rules, value)
    assert refused.value.code == code


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters(), max_size=400)
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=8)))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(FieldType), anything)
def test_what_is_let_through_can_be_stored_and_indexed(kind: FieldType, value: Any) -> None:
    rules = ValueRules(longest=4000, options=CHOOSING.options)
    try:
        clean = clean_value(kind, rules, value)
    except Unacceptable:
        return
    stored = json.loads(json.dumps(to_json(clean), allow_nan=False))
    assert to_json(clean_value(kind, rules, stored)) == stored
    assert display(kind, rules, stored, "zh-CN")
    for item in stored if isinstance(stored, list) else [stored]:
        text, number, moment = as_entry_columns("f", from_json(kind, item))
        assert [text is None, number is None, moment is None].count(False) == 1
        assert text is None or (len(text) <= INDEXED_CHARACTERS and "\0" not in text and text.encode())
        assert number is None or abs(number) <= LARGEST_INTEGER


@given(
    st.decimals(min_value=-(10**11), max_value=10**11, places=6),
    st.decimals(min_value=-(10**11), max_value=10**11, places=6),
)
def test_the_index_keeps_the_order_of_decimals(one: Decimal, other: Decimal) -> None:
    first, second = as_entry_columns("f", one)[1], as_entry_columns("f", other)[1]
    assert first is not None
    assert second is not None
    assert (first < second) == (one < other)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
def test_a_prefix_range_holds_exactly_what_begins_with_it(start: str, rest: str) -> None:
    if start.rstrip("\U0010ffff"):
        assert start.encode() <= (start + rest).encode() < after(start).encode()
        assert not after(start).startswith(start)


def test_limits_of_a_type() -> None:
    assert clean_rules(FieldType.TEXT, {"longest": 500, "required": True}) == {"longest": 500, "required": True}
    assert clean_rules(FieldType.DECIMAL, {"least": "0.50", "most": 10}) == {"least": "0.5", "most": "10"}
    assert clean_rules(FieldType.DATE, {"least": "2020-01-01", "most": None}) == {"least": "2020-01-01"}
    assert clean_rules(FieldType.CHOICE, {"options": OPTIONS, "required": False}) == {"options": OPTIONS}


@pytest.mark.parametrize(
    ("kind", "rules", "names"),
    [
        (FieldType.TEXT, {"least": 1, "longest": 0}, {"least", "longest"}),
        (FieldType.TEXT, {"longest": 4001}, {"longest"}),
        (FieldType.INTEGER, {"least": 5, "most": 4}, {"most"}),
        (FieldType.INTEGER, {"least": "5", "required": "yes"}, {"least", "required"}),
        (FieldType.DATE, {"most": "2026-13-01"}, {"most"}),
        (FieldType.CHOICE, {}, {"options"}),
        (FieldType.CHOICE, {"options": []}, {"options"}),
        (FieldType.CHOICE, {"options": [OPTIONS[0], OPTIONS[0]]}, {"options"}),
        (FieldType.CHOICES, {"options": [{"key": "a b", "zh": "甲", "en": "x"}]}, {"options"}),
        (FieldType.CHOICES, {"options": [{"key": "a", "zh": "", "en": "x"}]}, {"options"}),
        (FieldType.BOOLEAN, {"most": 1}, {"most"}),
    ],
)
def test_limits_that_make_no_sense(kind: FieldType, rules: dict[str, Any], names: set[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_rules(kind, rules)
    assert {problem.path[1] for problem in refused.value.problems} == names


def test_a_definition_names_all_that_is_wrong() -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_definition("Bad Key", "colour", {"title_zh": "", "filterable": 1, "colour": "red"})
    assert {problem.path[0] for problem in refused.value.problems} == {
        "key", "type", "title_zh", "title_en", "filterable", "colour",
    }  # fmt: skip
    with pytest.raises(InvalidInput):
        clean_changes(FieldType.TEXT, {"type": "integer"})
    for target in ("clients", "form:", "form:x", "form:a.b.c", "", None, 5):
        with pytest.raises(InvalidInput):
            clean_target(target)
    assert clean_target("form:telecom.vpn_group") == "form:telecom.vpn_group"


def test_values_as_people_read_them() -> None:
    assert display(FieldType.MONEY, ValueRules(), -123456, "zh-CN") == "-1,234.56"
    assert display(FieldType.BOOLEAN, ValueRules(), True, "zh-CN") == "是"
    assert display(FieldType.CHOICES, CHOOSING, ["a", "c", "gone"], "zh-CN") == "甲、丙、gone"
    assert display(FieldType.CHOICES, CHOOSING, ["a", "b"], "en") == "First, Second"
    assert display(FieldType.TEXT, ValueRules(), None, "en") == ""
