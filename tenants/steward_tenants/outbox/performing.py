"""Doing jobs: the frame that opens the tenant's session, so that no job can forget to.

A job of an `in_session` kind is locked, marked done and done in one transaction: its effect and its completion stand or
fall together, and another performer passes over it meanwhile. A `beside` kind works in transactions of its own; for as
long as it does, a transaction of the frame (the keeper) holds an advisory lock on the job's id, and marks it done in
the end. Whoever dies loses the lock with the connection, and the job waits as before.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, case, func, literal_column, select, update

from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.locks import TurnLost, try_turn, while_held
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import TenantNotFound, TenantSuspended
from steward_tenants.outbox.failures import FailureClass, JobTooSlow, failure_class, failure_note, longest_pause, pause
from steward_tenants.outbox.jobs import JOB_KINDS, Beside, InSession, JobKind, JobPlace, JobTools, Queue
from steward_tenants.outbox.models import JobStatus, OutboxJob

log = logging.getLogger(__name__)

WORKER = system("worker")
UNKNOWN_KIND_WAITS = timedelta(minutes=1)
KEEPER_MILLISECONDS = 5_000
# Not as parameters: the index of waiting jobs serves only a statement that is known to want nothing else, and a clock
# that goes on within the statement could not be its bound.
WAITS = OutboxJob.status == literal_column("'waiting'")

Begun = Callable[[UUID, JobKind], None]
"""Told of each job right before it is done."""


class Outcome(StrEnum):
    """How it ended. `more`: a part is done, the rest waits for its turn. `postponed`: it failed and will be tried
    again. `unknown`: this program has no such kind, another version may."""

    DONE = "done"
    MORE = "more"
    POSTPONED = "postponed"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Performed:
    """What became of a job: `due` is when it is due again, None when it is not. `waited` counts the seconds from when
    it was due until it was begun, `took` those from then on."""

    job_id: UUID
    kind: str
    outcome: Outcome
    due: datetime | None
    waited: float
    took: float


@dataclass(frozen=True)
class _Claim:
    """A job that was found due. `seen` is when, by the database's clock."""

    id: UUID
    kind: str
    payload: dict[str, Any]
    attempts: int
    due: datetime
    seen: datetime
    started: float

    def performed(self, outcome: Outcome, due: datetime | None = None) -> Performed:
        waited = max(0.0, (self.seen - self.due).total_seconds())
        return Performed(self.id, self.kind, outcome, due, waited, time.monotonic() - self.started)


async def perform_next(
    database: Database, tenant_id: UUID, queue: Queue, tools: JobTools, *, begun: Begun | None = None
) -> Performed | None:
    """Do the job of this queue that has been due longest and that nobody else is doing; None: there is none.

    A job that fails is noted as such, and no error of its own leaves this function. Raises TenantNotFound,
    TenantSuspended, and what the database raises when it cannot be reached.
    """
    passed: list[UUID] = []
    while True:
        attempt = _Attempt(database, tenant_id, tools, begun)
        try:
            performed = await attempt.next(queue, passed)
        except (TenantSuspended, TenantNotFound):
            raise
        except Exception as error:
            if attempt.claim is None:
                raise
            async with database.write(tenant_id, WORKER) as session:
                return await _note(session, attempt.claim, error)
        if performed is not None or attempt.claim is None:
            return performed
        passed.append(attempt.claim.id)


async def perform_due(
    database: Database, tenant_id: UUID, tools: JobTools, *, queues: Sequence[Queue] = tuple(Queue), most: int = 1000
) -> int:
    """Do what is due in a tenant, urgent queues first, at most `most` jobs. Gives how many were tried.

    Raises TenantNotFound, TenantSuspended.
    """
    tried = 0
    while tried < most:
        for queue in queues:
            if await perform_next(database, tenant_id, queue, tools) is not None:
                tried += 1
                break
        else:
            break
    return tried


async def note_failure(database: Database, tenant_id: UUID, job_id: UUID, error: Exception) -> Performed | None:
    """Note that an attempt ended with its process, for which `error` stands; None: the job waits no longer.

    A job that kills whoever does it is thereby dead after its attempts, like any other.
    """
    async with database.write(tenant_id, WORKER) as session:
        for row in await session.rows(_of_due(session, OutboxJob.id == job_id)):
            return await _note(session, _claimed(row), error)
    return None


class _Attempt:
    """One look for a job, and doing it. `claim` is the job that was found."""

    def __init__(self, database: Database, tenant_id: UUID, tools: JobTools, begun: Begun | None) -> None:
        self.database = database
        self.tenant_id = tenant_id
        self.tools = tools
        self.claim: _Claim | None = None
        self._begun = begun

    async def next(self, queue: Queue, passed: Collection[UUID]) -> Performed | None:
        """Do the first job that is due and not among `passed`; None: there is none, or somebody else does `claim`."""
        try:
            # Around the session, not inside: the session throws a connection away that a cancel interrupted.
            async with asyncio.timeout(None) as limit, self.database.write(self.tenant_id, WORKER) as session:
                claim = self.claim = await _first_due(session, queue, passed)
                if claim is None:
                    return None
                kind = JOB_KINDS.get(claim.kind)
                if kind is None:
                    return claim.performed(Outcome.UNKNOWN, await _postpone(session, claim))
                if kind.in_session is not None:
                    limit.reschedule(asyncio.get_running_loop().time() + kind.seconds)
                    self._tell(kind)
                    await _do(session, claim, kind.in_session, self.tools)
        except TimeoutError:
            if limit.expired():
                raise JobTooSlow from None
            raise
        if kind.beside is not None:
            return await self._beside(claim, kind, kind.beside)
        return claim.performed(Outcome.DONE)

    async def _beside(self, claim: _Claim, kind: JobKind, body: Beside) -> Performed | None:
        async with self.database.write(self.tenant_id, WORKER, timeout_ms=KEEPER_MILLISECONDS) as keeper:
            if not await try_turn(keeper, f"job/{claim.id}"):
                return None
            async with self.database.write(self.tenant_id, WORKER) as session:
                if not await _begin(session, claim):
                    return None
            self._tell(kind)
            place = JobPlace(self.database, self.tenant_id, self.tools, claim.id, claim.attempts + 1)
            try:
                finished = await while_held(keeper, _bounded(body, place, claim.payload, kind.seconds))
            except (TurnLost, TenantSuspended, TenantNotFound):
                raise
            except Exception as error:
                return await _note(keeper, claim, error)
            return await _end(keeper, claim, finished)

    def _tell(self, kind: JobKind) -> None:
        if self._begun is not None and self.claim is not None:
            self._begun(self.claim.id, kind)


