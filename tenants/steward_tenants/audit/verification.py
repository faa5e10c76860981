"""Verification of a tenant's log against its seals, the seals' chain and the anchors.

Walks the seals in order, one batch of events in memory at a time, in one view of the tenant's data. While it walks it
counts, per hour, the events that seals hold; hours in which the log has other events are then looked into for
events that no seal holds. Those are the unsealed tail when their doorbell still stands, and a finding when not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, cast, func, literal, not_, select, tuple_
from sqlalchemy.orm import aliased

from steward_tenants.audit.anchors import Anchor, anchors_between
from steward_tenants.audit.models import AuditEvent, AuditSeal
from steward_tenants.audit.queries import Position, contents_of, identifiers_in
from steward_tenants.audit.report import (
    DIRECTORY_SOURCE,
    EXPORTED_SOURCE,
    FindingKind,
    UnsealedTail,
    VerificationReport,
    WarningKind,
)
from steward_tenants.audit.retention import dropped_before
from steward_tenants.audit.rules import batch_digest, chained, genesis, in_seal_order
from steward_tenants.audit.sealer import EVENT_LOST
from steward_tenants.audit.service import AUDIT_QUEUE
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.session import DirectorySession, ReadSession
from steward_tenants.directory.models import AuditAnchor, Doorbell, PlatformEvent
from steward_tenants.texts import Bilingual

VERIFIER = system("audit verify")
SEALS_AT_ONCE = 20
EVENTS_AT_ONCE = 5_000
TAIL_SECONDS = 60.0
"""A tail older than this earns a warning: sealing takes 5 s when a sealer runs."""
BACKDATED = timedelta(hours=24)
HOUR = timedelta(hours=1)

Progress = Callable[[int, int], None]
"""Called with the batches done and the batches there are."""


@dataclass
class _Hour:
    """What seals hold of one hour: how many events, their ids' lower halves XORed, in which batches."""

    events: int = 0
    mixed: int = 0
    first: int = 0
    last: int = 0


