"""A worker's turn at a run: chunk by chunk as the one who asked for it, until it is over or others should have theirs.

What passes (a lost connection, a deadlock) leaves the run as it is and is tried again by the job's own patience;
anything else marks the run as failed with a text for people, who can then resume it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from sqlalchemy.orm.exc import StaleDataError

from steward_core.runs.drivers import RUNS, driver_of
from steward_core.runs.errors import RunKindUnknown
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import (
    CHUNK_MILLISECONDS,
    OVER,
    RunTools,
    begin,
    held_by_another,
    hold,
    kind_of,
    let_go,
    mark_failed,
    next_chunk,
    steered,
)
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.errors import StewardError, TenantNotFound, TenantSuspended
from steward_tenants.outbox.failures import FailureClass, failure_class

log = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
"""How long a turn waits before it ends while somebody else is driving the run."""


@dataclass(frozen=True)
class Turn:
    """One worker's turn at one run. `last` says that there will be no further try after something that passes."""

    database: Database
    tenant_id: UUID
    run_id: UUID
    tools: RunTools
    request_id: str = ""
    last: bool = False
    holder: UUID = field(default_factory=uuid4)


class KindNotHere(LookupError):
    """This version of the product has no such kind of run; another one, during a roll-out, may have it."""


def passes(error: BaseException) -> bool:
    """Whether an error may be gone when the same is tried again."""
    return isinstance(error, StaleDataError) or failure_class(error) is FailureClass.TRANSIENT


async def take_a_turn(turn: Turn) -> bool:
    """Drive the run for as long as its kind's turn lasts. False: there is more to do.

    A run that is over, or failed and not resumed, or not there, needs nothing. Raises TenantSuspended, TenantNotFound,
    and what passes, after which the run is as its last whole chunk left it.
    """
    try:
        return await _take(turn)
    except (TenantSuspended, TenantNotFound):
        raise
    except RunKindUnknown as error:
        if turn.last:
            await mark_failed(turn.database, turn.tenant_id, RUNS, turn.run_id, error)
            return True
        raise KindNotHere from error
    except Exception as error:
        if passes(error) and not turn.last:
            await let_go(turn.database, turn.tenant_id, RUNS, turn.run_id, turn.holder)
            raise
        if not isinstance(error, StewardError):
            log.error("a run failed: %s", type(error).__name__)  # noqa: TRY400 - no texts
        await mark_failed(turn.database, turn.tenant_id, RUNS, turn.run_id, error)
        return True


async def _take(turn: Turn) -> bool:
    begun = await _begin(turn)
    if begun is None:
        return True
    if begun.held_by != turn.holder:
        await asyncio.sleep(WAIT_SECONDS)
        return False
    until = time.monotonic() + kind_of(begun.kind).turn_seconds
    while True:
        actor = await _driver(turn)
        if actor is None:
            return True
        async with turn.database.write(
            turn.tenant_id, actor, request_id=turn.request_id, timeout_ms=CHUNK_MILLISECONDS
        ) as session:
            run = await steered(session, turn.run_id)
            if run.status != RunStatus.RUNNING:
                return True
            if held_by_another(run, turn.holder):
                return False
            run = await next_chunk(session, run, turn.tools, turn.holder, until)
        if run.status in OVER:
            return True
        if run.held_by is None:
            return False


async def _begin(turn: Turn) -> Run | None:
    """The run, under way and held by this turn unless somebody else drives it; None: nothing to do. In a transaction
    of its own, so that people see that it has begun, however long its first chunk takes."""
    actor = await _driver(turn)
    if actor is None:
        return None
    async with turn.database.write(
        turn.tenant_id, actor, request_id=turn.request_id, timeout_ms=CHUNK_MILLISECONDS
    ) as session:
        run = await steered(session, turn.run_id)
        if run.status not in (RunStatus.WAITING, RunStatus.RUNNING):
            return None
        if not held_by_another(run, turn.holder):
            begin(run)
            hold(run, turn.holder)
        return run


async def _driver(turn: Turn) -> Actor | None:
    """As whom the next step is done, looked up anew for each: rights may be lost meanwhile. None: nothing to do."""
    async with turn.database.read(turn.tenant_id, RUNS) as session:
        run = await session.get(Run, turn.run_id)
        if run is None or run.status not in (RunStatus.WAITING, RunStatus.RUNNING):
            return None
        return await driver_of(turn.database, session, run)
