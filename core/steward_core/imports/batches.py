"""What a run of an import needs at every chunk: the batch, its target and plan, the file where the run stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, or_

from steward_core.imports import opened as reading
from steward_core.imports.errors import ImportNotFound, ImportNotReady
from steward_core.imports.models import ImportBatch, ImportStatus
from steward_core.imports.opened import Opened, close, forget_copy, local_copy, open_file, remember, remembered
from steward_core.imports.options import options_of
from steward_core.imports.plans import Plan, plan_for
from steward_core.imports.targets import target_of
from steward_core.imports.work import Target, Work
from steward_core.permissions import RECORDS_IMPORT
from steward_core.runs.chunks import size_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools
from steward_tenants.access.queries import in_scope
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession, WriteSession

TURN = "imports"
"""Whoever writes imported rows waits for each other: two files with the same rows then make each row once."""
SHOWN_PROBLEMS = 50
"""Problems that a batch itself shows; all are in the error workbook and the effects."""


def batches_reached(session: TenantSession) -> ColumnElement[bool]:
    """The condition that an import is the actor's own, or that the actor's right to import is for everybody's."""
    own = ImportBatch.created_by == session.actor.id
    return or_(own, in_scope(session, RECORDS_IMPORT, owner=ImportBatch.created_by))


async def batch_in_reach(session: TenantSession, batch_id: UUID, *, lock: bool = False) -> ImportBatch:
    """The batch, if the actor may know of it. Raises Forbidden, ImportNotFound."""
    require(session.actor, RECORDS_IMPORT)
    found = await session.find(ImportBatch, ImportBatch.id == batch_id, batches_reached(session), lock=lock)
    if found is None:
        raise ImportNotFound
    return found


def require_target(session: TenantSession, target: Target) -> None:
    """Importing needs its own right and those of the target. Raises Forbidden."""
    for permission in (RECORDS_IMPORT, *target.permissions):
        require(session.actor, permission)


@dataclass
class Step:
    """One chunk of one run."""

    session: WriteSession
    run: Run
    tools: RunTools
    batch: ImportBatch
    target: Target
    today: date
    zone: tzinfo

    async def plan(self, opened: Opened) -> Plan:
        """The plan for the file."""
        wanted = [key for key in self.batch.columns.values() if key]
        options = options_of(self.batch.options)
        fields = await self.target.fields(self.session, (*wanted, *options.constants, *options.formats))
        return plan_for(opened.table.header, self.batch.columns, {one.key: one for one in fields}, options)

    def work(self, plan: Plan, *, lock: bool = False) -> Work:
        """The work on a chunk's rows."""
        return self.target.make(self.session, plan, today=self.today, batch_id=self.batch.id, lock=lock)

    async def opened(self, *, again: bool) -> tuple[Opened, Plan, Work]:
        """The file where the run stands. With `again` the rows before are read once more where this process did not
        read them; without, the caller begins anew then."""
        row = int(self.run.position.get("row", 0))
        known = remembered(self.run.id, row)
        if known is None:
            path = await local_copy(self.tools, self.session.tenant_id, self.batch.file_id)
            options = options_of(self.batch.options)
            known = Opened(open_file(path, self.batch.file_name, self.batch.sheet, options))
            remember(self.run.id, known)
        plan = await self.plan(known)
        work = self.work(plan, lock=again)
        if again and known.row < row:
            known.go_to(row, plan, work.keys)
        return known, plan, work

    def size(self) -> int:
        """How many rows the next chunk takes."""
        return size_of(self.run, reading.CHUNK_ROWS)

    def let_go(self) -> None:
        """The run needs the file no more."""
        close(self.run.id)
        forget_copy(self.tools, self.session.tenant_id, self.batch.file_id)

    def count(self, **more: int) -> None:
        """Add to the run's counts."""
        counts = dict(self.run.counts)
        for name, number in more.items():
            counts[name] = counts.get(name, 0) + number
        self.run.counts = counts


async def step_of(
    session: WriteSession, run: Run, tools: RunTools, *, status: ImportStatus, expected: Callable[[str], bool]
) -> Step:
    """What a run works on; its batch takes `status` with the first chunk. Raises ImportNotFound, ImportNotReady."""

    batch = await session.get(ImportBatch, UUID(run.subject), lock=True)
    if batch is None:
        raise ImportNotFound
    zone = zone_of(str(run.parameters.get("zone", "")))
    target = await target_of(session, batch.target, zone=zone)
    require_target(session, target)
    if batch.status != status:
        if not expected(batch.status):
            raise ImportNotReady(status=batch.status)
        batch.status = status.value
    return Step(session, run, tools, batch, target, date.fromisoformat(run.parameters["today"]), zone)


def zone_of(name: str) -> tzinfo:
    """The time zone of this name; UTC without one."""
    return ZoneInfo(name) if name else UTC
