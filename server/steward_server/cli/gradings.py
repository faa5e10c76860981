"""`steward grading`: grading a unit's clients, looking at results, objections, replaying."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import select

from steward_core.forms.models import FormRecord
from steward_core.gradings.binding import bind
from steward_core.gradings.models import Grading, GradingObjection, GradingStatus, ObjectionStatus
from steward_core.gradings.objections import decide_objection, objections, raise_objection
from steward_core.gradings.queries import (
    Change,
    Distribution,
    Preview,
    ResultLine,
    ResultQuery,
    gradings,
    preview,
    results_of_client,
)
from steward_core.gradings.reach import grading_seen
from steward_core.gradings.replay import ReplayReport, replay
from steward_core.gradings.service import discard, regrade, request_grading
from steward_core.industry.registry import scheme_of
from steward_core.permissions import GRADINGS_VIEW
from steward_core.runs.models import Run
from steward_server.cli.acting import Acting, Login, TenantKey, acting
from steward_server.cli.answers import plain, settled
from steward_server.cli.field_words import values_of
from steward_server.cli.naming import CLIENT, CLIENT_HELP, PERSON, UNIT, UNIT_HELP, named
from steward_server.cli.options import Reason, ReasonIfAny, Size, day_of
from steward_server.cli.output import FAILED, AsJson, both, say, show, show_page
from steward_server.cli.runs import driven
from steward_server.cli.tenant_work import reading, writing
from steward_server.cli.workplace import work
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, TenantSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="客户评级。Gradings of clients.", rich_markup_mode=None)

GradingId = Annotated[UUID, typer.Argument(metavar="GRADING", help="评级编号，见 grading list。Id of a grading.")]
Scheme = Annotated[str, typer.Argument(metavar="SCHEME", help="评级方案，如 tobacco.retailer_grading。A scheme.")]
Unit = Annotated[str, typer.Argument(metavar="UNIT", help=UNIT_HELP)]
ClientName = Annotated[str, typer.Argument(metavar="CLIENT", help=CLIENT_HELP)]
Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="INPUT=VALUE", help="应有的数据：文本或 JSON。Inputs as they should be, as text or JSON."),
]
_IN_LISTS = ("scheme", "period", "revision", "status", "rule_version", "counts", "requested_at", "bound_at", "id")
_OF_RESULTS = ("rank", "client_code", "client_name", "score", "star", "grade", "tier", "change", "previous_star")
_OF_OBJECTIONS = ("status", "client_id", "reason", "claimed", "corrections", "decision_reason", "raised_at", "id")


@app.command("list")
def list_gradings(
    tenant: TenantKey,
    login: Login,
    scheme: Annotated[str | None, typer.Option(help="评级方案。A scheme.")] = None,
    unit: Annotated[str | None, typer.Option(help=UNIT_HELP)] = None,
    period: Annotated[str | None, typer.Option(help="期间，如 2026Q3。A period.")] = None,
    status: Annotated[GradingStatus | None, typer.Option(help="状态。Status.")] = None,
    size: Size = 50,
    as_json: AsJson = False,
) -> None:
    """List gradings, the latest first. 例 example: steward grading list yunling --login lin.tao@yunling.example"""

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        unit_id = await named(session, UNIT, unit) if unit else None
        found = await gradings(
            session, today=who.today, scheme=scheme, unit_id=unit_id, period=period, status=status, limit=size
        )
        return [_row(one, as_json) for one in found]

    show(reading(tenant, login, task), as_json=as_json)


def _row(grading: Grading, as_json: bool) -> dict[str, Any]:
    return plain(grading) if as_json else {name: plain(getattr(grading, name)) for name in _IN_LISTS}


@app.command("run")
def run(
    tenant: TenantKey,
    scheme: Scheme,
    unit: Unit,
    login: Login,
    period: Annotated[
        datetime | None,
        typer.Option(
            "--period", formats=["%Y-%m-%d"], help="期间内任一天，默认上一期。A day in it; the last one over."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Grade all clients of a unit up to a preview that binds nobody, and show how they fell out.

    例 example: steward grading run yunling tobacco.retailer_grading MKT --login lin.tao@yunling.example
    """

    async def ask(session: WriteSession, who: Acting) -> tuple[Grading, Run]:
        unit_id = await named(session, UNIT, unit)
        return await request_grading(session, scheme, unit_id, today=who.today, period=day_of(period))

    _computed(tenant, login, ask, as_json=as_json)


@app.command("regrade")
def grade_again(tenant: TenantKey, grading: GradingId, login: Login, as_json: AsJson = False) -> None:
    """Grade again with the corrections of upheld objections, up to a preview.

    例 example: steward grading regrade yunling 0190… --login lin.tao@yunling.example
    """

    async def ask(session: WriteSession, who: Acting) -> tuple[Grading, Run]:
        return await regrade(session, grading, today=who.today)

    _computed(tenant, login, ask, as_json=as_json)


