"""What follows when a promise is broken: who is told, the warning to its owner, the penalty that is proposed.

A node overdue by more than 3 days is a warning to its owner, longer a penalty proposed in proportion to the contract
amount; days and rate are the tenant's figures, and unset it stays at the warning [000#4]. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import Field, model_validator

from steward_core.calendars.working_time import WorkingTime, utc
from steward_core.forms.fields import Choice, Percent, Refused, field
from steward_core.promises.clocks import MOST, Part, Span, Unit, after
from steward_core.promises.words import moment_words
from steward_tenants.texts import Bilingual

PENALTY_KEY = "penalty"


class Told(Choice):
    """Who is told of a promise that is near its limit, or over it."""

    OWNER = "owner", "责任人", "its owner"
    SUPERVISOR = "supervisor", "主管", "the supervisor"
    UNIT_LEAD = "unit_lead", "部门负责人", "the lead of the unit"


class Act(Choice):
    """What a step of an escalation does. A penalty is only ever proposed; people decide."""

    TELL = "tell", "通知", "tell"
    WARNING = "warning", "警告责任人", "warning to the owner"
    PENALTY = "penalty", "建议扣款", "proposed penalty"


class Step(Part):
    """A step of an escalation: what happens once the time over the limit is longer than `after` (None: at once)."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$"), field("标识", "Key")]
    after: Annotated[Span | None, field("超时超过", "Over by more than")] = None
    act: Annotated[Act, field("措施", "Act")]
    tell: Annotated[tuple[Told, ...], Field(min_length=1), field("通知对象", "Who is told")]


class Penalty(Part):
    """When a penalty is proposed and how much of the contract amount; both unset: never [000#4]."""

    after_days: Annotated[
        int | None, Field(ge=1, le=MOST[Unit.CALENDAR_DAYS]), field("超时超过（天）", "Over by more than (days)")
    ] = None
    percent: Annotated[Percent | None, Field(gt=0), field("占合同金额（%）", "Of the contract amount (%)")] = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Penalty:
        if (self.after_days is None) != (self.percent is None):
            raise Refused("天数和比例须同时填写，或都不填。", "Set both the days and the percentage, or neither.")
        return self


class Escalation(Part):
    """The chain that follows a broken promise."""

    steps: Annotated[tuple[Step, ...], Field(max_length=20), field("步骤", "Steps")]
    penalty: Annotated[Penalty, field("扣款建议", "Proposed penalty")] = Penalty()

    @model_validator(mode="after")
    def _in_order(self) -> Escalation:
        keys = [PENALTY_KEY, *(step.key for step in self.steps)]
        if len(keys) != len(set(keys)):
            raise Refused("步骤标识不得重复。", "Each step has a key of its own.")
        if any(step.act is Act.PENALTY for step in self.steps):
            raise Refused("扣款请在“扣款建议”中填写。", "A penalty is set under “proposed penalty”.")
        days = self.penalty.after_days
        warned = [
            step.after.count
            for step in self.steps
            if step.act is Act.WARNING and step.after is not None and step.after.unit is Unit.CALENDAR_DAYS
        ]
        if days is not None and warned and days <= max(warned):
            raise Refused("扣款须晚于警告。", "A penalty comes later than the warning.")
        return self


@dataclass(frozen=True)
class Escalated:
    """A step that was reached: since when, what it does, and why. `amount_fen` is what a penalty proposes; None when
    the contract's amount is not known."""

    key: str
    act: Act
    tell: tuple[Told, ...]
    since: datetime
    amount_fen: int | None
    lines: tuple[Bilingual, ...]


def escalated(
    escalation: Escalation, due: datetime, now: datetime, working_time: WorkingTime, contract_fen: int | None = None
) -> tuple[Escalated, ...]:
    """The steps that a promise has reached which was due at `due` and is (or was, when it ended) open at `now`; in the
    order in which they were reached. Raises CalendarEnds."""
    reached = (
        _reached(step, since, due, working_time)
        for since, step in _steps(escalation, due, working_time)
        if utc(now) > since
    )
    return tuple(_with_amount(one, escalation.penalty, contract_fen) for one in reached)


def next_step_at(escalation: Escalation, due: datetime, now: datetime, working_time: WorkingTime) -> datetime | None:
    """The moment after which the next step is reached; None when all are. Raises CalendarEnds."""
    return next((since for since, _ in _steps(escalation, due, working_time) if since >= utc(now)), None)


def proposed_penalty(contract_fen: int, percent: Decimal) -> int:
    """A share of a contract's amount in fen, half up to the fen."""
    return int((contract_fen * percent / 100).quantize(Decimal(1), ROUND_HALF_UP))


def _steps(escalation: Escalation, due: datetime, working_time: WorkingTime) -> list[tuple[datetime, Step]]:
    timed = (
        (utc(due) if step.after is None else after(step.after, due, working_time), step)
        for step in (*escalation.steps, *_penalty_step(escalation.penalty))
    )
    return sorted(timed, key=lambda one: one[0])


def _penalty_step(penalty: Penalty) -> Iterator[Step]:
    if penalty.after_days is not None:
        span = Span(count=penalty.after_days, unit=Unit.CALENDAR_DAYS)
        yield Step(key=PENALTY_KEY, after=span, act=Act.PENALTY, tell=(Told.OWNER, Told.SUPERVISOR))


def _reached(step: Step, since: datetime, due: datetime, working_time: WorkingTime) -> Escalated:
    over = Bilingual("{due} 到期，已超时", "Due {due}, over the limit")
    if step.after is not None:
        over = Bilingual("{due} 到期，{since} 起超时超过 {span}", "Due {due}, over by more than {span} since {since}")
    over = over.fill(
        due=moment_words(due, working_time),
        since=moment_words(since, working_time),
        span="" if step.after is None else step.after.words,
    )
    told = Bilingual("、".join(one.title.zh for one in step.tell), ", ".join(one.title.en for one in step.tell))
    act = Bilingual("{act}；通知：{told}", "{act}; told: {told}").fill(act=step.act.title, told=told)
    return Escalated(step.key, step.act, step.tell, since, None, (over, act))


def _with_amount(one: Escalated, penalty: Penalty, contract_fen: int | None) -> Escalated:
    """A proposed penalty with its amount and the line that says how it comes about; other steps as they are."""
    if one.act is not Act.PENALTY or penalty.percent is None:
        return one
    amount = None if contract_fen is None else proposed_penalty(contract_fen, penalty.percent)
    line = _penalty_line(contract_fen, penalty.percent, amount)
    return replace(one, amount_fen=amount, lines=(*one.lines, line))


def _penalty_line(contract_fen: int | None, percent: Decimal, amount: int | None) -> Bilingual:
    share = f"{percent.normalize():f}%"
    if contract_fen is None or amount is None:
        return Bilingual(
            f"合同金额未知，无法按 {share} 计算扣款", f"The contract's amount is not known: no {share} of it"
        )
    whole, part = (f"{Decimal(fen) / 100:.2f}" for fen in (contract_fen, amount))
    return Bilingual(f"合同金额 {whole} 元 × {share} = {part} 元", f"Contract {whole} yuan × {share} = {part} yuan")