def _of_due(session: WriteSession, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Jobs that are due, for change."""
    columns = (OutboxJob.id, OutboxJob.kind, OutboxJob.payload, OutboxJob.attempts, OutboxJob.due)
    return (
        select(*columns, func.clock_timestamp().label("seen"))
        .where(session.within(OutboxJob), WAITS, OutboxJob.due <= func.now(), *conditions)
        .order_by(OutboxJob.due, OutboxJob.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _claimed(row: Row[Any]) -> _Claim:
    return _Claim(row.id, row.kind, row.payload, row.attempts, row.due, row.seen, time.monotonic())


async def _first_due(session: WriteSession, queue: Queue, passed: Collection[UUID]) -> _Claim | None:
    conditions: list[ColumnElement[bool]] = [OutboxJob.queue == queue.value]
    if passed:
        conditions.append(OutboxJob.id.not_in(passed))
    for row in await session.rows(_of_due(session, *conditions)):
        return _claimed(row)
    return None


async def _change(session: WriteSession, claim: _Claim, **values: Any) -> Row[Any] | None:
    """Change the job if it waits still and nobody noted a failure meanwhile. Gives its new `status` and `due`."""
    changed = await session.rows(
        update(OutboxJob)
        .where(
            session.within(OutboxJob),
            OutboxJob.id == claim.id,
            WAITS,
            OutboxJob.attempts == claim.attempts,
        )
        .values({"tried_at": func.clock_timestamp(), **values})
        .returning(OutboxJob.status, OutboxJob.due)
        .execution_options(synchronize_session=False)
    )
    return changed[0] if changed else None


async def _postpone(session: WriteSession, claim: _Claim) -> datetime | None:
    row = await _change(session, claim, due=func.clock_timestamp() + UNKNOWN_KIND_WAITS)
    return None if row is None else row.due


async def _do(session: WriteSession, claim: _Claim, body: InSession, tools: JobTools) -> None:
    """Mark the job done, and do it: what is asked for under the same key from here on is a job of its own."""
    await _change(session, claim, status=JobStatus.DONE.value, error=None, done_at=func.clock_timestamp())
    await body(session, claim.payload, tools)
    await session.flush()


async def _begin(session: WriteSession, claim: _Claim) -> bool:
    """Asking for the same again means from here on to do it once more. False: it waits no longer."""
    return await _change(session, claim, again=None) is not None


async def _bounded(body: Beside, place: JobPlace, payload: dict[str, Any], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await body(place, payload)
    except TimeoutError:
        if limit.expired():
            raise JobTooSlow from None
        raise


async def _end(keeper: WriteSession, claim: _Claim, finished: bool) -> Performed:
    """Done, unless a part is left to do or it was asked for again meanwhile."""
    now = func.clock_timestamp()
    if not finished:
        row = await _change(keeper, claim, attempts=0, error=None, due=now)
        return claim.performed(Outcome.MORE if row else Outcome.DONE, row.due if row else None)
    once_more = OutboxJob.again.is_not(None)
    row = await _change(
        keeper,
        claim,
        attempts=case((once_more, 0), else_=OutboxJob.attempts),
        error=None,
        status=case((once_more, JobStatus.WAITING.value), else_=JobStatus.DONE.value),
        due=func.coalesce(OutboxJob.again, OutboxJob.due),
        done_at=case((once_more, None), else_=now),
    )
    waits = row is not None and row.status == JobStatus.WAITING
    return claim.performed(Outcome.MORE if waits else Outcome.DONE, row.due if row and waits else None)


async def _note(session: WriteSession, claim: _Claim, error: Exception) -> Performed:
    """Count a failure, keep it for a person to read, and try again later or give up."""
    attempts = claim.attempts + 1
    failure = failure_class(error)
    kind = JOB_KINDS.get(claim.kind)
    wait = None
    if kind is None or attempts < kind.most_attempts:
        wait = pause(failure, attempts, longest=longest_pause(error))
    values: dict[str, Any] = {"attempts": attempts, "error": failure_note(error)}
    if wait is None:
        row = await _change(session, claim, status=JobStatus.DEAD.value, **values)
    else:
        row = await _change(session, claim, due=func.clock_timestamp() + wait, **values)
    _tell_log(claim, failure, error, attempts)
    if row is None:
        return claim.performed(Outcome.DONE)
    return claim.performed(Outcome.DEAD) if wait is None else claim.performed(Outcome.POSTPONED, row.due)


def _tell_log(claim: _Claim, failure: FailureClass, error: Exception, attempts: int) -> None:
    """The place of an error, without its text, which might be personal."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
    log.warning(
        "job %s (%s) failed, attempt %d, %s: %s %s",
        claim.id,
        claim.kind,
        attempts,
        failure.value,
        type(error).__name__,
        place,
    )