def _computed(
    tenant: str,
    login: str,
    ask: Callable[[WriteSession, Acting], Awaitable[tuple[Grading, Run]]],
    *,
    as_json: bool,
) -> None:
    async def task(database: Database, settings: Settings) -> Preview:
        who = await acting(database, settings, tenant, login)
        async with database.write(who.tenant.id, who.actor) as session:
            grading, run_asked = await ask(session, who)
        await driven(database, settings, who, run_asked.id, f"{grading.scheme} {grading.period}")
        async with database.read(who.tenant.id, who.actor) as session:
            return await preview(session, grading.id, today=who.today)

    _show_preview(work(task), as_json)


@app.command("preview")
def show_preview(tenant: TenantKey, grading: GradingId, login: Login, as_json: AsJson = False) -> None:
    """Show a grading and how its clients fell out: by star, grade, change.

    例 example: steward grading preview yunling 0190… --login lin.tao@yunling.example
    """

    async def task(session: ReadSession, who: Acting) -> Preview:
        return await preview(session, grading, today=who.today)

    _show_preview(reading(tenant, login, task), as_json)


def _show_preview(found: Preview, as_json: bool) -> None:
    show([_row(found.grading, as_json) | ({"what": "grading"} if as_json else {})], as_json=as_json)
    if not as_json:
        print()
    show(_distributed(found.distribution), as_json=as_json)


def _distributed(found: Distribution) -> list[dict[str, Any]]:
    rows = [("clients", "", found.clients)]
    rows += [("star", str(star), found.stars[star]) for star in sorted(found.stars, reverse=True)]
    rows += [("grade", str(grade), found.grades[grade]) for grade in sorted(found.grades, reverse=True)]
    rows += [("change", change.value, found.changes[change]) for change in sorted(found.changes)]
    rows += [("move", f"{before} → {after}", found.moves[before, after]) for before, after in sorted(found.moves)]
    return [{"what": what, "which": which, "clients": clients} for what, which, clients in rows]


