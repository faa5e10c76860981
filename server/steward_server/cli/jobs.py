"""`steward jobs`: background jobs of a tenant, seen, retried, given up; and done by hand where no worker is."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from steward_server.cli.acting import Acting, Login, TenantKey, acting
from steward_server.cli.commands import import_all
from steward_server.cli.output import AsJson, both, say, show
from steward_server.cli.tenant_work import reading, writing
from steward_server.cli.workplace import work
from steward_server.composition import make_job_tools
from steward_server.settings import Settings
from steward_tenants.access.permissions import JOBS_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, WriteSession
from steward_tenants.outbox.commands import discard_job, retry_job
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.outbox.performing import perform_due
from steward_tenants.outbox.queries import error_text, find_job, kind_title, list_jobs

app = typer.Typer(no_args_is_help=True, help="后台任务。Background jobs.", rich_markup_mode=None)

JobId = Annotated[UUID, typer.Argument(metavar="JOB", help="任务编号。Id of a job.")]
QueueOption = Annotated[Queue | None, typer.Option("--queue", help="队列。Queue.")]


def job_row(job: OutboxJob) -> dict[str, Any]:
    """A job as it is printed in a list."""
    error = job.error or {}
    return {
        "kind": job.kind,
        "title": both(kind_title(job.kind)),
        "queue": job.queue,
        "status": job.status,
        "due": job.due,
        "attempts": job.attempts,
        "error": error.get("code"),
        "created_at": job.created_at,
        "done_at": job.done_at,
        "id": job.id,
    }


def whole_row(job: OutboxJob) -> dict[str, Any]:
    """All there is to know of a job."""
    text = error_text(job.error)
    return {
        **job_row(job),
        "error_class": (job.error or {}).get("class"),
        "error_text": None if text is None else both(text),
        "payload": job.payload,
        "unique_key": job.unique_key,
        "tried_at": job.tried_at,
    }


@app.command("list")
def list_all(
    tenant: TenantKey,
    login: Login,
    status: Annotated[JobStatus | None, typer.Option("--status", help="状态。Status.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="任务种类。Kind of job.")] = None,
    queue: QueueOption = None,
    after: Annotated[
        UUID | None, typer.Option("--after", help="上一页最后一个编号。Last id of the page before.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="最多几个。At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first.

    例 example: steward jobs list huaxin --status dead --login chen.li@huaxin.example
    """
    import_all()

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        found = await list_jobs(session, status=status, kind=kind, queue=queue, after=after, most=limit)
        return [job_row(job) for job in found]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("show")
def show_one(tenant: TenantKey, job: JobId, login: Login, as_json: AsJson = False) -> None:
    """Show one job, and why it failed. 例 example: steward jobs show huaxin 0190… --login chen.li@huaxin.example"""
    import_all()

    async def task(session: ReadSession, _who: Acting) -> dict[str, Any]:
        return whole_row(await find_job(session, job))

    show([reading(tenant, login, task)], as_json=as_json)


@app.command("retry")
def retry(tenant: TenantKey, job: JobId, login: Login, as_json: AsJson = False) -> None:
    """Have a dead job done again, at once.

    例 example: steward jobs retry huaxin 0190… --login chen.li@huaxin.example
    """
    import_all()

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return job_row(await retry_job(session, job))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("discard")
def discard(
    tenant: TenantKey,
    job: JobId,
    login: Login,
    reason: Annotated[str | None, typer.Option("--reason", help="原因。Why.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give up a job that is dead or waits.

    例 example: steward jobs discard huaxin 0190… --reason 不再需要 --login chen.li@huaxin.example
    """
    import_all()

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return job_row(await discard_job(session, job, reason=reason))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("drain")
def drain(
    tenant: TenantKey,
    login: Login,
    queue: QueueOption = None,
    limit: Annotated[int, typer.Option("--limit", help="最多几个。At most so many.")] = 1000,
) -> None:
    """Do what is due in a tenant here and now, beside any workers.

    例 example: steward jobs drain huaxin --login chen.li@huaxin.example
    """
    import_all()

    async def task(database: Database, settings: Settings) -> int:
        who = await acting(database, settings, tenant, login)
        require(who.actor, JOBS_MANAGE)
        queues = tuple(Queue) if queue is None else (queue,)
        return await perform_due(database, who.tenant.id, make_job_tools(settings), queues=queues, most=limit)

    count = work(task)
    say(f"已执行 {count} 个任务。 Jobs tried: {count}.")
