"""The figures of visits as data: cadence policies and what a month asks for. A tenant can change every one of them.

How often profiles are confirmed is data of clients (`clients.policies.FRESHNESS`) and is not repeated here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from steward_core.forms.fields import Choice, Refused, field
from steward_core.forms.problems import problems_of
from steward_core.industry.declarations import Cadence, Industry
from steward_core.industry.registry import full_key
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual

SHORTEST_MONTH = 28
"""Days that every calendar month has."""
DAYS_OF_MONTH = Fraction(487, 16)
"""Days of a month on the average, for telling which of two intervals is the longer one."""
FLOOR_KEY = "visits.floor"
_Name = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
_Names = Annotated[tuple[_Name, ...], Field(max_length=100)]
_Title = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Step(NamedTuple):
    """What is added to a day, as `make_interval(months => …, days => …)` adds it: calendar months first, at the
    month's last day where it has no such day."""

    months: int
    days: int


class IntervalUnit(Choice):
    """What an interval counts: days, weeks, months between two visits, or visits in a month."""

    DAY = "day", "天", "days"
    WEEK = "week", "周", "weeks"
    MONTH = "month", "月", "months"
    TIMES_A_MONTH = "times_a_month", "每月次数", "times a month"


_LONGEST: Mapping[IntervalUnit, int] = {
    IntervalUnit.DAY: 366,
    IntervalUnit.WEEK: 52,
    IntervalUnit.MONTH: 24,
    IntervalUnit.TIMES_A_MONTH: SHORTEST_MONTH,
}


