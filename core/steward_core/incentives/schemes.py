"""The scheme of a sales team as versioned data. Nothing here has a default: the figures are a template's or a
tenant's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from steward_core.forms.fields import Money, Percent
from steward_core.forms.problems import problems_of
from steward_core.incentives.errors import InputsRefused, NoSchemeInForce, SchemeRefused
from steward_core.incentives.tiers import CommissionTier, TierMethod, problems_of_tiers
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

MOST_TIERS = 50
MOST_PROBATION = 12


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProbationStage(_Part):
    """Months of probation (1 is the first) that have one target in fen together."""

    months: Annotated[tuple[int, ...], Field(min_length=1, max_length=MOST_PROBATION)]
    target: Money


class Probation(_Part):
    """The first `months` months: base pay without commission. The month that closes a stage below its target pays the
    responsibility base pay 责任底薪 instead, whose amount the company must set (None: not set, nothing can be run)."""

    months: Annotated[int, Field(ge=0, le=MOST_PROBATION)]
    base_pay: Money
    stages: tuple[ProbationStage, ...]
    responsibility_base_pay: Money | None

    def stage_of(self, month: int) -> ProbationStage:
        """The stage that a month of probation belongs to."""
        return next(stage for stage in self.stages if month in stage.months)


class TeamLead(_Part):
    """A lead's base pay stands in place of the table's; from `team_target` on, a share of the team's revenue is
    added."""

    base_pay: Money
    team_target: Money
    extra_percent: Percent


class Technician(_Part):
    """A technician's base pay (None: not set, technicians cannot be paid) and share of the department's revenue."""

    base_pay: Money | None
    percent_of_department: Percent


class TeamScheme(_Part):
    """How a sales team is paid [000#4]. Raises SchemeRefused where it does not hold together."""

    method: TierMethod
    tiers: Annotated[tuple[CommissionTier, ...], Field(max_length=MOST_TIERS)]
    monthly_target: Money
    probation: Probation
    team_lead: TeamLead
    technician: Technician

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        problems = [*problems_of_tiers(self.tiers, "tiers"), *_problems_of_probation(self.probation)]
        if problems:
            raise SchemeRefused(problems=problems)
        return self


class SchemeVersion(_Part):
    """A scheme from a month on: `effective_from` is a first day of a month, `rule_version` the code that works it
    out."""

    number: Annotated[int, Field(ge=1)]
    effective_from: date
    rule_version: Annotated[int, Field(ge=1)]
    scheme: TeamScheme

    @model_validator(mode="after")
    def _begins_a_month(self) -> Self:
        if self.effective_from.day != 1:
            raise SchemeRefused(
                problems=[
                    FieldProblem(
                        ("effective_from",),
                        "month",
                        Bilingual("须从某月 1 日起生效。", "A version takes effect on the first day of a month."),
                    )
                ]
            )
        return self


def read_scheme(document: Mapping[str, Any]) -> TeamScheme:
    """The scheme of a document. Raises SchemeRefused naming every row and field that is wrong."""
    try:
        return TeamScheme.model_validate(document)
    except ValidationError as error:
        raise SchemeRefused(problems=problems_of(error)) from None


def version_for(versions: Sequence[SchemeVersion], month: date) -> SchemeVersion:
    """The version in force in a month: the latest that has taken effect, the higher number where two did at once.

    Raises NoSchemeInForce.
    """
    begun = [version for version in versions if version.effective_from <= month]
    if not begun:
        raise NoSchemeInForce(month=f"{month:%Y-%m}")
    return max(begun, key=lambda version: (version.effective_from, version.number))


def month_of_probation(joined: date, month: date, probation: Probation) -> int | None:
    """Which month of probation a calendar month is: 1 is the month of joining; None once it is over.

    Raises InputsRefused for a month before that of joining.
    """
    number = (month.year - joined.year) * 12 + month.month - joined.month + 1
    if number < 1:
        raise InputsRefused(
            problems=[
                FieldProblem(
                    ("joined",), "future", Bilingual("入职日期晚于核算月份。", "The person joined after this month.")
                )
            ]
        )
    return number if number <= probation.months else None


def _problems_of_probation(probation: Probation) -> Iterator[FieldProblem]:
    covered = [month for stage in probation.stages for month in stage.months]
    for number, stage in enumerate(probation.stages):
        path = ("probation", "stages", str(number), "months")
        first, last = min(stage.months), max(stage.months)
        if tuple(range(first, last + 1)) != stage.months:
            yield FieldProblem(
                path,
                "order",
                Bilingual(
                    f"第 {number + 1} 阶段：月份须连续递增。",
                    f"Stage {number + 1}: its months must follow each other without a gap.",
                ),
            )
        if first < 1 or last > probation.months:
            yield FieldProblem(
                path,
                "range",
                Bilingual(
                    f"第 {number + 1} 阶段：月份须在 1 至 {probation.months} 之间。",
                    f"Stage {number + 1}: its months must lie between 1 and {probation.months}.",
                ),
            )
    for month in range(1, probation.months + 1):
        if covered.count(month) != 1:
            zh, en = ("没有目标", "has no target") if month not in covered else ("有多个目标", "has several targets")
            yield FieldProblem(
                ("probation", "stages"),
                "gap" if month not in covered else "overlap",
                Bilingual(
                    f"试用期第 {month} 个月{zh}；每个月须属于且只属于一个阶段。",
                    f"Month {month} of probation {en}; each month belongs to exactly one stage.",
                ),
            )