@app.command("results")
def list_results(
    tenant: TenantKey,
    grading: GradingId,
    login: Login,
    star: Annotated[list[int] | None, typer.Option(help="星级，可多次。May be repeated.")] = None,
    lowest_grade: Annotated[int | None, typer.Option(help="最低档位。The lowest grade.")] = None,
    highest_grade: Annotated[int | None, typer.Option(help="最高档位。The highest grade.")] = None,
    change: Annotated[list[Change] | None, typer.Option(help="星级变化，可多次。May be repeated.")] = None,
    owner: Annotated[str | None, typer.Option(help="客户经理：登录名或编号。Login or id of the manager.")] = None,
    size: Size = 50,
    cursor: Annotated[UUID | None, typer.Option("--cursor", help="上一页给出的位置。From the page before.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the results of a grading in the order of ranks.

    例 example: steward grading results yunling 0190… --star 1 --change fallen --login lin.tao@yunling.example
    """

    async def task(session: ReadSession, who: Acting) -> Preview:
        query = ResultQuery(
            stars=frozenset(star or ()),
            lowest_grade=lowest_grade,
            highest_grade=highest_grade,
            changes=frozenset(change or ()),
            owner_id=await named(session, PERSON, owner) if owner else None,
            size=size,
            after=cursor,
        )
        return await preview(session, grading, query, today=who.today)

    found = reading(tenant, login, task)
    following = None if found.next_after is None else str(found.next_after)
    show_page([_result(line, as_json) for line in found.results], following, as_json=as_json)


def _result(line: ResultLine, as_json: bool) -> dict[str, Any]:
    return plain(line) if as_json else {name: plain(getattr(line, name)) for name in _OF_RESULTS}


@app.command("show")
def show_result(
    tenant: TenantKey,
    client: ClientName,
    login: Login,
    grading: Annotated[
        UUID | None, typer.Option("--grading", help="评级编号；不填则看已生效的各期。All bound ones when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a client's results with each line of the explanation.

    例 example: steward grading show yunling R001 --login ma.xiao@yunling.example
    """

    async def task(session: ReadSession, who: Acting) -> list[tuple[str | None, ResultLine]]:
        client_id = await named(session, CLIENT, client)
        if grading is None:
            lines: Sequence[ResultLine] = await results_of_client(session, client_id, today=who.today)
        else:
            lines = (await preview(session, grading, ResultQuery(client_id=client_id), today=who.today)).results
        periods = await _periods(session, lines)
        return [(periods[line.record_id], line) for line in lines]

    lines = reading(tenant, login, task)
    if as_json or not lines:
        show([{"period": period, **plain(line)} for period, line in lines], as_json=as_json)
        return
    for period, line in lines:
        show([{"period": period, **_result(line, False)}], as_json=False)
        for reason in line.reasons:
            print(f"  {both(reason)}")


async def _periods(session: TenantSession, lines: Sequence[ResultLine]) -> dict[UUID, str | None]:
    """The period of each result."""
    records = [line.record_id for line in lines]
    found = select(FormRecord.id, FormRecord.period).where(session.within(FormRecord), FormRecord.id.in_(records))
    return {record: period for record, period in await session.rows(found)}  # noqa: C416 - rows of a session


@app.command("bind")
def bind_grading(tenant: TenantKey, grading: GradingId, login: Login, reason: Reason, as_json: AsJson = False) -> None:
    """Have a previewed grading count; it sets the clients' tiers.

    例 example: steward grading bind yunling 0190… --reason 按期测评 --login lin.tao@yunling.example
    """

    async def task(session: WriteSession, who: Acting) -> dict[str, Any]:
        return await _settled(session, await bind(session, grading, reason, today=who.today), as_json)

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("discard")
def discard_grading(
    tenant: TenantKey, grading: GradingId, login: Login, reason: ReasonIfAny = None, as_json: AsJson = False
) -> None:
    """Throw away a grading that binds nobody.

    例 example: steward grading discard yunling 0190… --login lin.tao@yunling.example
    """

    async def task(session: WriteSession, who: Acting) -> dict[str, Any]:
        return await _settled(session, await discard(session, grading, today=who.today, reason=reason), as_json)

    show([writing(tenant, login, task)], as_json=as_json)


async def _settled(session: WriteSession, grading: Grading, as_json: bool) -> dict[str, Any]:
    await settled(session, grading)
    return _row(grading, as_json)


@app.command("objections")
def list_objections(
    tenant: TenantKey,
    grading: GradingId,
    login: Login,
    status: Annotated[ObjectionStatus | None, typer.Option(help="状态。Status.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the objections to a grading, the oldest first.

    例 example: steward grading objections yunling 0190… --status open --login lin.tao@yunling.example
    """

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        found = await objections(session, grading, today=who.today, status=status)
        return [_objection(one, as_json) for one in found]

    show(reading(tenant, login, task), as_json=as_json)


def _objection(one: GradingObjection, as_json: bool) -> dict[str, Any]:
    return plain(one) if as_json else {name: plain(getattr(one, name)) for name in _OF_OBJECTIONS}


@app.command("object")
def raise_one(
    tenant: TenantKey,
    grading: GradingId,
    client: ClientName,
    login: Login,
    reason: Reason,
    claimed: Inputs = None,
    as_json: AsJson = False,
) -> None:
    """Object to a client's result, saying which inputs should be otherwise.

    例 example: steward grading object yunling 0190… R001 orders_placed=12 --reason 漏记一次 --login
    ma.xiao@yunling.example
    """

    async def task(session: WriteSession, who: Acting) -> dict[str, Any]:
        client_id = await named(session, CLIENT, client)
        inputs = await _inputs(session, grading, claimed, who)
        one = await raise_objection(session, grading, client_id, reason, today=who.today, claimed=inputs)
        await settled(session, one)
        return _objection(one, as_json)

    show([writing(tenant, login, task)], as_json=as_json)


async def _inputs(session: TenantSession, grading_id: UUID, words: Sequence[str] | None, who: Acting) -> dict[str, Any]:
    """Inputs of a grading, read in the types of its form."""
    if not words:
        return {}
    grading = await grading_seen(session, grading_id, GRADINGS_VIEW, who.today)
    return values_of(words, scheme_of(grading.scheme).form)


@app.command("decide")
def decide_one(
    tenant: TenantKey,
    grading: GradingId,
    objection: Annotated[UUID, typer.Argument(metavar="OBJECTION", help="异议编号。Id of an objection.")],
    login: Login,
    upheld: Annotated[bool, typer.Option("--uphold/--reject", help="支持或驳回。Uphold or reject it.")],
    reason: Reason,
    corrections: Inputs = None,
    as_json: AsJson = False,
) -> None:
    """Uphold an objection with the corrected inputs, or reject it. The next regrade uses them.

    例 example: steward grading decide yunling 0190… 0190… orders_placed=12 --uphold --reason 属实 --login
    lin.tao@yunling.example
    """

    async def task(session: WriteSession, who: Acting) -> dict[str, Any]:
        inputs = await _inputs(session, grading, corrections, who)
        one = await decide_objection(
            session, objection, upheld=upheld, reason=reason, today=who.today, corrections=inputs
        )
        await settled(session, one)
        return _objection(one, as_json)

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("replay")
def replay_grading(tenant: TenantKey, grading: GradingId, login: Login, as_json: AsJson = False) -> None:
    """Compute a grading again from what is stored with it, and tell every difference; exit code 1 if there is one.

    例 example: steward grading replay yunling 0190… --login lin.tao@yunling.example
    """

    async def task(session: ReadSession, who: Acting) -> ReplayReport:
        return await replay(session, grading, today=who.today)

    report = reading(tenant, login, task)
    facts = {"rule_version": report.rule_version, "checked": report.checked, "differences": len(report.differences)}
    show([{"same": report.same, **facts}], as_json=as_json)
    if not report.same:
        show([plain(one) for one in report.differences], as_json=as_json)
        say("与保存的结果不一致。 It is not what is stored.")
        raise typer.Exit(FAILED)
