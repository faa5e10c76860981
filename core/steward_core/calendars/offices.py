"""The working time of each unit: the tenant's days, the nearest hours above it, and the calendars that have names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, Uuid, func, literal, select

from steward_core.calendars.queries import business_hours, working_days
from steward_core.calendars.rules import WorkingDays
from steward_core.calendars.settings import NAMED_CALENDARS, UNIT_HOURS
from steward_core.calendars.working_time import WorkingTime
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import TenantSession
from steward_tenants.organisation.models import UnitPath


@dataclass(frozen=True)
class Offices:
    """The working times of a tenant. Keep one for as long as it is in use: it remembers the days it has seen."""

    own: WorkingTime
    units: Mapping[UUID, WorkingTime]
    named: Mapping[str, WorkingTime]

    def of(self, unit_id: UUID | None) -> WorkingTime:
        """The working time of a unit; the tenant's where it has none, or was not asked for."""
        return self.own if unit_id is None else self.units.get(unit_id, self.own)


async def offices(session: TenantSession, unit_ids: Collection[UUID | None] = ()) -> Offices:
    """The tenant's working time, that of its named calendars, and of these units by today's tree."""
    zone = ZoneInfo(session.time_zone)
    days = await working_days(session)
    hours = await business_hours(session)
    own = WorkingTime(days, hours, zone)
    named = {
        key: WorkingTime(
            days if one.base is None else WorkingDays(one.base, days.own),
            hours if one.hours is None else one.hours.hours,
            zone,
        )
        for key, one in (await get_setting(session, NAMED_CALENDARS)).items()
    }
    set_hours = {unit_id: one.hours for unit_id, one in (await get_setting(session, UNIT_HOURS)).items()}
    known = {unit_id: WorkingTime(days, one, zone) for unit_id, one in set_hours.items()}
    wanted = {unit_id for unit_id in unit_ids if unit_id is not None}
    nearest = await _nearest(session, wanted, set(known)) if known and wanted else {}
    return Offices(own, {unit_id: known[above] for unit_id, above in nearest.items()}, named)


async def _nearest(session: TenantSession, units: Collection[UUID], among: Collection[UUID]) -> dict[UUID, UUID]:
    """Of each unit the nearest one above it, or itself, that is among those."""
    today = datetime.now(ZoneInfo(session.time_zone)).date()
    rows = await session.rows(
        select(UnitPath.descendant_id, UnitPath.ancestor_id)
        .where(
            session.within(UnitPath),
            UnitPath.descendant_id == func.any(_listed(units)),
            UnitPath.ancestor_id == func.any(_listed(among)),
            UnitPath.valid_from <= today,
            UnitPath.valid_until > today,
        )
        .order_by(UnitPath.descendant_id, UnitPath.depth.desc())
    )
    return {row.descendant_id: row.ancestor_id for row in rows}


def _listed(ids: Collection[UUID]) -> Any:
    return literal(sorted(ids), ARRAY(Uuid()))
