"""The queue server forgets everything: what was on its way is rung again, what is being done goes on."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select, update

from steward_core.notifications.service import notify
from steward_core.upkeep.exports import NOTICE
from steward_tenants.directory.models import Bell
from steward_tenants.outbox.jobs import Queue
from steward_tenants.texts import Bilingual
from steward_workers.messages import waiting
from tests.core.notifications.post import deliveries
from tests.factories import TESTS, make_tenant, make_user
from tests.workers.place import Place


async def test_emptied_and_restarted_with_nothing_it_costs_no_job(place: Place) -> None:
    """By FLUSHALL while messages wait, then once more by a restart without anything while a job is being done."""
    tenant_id, other_id = await make_tenant(place.database), await make_tenant(place.database)
    await place.put(tenant_id, "test.mark_normal", range(5))
    await place.put(tenant_id, "test.mark_bulk", range(5, 10))
    place.start("relay")
    connection = place.redis

    async def rung() -> bool:
        return waiting(connection, list(Queue)) >= 2

    await place.until(rung)
    connection.flushall()
    assert waiting(connection, list(Queue)) == 0
    await time_passes(place)
    await place.until(rung)  # by the relay that runs on

    await place.put(other_id, "test.slow", range(2), seconds=2)
    pool = place.start("worker")
    await place.horse(pool)
    connection.flushall()
    connection.close()
    place.valkey.stop()
    place.valkey.start()
    await time_passes(place)
    await place.done(tenant_id, 10)
    await place.done(other_id, 2)
    assert [job.attempts for job in await place.jobs(other_id)] == [0, 0]


async def time_passes(place: Place) -> None:
    """Let the leases run out of bells that nobody holds: they are as old as after a quarter of a minute."""
    async with place.database.directory() as directory:
        await directory.execute(update(Bell).values(lease_until=func.clock_timestamp()))
        assert await directory.scalar(select(func.count()).select_from(Bell))


async def test_a_notice_becomes_a_letter_by_the_hands_of_a_worker(place: Place) -> None:
    tenant_id, other_id = await make_tenant(place.database), await make_tenant(place.database)
    async with place.database.write(other_id, TESTS) as session:
        make_user(session, email="other@example.test")
    async with place.database.write(tenant_id, TESTS) as session:
        person = make_user(session, email="anna@example.test")
    place.start("relay")
    place.start("worker")
    async with place.database.write(tenant_id, TESTS) as session:
        assert await notify(session, [person.id], NOTICE, title=Bilingual("好了", "Ready")) == 1

    async def sent() -> bool:
        return (await deliveries(place.database, tenant_id))["sent"] == 1

    await place.until(sent)
    (letter,) = (place.folder / "mail").iterdir()
    assert "anna@example.test" in read(letter)
    assert await deliveries(place.database, other_id) == {}
    await place.quiet(tenant_id)


def read(letter: Path) -> str:
    """A letter as it lies in the folder."""
    return letter.read_text(encoding="utf-8")
