"""`steward client duplicates`: clients that may be one, and looking for them. To merge and to dismiss are commands."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from steward_core.clients.duplicates import RUN_KIND, PairLine, PairSide, duplicate_pairs
from steward_core.clients.likeness import ELSEWHERE, REASONS
from steward_core.clients.models import DuplicateStatus
from steward_core.clients.pages import Page, Paging
from steward_core.runs.models import Run
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain
from steward_server.cli.naming import CLIENT, CLIENT_HELP, named
from steward_server.cli.options import Cursor, Size
from steward_server.cli.output import AsJson, both, show, show_page
from steward_server.cli.runs import begun, run_to_its_end
from steward_server.cli.tenant_work import reading
from steward_tenants.database.session import ReadSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="疑似重复客户。Duplicate clients.", rich_markup_mode=None)


@app.command("list")
def list_pairs(
    tenant: TenantKey,
    login: Login,
    status: Annotated[DuplicateStatus, typer.Option(help="状态。Status.")] = DuplicateStatus.OPEN,
    reason: Annotated[str | None, typer.Option(help=f"依据。Why they look alike: {', '.join(REASONS)}.")] = None,
    client: Annotated[str | None, typer.Option(help=CLIENT_HELP)] = None,
    size: Size = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List pairs of clients that may be one, the latest found first.

    例 example: steward client duplicates list huaxin --login chen.li@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> Page[PairLine]:
        return await duplicate_pairs(
            session,
            today=who.today,
            status=status,
            reason=reason,
            client_id=await named(session, CLIENT, client) if client else None,
            paging=Paging(size, cursor),
        )

    page = reading(tenant, login, task)
    show_page([plain(pair) if as_json else _row(pair) for pair in page.rows], page.next_cursor, as_json=as_json)


def _row(pair: PairLine) -> dict[str, Any]:
    return {
        "first": _side(pair.first),
        "second": _side(pair.second),
        "reasons": [both(REASONS[reason]) for reason in pair.reasons],
        "status": pair.status.value,
        "found_at": pair.found_at,
        "id": pair.id,
    }


def _side(side: PairSide) -> str:
    return f"{side.code or '—'} {side.name}" if side.in_reach else both(ELSEWHERE)


@app.command("scan")
def scan(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """Look for duplicates among all clients. 例 example: steward client duplicates scan huaxin --login
    chen.li@huaxin.example"""

    async def ask(session: WriteSession, who: Acting) -> Run:
        return await begun(session, RUN_KIND, period=who.today.isoformat())

    show([run_to_its_end(tenant, login, ask, "重复客户 duplicates")], as_json=as_json)
