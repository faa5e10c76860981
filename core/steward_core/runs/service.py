"""Asking for runs and driving them. A run's kind declares one function that does the next chunk.

Effect and progress of a chunk share one transaction, so that a chunk that was interrupted is done again from its
start, and one that is done is never done twice. Workers drive runs (`driving`), people at the command line do as well
(`drive`); whoever drives a run holds it, so that others leave it alone meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, case, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from steward_core.runs.chunks import measured
from steward_core.runs.errors import RunEnded, RunExists, RunFailed, RunFault, RunKindUnknown, RunNotFound
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.pace import note_pace
from steward_tenants.access.models import Duty
from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import reaches_everything, require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.actor import NOBODY, Actor
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import StewardError
from steward_tenants.files.store import FileStore
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.service import enqueue
from steward_tenants.texts import Bilingual

CHUNK_MILLISECONDS = 300_000
"""How long one statement of a chunk may take."""
OVER = frozenset({RunStatus.DONE, RunStatus.CANCELLED})
ADVANCE = "runs.advance"
"""The kind of job that drives a run."""
TURN_SECONDS = 10.0
HOLD_SECONDS = 5.0
"""For how long a run is held after each chunk: another takes it over so long after its driver died. While a chunk is
under way the run's row is locked."""
WATCH_SECONDS = 0.2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunTools:
    """What a chunk may use beside its session: the file store, and a folder of this machine for copies of files."""

    files: FileStore
    spool: Path = field(default_factory=lambda: Path(gettempdir()))


Advance = Callable[[WriteSession, Run, RunTools], Awaitable[bool]]
"""Does the next chunk and notes it in `run.position`, `done`, `total`, `counts`; True when nothing is left."""


@dataclass(frozen=True)
class RunKind:
    """A kind of run: its title, what starting, stopping and resuming it needs (`may_steer`), its next step, in which
    queue it waits for a worker, and after how many seconds a worker lets others have their turn."""

    key: str
    title: Bilingual
    permission: Permission
    advance: Advance
    queue: Queue = Queue.NORMAL
    turn_seconds: float = TURN_SECONDS


RUN_KINDS: dict[str, RunKind] = {}


def declare_run_kind(
    key: str,
    zh: str,
    en: str,
    permission: Permission,
    advance: Advance,
    *,
    queue: Queue = Queue.NORMAL,
    turn_seconds: float = TURN_SECONDS,
) -> RunKind:
    """Declare a kind; a key stands once."""
    if key in RUN_KINDS:
        raise ValueError(f"run kind {key} is declared twice")
    RUN_KINDS[key] = RunKind(key, Bilingual(zh, en), permission, advance, queue, turn_seconds)
    return RUN_KINDS[key]


def common(actor: Actor, kind: RunKind) -> bool:
    """Whether the actor may see and steer all runs of a kind: those who hold its permission for everything may, and of
    the tenant's administration all who hold it. A run works on what its driver reaches, and its parameters and errors
    tell of rows; others have their own runs only."""
    administration = kind.permission.duty is not Duty.BUSINESS and kind.permission.key in actor.permissions
    return administration or reaches_everything(actor, kind.permission)


def may_steer(actor: Actor, kind: RunKind, requested_by: UUID) -> bool:
    """Whether a run of this kind that somebody asked for is the actor's to see and steer."""
    return common(actor, kind) or (kind.permission.key in actor.permissions and requested_by == actor.id)


def kind_of(key: str) -> RunKind:
    """The declared kind. Raises RunKindUnknown."""
    if key not in RUN_KINDS:
        raise RunKindUnknown(kind=key)
    return RUN_KINDS[key]


@command("runs.request", "发起任务", "Request a run", permission=None)
async def request_run(
    session: WriteSession,
    kind: str,
    *,
    period: str = "",
    subject: str = "",
    parameters: Mapping[str, Any] | None = None,
) -> Run:
    """Write down that this work is to be done; a worker does it. Raises RunKindUnknown, Forbidden, RunExists."""
    require(session.actor, kind_of(kind).permission)
    same = (Run.kind == kind, Run.period == period, Run.subject == subject)
    await _refuse_second(session, *same)
    run = Run(
        id=new_id(),
        kind=kind,
        period=period,
        subject=subject,
        status=RunStatus.WAITING,
        parameters=dict(parameters or {}),
        position={},
        counts={},
        done=0,
        total=0,
        attempts=0,
        requested_by=session.actor.id,
        **_driver(session.actor),
    )
    try:
        async with session.savepoint():
            session.add(run)
            await session.flush()
    except IntegrityError:
        await _refuse_second(session, *same)
        raise
    await record(
        session,
        "runs.request",
        Subject("run", run.id),
        after={"kind": kind, "period": period, "subject": subject},
    )
    await give_job(session, run)
    return run


