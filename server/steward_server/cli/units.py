"""`steward unit`: the tree of units, as one may see it. Changes are commands: `steward command list`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain
from steward_server.cli.naming import UNIT, UNIT_HELP, named
from steward_server.cli.output import AsJson, show
from steward_server.cli.tenant_work import reading
from steward_tenants.database.session import ReadSession
from steward_tenants.organisation.queries import history, tree
from steward_tenants.organisation.rules import UnitNode

app = typer.Typer(no_args_is_help=True, help="组织机构。Org units.", rich_markup_mode=None)

Day = Annotated[
    datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], help="哪一天，默认今天。On which day; today when left out."),
]


@app.command("tree")
def show_tree(
    tenant: TenantKey,
    login: Login,
    on: Day = None,
    below: Annotated[str | None, typer.Option("--below", help=UNIT_HELP)] = None,
    as_json: AsJson = False,
) -> None:
    """Show the units as they stand on a day. 例 example: steward unit tree huaxin --login chen.li@huaxin.example"""

    async def task(session: ReadSession, who: Acting) -> list[UnitNode]:
        top = await named(session, UNIT, below) if below else None
        return await tree(session, on.date() if on else who.today, today=who.today, below=top)

    nodes = reading(tenant, login, task)
    if as_json:
        show([plain(node) for node in nodes], as_json=True)
        return
    least = min((node.depth for node in nodes), default=0)
    show([_line(node, node.depth - least) for node in nodes], as_json=False)


def _line(node: UnitNode, level: int) -> dict[str, Any]:
    return {
        "name": "　" * level + node.name,
        "code": node.code,
        "kind": node.kind,
        "closed_on": node.closed_on,
        "version": node.version,
        "id": node.id,
    }


@app.command("history")
def show_history(
    tenant: TenantKey,
    unit: Annotated[str, typer.Argument(metavar="UNIT", help=UNIT_HELP)],
    login: Login,
    as_json: AsJson = False,
) -> None:
    """Show where a unit stood, stands and will stand.

    例 example: steward unit history huaxin ENT-EAST --login admin@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        return [plain(stay) for stay in await history(session, await named(session, UNIT, unit), who.today)]

    show(reading(tenant, login, task), as_json=as_json)
