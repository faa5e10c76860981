"""Sensitive reads of people: what scope allows is shown unmasked, and each such read is audited before it leaves."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any
from uuid import UUID

from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import WriteSession
from steward_tenants.people.errors import ExportTooLarge
from steward_tenants.people.models import UserStatus
from steward_tenants.people.queries import (
    PeoplePage,
    PeopleQuery,
    PersonLine,
    find_person,
    people_page,
    select_people,
)
from steward_tenants.texts import Bilingual

LARGEST_EXPORT = 50_000
_BOM = "\ufeff"
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")

_STATUS = {
    UserStatus.INVITED: Bilingual("已邀请", "invited"),
    UserStatus.ACTIVE: Bilingual("在用", "active"),
    UserStatus.DISABLED: Bilingual("停用", "disabled"),
    UserStatus.ERASED: Bilingual("已删除", "erased"),
}
_COLUMNS = (
    ("login", Bilingual("登录名", "Login")),
    ("name", Bilingual("姓名", "Name")),
    ("employee_number", Bilingual("工号", "Employee number")),
    ("title", Bilingual("职务", "Title")),
    ("unit_name", Bilingual("所属机构", "Unit")),
    ("phone", Bilingual("电话", "Phone")),
    ("email", Bilingual("邮箱", "E-mail")),
    ("identity_number", Bilingual("证件号", "Identity number")),
    ("status", Bilingual("状态", "Status")),
    ("joined_on", Bilingual("入职日期", "Joined on")),
)


async def reveal_people(session: WriteSession, query: PeopleQuery, on: date) -> PeoplePage:
    """One page of people, unmasked where the actor's scope allows, recorded as `read.people`."""
    page = await people_page(session, query, on, reveal=True)
    await _note(session, "read.people", page.people, query)
    return page


async def reveal_person(session: WriteSession, user_id: UUID, on: date) -> PersonLine:
    """One person, unmasked where the actor's scope allows, recorded as `read.person`. Raises PersonNotFound."""
    person = await find_person(session, user_id, on, reveal=True)
    if person.revealed:
        fields = {"fields": sorted(person.revealed)}
        await record(session, "read.person", Subject("user", user_id), after=fields)
    return person


async def export_people(session: WriteSession, query: PeopleQuery, on: date, *, locale: str = "zh-CN") -> bytes:
    """People as CSV for a spreadsheet (UTF-8 with mark): same scope and masks as the list, cells that start no formula.

    Recorded as `read.people.export` whatever it reveals. The whole query, not a page. Raises ExportTooLarge, Forbidden.
    """
    query = replace(query, cursor=None)
    people = await select_people(session, query, on, limit=LARGEST_EXPORT + 1, reveal=True)
    if len(people) > LARGEST_EXPORT:
        raise ExportTooLarge(limit=LARGEST_EXPORT)
    await _note(session, "read.people.export", people, query, always=True)
    return csv_of(
        [title.in_locale(locale) for _, title in _COLUMNS],
        ([_cell(person, name, locale) for name, _ in _COLUMNS] for person in people),
    )


def csv_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file whose cells a spreadsheet takes for text."""
    text = io.StringIO(_BOM)
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([formula_safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def formula_safe(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula: an apostrophe stands before what would start one."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell


def _cell(person: PersonLine, name: str, locale: str) -> str:
    value = getattr(person, name)
    if name == "status":
        return _STATUS[person.status].in_locale(locale)
    return "" if value is None else str(value)


async def _note(
    session: WriteSession,
    action: str,
    people: Sequence[PersonLine],
    query: PeopleQuery,
    *,
    always: bool = False,
) -> None:
    counts = Counter(field for person in people for field in person.revealed)
    if not counts and not always:
        return
    asked: dict[str, Any] = {key: value for key, value in asdict(query).items() if value}
    asked.pop("cursor", None)
    asked.pop("text", None)
    after = {"people": len(people), "revealed": dict(counts), "query": asked}
    await record(session, action, Subject("user"), after=after)
