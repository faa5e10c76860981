"""`steward schedule`: recurring work, looked at, looked ahead, run by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from steward_core.schedules.models import Schedule
from steward_core.schedules.queries import preview_here, schedule_by_key, schedules
from steward_core.schedules.service import run_schedule
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.commands import import_all
from steward_server.cli.output import AsJson, show
from steward_server.cli.tenant_work import reading, writing
from steward_tenants.database.session import ReadSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="计划任务。Schedules.", rich_markup_mode=None)

Key = Annotated[str, typer.Argument(metavar="KEY", help="计划任务标识，见 list。A key of `list`.")]


def _row(schedule: Schedule) -> dict[str, Any]:
    return {
        "key": schedule.key,
        "title": f"{schedule.title_zh} {schedule.title_en}",
        "task": schedule.task,
        "rule": schedule.rule,
        "catch_up": schedule.catch_up,
        "paused": schedule.paused,
        "next_at": schedule.next_at,
        "last_fired_at": schedule.last_fired_at,
        "source": schedule.source,
        "id": schedule.id,
    }


@app.command("list")
def list_schedules(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List schedules. 例 example: steward schedule list huaxin --login admin@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [_row(one) for one in await schedules(session)]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("preview")
def preview(
    tenant: TenantKey,
    rule: Annotated[
        str, typer.Argument(metavar="RULE", help="cron、日历词语或计划任务标识。A cron line, calendar words, or a key.")
    ],
    login: Login,
    count: Annotated[int, typer.Option("--count", help="多少个。How many.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Tell when a rule, or the schedule of a key, fires next, in the tenant's zone.

    例 example: steward schedule preview huaxin "first working day 09:00" --login admin@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        known = {one.key: one.rule for one in await schedules(session)}
        zone = who.tenant.time_zone
        moments = await preview_here(session, known.get(rule, rule), zone, datetime.now(UTC), count)
        return [{"at": moment.astimezone(ZoneInfo(zone)).isoformat()} for moment in moments]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("run")
def run(tenant: TenantKey, key: Key, login: Login, as_json: AsJson = False) -> None:
    """Do a schedule's task now, beside its moments.

    例 example: steward schedule run huaxin system.clients_nightly --login admin@huaxin.example
    """
    import_all()

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return _row(await run_schedule(session, (await schedule_by_key(session, key)).id))

    show([writing(tenant, login, task)], as_json=as_json)