def _driver(actor: Actor) -> dict[str, Any]:
    """As whom a run is driven that this actor asked for. Rights gained later do not widen it: a token may have carried
    less than its person may do."""
    rights = None if actor.unrestricted or actor.id == NOBODY else sorted(actor.permissions)
    return {"driver_kind": actor.kind.value, "driver_id": actor.id, "driver_rights": rights}


async def give_job(session: WriteSession, run: Run) -> None:
    """Have a worker drive the run. One such job of it waits at a time."""
    await enqueue(session, ADVANCE, {"run_id": run.id}, unique_key=str(run.id), queue=kind_of(run.kind).queue)


async def _refuse_second(session: WriteSession, *same: ColumnElement[bool]) -> None:
    known = await session.find(Run, *same)
    if known is not None:
        raise RunExists(id=known.id, status=known.status)


@command("runs.cancel", "停止任务", "Cancel a run", permission=None)
async def cancel_run(session: WriteSession, run_id: UUID, *, reason: str | None = None) -> Run:
    """Stop a run before its next chunk; what its chunks have done stays. Raises RunNotFound, Forbidden, RunEnded."""
    run = await _going(session, run_id)
    before = run.status
    run.status, run.finished_at = RunStatus.CANCELLED, datetime.now(UTC)
    run.expected_end = None
    await record(
        session,
        "runs.cancel",
        Subject("run", run.id),
        before={"status": before},
        after={"status": RunStatus.CANCELLED.value},
        reason=reason,
    )
    return run


@command("runs.resume", "继续任务", "Resume a failed run", permission=None)
async def resume_run(session: WriteSession, run_id: UUID) -> Run:
    """Let a failed run go on where its last whole chunk ended, in the name of who resumes it.

    Raises RunNotFound, Forbidden, RunEnded.
    """
    run = await _going(session, run_id)
    before = run.status
    run.status, run.error = RunStatus.WAITING, None
    for name, value in _driver(session.actor).items():
        setattr(run, name, value)
    await session.flush()
    await give_job(session, run)
    await record(
        session,
        "runs.resume",
        Subject("run", run.id),
        before={"status": before},
        after={"status": RunStatus.WAITING.value},
    )
    return run


async def steered(session: WriteSession, run_id: UUID) -> Run:
    """The run, locked, if the actor may cancel, resume or drive it. Raises RunNotFound, RunKindUnknown, Forbidden."""
    run = await session.get(Run, run_id, lock=True)
    if run is None:
        raise RunNotFound
    kind = kind_of(run.kind)
    require(session.actor, kind.permission)
    if not may_steer(session.actor, kind, run.requested_by):
        raise RunNotFound
    return run


async def _going(session: WriteSession, run_id: UUID) -> Run:
    run = await steered(session, run_id)
    if run.status in OVER:
        raise RunEnded(status=run.status)
    return run


async def advance(session: WriteSession, run_id: UUID, tools: RunTools) -> Run:
    """Do a run's next chunk in this transaction; a run that is over is left as it is.

    Raises RunNotFound, RunKindUnknown, Forbidden, and what the kind raises: the caller then undoes the chunk and marks
    the failure (`drive` does both).
    """
    return await next_chunk(session, await steered(session, run_id), tools)


async def next_chunk(
    session: WriteSession, run: Run, tools: RunTools, holder: UUID | None = None, until: float | None = None
) -> Run:
    """Do the next chunk; `holder` holds the run on, unless the clock is past `until` then."""
    if run.status in OVER:
        return run
    kind = kind_of(run.kind)
    begin(run)
    before, begun = run.done, time.monotonic()
    over = await kind.advance(session, run, tools)
    seconds, now = time.monotonic() - begun, datetime.now(UTC)
    run.heartbeat_at = now
    measured(run, seconds)
    note_pace(run, before, seconds, now)
    hold(run, holder if until is None or time.monotonic() < until else None)
    if over:
        run.status, run.finished_at, run.expected_end = RunStatus.DONE, now, None
        hold(run, None)
    await session.flush()
    return run


