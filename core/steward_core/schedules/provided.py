"""Schedules that tenants do not make themselves: the platform's, and those that plugins declare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, not_, true, update
from sqlalchemy.dialects.postgresql import insert

from steward_core.industry.declarations import Industry
from steward_core.schedules.models import SYSTEM_SOURCE, Schedule
from steward_core.schedules.planning import wake
from steward_core.schedules.rules import CatchUp, read_rule
from steward_core.schedules.tasks import GRADING
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.lifecycle.furnishing import furnish_with, take_up_with
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class Provided:
    """A schedule as it comes."""

    key: str
    title: Bilingual
    task: str
    rule: str
    catch_up: CatchUp = CatchUp.LAST


def system_schedules(session: WriteSession) -> tuple[Provided, ...]:
    """What every tenant has. The hourly one has a minute of its own, so that tenants do not all come at once."""
    minute = session.tenant_id.int % 60
    return (
        Provided(
            "system.clients_nightly",
            Bilingual("客户夜间检查与提醒", "Nightly look at clients, and reminders"),
            "clients.nightly",
            "30 2 * * *",
        ),
        Provided(
            "system.months",
            Bilingual("开启与关闭月份，提醒", "Open and close months, remind"),
            "months.tend",
            f"{minute} 5 * * *",
        ),
        Provided(
            "system.promises",
            Bilingual("按日历重算承诺时限", "Reckon promises anew by the calendar"),
            "promises.recompute",
            f"{minute} 4 * * *",
        ),
        Provided("system.upkeep", Bilingual("每小时整理", "Hourly upkeep"), "upkeep.tenant", f"{minute} * * * *"),
        Provided(
            "system.reports_remind",
            Bilingual("下班时提醒未提交的工作报告", "Remind of missing reports at the end of work"),
            "reports.remind",
            "30 17 * * *",
            CatchUp.NONE,
        ),
        Provided(
            "system.reports_digest",
            Bilingual("每周一工作报告汇总", "Digest of reports on Mondays"),
            "reports.digest",
            "30 8 * * mon",
        ),
        Provided(
            "system.audit_verify",
            Bilingual("审计链每周校验", "Weekly verification of the audit chain"),
            "audit.verify",
            "0 3 * * sun",
        ),
    )


async def ensure_system_schedules(session: WriteSession) -> int:
    """Bring the platform's schedules that the tenant has not yet; how many. Again changes nothing."""
    return await _bring(session, SYSTEM_SOURCE, system_schedules(session))


async def bring_plugin_schedules(session: WriteSession, industry: Industry) -> int:
    """Bring what an enabled plugin declares, and let what it no longer declares rest; how many are new. Those that
    rested are taken up again from now, with the rule and the pause that the tenant gave them, in the name of whoever
    does this."""
    provided = [
        Provided(
            f"{industry.key}.{one.key}",
            one.title,
            _task(industry.key, one.task),
            read_rule(one.rule).text,
            CatchUp.ALL,
        )
        for one in industry.schedules
    ]
    declared = [one.key for one in provided]
    await _rest(session, industry.key, Schedule.key.not_in(declared))
    if not provided:
        return 0
    taken_up = await session.scalars(
        update(Schedule)
        .where(
            session.within(Schedule),
            Schedule.source == industry.key,
            Schedule.key.in_(declared),
            Schedule.retired,
        )
        .values(
            retired=False,
            basis="",
            counted_from=func.now(),
            answers_to=session.actor.id,
            version=Schedule.version + 1,
        )
        .returning(Schedule.id)
        .execution_options(synchronize_session=False)
    )
    if taken_up:
        await wake(session, datetime.now(UTC))
    return await _bring(session, industry.key, provided)


async def retire_plugin_schedules(session: WriteSession, plugin: str) -> None:
    """Let a plugin's schedules rest; what they did stays on record."""
    await _rest(session, plugin, true())


async def _rest(session: WriteSession, plugin: str, condition: ColumnElement[bool]) -> None:
    await session.flush()
    await session.execute(
        update(Schedule)
        .where(session.within(Schedule), Schedule.source == plugin, not_(Schedule.retired), condition)
        .values(retired=True, next_at=None, version=Schedule.version + 1)
        .execution_options(synchronize_session=False)
    )


def _task(plugin: str, task: str) -> str:
    """A plugin names its own grading schemes without its prefix."""
    scheme = task.removeprefix(GRADING)
    return f"{GRADING}{plugin}.{scheme}" if task.startswith(GRADING) and "." not in scheme else task


async def _bring(session: WriteSession, source: str, provided: Iterable[Provided]) -> int:
    rows: list[dict[str, Any]] = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "key": one.key,
            "title_zh": one.title.zh,
            "title_en": one.title.en,
            "task": one.task,
            "parameters": {},
            "rule": one.rule,
            "catch_up": one.catch_up.value,
            "source": source,
            "answers_to": session.actor.id,
        }
        for one in provided
    ]
    await session.flush()
    written = await session.scalars(
        insert(Schedule).values(rows).on_conflict_do_nothing(index_elements=["tenant_id", "key"]).returning(Schedule.id)
    )
    if written:
        await wake(session, datetime.now(UTC))
    return len(written)


async def _look_at_once(session: WriteSession) -> None:
    """A scheduler looks at a tenant only where a doorbell says so, and plans what is to be made up for."""
    await wake(session, datetime.now(UTC))


furnish_with(ensure_system_schedules)
take_up_with(_look_at_once)
