"""The sealer: chains committed audit events, per tenant, within seconds of their commit.

A round has three steps. (1) One directory statement finds tenants with doorbells and, in the same view of the data,
the last batch that each has anchored. (2) Per tenant, under a lock, one tenant transaction writes the next seal.
(3) One directory transaction anchors the seals and takes the doorbells away.

A sealer may end between any two steps: a seal without anchor is recognised by the next round, whoever runs it, which
finishes step 3 for it and seals none of its events again. That holds because an anchor and the removal of the doorbells
of its seal, and of all seals before it, are one transaction.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, exists, func, select, text
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY

from steward_tenants.audit.models import AuditSeal
from steward_tenants.audit.queries import contents_of, identifiers_in
from steward_tenants.audit.retention import maintain
from steward_tenants.audit.rules import EventContent, batch_digest, chained, genesis, in_seal_order, next_batch
from steward_tenants.audit.sealing_hooks import tell_of_seal
from steward_tenants.audit.service import AUDIT_QUEUE
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.session import DirectorySession, WriteSession
from steward_tenants.directory.models import AuditAnchor, Doorbell, PlatformEvent, Tenant, TenantStatus
from steward_tenants.errors import TenantNotFound

log = logging.getLogger(__name__)

SEALER = system("sealer")
EVENT_LOST = "audit.event_lost"
"""The platform event of a doorbell whose event is not there: it was removed before it could be sealed."""

BATCH_EVENTS = 2_000
TENANTS_AT_ONCE = 32
SESSIONS_AT_ONCE = 6
POLL_SECONDS = 0.5
LINGER_SECONDS = 1.5
"""How long events may wait for company: fewer, larger batches, well within the 5 s that sealing may take."""
LONGEST_PAUSE_SECONDS = 5.0
UPKEEP_SECONDS = 24 * 3600
SEAL_TIMEOUT_MS = 60_000

# A loose scan over the doorbells' key: its cost grows with the tenants that have work, not with the doorbells.
WAITING = text(
    """
    with recursive waiting(tenant_id) as (
      (select d.tenant_id from directory.doorbell d
        where d.queue = :queue and d.tenant_id > :after order by d.tenant_id limit 1)
      union all
      select (select d.tenant_id from directory.doorbell d
               where d.queue = :queue and d.tenant_id > w.tenant_id order by d.tenant_id limit 1)
        from waiting w where w.tenant_id is not null
    )
    select w.tenant_id,
           coalesce((select max(a.batch) from directory.audit_anchor a where a.tenant_id = w.tenant_id), 0) as anchored,
           (select a.chain from directory.audit_anchor a where a.tenant_id = w.tenant_id
             order by a.batch desc limit 1) as chain,
           p.ids, p.dues, clock_timestamp() - p.oldest > make_interval(secs => :linger) as ripe
      from (select tenant_id from waiting where tenant_id is not null limit :tenants) w
     cross join lateral (
       select array_agg(x.job_id) as ids, array_agg(x.due) as dues, min(x.due) as oldest
         from (select d.job_id, d.due from directory.doorbell d
                where d.queue = :queue and d.tenant_id = w.tenant_id order by d.job_id limit :events) x
     ) p
    """
).columns(
    tenant_id=UuidType(as_uuid=True), ids=ARRAY(UuidType(as_uuid=True)), dues=ARRAY(postgresql.TIMESTAMP(timezone=True))
)

_SEALS = cast(Table, AuditSeal.__table__)
WRITE_SEAL = (
    postgresql.insert(_SEALS)
    .values(
        {column.name: bindparam(column.name, type_=column.type) for column in _SEALS.c if column.name != "sealed_at"}
    )
    .on_conflict_do_nothing()
    .returning(_SEALS.c.sealed_at)
)


@dataclass(frozen=True)
class Waiting:
    """What a tenant has waiting, as the directory showed it in one view together with the last anchored batch."""

    tenant_id: UUID
    anchored: int
    chain: bytes
    dues: dict[UUID, datetime]
    ripe: bool


@dataclass(frozen=True)
class Sealed:
    """A seal that is to be anchored."""

    batch: int
    chain: bytes
    event_ids: Sequence[UUID]
    sealed_at: datetime


@dataclass
class Outcome:
    """What step 2 did for a tenant: seals to anchor, oldest first, and doorbells whose events are not there."""

    tenant_id: UUID
    seals: list[Sealed] = field(default_factory=list)
    lost: list[UUID] = field(default_factory=list)
    gone: bool = False
    events: int = 0
    more: bool = False


async def waiting_tenants(
    directory: DirectorySession, after: UUID, tenants: int, events: int, linger: float
) -> list[Waiting]:
    """Step 1: tenants after `after`, in order of id, with up to `events` doorbells each."""
    rows = await directory.rows(
        WAITING, {"queue": AUDIT_QUEUE, "after": after, "tenants": tenants, "events": events, "linger": linger}
    )
    return [
        Waiting(
            row.tenant_id,
            row.anchored,
            bytes(row.chain) if row.chain is not None else genesis(row.tenant_id),
            dict(zip(row.ids, row.dues, strict=True)),
            row.ripe or len(row.ids) >= events,
        )
        for row in rows
    ]


async def seal_tenant(database: Database, waiting: Waiting, most: int = BATCH_EVENTS) -> Outcome:
    """Step 2: write the tenant's next seal, unless another sealer is at it. Commits before it returns.

    Tries first what nearly always holds: that no seal follows the last anchored one. The seal's key refuses when that
    is not so; then, under the tenant's lock, what follows is looked at.
    """
    outcome = Outcome(waiting.tenant_id)
    try:
        async with database.write(
            waiting.tenant_id, SEALER, even_suspended=True, timeout_ms=SEAL_TIMEOUT_MS
        ) as session:
            if not await _seal_after(
                session, waiting.anchored, waiting.chain, waiting.dues, outcome=outcome, most=most
            ) and (await session.scalar(select(func.pg_try_advisory_xact_lock(_lock(waiting.tenant_id))))):
                await _seal_after_unanchored(database, session, waiting, outcome, most)
    except TenantNotFound:
        return Outcome(waiting.tenant_id, gone=True)
    return outcome


def _lock(tenant_id: UUID) -> int:
    return int.from_bytes(hashlib.sha256(b"steward.audit.seal/" + tenant_id.bytes).digest()[:8], signed=True)


async def _seal_after_unanchored(
    database: Database, session: WriteSession, waiting: Waiting, outcome: Outcome, most: int
) -> None:
    batch, previous, known = waiting.anchored, waiting.chain, set[UUID]()
    unanchored = await session.scalars(
        select(AuditSeal).where(session.within(AuditSeal), AuditSeal.batch > waiting.anchored).order_by(AuditSeal.batch)
    )
    for seal in unanchored:
        if await _holds(session, seal, previous):
            known.update(seal.event_ids)
            if await _unfinished(database, seal):
                outcome.seals.append(Sealed(seal.batch, seal.chain, seal.event_ids, seal.sealed_at))
        else:
            log.error("batch %d of tenant %s does not hold and is not anchored", seal.batch, seal.tenant_id)
        batch, previous = seal.batch, seal.chain
    dues = {event_id: due for event_id, due in waiting.dues.items() if event_id not in known}
    if not await _seal_after(session, batch, previous, dues, outcome=outcome, most=most):
        log.info("another sealer wrote batch %d of tenant %s first", batch + 1, waiting.tenant_id)


async def _seal_after(
    session: WriteSession, batch: int, previous: bytes, dues: dict[UUID, datetime], *, outcome: Outcome, most: int
) -> bool:
    """Seal what `dues` names as the batch after `batch`; False when that batch exists already."""
    if not dues:
        return True
    found = await contents_of(session, list(dues), min(dues.values()), max(dues.values()))
    genuine = [event for event in found.values() if event.at == dues[event.id]]
    lost = list(dues.keys() - {event.id for event in genuine})
    if genuine:
        taken = next_batch(genuine)
        sealed = await _write(session, batch + 1, previous, taken)
        if sealed is None:
            return False
        outcome.seals.append(sealed)
        outcome.events = len(taken)
        outcome.more = len(dues) >= most or len(taken) < len(genuine)
        await tell_of_seal(session)
    outcome.lost = lost
    return True


async def _write(session: WriteSession, batch: int, previous: bytes, events: Sequence[EventContent]) -> Sealed | None:
    digest = batch_digest(events)
    chain = chained(previous, batch, digest)
    ids = [event.id for event in events]
    seal = {
        "tenant_id": session.tenant_id,
        "batch": batch,
        "event_ids": ids,
        "first_at": events[0].at,
        "last_at": events[-1].at,
        "digest": digest,
        "previous": previous,
        "chain": chain,
    }
    sealed_at = await session.scalar(WRITE_SEAL, seal)
    return None if sealed_at is None else Sealed(batch, chain, ids, sealed_at)


async def _holds(session: WriteSession, seal: AuditSeal, previous: bytes) -> bool:
    """Whether a seal that nobody has anchored yet is what a sealer would have written: anybody who can insert rows
    could have put it there."""
    found = await contents_of(session, seal.event_ids, seal.first_at, seal.last_at)
    events = in_seal_order(found.values())
    return (
        [event.id for event in events] == list(seal.event_ids)
        and seal.previous == previous
        and seal.digest == batch_digest(events)
        and seal.chain == chained(previous, seal.batch, seal.digest)
    )


async def _unfinished(database: Database, seal: AuditSeal) -> bool:
    """Whether step 3 is still to be done: doorbells of the seal are there. Without them it is either done by now,
    or its anchor was taken away, which is for `verify` to report and not for a sealer to put right."""
    async with database.directory() as directory:
        return bool(
            await directory.scalar(
                select(
                    exists().where(
                        Doorbell.queue == AUDIT_QUEUE,
                        Doorbell.tenant_id == seal.tenant_id,
                        identifiers_in(Doorbell.job_id, seal.event_ids),
                    )
                )
            )
        )


async def finish(directory: DirectorySession, outcomes: Sequence[Outcome]) -> None:
    """Step 3: anchor the seals, take their doorbells away, put on record what was lost."""
    anchors = [
        {
            "tenant_id": outcome.tenant_id,
            "batch": seal.batch,
            "chain": seal.chain,
            "events": len(seal.event_ids),
            "sealed_at": seal.sealed_at,
        }
        for outcome in sorted(outcomes, key=lambda outcome: outcome.tenant_id)
        for seal in outcome.seals
    ]
    if anchors:
        await directory.execute(postgresql.insert(AuditAnchor).values(anchors).on_conflict_do_nothing())
    for outcome in outcomes:
        done = [event_id for seal in outcome.seals for event_id in seal.event_ids] + outcome.lost
        if outcome.lost:
            await _put_on_record(directory, outcome)
        conditions = [Doorbell.queue == AUDIT_QUEUE, Doorbell.tenant_id == outcome.tenant_id]
        if not outcome.gone:
            conditions.append(identifiers_in(Doorbell.job_id, done))
        if done or outcome.gone:
            await directory.execute(delete(Doorbell).where(*conditions))


async def _put_on_record(directory: DirectorySession, outcome: Outcome) -> None:
    status = await directory.scalar(select(Tenant.status).where(Tenant.id == outcome.tenant_id))
    if status is None or status == TenantStatus.DELETING:
        return
    log.error("%d audit events of tenant %s went before they were sealed", len(outcome.lost), outcome.tenant_id)
    directory.add(
        PlatformEvent(
            operator=SEALER.label,
            action=EVENT_LOST,
            tenant_id=outcome.tenant_id,
            detail={"events": len(outcome.lost), "ids": [str(event_id) for event_id in outcome.lost[:100]]},
        )
    )


class Sealer:
    """Seals all tenants' events, again and again. Any number of sealers may run at once.

    `linger` is how many seconds events may wait for company. `upkeep` also has the sealer keep the log's partitions
    once a day (see `retention`).
    """

    def __init__(
        self,
        database: Database,
        *,
        batch_events: int = BATCH_EVENTS,
        poll_seconds: float = POLL_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
        upkeep: bool = True,
    ) -> None:
        self._database = database
        self._batch_events = batch_events
        self._poll_seconds = poll_seconds
        self._linger_seconds = linger_seconds
        self._upkeep = upkeep
        self._upkeep_due = 0.0
        self._at_once = asyncio.Semaphore(SESSIONS_AT_ONCE)

    async def seal_once(self) -> int:
        """Seal at most one batch of every tenant that has events waiting; gives the number of events sealed.

        One tenant's failure is logged and does not keep others from being sealed. Raises when the directory is out
        of reach.
        """
        events, _ = await self._round(0.0)
        return events

    async def run(self, stop: asyncio.Event) -> None:
        """Seal until `stop` is set. Outlives failures, the database's absence included, with growing pauses."""
        failures = 0
        while not stop.is_set():
            pause = self._poll_seconds
            try:
                await self._keep_partitions()
                _, more = await self._round(self._linger_seconds)
                failures = 0
                if more:
                    pause = 0.0
            except Exception as error:  # whatever it is, the log must go on being sealed
                failures += 1
                pause = min(LONGEST_PAUSE_SECONDS, self._poll_seconds * 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
                log.warning("sealing failed (%s), again in %.1f s", type(error).__name__, pause)
            await _wait(stop, pause)

    async def _round(self, linger: float) -> tuple[int, bool]:
        after, events, more = UUID(int=0), 0, False
        while True:
            async with self._database.directory() as directory:
                page = await waiting_tenants(directory, after, TENANTS_AT_ONCE, self._batch_events, linger)
            if not page:
                return events, more
            after = page[-1].tenant_id
            due = [waiting for waiting in page if waiting.ripe]
            random.shuffle(due)  # sealers at work on the same page meet less often
            outcomes = [outcome for outcome in await asyncio.gather(*map(self._tenant, due)) if outcome is not None]
            if outcomes:
                async with self._database.directory() as directory:
                    await finish(directory, outcomes)
            events += sum(outcome.events for outcome in outcomes)
            more = more or any(outcome.more for outcome in outcomes)

    async def _tenant(self, waiting: Waiting) -> Outcome | None:
        async with self._at_once:
            try:
                return await seal_tenant(self._database, waiting, self._batch_events)
            except Exception as error:
                log.warning("tenant %s was not sealed (%s)", waiting.tenant_id, type(error).__name__)
                return None

    async def _keep_partitions(self) -> None:
        if not self._upkeep or time.monotonic() < self._upkeep_due:
            return
        self._upkeep_due = time.monotonic() + UPKEEP_SECONDS
        try:
            await maintain(self._database)
        except Exception as error:
            self._upkeep_due = time.monotonic() + 300
            log.warning("the audit log's partitions were not kept (%s)", type(error).__name__)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
