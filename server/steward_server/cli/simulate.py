"""`steward simulate`: what a demo company's months might have been."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from steward_server.cli.output import say
from steward_server.cli.workplace import work
from steward_server.composition import make_run_tools
from steward_server.settings import Settings
from steward_server.simulation.company import company_of
from steward_server.simulation.life import live
from steward_tenants.database.database import Database

MOST_MONTHS = 60


def _told(key: str, line: str) -> None:
    say(f"{key}  {line}")


def simulate(
    tenants: Annotated[list[str], typer.Argument(metavar="TENANT…", help="演示租户的标识。Keys of demo tenants.")],
    months: Annotated[
        int, typer.Option("--months", min=0, max=MOST_MONTHS, help="过去的整月数。How many whole months of the past.")
    ] = 12,
    seed: Annotated[int, typer.Option("--seed", help="同一种子，同样的经过。The same seed, the same life.")] = 1,
) -> None:
    """让演示租户经历过去的月份与本月。Let demo tenants live through past months, and the present one up to yesterday.

    Months that are closed are passed over. 例 example: steward simulate huaxin --months 12
    """

    async def task(database: Database, settings: Settings) -> None:
        tools = make_run_tools(settings)
        for key in tenants:
            company = await company_of(database, tools, key, seed)
            today = datetime.now(UTC).astimezone(ZoneInfo(company.zone)).date()
            lived = await live(company, months, today, partial(_told, key))
            say(
                f"{key}：{lived.months} 个月，走访 {lived.visits} 次，关闭 {lived.closed} 个月。\n"
                f"{key}: {lived.months} months, {lived.visits} visits, {lived.closed} months closed."
            )

    work(task)
