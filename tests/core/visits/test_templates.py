"""The figures of visits: those of the domain files by default, changed as data, refused field by field."""

from __future__ import annotations

from typing import Any

import pytest

from steward_core.industry.declarations import Cadence
from steward_core.industry.registry import industries
from steward_core.visits.templates import (
    FLOOR_KEY,
    CadencePolicy,
    Interval,
    IntervalUnit,
    Step,
    VisitFigures,
    VisitTemplate,
    check_names,
    policy_of,
    read_template,
    template_of,
)
from steward_tenants.errors import InvalidInput
from steward_tenants.texts import Bilingual

POLICY = {"key": "a", "title_zh": "甲", "title_en": "A", "interval": {"every": 1, "unit": "week"}}


def refused(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidInput) as error:
        read_template(document)
    return [(".".join(one.path), one.message.zh, one.message.en) for one in error.value.problems]


def test_the_figures_of_the_domain_are_the_defaults() -> None:
    """Once a month, first visit after a week [000#5]; 4 visits a working day [000#4], 8 at most; 20 clients [002]."""
    figures = VisitFigures()
    assert figures.floor == Interval(every=1, unit=IntervalUnit.MONTH)
    assert not figures.floor_binds
    assert figures.first_visit_days == 7
    assert (figures.least_visits_a_day, figures.most_visits_a_day) == (4, 8)
    assert figures.distinct_clients == 20


def test_the_plugins_ship_their_cadence() -> None:
    def intervals(key: str) -> dict[str, tuple[tuple[str, ...], str]]:
        template = template_of(industries()[key].industry)
        return {one.key: (one.tiers, one.interval.text.en) for one in template.policies}

    assert intervals("telecom") == {"telecom.monthly": ((), "every month")}
    assert intervals("tobacco") == {
        "tobacco.star_5": (("star_5",), "every week"),
        "tobacco.star_4": (("star_4",), "every 2 weeks"),
        "tobacco.star_3": (("star_3",), "every month"),
        "tobacco.star_1_2": (("star_2", "star_1"), "every 2 months"),
    }


@pytest.mark.parametrize("key", ["telecom", "tobacco"])
def test_what_the_plugins_ship_names_only_what_they_declare(key: str) -> None:
    industry = industries()[key].industry
    check_names(
        template_of(industry).policies,
        industries=[key],
        kinds=[kind.key for kind in industry.kinds],
        tiers=[tier.key for tier in industry.tiers],
    )


def test_telecom_promises_the_first_visit_after_the_same_days() -> None:
    telecom = industries()["telecom"].industry
    promise = next(one for one in telecom.promises if one.key == "first_visit")
    assert (promise.limit, promise.clock) == (VisitFigures().first_visit_days, "calendar_days")


def test_a_template_can_be_kept_as_json() -> None:
    shipped = template_of(industries()["tobacco"].industry)
    assert read_template(shipped.model_dump(mode="json")) == shipped
    assert read_template({}) == VisitTemplate()


@pytest.mark.parametrize(
    ("every", "unit", "step", "zh"),
    [
        (1, "day", Step(0, 1), "每天一次"),
        (1, "week", Step(0, 7), "每周一次"),
        (2, "week", Step(0, 14), "每 2 周一次"),
        (1, "month", Step(1, 0), "每月一次"),
        (2, "month", Step(2, 0), "每 2 个月一次"),
        (1, "times_a_month", Step(1, 0), "每月 1 次"),
        (2, "times_a_month", Step(0, 14), "每月 2 次"),
        (4, "times_a_month", Step(0, 7), "每月 4 次"),
    ],
)
def test_steps_of_intervals(every: int, unit: str, step: Step, zh: str) -> None:
    interval = Interval.model_validate({"every": every, "unit": unit})
    assert interval.step == step
    assert interval.text.zh == zh
    assert interval.most_in_month == (every if unit == "times_a_month" else None)


def test_an_industrys_declaration_becomes_a_policy() -> None:
    found = policy_of("farm", Cadence("weekly", Bilingual("每周", "Weekly"), 1, "week", ("A",), ("field",)))
    assert found == CadencePolicy(
        key="farm.weekly",
        title_zh="每周",
        title_en="Weekly",
        interval=Interval(every=1, unit=IntervalUnit.WEEK),
        industry="farm",
        kinds=("field",),
        tiers=("A",),
    )


@pytest.mark.parametrize(
    ("document", "path", "zh", "en"),
    [
        ({"figures": {"least_visits_a_day": 9}}, "figures", "请调整其一", "change one of them"),
        ({"figures": {"most_visits_a_day": 0}}, "figures.most_visits_a_day", "1", "1"),
        ({"figures": {"first_visit_days": -1}}, "figures.first_visit_days", "装机后首访", "First visit"),
        ({"figures": {"nonsense": 1}}, "figures.nonsense", "", ""),
        ({"figures": {"check_in": {"near_metres": 500, "far_metres": 400}}}, "figures.check_in", "拒绝距离", "beyond"),
        ({"figures": {"check_in": {"clock_refused_seconds": 300}}}, "figures.check_in", "时钟", "clock"),
        ({"figures": {"check_in": {"late_refused_hours": 24}}}, "figures.check_in", "延迟", "delay"),
        (
            {"policies": [{**POLICY, "interval": {"every": 29, "unit": "times_a_month"}}]},
            "policies.0.interval",
            "最多 28",
            "at most 28",
        ),
        ({"policies": [{**POLICY, "interval": {"every": 25, "unit": "month"}}]}, "policies.0.interval", "24", "24"),
        ({"policies": [{**POLICY, "interval": {"every": 0, "unit": "week"}}]}, "policies.0.interval.every", "1", "1"),
        ({"policies": [{**POLICY, "interval": {"every": 1, "unit": "year"}}]}, "policies.0.interval.unit", "", ""),
        ({"policies": [POLICY, POLICY]}, "", "规则键重复：a", "more than once: a"),
        ({"policies": [{**POLICY, "key": FLOOR_KEY}]}, "", "平台保留", "the platform's"),
    ],
)
def test_what_does_not_hold_is_refused_by_field(document: dict[str, Any], path: str, zh: str, en: str) -> None:
    problems = refused(document)
    assert [problem[0] for problem in problems] == [path]
    assert zh in problems[0][1]
    assert en in problems[0][2]


def test_policies_about_what_a_tenant_does_not_have_are_refused() -> None:
    given = read_template({"policies": [{**POLICY, "industry": "farm", "kinds": ["field"], "tiers": ["A", "Z"]}]})
    with pytest.raises(InvalidInput) as error:
        check_names(given.policies, industries=["telecom"], kinds=["field"], tiers=["A"])
    assert [(one.path, one.code, one.message.en) for one in error.value.problems] == [
        (("policies", "0", "industry"), "unknown", "“A”: there is no industry farm; choose one that you have."),
        (("policies", "0", "tiers"), "unknown", "“A”: there is no tier Z; choose one that you have."),
    ]


def test_a_tenant_changes_any_figure() -> None:
    found = read_template({"figures": {"distinct_clients": 25, "floor": {"every": 2, "unit": "times_a_month"}}})
    assert (found.figures.distinct_clients, found.figures.floor.step) == (25, Step(0, 14))
    assert found.figures.least_visits_a_day == VisitFigures().least_visits_a_day
