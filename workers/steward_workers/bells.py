"""Bells: which tenants have work, and who is on the way there. One row for each message that is not yet answered.

A ring is known by its moment. Taking a bell changes the moment, so that a message which comes twice, late or from a
stranger finds nothing to take; whoever holds it renews its lease, and stops when it no longer can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Uuid as UuidType
from sqlalchemy import delete, func, select, text, tuple_, update

from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import Bell
from steward_tenants.outbox.jobs import Queue
from steward_workers.messages import Ring

LEASE_SECONDS = 15.0
"""A bell that is neither waiting in the queue nor renewed within this time is rung again."""
RENEW_SECONDS = 5.0
PAUSE_SECONDS = 0.3
"""How long a bell stays silent that found work which it could not do."""
FORGOTTEN_SECONDS = 60.0
"""How long a bell that nobody renews stays; whoever comes to it later finds nothing to take."""

DUE_QUEUES = text(
    """
    select q.queue from unnest(cast(:queues as text[])) as q(queue)
     where exists (select 1 from directory.doorbell d where d.queue = q.queue and d.due <= now())
    """
)

# A loose scan: its cost grows with the tenants that have jobs waiting, not with the jobs. One query, one view: what is
# wanted and what is on its way are compared in it, and the conflict clause decides between two that ring at once.
RING = text(
    """
    with recursive waiting(tenant_id, due) as (
      (select d.tenant_id, d.due from directory.doorbell d
        where d.queue = :queue order by d.tenant_id, d.due limit 1)
      union all
      select n.tenant_id, n.due from waiting w cross join lateral
        (select d.tenant_id, d.due from directory.doorbell d
          where d.queue = :queue and d.tenant_id > w.tenant_id order by d.tenant_id, d.due limit 1) n
    ), wanted as (
      select w.tenant_id, w.due,
             (select count(*) from (select 1 from directory.doorbell d
                where d.queue = :queue and d.tenant_id = w.tenant_id and d.due <= now() limit :slots) x)
             - (select count(*) from directory.bell b
                 where b.queue = :queue and b.tenant_id = w.tenant_id and b.lease_until >= now()) as bells
        from waiting w join directory.tenant t on t.id = w.tenant_id and t.status = 'active'
       where w.due <= now()
    ), free as (
      select w.tenant_id, w.due, w.bells, s.slot,
             row_number() over (partition by w.tenant_id order by s.slot) as place
        from wanted w cross join generate_series(0, :slots - 1) as s(slot)
       where w.bells > 0
         and not exists (select 1 from directory.bell b where b.queue = :queue and b.tenant_id = w.tenant_id
                            and b.slot = s.slot and b.lease_until >= now())
    )
    insert into directory.bell as old (queue, tenant_id, slot, rung_at, lease_until)
    select :queue, f.tenant_id, f.slot, clock_timestamp(), clock_timestamp() + make_interval(secs => :lease)
      from free f where f.place <= f.bells order by f.place, f.due, f.tenant_id
        on conflict (queue, tenant_id, slot) do update
       set rung_at = excluded.rung_at, lease_until = excluded.lease_until
     where old.lease_until < now()
    returning tenant_id, slot, rung_at
    """
).columns(tenant_id=UuidType(as_uuid=True))


def _in(seconds: float) -> Any:
    return func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _is(ring: Ring) -> Any:
    return (
        (Bell.queue == ring.queue.value)
        & (Bell.tenant_id == ring.tenant_id)
        & (Bell.slot == ring.slot)
        & (Bell.rung_at == ring.rung_at)
    )


async def due_queues(directory: DirectorySession) -> list[Queue]:
    """The queues in which something is due, the most urgent first."""
    found = set(await directory.scalars(DUE_QUEUES, {"queues": [queue.value for queue in Queue]}))
    return [queue for queue in Queue if queue.value in found]


async def ring_due(directory: DirectorySession, queue: Queue, slots: int) -> list[Ring]:
    """Ring for active tenants with due work: at most `slots` bells each, and no more than they have jobs. Of two that
    do this at once each gets bells that the other does not. What is given back is to be sent, in this order."""
    rows = await directory.rows(RING, {"queue": queue.value, "slots": slots, "lease": LEASE_SECONDS})
    rings = [Ring(queue, row.tenant_id, row.slot, row.rung_at) for row in rows]
    return sorted(rings, key=lambda ring: (ring.rung_at, ring.slot))


async def overdue(directory: DirectorySession, queue: Queue) -> list[Ring]:
    """Bells whose lease has run out: nobody renews them, or their messages still wait in the queue."""
    rows = await directory.rows(
        select(Bell.tenant_id, Bell.slot, Bell.rung_at).where(
            Bell.queue == queue.value, Bell.lease_until < func.clock_timestamp()
        )
    )
    return [Ring(queue, row.tenant_id, row.slot, row.rung_at) for row in rows]


async def keep_waiting(directory: DirectorySession, queue: Queue, rings: Sequence[Ring]) -> None:
    """Renew bells whose messages still wait in the queue."""
    if not rings:
        return
    named = [(ring.tenant_id, ring.slot, ring.rung_at) for ring in rings]
    await directory.execute(
        update(Bell)
        .where(Bell.queue == queue.value, tuple_(Bell.tenant_id, Bell.slot, Bell.rung_at).in_(named))
        .values(lease_until=_in(LEASE_SECONDS))
    )


async def take_back(directory: DirectorySession, rings: Sequence[Ring]) -> None:
    """Undo rings whose messages could not be sent."""
    for queue in Queue:
        named = [(ring.tenant_id, ring.slot, ring.rung_at) for ring in rings if ring.queue is queue]
        if named:
            await directory.execute(
                delete(Bell).where(
                    Bell.queue == queue.value, tuple_(Bell.tenant_id, Bell.slot, Bell.rung_at).in_(named)
                )
            )


async def forget_silent(directory: DirectorySession) -> None:
    """Remove bells that ran out long ago: their tenants have no work, or are suspended."""
    await directory.execute(delete(Bell).where(Bell.lease_until < _in(-FORGOTTEN_SECONDS)))


async def take(directory: DirectorySession, ring: Ring) -> Ring | None:
    """Answer a bell, or ring one again that is held: it stands under a new moment. None: it is not there as it was."""
    moment = await directory.scalar(
        update(Bell)
        .where(_is(ring))
        .values(rung_at=func.clock_timestamp(), lease_until=_in(LEASE_SECONDS))
        .returning(Bell.rung_at)
    )
    return None if moment is None else replace(ring, rung_at=moment)


async def renew(directory: DirectorySession, ring: Ring, seconds: float = LEASE_SECONDS) -> bool:
    """Hold a bell for `seconds` more. False: it is somebody else's now."""
    found = await directory.scalar(update(Bell).where(_is(ring)).values(lease_until=_in(seconds)).returning(Bell.slot))
    return found is not None


async def hang_up(directory: DirectorySession, ring: Ring) -> None:
    """Give a bell back: no work is left that it was rung for."""
    await directory.execute(delete(Bell).where(_is(ring)))
