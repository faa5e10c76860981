"""Reading promises: by when one would be due, where a clock stands now, which clocks are near their limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, literal, or_, select

from steward_core.calendars.offices import offices
from steward_core.calendars.working_time import utc
from steward_core.permissions import REQUESTS_VIEW
from steward_core.promises.courses import begun, running
from steward_core.promises.definitions import Definition, definitions_here
from steward_core.promises.errors import ClockNotFound, DefinitionNotFound
from steward_core.promises.models import ClockState, DefinitionKind, PromiseClock
from steward_core.promises.request_settings import REQUEST_KINDS, RequestKind
from steward_core.promises.row_kinds import CLOCK
from steward_core.promises.rules import Standing
from steward_tenants.access.queries import today
from steward_tenants.access.rules import require
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid

MOST_NEAR = 100
LONGEST_AHEAD = timedelta(days=31)
FAR = timedelta(days=3_650)


@dataclass(frozen=True)
class WouldBe:
    """What a promise would be if it started at a moment: `standing` then."""

    definition: Definition
    started: datetime
    standing: Standing


@dataclass(frozen=True)
class StandingNow:
    """Where a clock stands at `at`, with what it rests on; one that was cancelled has no standing."""

    clock: PromiseClock
    at: datetime
    standing: Standing | None


async def definitions(session: TenantSession) -> tuple[Definition, ...]:
    """The promises and follow-ups of this tenant, those that are switched off too. Raises Forbidden."""
    require(session.actor, REQUESTS_VIEW)
    return (await definitions_here(session)).all


async def request_kinds(session: TenantSession) -> tuple[RequestKind, ...]:
    """The tenant's kinds of service requests."""
    return await get_setting(session, REQUEST_KINDS)


async def would_be(
    session: TenantSession, kind: DefinitionKind, key: str, started: datetime, *, unit_id: UUID | None = None
) -> WouldBe:
    """By when a promise would be due that starts at a moment, in the working time of a unit (None: the tenant's).
    Raises Forbidden, DefinitionNotFound, InvalidInput, CalendarEnds."""
    require(session.actor, REQUESTS_VIEW)
    definition = (await definitions_here(session)).find(kind, key)
    if definition is None:
        raise DefinitionNotFound(key=key)
    if abs(utc(started) - datetime.now(utc(started).tzinfo)) > FAR:
        raise invalid("started_at", "range", "时间不能早于或晚于十年。", "Ask for a moment within ten years.")
    times = await offices(session, [unit_id])
    standing = begun(definition.what, started, times, unit_id).standing(started)
    return WouldBe(definition, utc(started), standing)


async def standing_now(session: TenantSession, clock_id: UUID, now: datetime) -> StandingNow:
    """Where a clock in reach stands at a moment. Raises Forbidden, ClockNotFound, CalendarEnds."""
    require(session.actor, REQUESTS_VIEW)
    reach = CLOCK.within_reach(session, REQUESTS_VIEW, today(session.time_zone))
    row = await session.find(PromiseClock, PromiseClock.id == clock_id, reach)
    if row is None:
        raise ClockNotFound
    if row.state == ClockState.CANCELLED:
        return StandingNow(row, now, None)
    times = await offices(session, [row.unit_id])
    return StandingNow(row, now, running(row, times).standing(now))


async def near_limit(session: TenantSession, *, within: timedelta) -> Sequence[tuple[UUID, str]]:
    """The clocks in reach that run and are due within so long, or over their limit or their warning, the first due
    first; each with a mark that changes when it comes nearer. At most `MOST_NEAR`. Raises Forbidden, InvalidInput."""
    require(session.actor, REQUESTS_VIEW)
    if not timedelta(0) <= within <= LONGEST_AHEAD:
        raise invalid("minutes", "range", "最多提前 31 天。", "At most 31 days ahead.")
    now = func.now()
    soon: Any = PromiseClock.due_at <= now + literal(within)
    mark: Any = func.concat(PromiseClock.due_at < now, PromiseClock.due_at, PromiseClock.owner_id)
    rows = await session.rows(
        select(PromiseClock.id, mark)
        .where(
            session.within(PromiseClock),
            PromiseClock.ended_at.is_(None),
            PromiseClock.paused_at.is_(None),
            or_(soon, and_(PromiseClock.warn_at.is_not(None), PromiseClock.warn_at <= now)),
            CLOCK.within_reach(session, REQUESTS_VIEW, today(session.time_zone)),
        )
        .order_by(PromiseClock.due_at, PromiseClock.id)
        .limit(MOST_NEAR)
    )
    return [(row[0], row[1]) for row in rows]