class Interval(_Data):
    """How often: every so many days, weeks or months, or so many times a month."""

    every: Annotated[int, Field(ge=1, le=366), field("间隔", "Every")]
    unit: Annotated[IntervalUnit, field("单位", "Unit")]

    @model_validator(mode="after")
    def _in_range(self) -> Interval:
        longest = _LONGEST[self.unit]
        if self.every > longest:
            unit = self.unit.title
            raise Refused(
                f"单位为“{unit.zh}”时最多 {longest}，请改小。", f"counted in {unit.en}, give at most {longest}."
            )
        return self

    @property
    def step(self) -> Step:
        """From one visit to the next. N times a month is the N-th part of the shortest month, so that no month has
        fewer than N; `most_in_month` keeps it from having more."""
        if self.unit is IntervalUnit.MONTH or (self.unit is IntervalUnit.TIMES_A_MONTH and self.every == 1):
            return Step(self.every, 0)
        if self.unit is IntervalUnit.TIMES_A_MONTH:
            return Step(0, SHORTEST_MONTH // self.every)
        return Step(0, self.every * (7 if self.unit is IntervalUnit.WEEK else 1))

    @property
    def most_in_month(self) -> int | None:
        """More visits than these a month does not ask for; None: as many as the step leads to."""
        return self.every if self.unit is IntervalUnit.TIMES_A_MONTH else None

    @property
    def mean_days(self) -> Fraction:
        """Days between two visits on the average."""
        if self.unit is IntervalUnit.TIMES_A_MONTH:
            return DAYS_OF_MONTH / self.every
        return self.step.months * DAYS_OF_MONTH + self.step.days

    @property
    def text(self) -> Bilingual:
        """The interval in words."""
        if self.unit is IntervalUnit.TIMES_A_MONTH:
            return Bilingual(f"每月 {self.every} 次", f"{self.every} time(s) a month")
        zh, en = {
            IntervalUnit.DAY: ("天", "day"),
            IntervalUnit.WEEK: ("周", "week"),
            IntervalUnit.MONTH: ("月", "month"),
        }[self.unit]
        if self.every == 1:
            return Bilingual(f"每{zh}一次", f"every {en}")
        between = "个" if self.unit is IntervalUnit.MONTH else ""
        return Bilingual(f"每 {self.every} {between}{zh}一次", f"every {self.every} {en}s")


class CadencePolicy(_Data):
    """How often clients of some class are visited. What is not named (`industry` None, no `kinds`, no `tiers`) is open.

    `own`: the tenant's own, which goes before one that an industry declares for the same class. One that is not
    `active` takes the declared one of its key out of force. `first_visit_days`: days from installation to the first
    visit, None: as `VisitFigures` says.
    """

    key: Annotated[_Name, field("键", "Key")]
    title_zh: Annotated[_Title, field("名称（中文）", "Title (Chinese)")]
    title_en: Annotated[_Title, field("名称（英文）", "Title (English)")]
    interval: Annotated[Interval, field("频次", "Interval")]
    industry: Annotated[_Name | None, field("行业", "Industry")] = None
    kinds: Annotated[_Names, field("客户类型", "Kinds of clients")] = ()
    tiers: Annotated[_Names, field("客户等级", "Tiers")] = ()
    first_visit_days: Annotated[
        Annotated[int, Field(ge=0, le=90)] | None, field("装机后首访（天）", "First visit after installation (days)")
    ] = None
    own: Annotated[bool, field("租户自定", "The tenant's own")] = False
    active: Annotated[bool, field("启用", "Active")] = True

    @property
    def title(self) -> Bilingual:
        """Its title."""
        return Bilingual(self.title_zh, self.title_en)


class CheckInFigures(_Data):
    """When a check-in is accepted as it is, when it is marked for the supervisor, and when it is refused.

    Metres beyond `near_metres` are flagged, those beyond `far_metres` refused (None: never). The device's own accuracy
    is taken off the distance, up to `most_accuracy_metres`. `clock_*` are about a device's clock against the server's,
    `late_*` about how long after the visit it reached the server (a day without network is usual).
    """

    near_metres: Annotated[int, Field(ge=10, le=100_000), field("签到距离（米）", "Distance accepted (m)")] = 300
    far_metres: Annotated[
        Annotated[int, Field(ge=10, le=1_000_000)] | None, field("拒绝距离（米）", "Distance refused (m)")
    ] = None
    most_accuracy_metres: Annotated[
        int, Field(ge=0, le=5000), field("定位误差最多抵扣（米）", "Accuracy taken off at most (m)")
    ] = 100
    clock_seconds: Annotated[
        int, Field(ge=1, le=86_400), field("允许时钟偏差（秒）", "Clock difference accepted (s)")
    ] = 300
    clock_refused_seconds: Annotated[
        int, Field(ge=1, le=604_800), field("拒绝时钟偏差（秒）", "Clock difference refused (s)")
    ] = 86_400
    late_hours: Annotated[int, Field(ge=1, le=744), field("允许延迟上传（小时）", "Late upload accepted (h)")] = 24
    late_refused_hours: Annotated[
        int, Field(ge=1, le=8760), field("拒绝延迟上传（小时）", "Late upload refused (h)")
    ] = 168

    @model_validator(mode="after")
    def _in_order(self) -> CheckInFigures:
        if self.far_metres is not None and self.far_metres <= self.near_metres:
            raise Refused("拒绝距离须大于签到距离。", "the distance refused must be beyond the one accepted.")
        if self.clock_refused_seconds <= self.clock_seconds:
            raise Refused("拒绝的时钟偏差须大于允许的偏差。", "the clock difference refused must exceed the accepted.")
        if self.late_refused_hours <= self.late_hours:
            raise Refused("拒绝的延迟须大于允许的延迟。", "the delay refused must exceed the one accepted.")
        return self


class VisitFigures(_Data):
    """What a month of visits asks for.

    Every client at least once a month (`floor`) [000#5], first visit a week after installation [000#5], 4 visits a
    working day at least [000#4] and 8 at most, 20 distinct clients a month [002]. The floor is the least specific
    policy, so that one about an industry, kind or tier goes before it (two-monthly visits of 1–2★ retailers);
    `floor_binds`: no policy may ask for less than the floor.
    """

    floor: Annotated[Interval, field("最低频次", "Floor")] = Interval(every=1, unit=IntervalUnit.MONTH)
    floor_binds: Annotated[bool, field("不得低于最低频次", "No policy below the floor")] = False
    first_visit_days: Annotated[
        int, Field(ge=0, le=90), field("装机后首访（天）", "First visit after installation (days)")
    ] = 7
    least_visits_a_day: Annotated[
        int, Field(ge=0, le=50), field("每个工作日最少走访", "Visits a working day at least")
    ] = 4
    most_visits_a_day: Annotated[
        int, Field(ge=1, le=50), field("每个工作日最多走访", "Visits a working day at most")
    ] = 8
    distinct_clients: Annotated[int, Field(ge=0, le=5000), field("每月走访客户数", "Distinct clients a month")] = 20
    check_in: Annotated[CheckInFigures, field("签到", "Check-in")] = CheckInFigures()

    @model_validator(mode="after")
    def _in_order(self) -> VisitFigures:
        if self.least_visits_a_day > self.most_visits_a_day:
            raise Refused(
                "每个工作日最少走访不得多于最多走访，请调整其一。",
                "the least visits a working day exceed the most: change one of them.",
            )
        return self


class VisitTemplate(_Data):
    """Policies and figures together: what an industry ships, or a tenant has in force."""

    policies: Annotated[tuple[CadencePolicy, ...], Field(max_length=500), field("频次规则", "Policies")] = ()
    figures: Annotated[VisitFigures, field("指标", "Figures")] = VisitFigures()

    @model_validator(mode="after")
    def _keys_once(self) -> VisitTemplate:
        keys = [policy.key for policy in self.policies]
        doubled = sorted({key for key in keys if keys.count(key) > 1})
        if doubled:
            named = ", ".join(doubled)
            raise Refused(f"规则键重复：{named}，请改名。", f"keys stand more than once: {named}; rename them.")
        if FLOOR_KEY in keys:
            raise Refused(
                f"{FLOOR_KEY} 为平台保留，请改“最低频次”。", f"{FLOOR_KEY} is the platform's: change the floor instead."
            )
        return self


def read_template(document: Mapping[str, Any]) -> VisitTemplate:
    """The template that a document describes. Raises InvalidInput: each field, why, and what to do."""
    try:
        return VisitTemplate.model_validate(document)
    except ValidationError as error:
        raise InvalidInput(problems=problems_of(error, VisitTemplate)) from None


def policy_of(industry: str, cadence: Cadence) -> CadencePolicy:
    """The policy that an industry declares."""
    return CadencePolicy(
        key=full_key(industry, cadence.key),
        title_zh=cadence.title.zh,
        title_en=cadence.title.en,
        interval=Interval.model_validate({"every": cadence.every, "unit": cadence.unit}),
        industry=industry,
        kinds=cadence.kinds,
        tiers=cadence.tiers,
    )


def template_of(industry: Industry) -> VisitTemplate:
    """What an industry ships: its declared cadence with the built-in figures."""
    return VisitTemplate(policies=tuple(policy_of(industry.key, cadence) for cadence in industry.cadences))


def policies_in_force(
    declared: Iterable[CadencePolicy], own: Iterable[CadencePolicy] = ()
) -> tuple[CadencePolicy, ...]:
    """The declared policies with the tenant's own over them: the same key replaces; what is not active falls out."""
    by_key = {policy.key: policy for policy in declared}
    by_key |= {policy.key: policy.model_copy(update={"own": True}) for policy in own}
    return tuple(policy for _, policy in sorted(by_key.items()) if policy.active)


def floor_policy(figures: VisitFigures) -> CadencePolicy:
    """The policy that holds for every client that no other names [000#5]."""
    return CadencePolicy(
        key=FLOOR_KEY,
        title_zh="每户最低频次",
        title_en="Floor for every client",
        interval=figures.floor,
    )


def check_names(
    policies: Sequence[CadencePolicy],
    *,
    industries: Collection[str],
    kinds: Collection[str],
    tiers: Collection[str],
) -> None:
    """Raises InvalidInput when a policy names an industry, kind or tier that the tenant does not have."""
    problems = []
    for place, policy in enumerate(policies):
        named: tuple[tuple[str, Bilingual, Collection[str], Collection[str]], ...] = (
            ("industry", Bilingual("行业", "industry"), (policy.industry,) if policy.industry else (), industries),
            ("kinds", Bilingual("客户类型", "kind of clients"), policy.kinds, kinds),
            ("tiers", Bilingual("客户等级", "tier"), policy.tiers, tiers),
        )
        for field_name, title, given, known in named:
            for one in sorted(set(given) - set(known)):
                text = Bilingual(
                    f"“{policy.title_zh}”：没有{title.zh} {one}，请从已有的中选择。",
                    f"“{policy.title_en}”: there is no {title.en} {one}; choose one that you have.",
                )
                problems.append(FieldProblem(("policies", str(place), field_name), "unknown", text))
    if problems:
        raise InvalidInput(problems=problems)
