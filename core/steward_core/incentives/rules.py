"""Who earns what in a sales team [000#4], version 1: inputs of many people → a statement for each. Pure.

Never changed once a statement was approved with it: other rules are another version beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from steward_core.incentives.errors import InputsRefused, SchemeIncomplete, SchemeRuleMissing
from steward_core.incentives.explanation import NOTHING, fixed, percent, shares, span, told
from steward_core.incentives.schemes import SchemeVersion, TeamScheme
from steward_core.incentives.statements import Line, PersonMonth, Role, Rule, Statement
from steward_core.incentives.tiers import CommissionTier, Part, TierMethod, TierTable, yuan
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

RULE_VERSION = 1
Rules = Callable[[SchemeVersion, Sequence[PersonMonth]], Iterable[tuple[Line, ...]]]
"""Checks everything at once, and works out the lines one person after another, as they are asked for."""
_NEGATIVE = Bilingual("业绩为负，不计提成：", "Revenue is below zero and earns nothing: ")


def decide(version: SchemeVersion, people: Sequence[PersonMonth]) -> list[Statement]:
    """A statement for each person, in the order given, by the rules that the version names.

    Raises SchemeIncomplete, InputsRefused, SchemeRuleMissing: one person's fault stops all, so that a run is whole.
    """
    return [
        Statement(given, version.number, version.rule_version, lines)
        for given, lines in zip(people, _rules_of(version)(version, people), strict=True)
    ]


def check(version: SchemeVersion, people: Sequence[PersonMonth]) -> None:
    """Raise what `decide` would, without working anything out."""
    _rules_of(version)(version, people)


def _rules_of(version: SchemeVersion) -> Rules:
    rules = RULES.get(version.rule_version)
    if rules is None:
        raise SchemeRuleMissing(rule_version=version.rule_version)
    return rules


def what_if(version: SchemeVersion, person: PersonMonth, **changes: Any) -> Statement:
    """A person's statement if some inputs were others. A lead's own revenue moves the team's with it, unless that is
    given too. Raises as `decide`."""
    if "revenue" in changes and "team_revenue" not in changes and person.team_revenue is not None:
        changes["team_revenue"] = person.team_revenue + changes["revenue"] - person.revenue
    (statement,) = decide(version, [replace(person, **changes)])
    return statement


def _decide_team(version: SchemeVersion, people: Sequence[PersonMonth]) -> Iterator[tuple[Line, ...]]:
    scheme = version.scheme
    if missing := list(_unset(scheme, people)):
        raise SchemeIncomplete(version=version.number, problems=missing)
    if wrong := [problem for given in people for problem in _wrong(scheme, given)]:
        raise InputsRefused(problems=wrong)
    team = _Team(scheme)
    return (team.lines(given) for given in people)


RULES: Mapping[int, Rules] = {RULE_VERSION: _decide_team}
"""Every version of the rules that statements were made with."""


class _Team:
    """One scheme for many people: what is the same for all is worked out once."""

    def __init__(self, scheme: TeamScheme) -> None:
        self.scheme = scheme
        self.table = TierTable(scheme.tiers, scheme.method)
        self._spans = [_reached(number, tier) for number, tier in enumerate(scheme.tiers, 1)]
        self._by_role = {Role.SALES: self._sales, Role.TEAM_LEAD: self._lead, Role.TECHNICIAN: self._technician}

    def lines(self, given: PersonMonth) -> tuple[Line, ...]:
        return self._by_role[given.role](given)

    def _sales(self, given: PersonMonth) -> tuple[Line, ...]:
        if given.probation_month is not None:
            return self._probation(given, given.probation_month)
        row = self.table.reached(given.revenue)
        inputs = {"revenue": given.revenue, "tier": row + 1}
        base = fixed(Rule.BASE_PAY, self.scheme.tiers[row].base_pay, inputs, self._spans[row])
        target = self.scheme.monthly_target
        return (
            base,
            self._commission(given),
            told(
                Rule.MONTHLY_TARGET,
                {"revenue": given.revenue, "target": target, "reached": given.revenue >= target},
                _against(given.revenue, target),
            ),
        )

    def _commission(self, given: PersonMonth) -> Line:
        parts = self.table.parts(given.revenue)
        inputs = {
            "revenue": given.revenue,
            "method": self.scheme.method.value,
            "parts": [[part.amount, percent(part.rate_percent)] for part in parts],
        }
        if given.revenue < 0:
            return shares(Rule.COMMISSION, parts, inputs, _NEGATIVE)
        before = self._spans[self.table.reached(given.revenue)] if self.scheme.method is TierMethod.SLAB else _BY_PARTS
        return shares(Rule.COMMISSION, parts, inputs, Bilingual(f"{before.zh}：", f"{before.en}: "))

    def _probation(self, given: PersonMonth, month: int) -> tuple[Line, ...]:
        probation = self.scheme.probation
        stage = probation.stage_of(month)
        earlier = [given.probation_before[one - 1] for one in stage.months if one < month]
        revenue, last = sum(earlier) + given.revenue, stage.months[-1]
        reached = revenue >= stage.target
        missed = month == last and not reached
        inputs = {"probation_month": month, "months": list(stage.months), "revenue": revenue, "target": stage.target}
        which = Bilingual(f"试用期第 {month} 个月", f"Month {month} of probation")
        if missed and probation.responsibility_base_pay is not None:
            pay = fixed(
                Rule.RESPONSIBILITY_PAY,
                probation.responsibility_base_pay,
                inputs,
                Bilingual(
                    f"{which.zh}，未达目标，只发责任底薪", f"{which.en}, target missed: responsibility base pay only"
                ),
            )
        else:
            pay = fixed(
                Rule.PROBATION_PAY,
                probation.base_pay,
                inputs,
                Bilingual(f"{which.zh}，不计提成", f"{which.en}, no commission"),
            )
        listed = "、".join(map(str, stage.months)), ", ".join(map(str, stage.months))
        against = _against(revenue, stage.target)
        if not reached and not missed:
            against = Bilingual(
                f"{yuan(revenue)}，目标 {yuan(stage.target)}，第 {last} 个月考核",
                f"{yuan(revenue)} towards {yuan(stage.target)}, decided in month {last}",
            )
        told_inputs = {**inputs, "reached": True if reached else False if missed else None}
        what = Bilingual(
            f"试用期第 {listed[0]} 个月合计：{against.zh}", f"Month(s) {listed[1]} of probation together: {against.en}"
        )
        return pay, told(Rule.PROBATION_TARGET, told_inputs, what)

    def _lead(self, given: PersonMonth) -> tuple[Line, ...]:
        lead, revenue = self.scheme.team_lead, given.team_revenue or 0
        reached = revenue >= lead.team_target
        inputs = {"team_revenue": revenue, "target": lead.team_target, "reached": reached}
        against = _against(revenue, lead.team_target)
        team = Bilingual(f"团队业绩（含本人）{against.zh}", f"The team's revenue, own included: {against.en}")
        bonus = (
            shares(
                Rule.TEAM_BONUS,
                (Part(max(revenue, 0), lead.extra_percent),),
                inputs,
                Bilingual(f"{team.zh}；", f"{team.en}; "),
            )
            if reached
            else told(Rule.TEAM_BONUS, inputs, team)
        )
        return (
            fixed(Rule.LEAD_PAY, lead.base_pay, {}, Bilingual("团队主管固定底薪", "A team lead's fixed base pay")),
            self._commission(given),
            bonus,
        )

    def _technician(self, given: PersonMonth) -> tuple[Line, ...]:
        technician, revenue = self.scheme.technician, given.department_revenue or 0
        part = Part(max(revenue, 0), technician.percent_of_department)
        return (
            fixed(
                Rule.TECHNICIAN_PAY,
                technician.base_pay or 0,
                {},
                Bilingual("技术人员底薪", "A technician's base pay"),
            ),
            shares(
                Rule.DEPARTMENT_SHARE,
                (part,),
                {"department_revenue": revenue},
                _NEGATIVE if revenue < 0 else NOTHING,
            ),
        )


_BY_PARTS = Bilingual("分段累进", "Each part at its own rate")


def _reached(number: int, tier: CommissionTier) -> Bilingual:
    return Bilingual(f"第 {number} 档（{span(tier)}）", f"Tier {number} ({span(tier)})")


def _against(revenue: int, target: int) -> Bilingual:
    """A revenue against its target, with what is missing."""
    have, wanted = yuan(revenue), yuan(target)
    if revenue >= target:
        return Bilingual(f"{have}，达到目标 {wanted}", f"{have} reaches the target of {wanted}")
    short = yuan(target - revenue)
    return Bilingual(f"{have}，未达目标 {wanted}，差 {short}", f"{have} misses the target of {wanted} by {short}")


def _unset(scheme: TeamScheme, people: Sequence[PersonMonth]) -> Iterator[FieldProblem]:
    """The company's own figures that are not set. The responsibility base pay is asked for before anybody can miss a
    target, so that no month's closing is the first to find it missing."""
    if scheme.probation.months and scheme.probation.responsibility_base_pay is None:
        yield FieldProblem(
            ("probation", "responsibility_base_pay"),
            "required",
            Bilingual(
                "责任底薪未设定：试用期未达目标时发放的金额由企业决定。",
                "The responsibility base pay is not set: the company decides what a missed probation target pays.",
            ),
        )
    if scheme.technician.base_pay is None and any(given.role is Role.TECHNICIAN for given in people):
        yield FieldProblem(
            ("technician", "base_pay"),
            "required",
            Bilingual(
                "技术人员底薪未设定，而本次核算中有技术人员。",
                "The technician's base pay is not set, and there are technicians in this run.",
            ),
        )


