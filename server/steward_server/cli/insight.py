"""`steward insight`: what triggers find today, indicators of a period, and advice by the enabled plugins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, date
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import select

from steward_core.forms.description import field_by_name
from steward_core.industry.containment import Fault
from steward_core.industry.declarations import Advice, Period
from steward_core.industry.dispatcher import (
    IndicatorFound,
    TriggerFound,
    ask,
    enabled,
    indicator_rows,
    indicators,
    trigger_rows,
    triggers,
)
from steward_core.industry.errors import AdvisorNotFound
from steward_core.industry.evaluation import TriggerRow
from steward_core.industry.overview import contributions
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain
from steward_server.cli.field_words import FieldWords, values_of
from steward_server.cli.naming import CLIENT, CLIENT_HELP, PERSON, UNIT, UNIT_HELP, named
from steward_server.cli.output import AsJson, both, say, show
from steward_server.cli.tenant_work import reading, writing
from steward_tenants.database.session import ReadSession, TenantSession, WriteSession
from steward_tenants.errors import invalid
from steward_tenants.people.models import User

app = typer.Typer(no_args_is_help=True, help="触发、指标与建议。Triggers, indicators, advice.", rich_markup_mode=None)
trigger_app = typer.Typer(no_args_is_help=True, help="触发规则。Triggers.", rich_markup_mode=None)
indicator_app = typer.Typer(no_args_is_help=True, help="指标。Indicators.", rich_markup_mode=None)
app.add_typer(trigger_app, name="triggers")
app.add_typer(indicator_app, name="indicators")

UnitName = Annotated[str | None, typer.Option("--unit", help=UNIT_HELP)]
Owner = Annotated[str | None, typer.Option("--owner", help="客户经理：登录名或编号。Login or id of the manager.")]
_MONTHS = 12
_PERIOD = re.compile(r"(\d{4})(?:-(\d{2})|Q([1-4])|H([12]))?", re.ASCII)


@trigger_app.command("list")
def list_triggers(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List the triggers that are on here. 例 example: steward insight triggers list huaxin --login
    chen.li@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [{"trigger": key, "title": both(one.what.title)} for key, one in (await triggers(session)).items()]

    show(reading(tenant, login, task), as_json=as_json)


@trigger_app.command("run")
def run_triggers(
    tenant: TenantKey,
    login: Login,
    key: Annotated[
        str | None, typer.Argument(metavar="[TRIGGER]", help="触发规则；不填则全部。All of them when left out.")
    ] = None,
    unit: UnitName = None,
    owner: Owner = None,
    client: Annotated[str | None, typer.Option("--client", help=CLIENT_HELP)] = None,
    size: Annotated[int, typer.Option("--size", min=1, help="每条规则最多几行。Rows of each trigger.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what triggers find today among the clients in reach; faults of plugins are told and kept.

    例 example: steward insight triggers run huaxin clients.contract_ending --unit ENT --login chen.li@huaxin.example
    """

    async def task(session: WriteSession, who: Acting) -> tuple[TriggerFound, dict[UUID, str]]:
        found = await trigger_rows(
            session,
            key,
            who.today,
            unit_id=await named(session, UNIT, unit) if unit else None,
            owner_id=await named(session, PERSON, owner) if owner else None,
            client_id=await named(session, CLIENT, client) if client else None,
            limit=size,
        )
        owners = {row.owner_id for row in found.rows if row.owner_id is not None}
        names = await session.rows(select(User.id, User.name).where(session.within(User), User.id.in_(owners)))
        return found, dict(map(tuple, names))

    found, names = writing(tenant, login, task)
    if as_json:
        show([plain(row) for row in found.rows], as_json=True)
    else:
        show([_line(row, names) for row in found.rows], as_json=False)
    for fault in found.faults:
        _tell(fault, as_json)


def _line(row: TriggerRow, names: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "trigger": row.trigger,
        "due_on": row.due_on,
        "client": row.client_name,
        "owner": names.get(row.owner_id) if row.owner_id else None,
        "found": "; ".join(f"{name}: {plain(value)}" for name, value in row.figures.items() if value is not None),
        "client_id": row.client_id,
    }


def _tell(fault: Fault, as_json: bool) -> None:
    if as_json:
        show([{"fault": plain(fault)}], as_json=True)
        return
    say(
        f"插件 {fault.plugin} 出错（{fault.hook}）：{fault.error} {fault.place}。"
        f" Plugin {fault.plugin} failed in {fault.hook}."
    )


