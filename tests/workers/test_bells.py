"""Bells: rung once however many look, taken once however often the message comes, and only as they were rung."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.service import enqueue_many
from steward_workers import bells
from steward_workers.messages import Ring
from steward_workers.settling import settle
from tests.factories import TESTS, make_tenant
from tests.workers import kinds  # noqa: F401 - declares them


async def test_two_that_look_at_once_ring_each_bell_once(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        await enqueue_many(session, "test.mark_bulk", [{"number": 1}, {"number": 2}, {"number": 3}])

    async def look() -> list[Ring]:
        async with database.directory() as directory:
            return [ring for ring in await bells.ring_due(directory, Queue.BULK, 2) if ring.tenant_id == tenant_id]

    rings = [ring for found in await asyncio.gather(look(), look(), look()) for ring in found]
    assert sorted(ring.slot for ring in rings) == [0, 1]
    ring = rings[0]
    async with database.directory() as directory:
        assert await bells.take(directory, replace(ring, rung_at=ring.rung_at + timedelta(seconds=1))) is None
        assert await bells.take(directory, replace(ring, tenant_id=new_id())) is None
        taken = await bells.take(directory, Ring.named(ring.message_id))
        assert taken is not None
        assert await bells.take(directory, ring) is None, "a message that comes twice finds nothing"
        assert not await bells.renew(directory, ring)
        assert await bells.renew(directory, taken)
        await bells.take_back(directory, [taken, *rings])
    left = await settle(database, tenant_id, Queue.BULK)
    assert left.due == 3
    assert sorted(ring.slot for ring in await look()) == [0, 1]


@pytest.mark.parametrize(
    "name", ["", "nonsense", "normal_x_0_1", "audit_" + "0" * 36 + "_0_1", "bulk_" + "-" * 36 + "_0_1"]
)
def test_what_is_no_message_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"not the id|hexadecimal"):
        Ring.named(name)
