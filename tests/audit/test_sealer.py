"""The sealer: every committed event in exactly one seal, whatever happens between its steps."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select, update

from steward_tenants.audit.models import AuditSeal
from steward_tenants.audit.queries import sealing_backlog
from steward_tenants.audit.rules import chained, genesis
from steward_tenants.audit.sealer import EVENT_LOST, Sealer, seal_tenant
from steward_tenants.audit.service import Subject, record
from steward_tenants.audit.verification import verify
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Doorbell, PlatformEvent, Tenant, TenantStatus
from tests.audit.logbook import Logbook, new_logbook
from tests.cluster import Addresses
from tests.factories import TESTS, make_tenant


async def assert_all_sealed_once(log: Logbook, batches: int | None = None) -> None:
    seals = await log.seals()
    sealed = [event_id for seal in seals for event_id in seal.event_ids]
    assert sorted(sealed) == sorted(await log.events())
    assert [seal.batch for seal in seals] == list(range(1, len(seals) + 1)) == await log.anchors()
    assert await log.doorbells() == set()
    if batches is not None:
        assert len(seals) == batches
    previous = genesis(log.tenant_id)
    for seal in seals:
        assert seal.previous == previous
        assert seal.chain == chained(previous, seal.batch, seal.digest)
        previous = seal.chain
    assert (await verify(log.database, log.tenant_id)).intact


async def test_a_round_seals_every_tenant_that_has_events(
    database: Database, addresses: Addresses, database_name: str
) -> None:
    logs = [await new_logbook(database, addresses.superuser(database_name)) for _ in range(40)]
    for log in logs:
        await log.write(2)
    assert await Sealer(database, upkeep=False).seal_once() >= 80
    for log in logs:
        await assert_all_sealed_once(log, batches=1)


async def test_batches_are_chained_in_order(log: Logbook) -> None:
    await log.batches(4)
    await assert_all_sealed_once(log, batches=4)


async def test_a_batch_takes_no_more_than_it_may_and_the_rest_follows(log: Logbook) -> None:
    await log.write(7)
    assert (await log.seal(3)).more
    assert (await log.seal(3)).more
    assert not (await log.seal(3)).more
    await assert_all_sealed_once(log, batches=3)


async def test_a_sealer_killed_before_anchoring_loses_and_doubles_nothing(log: Logbook) -> None:
    await log.batches(1)
    await log.write(3)
    await log.seal_without_anchor()
    assert await log.anchors() == [1]
    assert len(await log.doorbells()) == 3
    await log.write(2)
    outcome = await log.seal()
    assert (outcome.events, [seal.batch for seal in outcome.seals]) == (2, [2, 3])
    await assert_all_sealed_once(log, batches=3)


async def test_several_sealers_killed_one_after_the_other(log: Logbook) -> None:
    for _ in range(4):
        await log.write(2)
        await log.seal_without_anchor()
    await log.seal()
    await assert_all_sealed_once(log, batches=4)


async def test_what_another_sealer_did_since_is_not_done_again(log: Logbook) -> None:
    await log.write(3)
    stale = await log.waiting()
    await log.seal()
    await log.write(1)
    outcome = await seal_tenant(log.database, stale)
    assert (outcome.events, outcome.seals, outcome.lost) == (0, [], [])
    await log.seal()
    await assert_all_sealed_once(log, batches=2)


async def test_a_stale_view_beside_a_killed_sealer(log: Logbook) -> None:
    await log.write(3)
    stale = await log.waiting()
    await log.seal(2)
    await log.write(2)
    await log.seal_without_anchor()
    await log.finish(await seal_tenant(log.database, stale))
    await log.write(1)
    await log.seal()
    await assert_all_sealed_once(log)


async def test_the_third_step_done_twice_changes_nothing(log: Logbook) -> None:
    await log.write(3)
    outcome = await log.seal()
    await log.finish(outcome)
    await assert_all_sealed_once(log, batches=1)


async def test_a_tenant_that_another_sealer_holds_is_left_to_it(log: Logbook) -> None:
    await log.write(2)
    waiting = await log.waiting()
    first, second = await asyncio.gather(seal_tenant(log.database, waiting), seal_tenant(log.database, waiting))
    assert first.events + second.events == 2
    await log.finish(first)
    await log.finish(second)
    await assert_all_sealed_once(log, batches=1)


async def test_many_sealers_and_writers_at_once(log: Logbook) -> None:
    done = asyncio.Event()

    async def write() -> None:
        for _ in range(25):
            await log.write()

    async def seal() -> None:
        while not done.is_set():
            try:
                outcome = await log.seal_without_anchor(random.randint(1, 20))
            except LookupError:
                await asyncio.sleep(0.005)
                continue
            if random.random() < 0.7:
                await log.finish(outcome)

    sealers = [asyncio.create_task(seal()) for _ in range(3)]
    await asyncio.gather(*(write() for _ in range(4)))
    done.set()
    await asyncio.gather(*sealers)
    while await log.doorbells():
        await log.seal()
    assert len(await log.events()) == 100
    await assert_all_sealed_once(log)


async def test_a_running_sealer_seals_within_its_deadline_and_stops(log: Logbook) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(Sealer(log.database, upkeep=False).run(stop))
    await log.write(3)
    async with asyncio.timeout(5):
        while await log.doorbells():  # the database is what is watched
            await asyncio.sleep(0.1)
    stop.set()
    async with asyncio.timeout(5):
        await running
    await assert_all_sealed_once(log)


async def test_events_wait_for_company(log: Logbook) -> None:
    await log.write()
    sealer = Sealer(log.database, linger_seconds=3600)
    await sealer._round(3600)
    assert len(await log.doorbells()) == 1
    await sealer.seal_once()
    assert await log.doorbells() == set()


async def test_a_suspended_tenant_is_sealed(log: Logbook) -> None:
    await log.write()
    async with log.database.directory() as directory:
        await directory.execute(update(Tenant).where(Tenant.id == log.tenant_id).values(status=TenantStatus.SUSPENDED))
    log.database.forget_status(log.tenant_id)
    await log.seal()
    await assert_all_sealed_once(log, batches=1)


async def test_the_doorbells_of_a_tenant_that_is_gone_go(log: Logbook) -> None:
    await log.write()
    log.tamper("delete from directory.tenant where id = %(tenant)s")
    log.database.forget_status(log.tenant_id)
    outcome = await log.seal()
    assert outcome.gone
    assert await log.doorbells() == set()


async def test_an_event_that_went_before_it_was_sealed_is_put_on_record(log: Logbook) -> None:
    await log.write(2)
    gone = (await log.events())[0]
    assert log.tamper("delete from app.audit_event where id = %(v0)s", gone) == 1
    await log.seal()
    async with log.database.directory() as directory:
        found = await directory.find(
            PlatformEvent, PlatformEvent.tenant_id == log.tenant_id, PlatformEvent.action == EVENT_LOST
        )
    assert found is not None
    assert found.detail == {"events": 1, "ids": [str(gone)]}
    assert await log.doorbells() == set()
    report = await verify(log.database, log.tenant_id)
    assert [finding.kind for finding in report.findings] == ["event_lost"]


async def test_events_going_with_a_tenant_in_deletion_are_no_alarm(log: Logbook) -> None:
    await log.write(2)
    log.tamper("delete from app.audit_event where tenant_id = %(tenant)s")
    log.tamper("update directory.tenant set status = 'deleting' where id = %(tenant)s")
    await log.seal()
    assert await log.doorbells() == set()
    assert (await verify(log.database, log.tenant_id)).intact


async def test_a_seal_that_somebody_slipped_in_is_not_anchored(log: Logbook) -> None:
    await log.batches(1)
    async with log.database.write(log.tenant_id, TESTS) as session:
        now = datetime.now(UTC)
        await session.execute(
            insert(AuditSeal).values(
                tenant_id=log.tenant_id,
                batch=2,
                event_ids=[new_id()],
                first_at=now,
                last_at=now,
                digest=bytes(32),
                previous=bytes(32),
                chain=bytes(32),
            )
        )
    await log.write(2)
    await log.seal()
    assert await log.anchors() == [1, 3]
    assert await log.doorbells() == set()
    kinds = {finding.kind.value for finding in (await verify(log.database, log.tenant_id)).findings}
    assert {"anchor_missing", "chain_broken", "event_deleted"} <= kinds


async def test_a_lost_anchor_is_not_made_up_for(log: Logbook) -> None:
    await log.batches(2)
    log.tamper("delete from directory.audit_anchor where tenant_id = %(tenant)s and batch = 2")
    await log.write()
    await log.seal()
    assert await log.anchors() == [1, 3]
    kinds = [finding.kind for finding in (await verify(log.database, log.tenant_id)).findings]
    assert kinds == ["anchor_missing"]


async def test_one_tenants_failure_leaves_the_others_sealed(
    log: Logbook, addresses: Addresses, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await new_logbook(log.database, addresses.superuser(database_name))
    await log.write()
    await other.write()

    async def sometimes(database: Database, waiting: object, most: int) -> object:
        if waiting.tenant_id == log.tenant_id:  # type: ignore[attr-defined]
            raise RuntimeError("a fault of one tenant")
        return await seal_tenant(database, waiting, most)  # type: ignore[arg-type]

    monkeypatch.setattr("steward_tenants.audit.sealer.seal_tenant", sometimes)
    await Sealer(log.database, upkeep=False).seal_once()
    assert len(await log.doorbells()) == 1
    await assert_all_sealed_once(other, batches=1)


async def test_the_sealer_outlives_the_database(
    log: Logbook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, away = asyncio.Event(), asyncio.Event()
    away.set()
    real = log.database.directory
    refused = 0

    def directory() -> object:
        nonlocal refused
        if away.is_set():
            refused += 1
            raise ConnectionError("张三 13800138000")
        return real()

    await log.write()
    monkeypatch.setattr(log.database, "directory", directory)
    sealer = Sealer(log.database, poll_seconds=0.01, linger_seconds=0, upkeep=False)
    running = asyncio.create_task(sealer.run(stop))
    while refused < 3:
        await asyncio.sleep(0.01)
    away.clear()
    while await log.doorbells():
        await asyncio.sleep(0.05)
    stop.set()
    await running
    assert "ConnectionError" in caplog.text
    assert "张三" not in caplog.text
    await assert_all_sealed_once(log, batches=1)


async def test_the_event_and_its_doorbell_bear_the_same_time(log: Logbook) -> None:
    """The sealer finds events by it."""
    async with log.database.write(log.tenant_id, TESTS) as session:
        await session.execute(select(func.pg_sleep(0.02)))
        await record(session, "test.slow", Subject("thing"))
    waiting = await log.waiting()
    outcome = await log.seal()
    assert outcome.events == 1
    assert (await log.seals())[0].first_at == next(iter(waiting.dues.values()))


async def test_the_backlog_tells_how_far_sealing_is_behind(log: Logbook) -> None:
    await log.write(2)
    async with log.database.directory() as directory:
        before = await sealing_backlog(directory)
    assert before.events >= 2
    assert before.oldest > 0


async def test_other_queues_doorbells_stay(database: Database) -> None:
    tenant_id = await make_tenant(database)
    job_id = new_id()
    async with database.directory() as directory:
        directory.add(Doorbell(queue="mail", tenant_id=tenant_id, job_id=job_id))
    await Sealer(database, upkeep=False).seal_once()
    async with database.directory() as directory:
        assert await directory.find(Doorbell, Doorbell.job_id == job_id) is not None
