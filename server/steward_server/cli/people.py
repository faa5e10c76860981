"""Reading people at the command line: lists, one person, a spreadsheet; unmasked only with `--reveal`, on record."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain
from steward_server.cli.naming import PERSON, UNIT, UNIT_HELP, Person, named
from steward_server.cli.options import Reveal
from steward_server.cli.output import AsJson, say, show, show_page
from steward_server.cli.tenant_work import reading, writing
from steward_tenants.database.session import ReadSession, TenantSession, WriteSession
from steward_tenants.people.disclosure import export_people, reveal_people, reveal_person
from steward_tenants.people.models import UserStatus
from steward_tenants.people.queries import PeoplePage, PeopleQuery, PeopleSort, PersonLine, find_person, list_people

_LONG = frozenset({"unit_id", "locale", "joined_on", "version", "revealed"})
"""Fields that only JSON shows."""


def _row(person: PersonLine, as_json: bool) -> dict[str, Any]:
    names = [field.name for field in fields(person) if as_json or field.name not in _LONG]
    return {name: plain(getattr(person, name)) for name in (*names[1:], names[0])}


def list_users(
    tenant: TenantKey,
    login: Login,
    unit: Annotated[str | None, typer.Option(help=UNIT_HELP)] = None,
    status: Annotated[list[UserStatus] | None, typer.Option(help="状态，可多次。May be repeated.")] = None,
    text: Annotated[str, typer.Option(help="姓名、登录名、工号或电话后四位。Name, login, number, phone's tail.")] = "",
    sort: Annotated[PeopleSort, typer.Option(help="排序。Order.")] = PeopleSort.NAME,
    descending: Annotated[bool, typer.Option("--descending", help="倒序。The other way round.")] = False,
    size: Annotated[int, typer.Option(help="每页条数。Rows of a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="上一页给出的位置。From the page before.")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="导出全部到文件（留痕）。Write all into a file; on record.")
    ] = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """List people within one's scope, sensitive fields masked.

    例 example: steward user list huaxin --unit ENT --login chen.li@huaxin.example --reveal
    """

    async def query(session: TenantSession) -> PeopleQuery:
        return PeopleQuery(
            unit_id=await named(session, UNIT, unit) if unit else None,
            statuses=frozenset(status or ()),
            text=text,
            sort=sort,
            descending=descending,
            size=size,
            cursor=cursor,
        )

    async def masked(session: ReadSession, who: Acting) -> PeoplePage:
        return await list_people(session, await query(session), who.today)

    async def unmasked(session: WriteSession, who: Acting) -> PeoplePage:
        return await reveal_people(session, await query(session), who.today)

    async def export(session: WriteSession, who: Acting) -> bytes:
        return await export_people(session, await query(session), who.today, locale=who.tenant.locale)

    if csv is not None:
        _keep(csv, writing(tenant, login, export))
        return
    page = writing(tenant, login, unmasked) if reveal else reading(tenant, login, masked)
    show_page([_row(person, as_json) for person in page.people], page.next_cursor, as_json=as_json)


def _keep(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
    say(f"{path}: {len(data)} bytes")


def show_user(tenant: TenantKey, person: Person, login: Login, reveal: Reveal = False, as_json: AsJson = False) -> None:
    """Show one person. 例 example: steward user show huaxin zhao.ning@huaxin.example --login chen.li@huaxin.example"""

    async def masked(session: ReadSession, who: Acting) -> PersonLine:
        return await find_person(session, await named(session, PERSON, person), who.today)

    async def unmasked(session: WriteSession, who: Acting) -> PersonLine:
        return await reveal_person(session, await named(session, PERSON, person), who.today)

    found = writing(tenant, login, unmasked) if reveal else reading(tenant, login, masked)
    show([_row(found, as_json)], as_json=as_json)