def begin(run: Run) -> None:
    """A run that waited, or had failed, is under way."""
    now = datetime.now(UTC)
    if run.status != RunStatus.RUNNING:
        run.attempts += 1
        run.rate = run.expected_end = None
    run.status, run.heartbeat_at, run.error = RunStatus.RUNNING, now, None
    run.started_at = run.started_at or now


def hold(run: Run, holder: UUID | None) -> None:
    """Keep the run for a driver; None: leave it to anybody."""
    run.held_by = holder
    run.held_until = None if holder is None else datetime.now(UTC) + timedelta(seconds=HOLD_SECONDS)


def held_by_another(run: Run, holder: UUID) -> bool:
    """Whether somebody else is driving the run."""
    return run.held_by not in (None, holder) and run.held_until is not None and run.held_until > datetime.now(UTC)


Progress = Callable[[Run], None]


async def drive(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    run_id: UUID,
    tools: RunTools,
    *,
    progress: Progress | None = None,
    request_id: str = "",
) -> Run:
    """Advance a run chunk by chunk, each in its own transaction, until it is over; answers it as it then is. While a
    worker, or anybody else, is driving it, it is watched instead.

    `progress` hears of every chunk, and of what is seen. A failing chunk is undone, the run marked as failed with a
    text for people, and the error raised again; `resume_run` lets it go on. Who may not steer the run leaves it as it
    is. Raises like `advance`, and RunFailed when it failed elsewhere.
    """
    holder, holding, watched = uuid4(), False, False
    try:
        while True:
            theirs = False
            try:
                async with database.write(
                    tenant_id, actor, request_id=request_id, timeout_ms=CHUNK_MILLISECONDS
                ) as session:
                    run = await steered(session, run_id)
                    watching = held_by_another(run, holder)
                    if watched and run.status == RunStatus.FAILED:
                        raise RunFailed.of(run.error)
                    if not watching:
                        theirs = True
                        run = await next_chunk(session, run, tools, holder)
                holding = theirs and run.status not in OVER
            except Exception as error:
                if theirs:
                    await mark_failed(database, tenant_id, actor, run_id, error)
                    holding = False
                raise
            if progress is not None:
                progress(run)
            if run.status in OVER:
                return run
            if watching:
                watched = True
                await asyncio.sleep(WATCH_SECONDS)
    finally:
        if holding:
            await let_go(database, tenant_id, actor, run_id, holder)


async def let_go(database: Database, tenant_id: UUID, actor: Actor, run_id: UUID, holder: UUID) -> None:
    """Hold a run no more. What hinders it is logged: the hold ends by itself."""
    try:
        async with database.write(tenant_id, actor) as session:
            await session.execute(
                update(Run)
                .where(session.within(Run), Run.id == run_id, Run.held_by == holder)
                .values(held_by=None, held_until=None)
                .execution_options(synchronize_session=False)
            )
    except Exception as error:
        log.warning("a run is held on for a while: %s", type(error).__name__)


async def mark_failed(database: Database, tenant_id: UUID, actor: Actor, run_id: UUID, error: Exception) -> None:
    """Write down what stopped a run that is not over, and hold it no more."""
    async with database.write(tenant_id, actor) as session:
        await session.execute(
            update(Run)
            .where(session.within(Run), Run.id == run_id, Run.status.not_in(sorted(OVER)))
            .values(
                status=RunStatus.FAILED,
                error=failure(error),
                # An attempt whose first chunk failed was undone with its count.
                attempts=case((Run.status == RunStatus.RUNNING, Run.attempts), else_=Run.attempts + 1),
                expected_end=None,
                held_by=None,
                held_until=None,
                version=Run.version + 1,
            )
            .execution_options(synchronize_session=False)
        )


def failure(error: Exception) -> dict[str, Any]:
    """What is kept of an error: code and texts for people, nothing internal."""
    known = error if isinstance(error, StewardError) else RunFault()
    cause = type(error.orig if isinstance(error, DBAPIError) and error.orig else error).__name__
    return {
        "code": known.code,
        "zh-CN": known.text.zh,
        "en": known.text.en,
        "remedy": {"zh-CN": known.advice.zh, "en": known.advice.en},
        "problems": [
            {"path": list(p.path), "code": p.code, "zh-CN": p.message.zh, "en": p.message.en}
            for p in known.problems[:20]
        ],
        "kind": cause,
    }
