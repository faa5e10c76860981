"""`steward audit`: reading, verifying and exporting the audit log."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from steward_server.cli.acting import Acting, Login, TenantKey, acting, tenant_id_or_key
from steward_server.cli.answers import plain
from steward_server.cli.naming import PERSON, named
from steward_server.cli.output import FAILED, AsJson, say, show, show_page
from steward_server.cli.tenant_work import writing
from steward_server.cli.workplace import work
from steward_server.settings import Settings
from steward_tenants.audit.anchors import export_anchors, read_anchors
from steward_tenants.audit.export import ExportForm, export_events
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.queries import EventFilter, EventPage, list_events
from steward_tenants.audit.report import VerificationReport
from steward_tenants.audit.retention import LEAST_KEEP_DAYS, maintain
from steward_tenants.audit.verification import verify as verify_log
from steward_tenants.configuration.queries import TenantFacts, all_tenants, tenant_facts
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid

app = typer.Typer(no_args_is_help=True, help="审计。The audit log.", rich_markup_mode=None)

Tenant = Annotated[str | None, typer.Argument(metavar="[TENANT]", help="不填则为全部。All tenants when left out.")]


@app.command("verify")
def verify(
    tenant: Tenant = None,
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="另行保存的锚点文件。Anchors that were kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every tenant's chain: edits, deletions, insertions, reordering, truncation; exit code 1 if any.

    例 example: steward audit verify huaxin --anchors anchors.jsonl
    """

    async def task(database: Database, _settings: Settings) -> list[tuple[TenantFacts, VerificationReport]]:
        chosen = [await tenant_facts(database, tenant_id_or_key(tenant))] if tenant else await all_tenants(database)
        reports = []
        for facts in chosen:
            with ExitStack() as stack:
                kept = None
                if anchors is not None:
                    kept = read_anchors(stack.enter_context(await asyncio.to_thread(anchors.open, "rb")), facts.id)
                reports.append((facts, await verify_log(database, facts.id, anchors=kept)))
        return reports

    reports = work(task)
    if as_json:
        show([{"key": facts.key, **report.as_dict("en")} for facts, report in reports], as_json=True)
    else:
        show([_row(facts, report) for facts, report in reports], as_json=False)
        for facts, report in reports:
            for finding in (*report.findings, *report.warnings):
                say(f"{facts.key}: {finding.text.zh} {finding.text.en}")
    if not all(report.intact for _, report in reports):
        raise typer.Exit(FAILED)


def _row(facts: TenantFacts, report: VerificationReport) -> dict[str, Any]:
    return {
        "tenant": facts.key,
        "intact": "✓" if report.intact else "✗",
        "batches": report.batches,
        "events": report.events,
        "unsealed": report.tail.events,
        "oldest_unsealed_s": round(report.tail.oldest_seconds, 1),
        "findings": report.findings_total,
        "warnings": len(report.warnings),
    }


@app.command("export")
def export(
    tenant: Tenant = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="写入的文件；不填则输出。File; standard output if none.")
    ] = None,
    anchors: Annotated[bool, typer.Option("--anchors", help="导出锚点而非事件。The anchors, not the events.")] = False,
    since: Annotated[datetime | None, typer.Option(help="起（UTC，含）。From, in UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="止（UTC，不含）。Until, in UTC.")] = None,
    form: Annotated[ExportForm, typer.Option(help="jsonl 或 csv。")] = ExportForm.JSONL,
    login: Annotated[str, typer.Option("--login", envvar="STEWARD_LOGIN", help="审计员登录名。The auditor.")] = "",
) -> None:
    """Write anchors (for operators, no personal data), or a tenant's events as one of its auditors.

    例 example: steward audit export --anchors --to anchors.jsonl; steward audit export huaxin --login audit@hx.example
    """

    async def task(database: Database, settings: Settings) -> int:
        with ExitStack() as stack:
            out = stack.enter_context(await asyncio.to_thread(to.open, "wb")) if to else sys.stdout.buffer
            if anchors:
                tenant_id = (await tenant_facts(database, tenant_id_or_key(tenant))).id if tenant else None
                chunks = export_anchors(database, tenant_id)
            else:
                if not tenant or not login:
                    raise invalid(
                        "login",
                        "required",
                        "导出事件需要租户与审计员登录名（--login）。",
                        "Exporting events needs a tenant and an auditor's login (--login).",
                    )
                who = await acting(database, settings, tenant, login)
                end = (until or datetime.now(UTC)).replace(tzinfo=UTC)
                start = since.replace(tzinfo=UTC) if since else end - timedelta(days=30)
                chunks = export_events(database, who.tenant.id, who.actor, since=start, until=end, form=form)
            written = 0
            async for chunk in chunks:
                written += out.write(chunk)
            out.flush()
            return written

    say(f"{work(task)} bytes")


@app.command("list")
def list_log(
    tenant: TenantKey,
    login: Login,
    person: Annotated[str | None, typer.Option("--by", help="谁做的：登录名或编号。Who did it: login or id.")] = None,
    action: Annotated[str | None, typer.Option(help="动作或其开头，如 people.。Action, or how it begins.")] = None,
    subject_kind: Annotated[str | None, typer.Option("--kind", help="对象种类。Kind of subject.")] = None,
    subject: Annotated[UUID | None, typer.Option(help="对象编号。Id of the subject.")] = None,
    since: Annotated[datetime | None, typer.Option(help="起（UTC，含）。From, in UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="止（UTC，不含）。Until, in UTC.")] = None,
    size: Annotated[int, typer.Option(help="每页条数。Rows of a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="上一页给出的位置。From the page before.")] = None,
    as_json: AsJson = False,
) -> None:
    """List a tenant's events, newest first, as one of its auditors. Reading them is on record too.

    例 example: steward audit list huaxin --action people. --login audit@huaxin.example
    """

    async def task(session: WriteSession, _who: Acting) -> EventPage:
        wanted = EventFilter(
            actor_id=await named(session, PERSON, person) if person else None,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject,
            since=since.replace(tzinfo=UTC) if since else None,
            until=until.replace(tzinfo=UTC) if until else None,
        )
        return await list_events(session, wanted, limit=size, older_than=cursor)

    page = writing(tenant, login, task)
    show_page([_event(page, event) for event in page.events], page.older, as_json=as_json)


def _event(page: EventPage, event: AuditEvent) -> dict[str, Any]:
    return {
        "at": event.at,
        "action": event.action,
        "by": page.names.get(event.actor_id) or event.actor_label or str(event.actor_id),
        "by_kind": event.actor_kind,
        "kind": event.subject_kind,
        "subject": plain(event.subject_id),
        "changes": event.changes,
        "reason": event.reason,
        "request": event.request_id,
        "id": str(event.id),
    }


@app.command("maintain")
def keep(
    keep_days: Annotated[int, typer.Option(help="保留天数（至少 200）。Days to keep, at least 200.")] = LEAST_KEEP_DAYS,
    as_json: AsJson = False,
) -> None:
    """Make the coming months' partitions and drop those past retention. 例 example: steward audit maintain"""

    async def task(database: Database, _settings: Settings) -> dict[str, Any]:
        upkeep = await maintain(database, keep_days=keep_days)
        return {"made": upkeep.made, "dropped": list(upkeep.dropped), "kept_from": upkeep.cut}

    show([work(task)], as_json=as_json)
