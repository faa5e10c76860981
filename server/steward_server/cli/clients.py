"""`steward client`: looking at clients. Changes of one client are commands: `steward command list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any

import typer

from steward_core.clients.details import ClientDetail, client_detail, client_tree, reveal_client
from steward_core.clients.fact_readings import facts_of_client
from steward_core.clients.freshness import FreshnessScan, freshness_scan
from steward_core.clients.models import ClientStatus
from steward_core.clients.queries import (
    ClientFilter,
    ClientOrder,
    ClientPage,
    CustomCondition,
    clients_page,
)
from steward_core.clients.search import search_clients
from steward_server.cli import client_duplicates, client_pool, hand_overs
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain
from steward_server.cli.field_words import CUSTOM, Condition, Where, conditions, kinds_of_custom
from steward_server.cli.naming import CLIENT, CLIENT_HELP, PERSON, UNIT, UNIT_HELP, NameOf, named
from steward_server.cli.options import Cursor, Descending, Reveal, Since, Size, Until, day_of
from steward_server.cli.output import AsJson, show, show_page
from steward_server.cli.tenant_work import reading, writing
from steward_tenants.database.session import ReadSession, TenantSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="客户。Clients.", rich_markup_mode=None)
app.add_typer(client_pool.app, name="pool")
app.add_typer(hand_overs.app, name="hand-over")
app.add_typer(client_duplicates.app, name="duplicates")

ClientName = Annotated[str, typer.Argument(metavar="CLIENT", help=CLIENT_HELP)]
PERSON_HELP = "登录名或编号。Login or id."
_IN_LISTS = ("code", "name", "kind", "tier", "status", "unit_name", "owner_name", "region", "phone", "updated_at", "id")
_OF_ONE = ("contacts", "ownership", "changes")
_OF_CONTACTS = ("name", "roles", "main", "position", "department", "phone", "email", "left_on", "id")


@app.command("list")
def list_clients(
    tenant: TenantKey,
    login: Login,
    text: Annotated[str, typer.Option(help="同 client search。As in `client search`.")] = "",
    status: Annotated[list[ClientStatus] | None, typer.Option(help="状态，可多次。May be repeated.")] = None,
    tier: Annotated[list[str] | None, typer.Option(help="等级，可多次。May be repeated.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="类型，可多次。May be repeated.")] = None,
    unit: Annotated[str | None, typer.Option(help=UNIT_HELP)] = None,
    only_unit: Annotated[bool, typer.Option("--only-unit", help="不含下级部门。Without the units below.")] = False,
    owner: Annotated[str | None, typer.Option(help=f"客户经理：{PERSON_HELP}")] = None,
    deputy: Annotated[str | None, typer.Option(help=f"B 角：{PERSON_HELP}")] = None,
    parent: Annotated[str | None, typer.Option(help=f"上级客户：{CLIENT_HELP}")] = None,
    pool: Annotated[
        bool | None, typer.Option("--pool/--owned", help="只看公海，或只看有人负责的。In the pool, or with an owner.")
    ] = None,
    region: Annotated[str, typer.Option(help="行政区划开头。Beginning of the region.")] = "",
    stale: Annotated[bool, typer.Option("--stale", help="档案待复核。A profile is due.")] = False,
    arrears: Annotated[bool, typer.Option("--arrears", help="有到期欠费。Something due is open.")] = False,
    contract_ends_within: Annotated[
        int | None, typer.Option(metavar="DAYS", help="合同在这些天内到期。A contract ends within so many days.")
    ] = None,
    where: Where = None,
    order: Annotated[ClientOrder, typer.Option(help="排序。Order.")] = ClientOrder.NAME,
    descending: Descending = False,
    size: Size = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List clients within one's scope; --where asks for the tenant's own fields.

    例 example: steward client list huaxin --tier A --stale --where floor:ge:3 --login chen.li@huaxin.example
    """
    asked = conditions(where)

    async def task(session: ReadSession, who: Acting) -> ClientPage:
        wanted = ClientFilter(
            text=text,
            statuses=frozenset(status or ()),
            tiers=frozenset(tier or ()),
            kinds=frozenset(kind or ()),
            unit_id=await _named(session, UNIT, unit),
            with_units_below=not only_unit,
            owner_id=await _named(session, PERSON, owner),
            deputy_id=await _named(session, PERSON, deputy),
            in_pool=pool,
            region=region,
            parent_id=await _named(session, CLIENT, parent),
            stale=stale,
            in_arrears=arrears,
            contract_ends_within=contract_ends_within,
            custom=await _custom(session, asked),
        )
        return await clients_page(
            session,
            wanted,
            order,
            today=who.today,
            descending=descending,
            after=cursor,
            limit=size,
            with_total=False,
        )

    page = reading(tenant, login, task)
    rows = [plain(client) if as_json else _some(client, _IN_LISTS) for client in page.clients]
    show_page(rows, page.next_cursor, as_json=as_json)


async def _named(session: TenantSession, kind: NameOf, text: str | None) -> Any:
    return None if text is None else await named(session, kind, text)


async def _custom(session: TenantSession, asked: Sequence[Condition]) -> tuple[CustomCondition, ...]:
    kinds = await kinds_of_custom(session, "client") if asked else {}
    found = []
    for one in asked:
        key = one.field.removeprefix(CUSTOM)
        found.append(CustomCondition(key, one.op, one.value(kinds.get(key))))
    return tuple(found)


