"""`steward client hand-over`: hand-overs, their clients, and letting those that are due take effect."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from steward_core.clients.hand_over import RUN_KIND
from steward_core.clients.hand_over_items import OUTCOMES, Outcome
from steward_core.clients.hand_over_queries import (
    HandOverItemLine,
    HandOverLine,
    HandOverQuery,
    hand_over_items,
    hand_over_of,
    hand_overs,
)
from steward_core.clients.models import HandOverStatus
from steward_core.clients.pages import Page, Paging
from steward_core.runs.models import Run
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain
from steward_server.cli.naming import CLIENT, CLIENT_HELP, PERSON, named
from steward_server.cli.options import Cursor, Since, Size, Until, day_of
from steward_server.cli.output import AsJson, both, show, show_page
from steward_server.cli.runs import begun, run_to_its_end
from steward_server.cli.tenant_work import reading
from steward_tenants.database.session import ReadSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="客户移交。Handing clients over.", rich_markup_mode=None)


@app.command("list")
def list_hand_overs(
    tenant: TenantKey,
    login: Login,
    status: Annotated[list[HandOverStatus] | None, typer.Option(help="状态，可多次。May be repeated.")] = None,
    person: Annotated[
        str | None, typer.Option(help="移出或接收的人：登录名或编号。Who gave or took: login or id.")
    ] = None,
    client: Annotated[str | None, typer.Option(help=CLIENT_HELP)] = None,
    since: Since = None,
    until: Until = None,
    size: Size = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List hand-overs, the latest first.

    例 example: steward client hand-over list huaxin --status scheduled --login chen.li@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> Page[HandOverLine]:
        query = HandOverQuery(
            statuses=frozenset(status or ()),
            person_id=await named(session, PERSON, person) if person else None,
            client_id=await named(session, CLIENT, client) if client else None,
            effective_from=day_of(since),
            effective_until=day_of(until),
        )
        return await hand_overs(session, query, today=who.today, paging=Paging(size, cursor))

    page = reading(tenant, login, task)
    show_page([plain(line) for line in page.rows], page.next_cursor, as_json=as_json)


@app.command("show")
def show_hand_over(
    tenant: TenantKey,
    hand_over: Annotated[UUID, typer.Argument(metavar="HAND_OVER", help="移交编号。Id of a hand-over.")],
    login: Login,
    outcome: Annotated[list[Outcome] | None, typer.Option(help="结果，可多次。May be repeated.")] = None,
    size: Size = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """Show a hand-over and what became of its clients.

    例 example: steward client hand-over show huaxin 0190… --login chen.li@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> tuple[HandOverLine, Page[HandOverItemLine]]:
        line = await hand_over_of(session, hand_over, today=who.today)
        wanted = frozenset(outcome or ())
        paging = Paging(size, cursor)
        return line, await hand_over_items(session, hand_over, today=who.today, outcomes=wanted, paging=paging)

    line, page = reading(tenant, login, task)
    if cursor is None:
        show([{"what": "hand_over", **plain(line)} if as_json else plain(line)], as_json=as_json)
        if not as_json:
            print()
    show_page([_item(item, as_json) for item in page.rows], page.next_cursor, as_json=as_json)


def _item(item: HandOverItemLine, as_json: bool) -> dict[str, Any]:
    if as_json:
        return {"what": "client", **plain(item)}
    return {**plain(item), "outcome": both(OUTCOMES[item.outcome])}


@app.command("run")
def run_due(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """Let the hand-overs whose day has come take effect.

    例 example: steward client hand-over run huaxin --login chen.li@huaxin.example
    """

    async def ask(session: WriteSession, who: Acting) -> Run:
        day = who.today.isoformat()
        return await begun(session, RUN_KIND, period=day, parameters={"on": day})

    show([run_to_its_end(tenant, login, ask, "客户移交 hand-over")], as_json=as_json)