@indicator_app.command("list")
def list_indicators(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List the indicators that are on here. 例 example: steward insight indicators list huaxin --login
    chen.li@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [
            {"indicator": key, "title": both(one.what.title), "measure": one.what.measure, "better": one.what.better}
            for key, one in (await indicators(session)).items()
        ]

    show(reading(tenant, login, task), as_json=as_json)


@indicator_app.command("run")
def run_indicator(
    tenant: TenantKey,
    key: Annotated[str, typer.Argument(metavar="INDICATOR", help="指标，见 indicators list。An indicator.")],
    login: Login,
    period: Annotated[
        str | None, typer.Option("--period", help="如 2026-11、2026Q4、2026H2、2026，默认本月。This month by default.")
    ] = None,
    unit: UnitName = None,
    owner: Owner = None,
    as_json: AsJson = False,
) -> None:
    """Show an indicator of the managers in reach for a period.

    例 example: steward insight indicators run huaxin telecom.retention_rate --period 2026Q3 --login
    chen.li@huaxin.example
    """

    async def task(session: WriteSession, who: Acting) -> IndicatorFound:
        return await indicator_rows(
            session,
            key,
            named_period(period or f"{who.today:%Y-%m}"),
            who.today,
            unit_id=await named(session, UNIT, unit) if unit else None,
            owner_id=await named(session, PERSON, owner) if owner else None,
        )

    found = writing(tenant, login, task)
    show([plain(row) for row in found.rows], as_json=as_json)
    if found.fault is not None:
        _tell(found.fault, as_json)


def named_period(name: str) -> Period:
    """The days of `2026-11`, `2026Q4`, `2026H2` or `2026`. Raises InvalidInput."""
    read = _PERIOD.fullmatch(name)
    if read is None or not 1 <= int(read[2] or 1) <= _MONTHS or not MINYEAR <= int(read[1]) < MAXYEAR:
        example = "2026-11, 2026Q4, 2026H2, 2026"
        raise invalid("period", "period", f"应为期间，例如 {example}。", f"Give a period such as {example}.")
    year = int(read[1])
    if read[2]:
        first, months = int(read[2]), 1
    elif read[3]:
        first, months = int(read[3]) * 3 - 2, 3
    elif read[4]:
        first, months = int(read[4]) * 6 - 5, 6
    else:
        first, months = 1, 12
    last = first + months
    end = date(year, last, 1) if last <= _MONTHS else date(year + 1, 1, 1)
    return Period(name, date(year, first, 1), end)


@app.command("advisors")
def list_advisors(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List who can be asked, and what each wants to know. 例 example: steward insight advisors huaxin --login
    zhao.ning@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [
            {
                "advisor": one.key,
                "title": both(one.title),
                "question": [
                    f"{name}={'|'.join(choice.value for choice in asked.choices) or asked.type.value}"
                    if asked.required
                    else f"[{name}={'|'.join(choice.value for choice in asked.choices) or asked.type.value}]"
                    for name, asked in field_by_name(one.what.question).items()
                ],
            }
            for one in (await contributions(session))["advisors"]
        ]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("advise")
def advise(
    tenant: TenantKey,
    advisor: Annotated[str, typer.Argument(metavar="ADVISOR", help="见 insight advisors。One of `insight advisors`.")],
    login: Login,
    words: FieldWords = None,
    as_json: AsJson = False,
) -> None:
    """Ask an advisor, and show the recommendation with each line of the reasoning.

    例 example: steward insight advise huaxin telecom.leased_line rate_mbit=100 place=city --login
    zhao.ning@huaxin.example
    """

    async def task(session: WriteSession, _who: Acting) -> Advice:
        return await ask(session, advisor, await _question(session, advisor, words))

    advice = writing(tenant, login, task)
    if as_json:
        show([plain(advice)], as_json=True)
        return
    print(f"{advice.answer}: {both(advice.title)}")
    for line in advice.lines:
        print(f"  {both(line)}")
    if advice.figures:
        show([{"figure": name, "value": plain(value)} for name, value in advice.figures.items()], as_json=False)


async def _question(session: TenantSession, advisor: str, words: list[str] | None) -> dict[str, Any]:
    """The question's fields in the types of its model. Raises AdvisorNotFound, InvalidInput."""
    plugin, _, name = advisor.partition(".")
    for one in await enabled(session):
        for known in one.industry.advisors if one.key == plugin else ():
            if known.key == name:
                return values_of(words, known.question)
    raise AdvisorNotFound(advisor=advisor)