class _Verification:
    def __init__(
        self, database: Database, tenant_id: UUID, anchors: Iterable[Anchor] | None, progress: Progress | None
    ) -> None:
        self.database = database
        self.report = VerificationReport(tenant_id)
        self.tenant_id = tenant_id
        self.progress = progress
        self.hours: defaultdict[datetime, _Hour] = defaultdict(_Hour)
        self.exported: Iterator[Anchor] = iter(anchors or ())
        self.next_exported = next(self.exported, None)
        self.unsealed: list[Position] = []

    async def run(self) -> VerificationReport:
        anchored = await self._read_directory()
        async with self.database.read(self.tenant_id, VERIFIER, even_suspended=True, snapshot=True) as session:
            await self._walk(session, anchored)
            await self._compare_ends(anchored)
            async for page in self._strangers(session):
                await self._judge_strangers(page)
        if self.report.tail.oldest_seconds > TAIL_SECONDS:
            tail = self.report.tail
            self.report.warn(WarningKind.TAIL_OLD, events=tail.events, seconds=int(tail.oldest_seconds))
        return self.report

    async def _read_directory(self) -> int:
        """The last batch that was anchored before the tenant's view of the data was taken."""
        async with self.database.directory() as directory:
            self.report.kept_from = await dropped_before(directory)
            lost = await directory.scalars(
                select(PlatformEvent.detail).where(
                    PlatformEvent.tenant_id == self.tenant_id, PlatformEvent.action == EVENT_LOST
                )
            )
            anchored = await directory.scalar(
                select(func.max(AuditAnchor.batch)).where(AuditAnchor.tenant_id == self.tenant_id)
            )
        for detail in lost:
            ids = tuple(UUID(event_id) for event_id in detail["ids"])
            self.report.found(FindingKind.EVENT_LOST, None, ids, detail["events"])
        return anchored or 0

    async def _walk(self, session: ReadSession, anchored: int) -> None:
        total = await session.scalar(select(func.count()).select_from(AuditSeal).where(session.within(AuditSeal)))
        previous, last_at, batch = genesis(self.tenant_id), None, 0
        while True:
            page: Sequence[AuditSeal] = await session.scalars(
                select(AuditSeal)
                .where(session.within(AuditSeal), AuditSeal.batch > batch)
                .order_by(AuditSeal.batch)
                .limit(SEALS_AT_ONCE)
            )
            if not page:
                break
            await self._compare_anchors(page, anchored)
            for seal in page:
                if seal.batch != batch + 1:
                    self.report.found(FindingKind.BATCH_MISSING, batch + 1)
                if seal.previous != previous or seal.chain != chained(previous, seal.batch, seal.digest):
                    self.report.found(FindingKind.CHAIN_BROKEN, seal.batch)
                if last_at is not None and seal.first_at < last_at - BACKDATED:
                    self.report.warn(WarningKind.BACKDATED, seal.batch)
                await self._compare_events(session, seal)
                batch, previous, last_at = seal.batch, seal.chain, seal.last_at
                self.report.batches += 1
            if self.progress is not None:
                self.progress(self.report.batches, total)
        self.report.last_batch, self.report.last_chain = batch, previous

    async def _compare_events(self, session: ReadSession, seal: AuditSeal) -> None:
        found = await contents_of(session, seal.event_ids, seal.first_at, seal.last_at)
        expired = self.report.kept_from is not None and seal.last_at < self.report.kept_from
        if expired and not found:
            self.report.expired_batches += 1
            return
        events = in_seal_order(found.values())
        self.report.events += len(events)
        for event in events:
            hour = self.hours[_hour_of(event.at)]
            hour.events += 1
            hour.mixed ^= int.from_bytes(event.id.bytes[8:], signed=True)
            hour.first = min(hour.first or seal.batch, seal.batch)
            hour.last = seal.batch
        missing = tuple(event_id for event_id in seal.event_ids if event_id not in found)
        if missing:
            self.report.found(FindingKind.EVENT_DELETED, seal.batch, missing)
        elif seal.digest != batch_digest(events):
            self.report.found(FindingKind.EVENT_EDITED, seal.batch)
        elif (
            not events
            or [event.id for event in events] != list(seal.event_ids)
            or ((seal.first_at, seal.last_at) != (events[0].at, events[-1].at))
        ):
            self.report.found(FindingKind.SEAL_ALTERED, seal.batch)

    async def _compare_anchors(self, page: Sequence[AuditSeal], anchored: int) -> None:
        async with self.database.directory() as directory:
            anchors = await anchors_between(directory, self.tenant_id, page[0].batch, page[-1].batch)
            for seal in page:
                anchor = anchors.get(seal.batch)
                if anchor is not None:
                    self._compare(seal, anchor, DIRECTORY_SOURCE)
                    continue
                waiting = seal.batch > anchored and await rung(directory, self.tenant_id, seal.event_ids)
                again = await anchors_between(directory, self.tenant_id, seal.batch, seal.batch)
                if again:
                    self._compare(seal, again[seal.batch], DIRECTORY_SOURCE)
                elif waiting:
                    self.report.warn(WarningKind.ANCHOR_PENDING, seal.batch)
                else:
                    self.report.found(FindingKind.ANCHOR_MISSING, seal.batch)
        self._compare_exported(page)

    def _compare_exported(self, page: Sequence[AuditSeal]) -> None:
        for seal in page:
            while self.next_exported is not None and self.next_exported.batch <= seal.batch:
                self.report.exported_anchors += 1
                if self.next_exported.batch == seal.batch:
                    self._compare(seal, self.next_exported, EXPORTED_SOURCE)
                self.next_exported = next(self.exported, None)

    def _compare(self, seal: AuditSeal, anchor: Anchor, source: Bilingual) -> None:
        same = (anchor.chain, anchor.events, anchor.sealed_at) == (seal.chain, len(seal.event_ids), seal.sealed_at)
        if not same:
            self.report.found(FindingKind.ANCHOR_DIFFERS, seal.batch, source=source)

    async def _compare_ends(self, anchored: int) -> None:
        beyond = [anchored] if anchored > self.report.last_batch else []
        while self.next_exported is not None:
            self.report.exported_anchors += 1
            beyond.append(self.next_exported.batch)
            self.next_exported = next(self.exported, None)
        if beyond:
            self.report.found(FindingKind.END_TRUNCATED, max(beyond))

    async def _strangers(self, session: ReadSession) -> AsyncIterator[list[Position]]:
        """Pages of events that no seal holds, oldest first."""
        async for hour, events, mixed in self._counts(session):
            sealed = self.hours.pop(hour, _Hour())
            if sealed.events > events:
                self.report.found(FindingKind.EVENT_SEALED_TWICE, sealed.last, events=sealed.events - events)
            if (sealed.events, sealed.mixed) == (events, mixed):
                continue
            place = Position(hour, UUID(int=0))
            while True:
                page = await self._strangers_of_hour(session, hour, sealed, place)
                if page:
                    yield page
                if len(page) < EVENTS_AT_ONCE:
                    break
                place = page[-1]

    async def _counts(self, session: ReadSession) -> AsyncIterator[tuple[datetime, int, int]]:
        """How many events each hour of the log has and what their ids mix to; hours without events are left out."""
        ends = await session.execute(
            select(func.min(AuditEvent.at), func.max(AuditEvent.at)).where(session.within(AuditEvent))
        )
        limits: Any = ends.one()
        first, end = limits
        if first is None:
            return
        day = _hour_of(first)
        while day <= end:
            following = day + 24 * HOUR
            hour = func.date_trunc("hour", AuditEvent.at, "UTC")
            lower_half = cast(func.substring(func.uuid_send(AuditEvent.id), 9), BigInteger)
            rows: Sequence[Any] = await session.rows(
                select(hour, func.count(), func.bit_xor(lower_half))
                .where(session.within(AuditEvent), AuditEvent.at >= day, AuditEvent.at < following)
                .group_by(hour)
                .order_by(hour)
            )
            for row in rows:
                yield row[0].astimezone(UTC), row[1], row[2]
            day = following

    async def _strangers_of_hour(
        self, session: ReadSession, hour: datetime, sealed: _Hour, after: Position
    ) -> list[Position]:
        seal = aliased(AuditSeal)
        held = (
            select(func.unnest(seal.event_ids).label("id"))
            .where(session.within(seal), seal.batch >= sealed.first, seal.batch <= sealed.last)
            .subquery()
        )
        rows = await session.rows(
            select(AuditEvent.at, AuditEvent.id)
            .where(
                session.within(AuditEvent),
                AuditEvent.at >= hour,
                AuditEvent.at < hour + HOUR,
                tuple_(AuditEvent.at, AuditEvent.id) > tuple_(*after),
                not_(select(literal(1)).select_from(held).where(held.c.id == AuditEvent.id).exists()),
            )
            .order_by(AuditEvent.at, AuditEvent.id)
            .limit(EVENTS_AT_ONCE)
        )
        return list(map(Position._make, rows))

    async def _judge_strangers(self, page: list[Position]) -> None:
        """Events with a doorbell are the tail; those sealed since the walk are well; the others are findings."""
        ids = [event_id for _, event_id in page]
        async with self.database.directory() as directory:
            waiting = await rung(directory, self.tenant_id, ids)
        tail = [place for place in page if place[1] in waiting]
        silent = set(ids) - waiting
        if silent:
            silent -= await self._sealed_since(list(silent))
        if silent:
            self.report.found(
                FindingKind.EVENT_UNSEALED, None, tuple(event_id for event_id in ids if event_id in silent)
            )
        if tail:
            before = self.report.tail
            oldest = before.oldest_at or tail[0][0]
            seconds = max(0.0, (datetime.now(UTC) - oldest).total_seconds())
            self.report.tail = UnsealedTail(before.events + len(tail), oldest, seconds)

    async def _sealed_since(self, ids: Sequence[UUID]) -> set[UUID]:
        """Those of `ids` that seals hold which were written after the walk's view of the data."""
        async with self.database.read(self.tenant_id, VERIFIER, even_suspended=True) as session:
            held = (
                select(func.unnest(AuditSeal.event_ids).label("id"))
                .where(session.within(AuditSeal), AuditSeal.batch > self.report.last_batch)
                .subquery()
            )
            return set(await session.scalars(select(held.c.id).where(identifiers_in(held.c.id, ids))))


async def rung(directory: DirectorySession, tenant_id: UUID, ids: Sequence[UUID]) -> set[UUID]:
    """Those of a tenant's events whose doorbell still stands: they are not sealed, or their seal is not anchored."""
    found = await directory.scalars(
        select(Doorbell.job_id).where(
            Doorbell.queue == AUDIT_QUEUE,
            Doorbell.tenant_id == tenant_id,
            identifiers_in(Doorbell.job_id, ids),
        )
    )
    return set(found)


def _hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


async def verify(
    database: Database,
    tenant_id: UUID,
    *,
    anchors: Iterable[Anchor] | None = None,
    progress: Progress | None = None,
) -> VerificationReport:
    """Verify a tenant's log, also while it is written and sealed, and when the tenant is suspended.

    `anchors` are those kept elsewhere (`anchors.read_anchors`): with them, a log rewritten together with its seals and
    the directory's anchors is found too. Raises TenantNotFound, AnchorsUnreadable.
    """
    return await _Verification(database, tenant_id, anchors, progress).run()
