"""A day's commands from a device that was without network: in order, each by itself, each answered.

Every command is a transaction of its own: it is applied whole, or not at all. A command that arrived before is answered
as it was then, so that a device sends its day again until every command has its answer. The moment of the sending is
the batch's, not the commands': the same command sent again is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from steward_core.forms.fields import Choice
from steward_core.permissions import VISITS_EDIT
from steward_core.visits import photos, service
from steward_core.visits.checklists import Stage
from steward_core.visits.models import Visit
from steward_core.visits.visit_errors import VisitChanged, VisitThere
from steward_tenants.access.rules import require
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import once
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, StewardError, invalid
from steward_tenants.texts import Bilingual

MOST_COMMANDS = 200
NAME = "visits.submit_day"
"""Under which idempotency keys stand for commands of a batch."""


class DayAct(Choice):
    """What a device can do without network."""

    PLAN = "plan", "安排走访", "Plan a visit"
    CHECK_IN = "check_in", "签到", "Check in"
    END = "end", "结束走访", "End a visit"
    RECORD = "record", "登记整次走访", "Record a whole visit"
    CHANGE = "change", "修改走访", "Change a visit"
    CANCEL = "cancel", "取消走访", "Cancel a visit"
    TICK = "tick", "勾选清单", "Tick an item"
    ATTACH_PHOTO = "attach_photo", "添加照片", "Attach a photo"


class Outcome(Choice):
    """What became of a command."""

    APPLIED = "applied", "已执行", "Applied"
    REPEATED = "repeated", "先前已执行", "Was applied before"
    CONFLICT = "conflict", "有冲突，未执行", "Not applied: somebody changed it since"
    REFUSED = "refused", "被拒绝", "Refused"


@dataclass(frozen=True)
class DayCommand:
    """One command. `key` is the device's own, unique to it; `version` the visit's that the device had read (of a visit
    that this batch changed before, the same one still means what the batch has made of it)."""

    key: str
    act: DayAct
    visit_id: UUID | None = None
    client_id: UUID | None = None
    version: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DayAnswer:
    """What became of one command, with the visit and its version then; `error` says why it was not applied."""

    key: str
    outcome: Outcome
    visit_id: UUID | None = None
    version: int | None = None
    error: StewardError | None = None


@dataclass(frozen=True)
class _Act:
    """What a command takes: `needs` must be given, `takes` may. `versioned`: it overwrites, so that on a visit which
    the batch has not made itself the version must be given."""

    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    versioned: bool = False


_PLACE = ("latitude", "longitude", "accuracy_metres")
_ACTS: Mapping[DayAct, _Act] = {
    DayAct.PLAN: _Act(("client_id", "day"), ("visit_id", "fields", "owner_id", "action_id")),
    DayAct.CHECK_IN: _Act(("visit_id", "device_time"), _PLACE, versioned=True),
    DayAct.END: _Act(("visit_id", "device_time"), ("fields",), versioned=True),
    DayAct.RECORD: _Act(
        ("client_id", "device_began_at", "device_ended_at"),
        ("visit_id", "fields", "owner_id", "action_id", *_PLACE),
    ),
    DayAct.CHANGE: _Act(("visit_id", "fields"), ("reason",), versioned=True),
    DayAct.CANCEL: _Act(("visit_id", "reason"), versioned=True),
    DayAct.TICK: _Act(("visit_id", "stage", "item"), ("done", "note")),
    DayAct.ATTACH_PHOTO: _Act(("visit_id", "file_id")),
}


@dataclass
class _Known:
    """What the batch has made of a visit: versions by which the device may mean it, and the one that it has now."""

    seen: set[int] = field(default_factory=set)
    now: int = 0


@dataclass(frozen=True)
class Batch:
    """Where and for whom a batch is carried out. `zone` is the tenant's, `sent_at` what the device's clock showed."""

    database: Database
    tenant_id: UUID
    actor: Actor
    today: date
    zone: str
    sent_at: datetime
    request_id: str = ""


async def submit_day(batch: Batch, commands: Sequence[DayCommand]) -> list[DayAnswer]:
    """Carry out a day's commands in order. Raises Forbidden, InvalidInput (their number, the moment of the sending)."""
    require(batch.actor, VISITS_EDIT)
    if not 1 <= len(commands) <= MOST_COMMANDS:
        raise invalid("items", "length", f"应为 1 到 {MOST_COMMANDS} 项。", f"Send 1 to {MOST_COMMANDS}.")
    if batch.sent_at.tzinfo is None:
        raise invalid("sent_at", "zone", "时间须带时区。", "Give the time with its zone.")
    received = clock_now()
    known: dict[UUID, _Known] = {}
    answers = []
    for one in commands:
        try:
            answer = await _one(batch, one, known, received)
        except StewardError as error:
            if error.status >= 500:
                raise
            conflict = isinstance(error, VisitChanged | VisitThere)
            outcome = Outcome.CONFLICT if conflict else Outcome.REFUSED
            version = error.version if isinstance(error, VisitChanged) else None
            answer = DayAnswer(one.key, outcome, one.visit_id, version, error)
        answers.append(answer)
    return answers


