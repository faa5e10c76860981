"""`steward run`: long work, seen, and driven by hand where no worker is to do it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import select

from steward_core.runs.models import Run, RunStatus
from steward_core.runs.queries import run_of, runs
from steward_core.runs.service import OVER, RUN_KINDS, cancel_run, drive, request_run, resume_run
from steward_server.cli.acting import Acting, Login, TenantKey, acting
from steward_server.cli.commands import import_all
from steward_server.cli.output import AsJson, Progress, show
from steward_server.cli.tenant_work import reading, writing
from steward_server.cli.workplace import work
from steward_server.composition import make_run_tools
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="长任务。Long work.", rich_markup_mode=None)

RunId = Annotated[UUID, typer.Argument(metavar="RUN", help="任务编号。Id of a run.")]


def run_row(run: Run) -> dict[str, Any]:
    """A run as it is printed."""
    kind = RUN_KINDS.get(run.kind)
    return {
        "kind": run.kind,
        "title": "" if kind is None else f"{kind.title.zh} {kind.title.en}",
        "status": run.status,
        "done": run.done,
        "total": run.total,
        "rate": None if run.rate is None else float(round(run.rate, 1)),
        "expected_end": run.expected_end,
        "counts": run.counts,
        "error": None if run.error is None else f"{run.error.get('zh-CN')} {run.error.get('en')}",
        "subject": run.subject,
        "period": run.period,
        "requested_at": run.requested_at,
        "finished_at": run.finished_at,
        "id": run.id,
    }


async def begun(session: WriteSession, kind: str, *, period: str, parameters: Mapping[str, Any] | None = None) -> Run:
    """The run of this kind for this period that is not over, or a new one. Raises Forbidden, RunExists."""
    known = await session.scalars(
        select(Run).where(session.within(Run), Run.kind == kind, Run.period == period).order_by(Run.id.desc())
    )
    under_way: list[Run] = [run for run in known if run.status not in OVER]
    if under_way:
        return under_way[0]
    subject = str(len(known) + 1) if known else ""
    return await request_run(session, kind, period=period, subject=subject, parameters=parameters)


def run_to_its_end(
    tenant: str, login: str, ask: Callable[[WriteSession, Acting], Awaitable[Run]], title: str
) -> dict[str, Any]:
    """Ask for a run as the person of this login and drive it; answers it as it is printed."""

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        async with database.write(who.tenant.id, who.actor) as session:
            run = await ask(session, who)
        return run_row(await driven(database, settings, who, run.id, title))

    return work(task)


async def driven(database: Database, settings: Settings, who: Acting, run_id: UUID, title: str) -> Run:
    """Drive a run to its end as this person, with progress on standard error. Raises what its chunks raise."""
    progress = Progress(title)
    return await drive(
        database,
        who.tenant.id,
        who.actor,
        run_id,
        make_run_tools(settings),
        progress=lambda run: progress(run.status, run.done, run.total),
    )


@app.command("list")
def list_runs(
    tenant: TenantKey,
    login: Login,
    kind: Annotated[str | None, typer.Option("--kind", help="任务类型。Kind of run.")] = None,
    status: Annotated[RunStatus | None, typer.Option("--status", help="状态。Status.")] = None,
    after: Annotated[
        UUID | None, typer.Option("--after", help="上一页最后一个编号。Last id of the page before.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="最多几个。At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first. 例 example: steward run list huaxin --login chen.li@huaxin.example"""
    import_all()

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        found = await runs(session, kind=kind, status=status, after=after, limit=limit)
        return [run_row(run) for run in found]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("show")
def show_run(tenant: TenantKey, run: RunId, login: Login, as_json: AsJson = False) -> None:
    """Show one run. 例 example: steward run show huaxin 0190… --login chen.li@huaxin.example"""
    import_all()

    async def task(session: ReadSession, _who: Acting) -> dict[str, Any]:
        return run_row(await run_of(session, run))

    show([reading(tenant, login, task)], as_json=as_json)


@app.command("drive")
def drive_run(tenant: TenantKey, run: RunId, login: Login, as_json: AsJson = False) -> None:
    """Do what is left of a run here and now; while a worker does it, watch.

    例 example: steward run drive huaxin 0190… --login chen.li@huaxin.example
    """
    import_all()

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        return run_row(await driven(database, settings, who, run, str(run)))

    show([work(task)], as_json=as_json)


def _change(tenant: str, login: str, change: Callable[[WriteSession], Awaitable[Run]], *, as_json: bool) -> None:
    import_all()

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return run_row(await change(session))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("cancel")
def cancel(
    tenant: TenantKey,
    run: RunId,
    login: Login,
    reason: Annotated[str | None, typer.Option("--reason", help="原因。Why.")] = None,
    as_json: AsJson = False,
) -> None:
    """Stop a run before its next chunk. 例 example: steward run cancel huaxin 0190… --login chen.li@huaxin.example"""
    _change(tenant, login, lambda session: cancel_run(session, run, reason=reason), as_json=as_json)


@app.command("resume")
def resume(tenant: TenantKey, run: RunId, login: Login, as_json: AsJson = False) -> None:
    """Let a failed run go on; a worker then drives it.

    例 example: steward run resume huaxin 0190… --login chen.li@huaxin.example
    """
    _change(tenant, login, lambda session: resume_run(session, run), as_json=as_json)