def _some(row: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in names}


@app.command("search")
def search(
    tenant: TenantKey,
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", help="名称、拼音、首字母、编码或电话后四位。Name, pinyin, code, phone's tail."),
    ],
    login: Login,
    size: Annotated[int, typer.Option(help="最多几个。At most so many.")] = 20,
    merged: Annotated[bool, typer.Option("--merged", help="包括已合并的。Merged ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find clients by what one remembers. 例 example: steward client search huaxin hxwl --login
    zhao.ning@huaxin.example"""

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        found = await search_clients(session, text, today=who.today, limit=size, with_merged=merged)
        return [plain(client) for client in found]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("show")
def show_client(
    tenant: TenantKey, client: ClientName, login: Login, reveal: Reveal = False, as_json: AsJson = False
) -> None:
    """Show one client with contacts and holdings. 例 example: steward client show huaxin K001 --reveal --login
    zhao.ning@huaxin.example"""
    detail = _detail(tenant, client, login, reveal=reveal)
    if as_json:
        show([plain(detail)], as_json=True)
        return
    lines = _flat({name: value for name, value in plain(detail).items() if name not in _OF_ONE})
    show([{"field": name, "value": value} for name, value in lines.items() if value is not None], as_json=False)
    if detail.contacts:
        print()
        show([_some(contact, _OF_CONTACTS) for contact in detail.contacts], as_json=False)


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those of a nested document beside them, under `outer.inner`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": part for inner, part in value.items()}
        else:
            flat[name] = value
    return flat


def _detail(tenant: str, client: str, login: str, *, reveal: bool) -> ClientDetail:
    async def masked(session: ReadSession, who: Acting) -> ClientDetail:
        return await client_detail(session, await named(session, CLIENT, client), today=who.today)

    async def unmasked(session: WriteSession, who: Acting) -> ClientDetail:
        return await reveal_client(session, await named(session, CLIENT, client), today=who.today)

    return writing(tenant, login, unmasked) if reveal else reading(tenant, login, masked)


@app.command("contacts")
def contacts(
    tenant: TenantKey, client: ClientName, login: Login, reveal: Reveal = False, as_json: AsJson = False
) -> None:
    """List a client's contacts. 例 example: steward client contacts huaxin K001 --login zhao.ning@huaxin.example"""
    found = _detail(tenant, client, login, reveal=reveal).contacts
    show([plain(contact) if as_json else _some(contact, _OF_CONTACTS) for contact in found], as_json=as_json)


@app.command("tree")
def tree(tenant: TenantKey, client: ClientName, login: Login, as_json: AsJson = False) -> None:
    """Show a client and those below it. 例 example: steward client tree huaxin K001 --login chen.li@huaxin.example"""

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        nodes = await client_tree(session, await named(session, CLIENT, client), today=who.today)
        if as_json:
            return [plain(node) for node in nodes]
        names = ("status", "tier", "owner_id", "id")
        return [{"name": "　" * node.depth + node.name, **_some(node, names)} for node in nodes]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("history")
def history(tenant: TenantKey, client: ClientName, login: Login, as_json: AsJson = False) -> None:
    """Show whose a client was, and how its tier and status changed; the newest first.

    例 example: steward client history huaxin K001 --login chen.li@huaxin.example
    """
    detail = _detail(tenant, client, login, reveal=False)
    owned, changed = ([plain(line) for line in lines] for lines in (detail.ownership, detail.changes))
    if as_json:
        show([{"what": "ownership", **line} for line in owned], as_json=True)
        show([{"what": "change", **line} for line in changed], as_json=True)
        return
    show(owned, as_json=False)
    if changed:
        print()
        show(changed, as_json=False)


@app.command("stale")
def stale_clients(
    tenant: TenantKey,
    login: Login,
    size: Annotated[int, typer.Option(help="最多列出几个。List at most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Count the profiles that are due by tier, and list the clients that wait longest.

    例 example: steward client stale huaxin --login chen.li@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> FreshnessScan:
        return await freshness_scan(session, today=who.today, listed=size)

    scan = reading(tenant, login, task)
    counts, clients = ([plain(line) for line in lines] for lines in (scan.counts, scan.clients))
    if as_json:
        show([{"what": "count", **line} for line in counts], as_json=True)
        show([{"what": "client", **line} for line in clients], as_json=True)
        return
    show(counts, as_json=False)
    if clients:
        print()
        show(clients, as_json=False)


@app.command("facts")
def facts(
    tenant: TenantKey,
    client: ClientName,
    login: Login,
    metric: Annotated[str | None, typer.Option(help="指标。A metric's key.")] = None,
    since: Since = None,
    until: Until = None,
    history: Annotated[bool, typer.Option("--history", help="所有版本。Every revision.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a client's facts in force. 例 example: steward client facts huaxin K001 --metric revenue --history --login
    chen.li@huaxin.example"""

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        found = await facts_of_client(
            session,
            await named(session, CLIENT, client),
            metric,
            day_of(since),
            day_of(until),
            today=who.today,
            with_history=history,
        )
        long = () if as_json or history else ("withdrawn", "reason", "batch_id", "recorded_by")
        names = [field.name for line in found[:1] for field in fields(line) if field.name not in long]
        return [_some(line, names) for line in found]

    show(reading(tenant, login, task), as_json=as_json)