def _wrong(scheme: TeamScheme, given: PersonMonth) -> Iterator[FieldProblem]:
    def problem(field: str, code: str, zh: str, en: str) -> FieldProblem:
        return FieldProblem((str(given.person), field), code, Bilingual(zh, en))

    if given.month.day != 1:
        yield problem("month", "month", "月份应写作当月 1 日。", "A month is written as its first day.")
    if given.role is Role.TEAM_LEAD and given.team_revenue is None:
        yield problem("team_revenue", "required", "主管须有团队业绩。", "A team lead needs the team's revenue.")
    if given.role is Role.TECHNICIAN and given.department_revenue is None:
        yield problem(
            "department_revenue", "required", "技术人员须有部门业绩。", "A technician needs the department's revenue."
        )
    month = given.probation_month
    if month is None:
        return
    if given.role is not Role.SALES:
        yield problem(
            "probation_month",
            "role",
            "只有销售有试用期目标；试用期内请按销售核算，或将试用月留空。",
            "Only sales have targets of probation; pay the person as sales until then, or leave the month empty.",
        )
    elif not 1 <= month <= scheme.probation.months:
        yield problem(
            "probation_month",
            "range",
            f"试用月须在 1 至 {scheme.probation.months} 之间。",
            f"A month of probation lies between 1 and {scheme.probation.months}.",
        )
    elif len(given.probation_before) != month - 1:
        yield problem(
            "probation_before",
            "length",
            f"须有此前 {month - 1} 个试用月的业绩。",
            f"The revenue of the {month - 1} month(s) of probation before this one is needed.",
        )
