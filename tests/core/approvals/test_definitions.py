"""Definitions as data: what is refused, conditions, and which definition is for a subject."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from steward_core.approvals.conditions import Condition, Value, holds
from steward_core.approvals.definitions import Definition, definition_for, read_definition
from steward_core.approvals.errors import DefinitionNotFound, DefinitionRefused, ValueMissing
from tests.core.approvals.office import ANNA, FIELDS, defined, document, step


def condition(*clauses: tuple[str, str, Any], match: str = "all") -> dict[str, Any]:
    return {
        "match": match,
        "clauses": [{"field": field, "operator": operator, "value": value} for field, operator, value in clauses],
    }


def met(values: Mapping[str, Value], *clauses: tuple[str, str, Any], match: str = "all") -> bool:
    return holds(Condition.model_validate(condition(*clauses, match=match)), values)


@pytest.mark.parametrize(
    ("broken", "path", "code"),
    [
        (document(), ("steps",), "required"),
        (document(step("a"), step("a")), ("steps",), "repeated"),
        (document(step("a", people=0)), ("steps", "0", "approvers"), "required"),
        (document(step("a"), step("b", need=1)), ("steps", "1", "need"), "unknown"),
        (document(step("a", "n_of_m")), ("steps", "0", "need"), "range"),
        (document(step("a", "n_of_m", need=0)), ("steps", "0", "need"), "range"),
        (
            document(step("a", "n_of_m", need=2, approvers=[{"by": "user", "user": str(ANNA)}])),
            ("steps", "0", "need"),
            "range",
        ),
        (document(step("a", approvers=[{"by": "supervisor"}] * 2)), ("steps", "0", "approvers"), "repeated"),
        (document(step("a", remind_after=[60, 60])), ("steps", "0", "remind_after"), "order"),
        (document(step("a", remind_after=[60], expires_after=60)), ("steps", "0", "expires_after"), "order"),
        (document(step("a", remind_after=[0])), ("steps", "0", "remind_after", "0"), "range"),
        (document(step("a"), when=condition(("size", "eq", 1))), ("when", "clauses", "0", "field"), "unknown"),
        (
            document(step("a", when=condition(("kind", "gt", "x")))),
            ("steps", "0", "when", "clauses", "0", "operator"),
            "operator",
        ),
        (document(step("a"), when=condition(("days", "gt", "many"))), ("when", "clauses", "0", "value"), "type"),
        (document(step("a"), when=condition(("days", "gt", True))), ("when", "clauses", "0", "value"), "type"),
        (document(step("a"), when=condition(("begins", "gt", "soon"))), ("when", "clauses", "0", "value"), "type"),
        (document(step("a"), when=condition(("days", "in", 3))), ("when", "clauses", "0", "value"), "list"),
        (document(step("a"), when=condition(("days", "eq", [3]))), ("when", "clauses", "0", "value"), "list"),
        ({**document(step("a")), "surprise": 1}, ("surprise",), "unknown"),
    ],
)
def test_what_does_not_hold_together_is_refused_with_its_place(
    broken: dict[str, Any], path: tuple[str, ...], code: str
) -> None:
    with pytest.raises(DefinitionRefused) as refused:
        read_definition(broken, FIELDS)
    problem = refused.value.problems[0]
    assert (problem.path, problem.code) == (path, code)
    assert problem.message.zh
    assert problem.message.en


def test_a_definition_survives_being_stored() -> None:
    when = condition(("days", "gt", "2.5"), ("begins", "ge", "2026-01-01"), ("kind", "in", ["sick", "personal"]))
    selectors = [
        {"by": "user", "user": str(ANNA)},
        {"by": "role", "role": "manager"},
        {"by": "supervisor"},
        {"by": "unit_lead", "levels_up": 2},
    ]
    definition = defined(step("a", "n_of_m", approvers=selectors, need=2, when=when), step("b", "any"))
    assert Definition.model_validate_json(definition.model_dump_json()) == definition


def test_conditions_compare_by_kind_of_value() -> None:
    values: dict[str, Value] = {
        "days": Decimal("3.5"),
        "kind": "sick",
        "urgent": True,
        "begins": date(2026, 11, 5),
    }
    assert met(values, ("days", "gt", 3), ("days", "lt", "3.6"), ("kind", "eq", "sick"), ("urgent", "eq", True))
    assert met({**values, "days": 3}, ("days", "eq", "3.0"))
    assert not met({**values, "days": 3}, ("days", "gt", 3))
    assert met(values, ("begins", "ge", "2026-11-05"), ("begins", "lt", "2026-11-06"), ("kind", "ne", "personal"))
    assert met(values, ("kind", "in", ["personal", "sick"]))
    assert not met(values, ("kind", "in", ["personal"]))
    assert met(values, ("days", "gt", 9), ("urgent", "eq", True), match="any")
    assert not met(values, ("days", "gt", 9), ("urgent", "eq", True))


def test_a_value_that_is_missing_decides_nothing() -> None:
    with pytest.raises(ValueMissing):
        met({"urgent": True}, ("urgent", "eq", True), ("days", "gt", 3), match="any")


def test_the_first_definition_whose_condition_holds_is_taken() -> None:
    long = defined(step("a"), key="long", when=condition(("days", "gt", 3)))
    plain, other = defined(step("a"), key="plain"), defined(step("a"), key="other", subject="plan")
    assert definition_for([other, long, plain], "leave", {"days": 4}) is long
    assert definition_for([other, long, plain], "leave", {"days": 3}) is plain
    assert definition_for([other, long, plain], "plan", {}) is other
    with pytest.raises(DefinitionNotFound):
        definition_for([other, long], "leave", {"days": 3})
