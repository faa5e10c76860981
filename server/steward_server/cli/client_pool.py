"""`steward client pool`: clients without an owner, and their returning. To claim and to assign are commands."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from steward_core.clients.models import ClientStatus
from steward_core.clients.pages import Page, Paging
from steward_core.clients.pool_idle import RUN_KIND, ReturningLine, soon_returning
from steward_core.clients.pool_queries import PoolLine, PoolQuery, PoolSort, pool_page
from steward_core.runs.models import Run
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain
from steward_server.cli.naming import PERSON, UNIT, UNIT_HELP, named
from steward_server.cli.options import Cursor, Size
from steward_server.cli.output import AsJson, show, show_page
from steward_server.cli.runs import begun, run_to_its_end
from steward_server.cli.tenant_work import reading
from steward_tenants.database.session import ReadSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="公海客户。The public pool.", rich_markup_mode=None)


@app.command("list")
def list_pool(
    tenant: TenantKey,
    login: Login,
    text: Annotated[str, typer.Option(help="同 client search。As in `client search`.")] = "",
    unit: Annotated[str | None, typer.Option(help=UNIT_HELP)] = None,
    kind: Annotated[list[str] | None, typer.Option(help="类型，可多次。May be repeated.")] = None,
    tier: Annotated[list[str] | None, typer.Option(help="等级，可多次。May be repeated.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="行政区划，可多次。May be repeated.")] = None,
    status: Annotated[list[ClientStatus] | None, typer.Option(help="状态，可多次。May be repeated.")] = None,
    sort: Annotated[PoolSort, typer.Option(help="排序。Order.")] = PoolSort.LONGEST,
    size: Size = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List the clients of the pools that are open to oneself.

    例 example: steward client pool list huaxin --tier A --login zhao.ning@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> Page[PoolLine]:
        query = PoolQuery(
            text=text,
            unit_id=await named(session, UNIT, unit) if unit else None,
            kinds=frozenset(kind or ()),
            tiers=frozenset(tier or ()),
            regions=frozenset(region or ()),
            statuses=frozenset(status or ()),
            sort=sort,
        )
        return await pool_page(session, query, today=who.today, paging=Paging(size, cursor))

    page = reading(tenant, login, task)
    show_page([plain(line) for line in page.rows], page.next_cursor, as_json=as_json)


@app.command("returning")
def list_returning(
    tenant: TenantKey,
    login: Login,
    within: Annotated[int, typer.Option("--within", metavar="DAYS", help="几天之内。Within so many days.")] = 7,
    owner: Annotated[str | None, typer.Option(help="客户经理：登录名或编号。Login or id of the manager.")] = None,
    size: Size = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List the clients that return to the pool soon unless something is done with them.

    例 example: steward client pool returning huaxin --within 14 --login chen.li@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> Page[ReturningLine]:
        owner_id = await named(session, PERSON, owner) if owner else None
        paging = Paging(size, cursor)
        return await soon_returning(session, within, today=who.today, owner_id=owner_id, paging=paging)

    page = reading(tenant, login, task)
    show_page([plain(line) for line in page.rows], page.next_cursor, as_json=as_json)


@app.command("return")
def return_idle(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """Return the clients whose day has come, in the whole tenant.

    例 example: steward client pool return huaxin --login chen.li@huaxin.example
    """

    async def ask(session: WriteSession, who: Acting) -> Run:
        day = who.today.isoformat()
        return await begun(session, RUN_KIND, period=day, parameters={"on": day})

    done: dict[str, Any] = run_to_its_end(tenant, login, ask, "公海退回 pool")
    show([done], as_json=as_json)