async def _one(batch: Batch, one: DayCommand, known: dict[UUID, _Known], received: datetime) -> DayAnswer:
    given = _given(one)
    fresh: list[bool] = []
    async with batch.database.write(batch.tenant_id, batch.actor, request_id=batch.request_id) as session:

        async def run() -> Any:
            expected = _expected(one, known)
            visit = await _call(session, batch, one, given, expected, received)
            await session.flush()
            fresh.append(True)
            return {"visit_id": str(visit.id), "version": visit.version}

        payload = {"act": one.act.value, "version": one.version, **{name: given[name] for name in sorted(given)}}
        answer = await once(session, one.key, NAME, payload, run)
    visit_id, version = UUID(answer["visit_id"]), int(answer["version"])
    mine = known.setdefault(visit_id, _Known())
    mine.seen |= {version} if one.version is None else {one.version, version}
    mine.now = max(mine.now, version)
    return DayAnswer(one.key, Outcome.APPLIED if fresh else Outcome.REPEATED, visit_id, version)


def _given(one: DayCommand) -> dict[str, Any]:
    """The command's values. Raises InvalidInput for what is missing, or is none of it."""
    act = _ACTS[one.act]
    given = {name: value for name, value in one.values.items() if value is not None}
    for name in ("visit_id", "client_id"):
        if getattr(one, name) is not None:
            given[name] = getattr(one, name)
    problems = [
        FieldProblem((name,), "missing", Bilingual("请填写。", "Give it.")) for name in act.needs if name not in given
    ]
    problems += [
        FieldProblem((name,), "unknown", Bilingual("此命令不用此项。", "This command does not take it."))
        for name in given
        if name not in (*act.needs, *act.takes)
    ]
    if problems:
        raise InvalidInput(problems=problems)
    return given


def _expected(one: DayCommand, known: Mapping[UUID, _Known]) -> int | None:
    """The version that the visit must have. Raises InvalidInput when an overwriting command names none."""
    mine = known.get(one.visit_id) if one.visit_id is not None else None
    if mine is not None and (one.version is None or one.version in mine.seen):
        return mine.now
    if one.version is None and _ACTS[one.act].versioned:
        raise invalid("version", "missing", "请给出读到的走访版本。", "Give the version of the visit that was read.")
    return one.version


async def _call(  # noqa: PLR0917 - what one command needs of its batch
    session: WriteSession,
    batch: Batch,
    one: DayCommand,
    given: Mapping[str, Any],
    expected: int | None,
    received: datetime,
) -> Visit:
    values = {**given, "today": batch.today}
    clock: dict[str, Any] = {"device_sent_at": batch.sent_at, "received_at": received}
    match one.act:
        case DayAct.PLAN:
            return await service.plan_visit(session, values.pop("client_id"), **values)
        case DayAct.RECORD:
            values |= {**clock, "zone": batch.zone, "expected_version": expected}
            return await service.record_visit(session, values.pop("client_id"), **values)
    visit_id = values.pop("visit_id")
    values["expected_version"] = expected
    match one.act:
        case DayAct.CHECK_IN:
            return await service.check_in(session, visit_id, **values, **clock, zone=batch.zone)
        case DayAct.END:
            return await service.end_visit(session, visit_id, **values, **clock)
        case DayAct.CHANGE:
            return await service.change_visit(session, visit_id, **values)
        case DayAct.CANCEL:
            return await service.cancel_visit(session, visit_id, **values)
        case DayAct.TICK:
            stage = next((stage for stage in Stage if stage.value == values["stage"]), None)
            if stage is None:
                raise invalid("stage", "unknown", "没有此清单。", "There is no such checklist.")
            return await service.tick_item(session, visit_id, **{**values, "stage": stage})
        case _:
            return await photos.attach_photo(session, visit_id, **values)
