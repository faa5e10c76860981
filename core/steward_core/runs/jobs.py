"""The job that drives runs, and the sweep that gives a job to every run which has lost its own."""

from __future__ import annotations

from importlib import import_module
from uuid import UUID

from sqlalchemy import Text, cast, select

from steward_core.runs.driving import Turn, take_a_turn
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import ADVANCE, RUN_KINDS, RunTools, give_job
from steward_tenants.database.session import WriteSession
from steward_tenants.outbox.jobs import JobPlace, Payload, declare_job
from steward_tenants.outbox.models import JobStatus, OutboxJob

KINDS = (
    "steward_core.clients.contracts",
    "steward_core.clients.duplicates",
    "steward_core.clients.hand_over",
    "steward_core.clients.pool_idle",
    "steward_core.clients.search_rebuild",
    "steward_core.custom_fields.indexing",
    "steward_core.forms.upgrade",
    "steward_core.gradings.runner",
    "steward_core.imports.service",
    "steward_core.plans.commands",
    "steward_core.performance.commands",
    "steward_core.incentives.commands",
    "steward_core.months.commands",
)
"""The modules that declare kinds of runs."""
SECONDS = 3600.0
"""How long one turn may last: an import's check, which begins anew when interrupted, has its whole file in one."""
MEGABYTES = 1536
MOST_ATTEMPTS = 30
SWEEP_AT_ONCE = 1000


async def advance_run(place: JobPlace, payload: Payload) -> bool:
    """One turn at the run that the payload names."""
    load_kinds()
    tools = RunTools(place.tools.files, place.tools.spool)
    last = place.attempt >= MOST_ATTEMPTS
    return await take_a_turn(
        Turn(place.database, place.tenant_id, UUID(payload["run_id"]), tools, str(place.job_id), last)
    )


def load_kinds() -> None:
    """Have the kinds of runs declared. Their modules need this one's neighbours, so they come with the first use."""
    for name in KINDS:
        import_module(name)


async def sweep_runs(session: WriteSession) -> int:
    """Give a job to the runs that wait, or are under way, without one: asked for by an older version, or whose job was
    discarded. Answers how many. What is over costs nothing."""
    load_kinds()
    job = (
        select(OutboxJob.id)
        .where(
            session.within(OutboxJob),
            OutboxJob.kind == ADVANCE,
            OutboxJob.status == JobStatus.WAITING,
            OutboxJob.unique_key == cast(Run.id, Text),
        )
        .exists()
    )
    found = await session.scalars(
        select(Run)
        .where(
            session.within(Run),
            Run.status.in_([RunStatus.WAITING, RunStatus.RUNNING]),
            Run.kind.in_(sorted(RUN_KINDS)),
            ~job,
        )
        .order_by(Run.requested_at, Run.id)
        .limit(SWEEP_AT_ONCE)
    )
    for run in found:
        await give_job(session, run)
    return len(found)


declare_job(
    ADVANCE,
    "推进任务",
    "Drive a run",
    beside=advance_run,
    most_attempts=MOST_ATTEMPTS,
    seconds=SECONDS,
    megabytes=MEGABYTES,
)
