"""Commands on schedules: make, change, pause, resume, run now, delete."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from steward_core.permissions import SCHEDULES_MANAGE
from steward_core.schedules.errors import (
    NotTenantsSchedule,
    ScheduleChanged,
    ScheduleKeyTaken,
    ScheduleNotFound,
    ScheduleTaskUnknown,
    TooManySchedules,
)
from steward_core.schedules.models import Schedule, ScheduleFiring
from steward_core.schedules.planning import fire, place_here, plan, wake
from steward_core.schedules.rules import CatchUp, read_rule
from steward_core.schedules.tasks import GRADING, task_of
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid

MOST_SCHEDULES = 200
LONGEST_TITLE = 100
TURN = "schedules"
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_TASK = re.compile(r"[a-z][a-z0-9_.:-]{0,99}")


@command("schedules.create", "新建计划任务", "Make a schedule", permission=SCHEDULES_MANAGE)
async def create_schedule(
    session: WriteSession,
    *,
    key: str,
    title_zh: str,
    title_en: str,
    task: str,
    rule: str,
    zone: str,
    catch_up: CatchUp = CatchUp.LAST,
    unit_id: UUID | None = None,
) -> Schedule:
    """Have `task` done again and again by `rule` in the tenant's zone, in the name of whoever calls this.

    `unit_id`: for a grading, the unit that is graded with all below it (None: the whole company). Raises Forbidden,
    InvalidInput, ScheduleKeyTaken, ScheduleTaskUnknown, TooManySchedules.
    """
    if not _KEY.fullmatch(key):
        raise invalid(
            "key",
            "key",
            "标识为 1 到 40 个小写字母、数字、_ 或 -，以字母开头。",
            "A key is 1 to 40 small letters, digits, _ or -, beginning with a letter.",
        )
    known = task_of(task) if _TASK.fullmatch(task) else None
    if known is None or not known.own:
        raise ScheduleTaskUnknown(task=task[:100])
    await take_turn(session, TURN)
    if await session.find(Schedule, Schedule.key == key) is not None:
        raise ScheduleKeyTaken(key=key)
    held = await session.scalar(select(func.count()).where(session.within(Schedule), Schedule.source == ""))
    if held >= MOST_SCHEDULES:
        raise TooManySchedules(most=MOST_SCHEDULES)
    schedule = Schedule(
        id=new_id(),
        key=key,
        title_zh=_title("title_zh", title_zh),
        title_en=_title("title_en", title_en),
        task=task,
        parameters={"unit_id": str(unit_id)} if unit_id is not None and task.startswith(GRADING) else {},
        rule=read_rule(rule).text,
        catch_up=CatchUp(catch_up).value,
        paused=False,
        source="",
        retired=False,
        counted_from=datetime.now(UTC),
        answers_to=session.actor.id,
    )
    await _planned(session, schedule, zone)
    session.add(schedule)
    await session.flush()
    await session.refresh(schedule)
    await record(session, "schedules.create", _subject(schedule), after={"key": key, "task": task, **_told(schedule)})
    return schedule


@command("schedules.change", "修改计划任务", "Change a schedule", permission=SCHEDULES_MANAGE)
async def change_schedule(
    session: WriteSession,
    schedule_id: UUID,
    *,
    zone: str,
    rule: str | None = None,
    title_zh: str | None = None,
    title_en: str | None = None,
    catch_up: CatchUp | None = None,
    expected_version: int | None = None,
) -> Schedule:
    """Change what is given; what is left out stays. Runs are asked for in the name of whoever changed it last. A new
    rule counts from now. Raises Forbidden, InvalidInput, ScheduleNotFound, ScheduleChanged."""
    schedule = await _held(session, schedule_id, expected_version)
    before = _told(schedule)
    if title_zh is not None:
        schedule.title_zh = _title("title_zh", title_zh)
    if title_en is not None:
        schedule.title_en = _title("title_en", title_en)
    if catch_up is not None:
        schedule.catch_up = CatchUp(catch_up).value
    if rule is not None:
        text = read_rule(rule).text
        if text != schedule.rule:
            schedule.rule, schedule.counted_from = text, datetime.now(UTC)
            await _planned(session, schedule, zone)
    schedule.answers_to = session.actor.id
    return await _saved(session, "schedules.change", schedule, before)


@command("schedules.pause", "暂停计划任务", "Pause a schedule", permission=SCHEDULES_MANAGE)
async def pause_schedule(session: WriteSession, schedule_id: UUID, *, reason: str | None = None) -> Schedule:
    """Let a schedule rest: moments that pass meanwhile are not made up for. Again is no error. Raises Forbidden,
    ScheduleNotFound."""
    schedule = await _held(session, schedule_id)
    before = _told(schedule)
    schedule.paused, schedule.next_at = True, None
    return await _saved(session, "schedules.pause", schedule, before, reason)


@command("schedules.resume", "恢复计划任务", "Resume a schedule", permission=SCHEDULES_MANAGE)
async def resume_schedule(session: WriteSession, schedule_id: UUID, *, zone: str) -> Schedule:
    """Let a paused schedule go on from now. Again is no error. Raises Forbidden, ScheduleNotFound."""
    schedule = await _held(session, schedule_id)
    before = _told(schedule)
    if schedule.paused:
        schedule.paused, schedule.counted_from = False, datetime.now(UTC)
        await _planned(session, schedule, zone)
    return await _saved(session, "schedules.resume", schedule, before)


@command("schedules.run", "立即执行计划任务", "Run a schedule now", permission=SCHEDULES_MANAGE)
async def run_schedule(session: WriteSession, schedule_id: UUID) -> Schedule:
    """Do a schedule's task now, beside its moments, which stay as they are; also of a paused one. Raises Forbidden,
    ScheduleNotFound, ScheduleTaskUnknown."""
    schedule = await _held(session, schedule_id)
    if schedule.retired:
        raise ScheduleTaskUnknown(task=schedule.task)
    now = datetime.now(UTC)
    firing_id = await fire(session, schedule, now, now, by_hand=True)
    await session.flush()
    await record(session, "schedules.run", _subject(schedule), after={"key": schedule.key, "firing_id": str(firing_id)})
    return schedule


@command("schedules.delete", "删除计划任务", "Delete a schedule", permission=SCHEDULES_MANAGE)
async def delete_schedule(session: WriteSession, schedule_id: UUID) -> None:
    """Delete a schedule of the tenant's own, with the record of its firings; runs and jobs stay. Raises Forbidden,
    ScheduleNotFound, NotTenantsSchedule."""
    schedule = await _held(session, schedule_id)
    if schedule.source:
        raise NotTenantsSchedule(key=schedule.key)
    before = {"key": schedule.key, "task": schedule.task, **_told(schedule)}
    await session.execute(
        delete(ScheduleFiring)
        .where(session.within(ScheduleFiring), ScheduleFiring.schedule_id == schedule.id)
        .execution_options(synchronize_session=False)
    )
    await session.delete(schedule)
    await session.flush()
    await record(session, "schedules.delete", Subject("schedule", schedule_id), before=before)


async def forget_firings(session: WriteSession, before: datetime) -> int:
    """Delete the record of firings before a moment; how many. A moment fires no second time for it: schedules count
    on from later ones."""
    gone = await session.scalars(
        delete(ScheduleFiring)
        .where(session.within(ScheduleFiring), ScheduleFiring.fired_at < before)
        .returning(ScheduleFiring.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone)


def _subject(schedule: Schedule) -> Subject:
    return Subject("schedule", schedule.id)


def _told(schedule: Schedule) -> dict[str, Any]:
    """What the audit log tells of a schedule."""
    return {name: getattr(schedule, name) for name in ("title_zh", "title_en", "rule", "catch_up", "paused")}


def _title(field: str, text: str) -> str:
    text = " ".join(text.split())
    if not 1 <= len(text) <= LONGEST_TITLE:
        raise invalid(
            field, "length", f"名称应为 1 到 {LONGEST_TITLE} 个字符。", f"Use 1 to {LONGEST_TITLE} characters."
        )
    return text


async def _held(session: WriteSession, schedule_id: UUID, expected_version: int | None = None) -> Schedule:
    schedule = await session.get(Schedule, schedule_id, lock=True)
    if schedule is None:
        raise ScheduleNotFound
    if expected_version is not None and expected_version != schedule.version:
        raise ScheduleChanged
    return schedule


async def _planned(session: WriteSession, schedule: Schedule, zone: str) -> None:
    """Plan when it fires next, and have a scheduler look then."""
    if schedule.paused or schedule.retired:
        schedule.next_at = None
        return
    plan(schedule, await place_here(session, zone))
    if schedule.next_at is not None:
        await wake(session, schedule.next_at)


async def _saved(
    session: WriteSession, action: str, schedule: Schedule, before: dict[str, Any], reason: str | None = None
) -> Schedule:
    await session.flush()
    await record(session, action, _subject(schedule), before=before, after=_told(schedule), reason=reason)
    return schedule
