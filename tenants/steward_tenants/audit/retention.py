"""Keeping the log's monthly partitions: new ones ahead of time, old ones dropped after the retention period.

What was dropped is put on record in the directory, so that `verify` knows from when on events must be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from steward_tenants.database.database import Database
from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import PlatformEvent

LEAST_KEEP_DAYS = 200
AHEAD_MONTHS = 13
PARTITIONS_DROPPED = "audit.partitions_dropped"
_LOCK = 0x57E3A0D

_PARTITIONS = text(
    """
    select c.relname from pg_catalog.pg_inherits i
      join pg_catalog.pg_class c on c.oid = i.inhrelid
      join pg_catalog.pg_class p on p.oid = i.inhparent
      join pg_catalog.pg_namespace n on n.oid = p.relnamespace
     where n.nspname = 'app' and p.relname = 'audit_event' order by c.relname
    """
)


@dataclass(frozen=True)
class Upkeep:
    """What was done: how many partitions were made, and which were dropped with all events before `cut`."""

    made: int
    dropped: tuple[str, ...]
    cut: date | None


async def maintain(database: Database, *, keep_days: int = LEAST_KEEP_DAYS, ahead_months: int = AHEAD_MONTHS) -> Upkeep:
    """Make the partitions of the months ahead and drop those wholly older than `keep_days` (never below 200).

    Safe to run from several places at once and at any time.
    """
    async with database.directory() as directory:
        # The partitions' months are UTC's; the functions read the session's zone.
        await directory.execute(select(func.set_config("TimeZone", "UTC", True)))
        await directory.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        made = await _extend(directory, ahead_months)
        before = await _partitions(directory)
        cut: date = await directory.scalar(select(func.steward.drop_audit_partitions(max(keep_days, LEAST_KEEP_DAYS))))
        dropped = tuple(sorted(before - await _partitions(directory)))
        if not dropped:
            return Upkeep(made, (), None)
        detail = {"before": cut.isoformat(), "partitions": list(dropped)}
        directory.add(PlatformEvent(operator="retention", action=PARTITIONS_DROPPED, detail=detail))
        return Upkeep(made, dropped, cut)


async def _extend(directory: DirectorySession, months: int) -> int:
    first = datetime.now(UTC).date().replace(day=1)
    made: int = await directory.scalar(select(func.steward.extend_audit_partitions(first, months)))
    return made


async def _partitions(directory: DirectorySession) -> set[str]:
    return set(await directory.scalars(_PARTITIONS))


async def dropped_before(directory: DirectorySession) -> datetime | None:
    """Events before this moment are gone by retention; None when none are. A record that claims more than the
    retention allowed at its time counts only as far as that."""
    rows = await directory.rows(
        select(PlatformEvent.at, PlatformEvent.detail).where(PlatformEvent.action == PARTITIONS_DROPPED)
    )
    return max((_cut(row.at, row.detail) for row in rows), default=None)


def _cut(at: datetime, detail: dict[str, Any]) -> datetime:
    claimed = datetime.combine(date.fromisoformat(detail["before"]), datetime.min.time(), UTC)
    return min(claimed, min(at, datetime.now(UTC)) - timedelta(days=LEAST_KEEP_DAYS))
