"""A sales team's pay [000#4]: every figure of the scheme, each branch of probation, replay and what-if."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.incentives.errors import (
    InputsRefused,
    NoSchemeInForce,
    SchemeIncomplete,
    SchemeRefused,
    SchemeRuleMissing,
)
from steward_core.incentives.rules import RULE_VERSION, decide, what_if
from steward_core.incentives.schemes import SchemeVersion, month_of_probation, read_scheme, version_for
from steward_core.incentives.statements import PersonMonth, Role, Statement, read_person_month
from steward_core.incentives.templates import TEAM_COMMISSION

NOVEMBER = date(2026, 11, 1)
PERSON = UUID(int=7)


def scheme_document(method: str = "slab", **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {**copy.deepcopy(dict(TEAM_COMMISSION.content)), "method": method}
    document["probation"]["responsibility_base_pay"] = 200_000
    document["technician"]["base_pay"] = 260_000
    return {**document, **changes}


def version(method: str = "slab", **changes: Any) -> SchemeVersion:
    scheme = read_scheme(scheme_document(method, **changes))
    return SchemeVersion(number=3, effective_from=date(2026, 1, 1), rule_version=RULE_VERSION, scheme=scheme)


def person(role: Role = Role.SALES, revenue: int = 0, **more: Any) -> PersonMonth:
    return PersonMonth(PERSON, NOVEMBER, role, revenue, **more)


def statement(of: PersonMonth, method: str = "slab") -> Statement:
    (made,) = decide(version(method), [of])
    return made


def figures(made: Statement) -> dict[str, int]:
    return {line.rule: line.fen for line in made.lines}


def formula(made: Statement, rule: str) -> str:
    return next(line.formula.en for line in made.lines if line.rule == rule)


@pytest.mark.parametrize(
    ("revenue", "base", "slab", "marginal"),
    [
        (1_999_999, 250_000, 200_000, 200_000),
        (2_000_000, 250_000, 300_000, 200_000),
        (3_999_999, 250_000, 600_000, 500_000),
        (4_000_000, 300_000, 800_000, 500_000),
        (5_999_999, 300_000, 1_200_000, 900_000),
        (6_000_000, 400_000, 1_500_000, 900_000),
        (0, 250_000, 0, 0),
        (-5_000, 250_000, 0, 0),
    ],
)
def test_the_table_at_its_bounds(revenue: int, base: int, slab: int, marginal: int) -> None:
    for method, commission in (("slab", slab), ("marginal", marginal)):
        made = statement(person(revenue=revenue), method)
        assert figures(made) == {"base_pay": base, "commission": commission, "monthly_target": 0}
        assert made.total == base + commission


def test_the_monthly_target_is_told_and_pays_nothing() -> None:
    reached, missed = (statement(person(revenue=revenue)).lines[2] for revenue in (2_000_000, 1_999_999))
    assert (reached.inputs["reached"], missed.inputs["reached"]) == (True, False)
    assert missed.formula.en == "19,999.99 misses the target of 20,000.00 by 0.01"
    assert missed.formula.zh == "19,999.99，未达目标 20,000.00，差 0.01"


def test_lines_show_the_formula_that_gave_the_figure() -> None:
    slab = statement(person(revenue=2_000_000))
    assert formula(slab, "commission") == "Tier 2 (20,000.00 – 39,999.99): 20,000.00 × 15% = 3,000.00"
    assert formula(slab, "base_pay") == "Tier 2 (20,000.00 – 39,999.99) = 2,500.00"
    marginal = statement(person(revenue=6_000_001), "marginal")
    assert formula(marginal, "commission") == (
        "Each part at its own rate: 20,000.00 × 10% + 20,000.00 × 15% + 20,000.00 × 20% + 0.01 × 25% "
        "= 9,000.0025 ≈ 9,000.00 (half up to the fen)"
    )
    odd = statement(person(revenue=1_999_999))
    assert "19,999.99 × 10% = 1,999.999 ≈ 2,000.00 (half up to the fen)" in formula(odd, "commission")
    below = statement(person(revenue=-1))
    assert formula(below, "commission") == "Revenue is below zero and earns nothing: 0.00 × 10% = 0.00"
    for line in (*slab.lines, *marginal.lines):
        assert line.title.zh
        assert line.formula.zh
        assert line.formula.zh != line.formula.en


@pytest.mark.parametrize(
    ("month", "before", "revenue", "paid", "reached"),
    [
        (1, (), 500_000, 250_000, True),
        (1, (), 499_999, 200_000, False),
        (2, (0,), 0, 250_000, None),
        (2, (0,), 1_000_000, 250_000, True),
        (3, (0, 400_000), 600_000, 250_000, True),
        (3, (0, 400_000), 599_999, 200_000, False),
        (3, (9_000_000, 0), 0, 200_000, False),
        (3, (0, 1_000_000), 0, 250_000, True),
    ],
)
def test_probation(month: int, before: tuple[int, ...], revenue: int, paid: int, reached: bool | None) -> None:
    made = statement(person(revenue=revenue, probation_month=month, probation_before=before))
    assert made.total == paid
    assert [line.rule for line in made.lines] == [
        "responsibility_pay" if paid == 200_000 else "probation_pay",
        "probation_target",
    ]
    assert made.lines[1].inputs["reached"] is reached
    assert "commission" not in figures(made)


def test_the_month_after_probation_is_paid_by_the_table() -> None:
    assert statement(person(revenue=6_000_000)).total == 1_900_000
    months = [
        month_of_probation(date(2026, 9, 30), date(2026, of, 1), version().scheme.probation) for of in (9, 11, 12)
    ]
    assert months == [1, 3, None]
    with pytest.raises(InputsRefused):
        month_of_probation(date(2026, 12, 2), NOVEMBER, version().scheme.probation)


@pytest.mark.parametrize("method", ["slab", "marginal"])
def test_a_team_leads_bonus_begins_with_the_target(method: str) -> None:
    lead = person(Role.TEAM_LEAD, 6_000_000, team_revenue=14_999_999)
    commission = 1_500_000 if method == "slab" else 900_000
    missed = statement(lead, method)
    assert figures(missed) == {"lead_pay": 300_000, "commission": commission, "team_bonus": 0}
    assert "misses the target of 150,000.00 by 0.01" in formula(missed, "team_bonus")
    reached = statement(replace(lead, team_revenue=15_000_000), method)
    assert figures(reached) == {"lead_pay": 300_000, "commission": commission, "team_bonus": 150_000}
    assert "150,000.00 × 1% = 1,500.00" in formula(reached, "team_bonus")


def test_a_leads_base_does_not_follow_the_table() -> None:
    for revenue in (0, 4_000_000, 9_000_000):
        assert figures(statement(person(Role.TEAM_LEAD, revenue, team_revenue=revenue)))["lead_pay"] == 300_000


def test_a_technician_has_a_share_of_the_department() -> None:
    made = statement(person(Role.TECHNICIAN, department_revenue=33_333_350))
    assert figures(made) == {"technician_pay": 260_000, "department_share": 333_334}
    assert statement(person(Role.TECHNICIAN, department_revenue=-1)).total == 260_000


def test_nothing_is_run_while_the_companys_figures_are_missing() -> None:
    shipped = read_scheme(TEAM_COMMISSION.content)
    unset = SchemeVersion(number=1, effective_from=NOVEMBER, rule_version=RULE_VERSION, scheme=shipped)
    with pytest.raises(SchemeIncomplete) as refused:
        decide(unset, [person(revenue=2_000_000)])
    assert [one.path for one in refused.value.problems] == [("probation", "responsibility_base_pay")]
    assert refused.value.text.en.startswith("Version 1 of the scheme")
    with pytest.raises(SchemeIncomplete) as refused:
        decide(unset, [person(Role.TECHNICIAN, department_revenue=1)])
    assert [one.path for one in refused.value.problems] == [
        ("probation", "responsibility_base_pay"),
        ("technician", "base_pay"),
    ]
    with pytest.raises(SchemeIncomplete):
        what_if(unset, person(), revenue=1)


@pytest.mark.parametrize(
    ("of", "field"),
    [
        (person(Role.TEAM_LEAD), "team_revenue"),
        (person(Role.TECHNICIAN), "department_revenue"),
        (person(Role.TEAM_LEAD, team_revenue=0, probation_month=1), "probation_month"),
        (person(probation_month=0), "probation_month"),
        (person(probation_month=4, probation_before=(1, 2, 3)), "probation_month"),
        (person(probation_month=2), "probation_before"),
        (PersonMonth(PERSON, date(2026, 11, 2), Role.SALES), "month"),
    ],
)
def test_inputs_that_do_not_suffice_are_refused_by_person_and_field(of: PersonMonth, field: str) -> None:
    with pytest.raises(InputsRefused) as refused:
        decide(version(), [person(revenue=1), of])
    assert [one.path for one in refused.value.problems] == [(str(PERSON), field)]


@pytest.mark.parametrize(
    ("stages", "code"),
    [
        ([{"months": [1], "target": 1}, {"months": [3], "target": 1}], "gap"),
        ([{"months": [1, 2], "target": 1}, {"months": [2, 3], "target": 1}], "overlap"),
        ([{"months": [1, 2, 3, 4], "target": 1}], "range"),
        ([{"months": [2, 1, 3], "target": 1}], "order"),
    ],
)
def test_stages_of_probation_cover_each_month_once(stages: list[Any], code: str) -> None:
    document = scheme_document()
    document["probation"]["stages"] = stages
    with pytest.raises(SchemeRefused) as refused:
        read_scheme(document)
    assert refused.value.problems[0].code == code


def test_the_latest_version_that_took_effect_is_in_force() -> None:
    scheme = version().scheme
    versions = [
        SchemeVersion(number=number, effective_from=day, rule_version=1, scheme=scheme)
        for number, day in (
            (1, date(2026, 1, 1)),
            (2, date(2026, 11, 1)),
            (3, date(2026, 11, 1)),
            (4, date(2027, 1, 1)),
        )
    ]
    assert [version_for(versions, day).number for day in (date(2026, 10, 1), NOVEMBER, date(2027, 2, 1))] == [1, 3, 4]
    with pytest.raises(NoSchemeInForce):
        version_for(versions, date(2025, 12, 1))
    with pytest.raises(SchemeRefused):
        SchemeVersion(number=1, effective_from=date(2026, 11, 2), rule_version=1, scheme=scheme)


def test_rules_that_are_not_installed_are_refused() -> None:
    with pytest.raises(SchemeRuleMissing):
        decide(version().model_copy(update={"rule_version": 99}), [person()])


def test_what_if_is_the_same_rule() -> None:
    lead = person(Role.TEAM_LEAD, 4_000_000, team_revenue=14_000_000)
    assert what_if(version(), lead, revenue=5_000_000) == statement(
        replace(lead, revenue=5_000_000, team_revenue=15_000_000)
    )
    assert what_if(version(), lead, revenue=5_000_000, team_revenue=1) == statement(
        replace(lead, revenue=5_000_000, team_revenue=1)
    )
    assert what_if(version(), lead) == statement(lead)


AMOUNTS = st.integers(-100_000, 30_000_000)


@st.composite
def people(draw: st.DrawFn) -> PersonMonth:
    role, month = draw(st.sampled_from(Role)), None
    if role is Role.SALES:
        month = draw(st.sampled_from([None, 1, 2, 3]))
    return PersonMonth(
        uuid4(),
        NOVEMBER,
        role,
        draw(AMOUNTS),
        month,
        tuple(draw(AMOUNTS) for _ in range((month or 1) - 1)),
        draw(AMOUNTS) if role is Role.TEAM_LEAD else None,
        draw(AMOUNTS) if role is Role.TECHNICIAN else None,
    )


def stored(document: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(document))


@given(st.lists(people(), max_size=8), st.sampled_from(["slab", "marginal"]))
def test_stored_inputs_and_scheme_give_the_same_lines_again(team: list[PersonMonth], method: str) -> None:
    first = decide(version(method), team)
    kept = SchemeVersion.model_validate(stored(version(method).model_dump(mode="json")))
    again = decide(kept, [read_person_month(stored(one.given.as_document())) for one in first])
    assert again == first
    assert [stored(line.inputs) for one in again for line in one.lines] == [
        line.inputs for one in first for line in one.lines
    ]


@given(st.lists(people(), max_size=8), st.sampled_from(["slab", "marginal"]))
def test_many_at_once_are_as_each_alone_and_lines_add_up(team: list[PersonMonth], method: str) -> None:
    together = decide(version(method), team)
    assert together == [decide(version(method), [one])[0] for one in team]
    for one in together:
        assert one.total == sum(line.fen for line in one.lines)
        assert all(line.fen >= 0 for line in one.lines)


@given(AMOUNTS, st.integers(0, 1_000_000))
def test_more_revenue_never_pays_less(revenue: int, more: int) -> None:
    for method in ("slab", "marginal"):
        assert (
            statement(person(revenue=revenue + more), method).total >= statement(person(revenue=revenue), method).total
        )


def test_unreadable_inputs_are_refused() -> None:
    with pytest.raises(InputsRefused):
        read_person_month({**person().as_document(), "revenue": "many"})
    with pytest.raises(InputsRefused):
        read_person_month({**person().as_document(), "unknown": 1})
