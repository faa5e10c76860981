"""Retention: months are made ahead, dropped after 200 days at the earliest, and verification knows the cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from steward_tenants.audit.retention import LEAST_KEEP_DAYS, PARTITIONS_DROPPED, dropped_before, maintain
from steward_tenants.audit.verification import verify
from steward_tenants.database.database import Database
from steward_tenants.directory.models import PlatformEvent
from tests.audit.logbook import Logbook


async def make_months(database: Database, at: datetime, months: int) -> None:
    async with database.directory() as directory:
        await directory.execute(select(func.steward.extend_audit_partitions(at.date(), months)))


async def write_at(log: Logbook, at: datetime, events: int = 2) -> None:
    """Write events as of another day, doorbells and all, and leave them to be sealed."""
    await log.write(events)
    waiting = list(await log.doorbells())
    log.tamper("update app.audit_event set at = %(v1)s where id = any(%(v0)s)", waiting, at)
    log.tamper("update directory.doorbell set due = %(v1)s where job_id = any(%(v0)s)", waiting, at)


async def test_months_are_made_ahead(database: Database) -> None:
    await maintain(database, ahead_months=40)
    assert (await maintain(database, ahead_months=40)).made == 0


async def test_old_months_go_with_whole_batches_and_verification_knows(log: Logbook) -> None:
    old, now = datetime.now(UTC) - timedelta(days=300), datetime.now(UTC)
    await make_months(log.database, old, 2)
    await write_at(log, old)
    await log.seal()
    await log.batches(2)
    assert (await verify(log.database, log.tenant_id)).intact
    upkeep = await maintain(log.database, keep_days=1)
    assert f"audit_event_{old:%Y%m}" in upkeep.dropped
    assert upkeep.cut is not None
    assert now.date() - upkeep.cut >= timedelta(days=LEAST_KEEP_DAYS)
    report = await verify(log.database, log.tenant_id)
    assert report.intact
    assert (report.batches, report.expired_batches, report.events) == (3, 1, 6)
    assert report.kept_from is not None
    assert report.kept_from.date() == upkeep.cut
    async with log.database.directory() as directory:
        details = await directory.scalars(
            select(PlatformEvent.detail).where(PlatformEvent.action == PARTITIONS_DROPPED)
        )
    assert {"before": upkeep.cut.isoformat(), "partitions": list(upkeep.dropped)} in details
    log.tamper("update app.audit_seal set digest = sha256('') where tenant_id = %(tenant)s and batch = 1")
    kinds = {finding.kind.value for finding in (await verify(log.database, log.tenant_id)).findings}
    assert kinds == {"chain_broken"}


async def test_a_batch_never_spans_two_months(log: Logbook) -> None:
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    await write_at(log, first - timedelta(microseconds=1))
    await log.seal()
    await write_at(log, first - timedelta(microseconds=1), 1)
    early = await log.doorbells()
    await log.write(2)
    outcome = await log.seal()
    assert outcome.more
    assert set(outcome.seals[0].event_ids) == early
    await log.seal()
    assert [len(seal.event_ids) for seal in await log.seals()] == [2, 1, 2]
    assert (await verify(log.database, log.tenant_id)).intact


async def test_a_month_taken_away_without_retention_is_found(log: Logbook) -> None:
    await log.batches(2)
    log.tamper("delete from app.audit_event where tenant_id = %(tenant)s")
    kinds = [finding.kind for finding in (await verify(log.database, log.tenant_id)).findings]
    assert kinds == ["event_deleted", "event_deleted"]


async def test_a_record_of_more_than_retention_allows_is_not_believed(log: Logbook) -> None:
    await log.batches(1)
    async with log.database.directory() as directory:
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        directory.add(PlatformEvent(operator="x", action=PARTITIONS_DROPPED, detail={"before": tomorrow.isoformat()}))
    async with log.database.directory() as directory:
        cut = await dropped_before(directory)
    assert cut is not None
    assert cut < datetime.now(UTC) - timedelta(days=LEAST_KEEP_DAYS)
    log.tamper("delete from app.audit_event where tenant_id = %(tenant)s")
    assert not (await verify(log.database, log.tenant_id)).intact
