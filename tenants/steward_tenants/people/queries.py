"""Reading people: within the actor's scope, masked, by keyset pages.

What is sensitive is never shown without a trace: a `ReadSession` gets every phone, e-mail address and identity
number masked. `reveal` in a `WriteSession` shows what the actor's scope allows, and `disclosure.py` records it.
"""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, false, func, literal, or_, select, tuple_

from steward_tenants.access.fields import EMAIL, IDENTITY, PHONE
from steward_tenants.access.permissions import PEOPLE_VIEW
from steward_tenants.access.queries import hidden, units_below
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.errors import PersonNotFound
from steward_tenants.people.models import User, UserStatus
from steward_tenants.people.rules import PHONE_TAIL
from steward_tenants.people.service import open_identity_number

LARGEST_PAGE = 200


class PeopleSort(StrEnum):
    """What lists can be sorted by. Masked fields are not among them."""

    NAME = "name"
    LOGIN = "login"
    EMPLOYEE_NUMBER = "employee_number"
    CREATED = "created"


@dataclass(frozen=True)
class PeopleQuery:
    """Which people, in which order, which page.

    `text` finds a part of the name, the beginning of a login or employee number, or the last four digits of a phone.
    `cursor` is the `next_cursor` of the page before, asked with the same sort.
    """

    unit_id: UUID | None = None
    with_units_below: bool = True
    statuses: frozenset[UserStatus] = frozenset()
    text: str = ""
    sort: PeopleSort = PeopleSort.NAME
    descending: bool = False
    size: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class PersonLine:
    """A person as the actor may see them. `revealed` names the sensitive fields that stand here unmasked."""

    id: UUID
    login: str
    name: str
    employee_number: str | None
    title: str | None
    phone: str | None
    email: str | None
    identity_number: str | None
    unit_id: UUID | None
    unit_name: str | None
    status: UserStatus
    locale: str | None
    joined_on: date | None
    version: int
    revealed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PeoplePage:
    """One page; `next_cursor` None: the last."""

    people: tuple[PersonLine, ...]
    next_cursor: str | None


_SORTS: dict[PeopleSort, Any] = {
    PeopleSort.NAME: User.name,
    PeopleSort.LOGIN: User.login,
    PeopleSort.EMPLOYEE_NUMBER: func.coalesce(User.employee_number, literal("", Text)),
    PeopleSort.CREATED: User.id,
}


def _selection(session: TenantSession, on: date, reveal: bool) -> Any:
    columns: list[Any] = []
    for name, sort in (("phone", PHONE), ("email", EMAIL)):
        seen = PERSON.within_reach(session, sort.reveal, on) if reveal else false()
        shown = PERSON.masked_field(session, name, on) if reveal else None
        column = getattr(User, name)
        columns += [hidden(column, keep=sort.keep, domain=sort.domain) if shown is None else shown, seen]
    open_to_actor = PERSON.within_reach(session, IDENTITY.reveal, on) if reveal else false()
    return (
        select(User, OrgUnit.name, *columns, open_to_actor)
        .outerjoin(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == User.unit_id))
        .where(session.within(User), PERSON.within_reach(session, PEOPLE_VIEW, on))
    )


def _line(session: TenantSession, row: Sequence[Any]) -> PersonLine:
    user, unit_name, phone, phone_seen, email, email_seen, identity_seen = row
    number = open_identity_number(session.vault, session.tenant_id, user.id, user.identity_number)
    seen = (("phone", phone, phone_seen), ("email", email, email_seen), ("identity_number", number, identity_seen))
    return PersonLine(
        id=user.id,
        login=user.login,
        name=user.name,
        employee_number=user.employee_number,
        title=user.title,
        phone=phone,
        email=email,
        identity_number=number if identity_seen else IDENTITY.hide(number),
        unit_id=user.unit_id,
        unit_name=unit_name,
        status=UserStatus(user.status),
        locale=user.locale,
        joined_on=user.joined_on,
        version=user.version,
        revealed=frozenset(name for name, value, visible in seen if visible and value is not None),
    )


def _conditions(session: TenantSession, query: PeopleQuery, on: date) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.unit_id is not None:
        inside = units_below(session, query.unit_id, on)
        conditions.append(User.unit_id.in_(inside) if query.with_units_below else User.unit_id == query.unit_id)
    if query.statuses:
        conditions.append(User.status.in_([status.value for status in query.statuses]))
    text = unicodedata.normalize("NFC", query.text).strip()
    if len(text) > 64:
        raise invalid("text", "length", "搜索词过长。", "The search text is too long.")
    if text:
        found = [
            User.name.contains(text, autoescape=True),
            User.login.startswith(text.casefold(), autoescape=True),
            User.employee_number.startswith(text, autoescape=True),
        ]
        if len(text) == PHONE_TAIL and text.isascii() and text.isdigit():
            found.append(User.phone_tail == text)
        conditions.append(or_(*found))
    return conditions


async def select_people(
    session: TenantSession, query: PeopleQuery, on: date, *, limit: int, reveal: bool = False
) -> list[PersonLine]:
    """At most `limit` people from the query's cursor on. `reveal` only where the caller records it. Raises Forbidden,
    InvalidInput."""
    require(session.actor, PEOPLE_VIEW)
    column = _SORTS[query.sort]
    statement = _selection(session, on, reveal).where(*_conditions(session, query, on))
    if query.cursor is not None:
        value, last_id = _read_cursor(query)
        place = tuple_(literal(UUID(value) if query.sort is PeopleSort.CREATED else value), literal(last_id))
        key = tuple_(column, User.id)
        statement = statement.where(key < place if query.descending else key > place)
    order = (column.desc(), User.id.desc()) if query.descending else (column, User.id)
    rows = await session.rows(statement.order_by(*order).limit(limit))
    return [_line(session, tuple(row)) for row in rows]


async def people_page(session: TenantSession, query: PeopleQuery, on: date, *, reveal: bool = False) -> PeoplePage:
    """One page of people. Raises Forbidden, InvalidInput (size, cursor, text)."""
    if not 1 <= query.size <= LARGEST_PAGE:
        raise invalid("size", "range", f"每页 1 到 {LARGEST_PAGE} 条。", f"A page has 1 to {LARGEST_PAGE} rows.")
    people = await select_people(session, query, on, limit=query.size + 1, reveal=reveal)
    more = len(people) > query.size
    people = people[: query.size]
    return PeoplePage(tuple(people), _cursor(query, people[-1]) if more else None)


async def list_people(session: TenantSession, query: PeopleQuery, on: date) -> PeoplePage:
    """One page of people, sensitive fields masked. Raises Forbidden, InvalidInput."""
    return await people_page(session, query, on)


async def find_person(session: TenantSession, user_id: UUID, on: date, *, reveal: bool = False) -> PersonLine:
    """One person. `reveal` only where the caller records it. Raises Forbidden, PersonNotFound."""
    require(session.actor, PEOPLE_VIEW)
    rows = await session.rows(_selection(session, on, reveal).where(User.id == user_id))
    if not rows:
        raise PersonNotFound
    return _line(session, tuple(rows[0]))


def _sort_value(sort: PeopleSort, person: PersonLine) -> str:
    values = {
        PeopleSort.NAME: person.name,
        PeopleSort.LOGIN: person.login,
        PeopleSort.EMPLOYEE_NUMBER: person.employee_number or "",
        PeopleSort.CREATED: str(person.id),
    }
    return values[sort]


def _cursor(query: PeopleQuery, last: PersonLine) -> str:
    parts = [query.sort.value, query.descending, _sort_value(query.sort, last), str(last.id)]
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode()


def _read_cursor(query: PeopleQuery) -> tuple[str, UUID]:
    refused = invalid("cursor", "cursor", "翻页位置无效，请从第一页重新开始。", "Start again from the first page.")
    try:
        parts = json.loads(base64.b64decode((query.cursor or "").encode(), altchars=b"-_", validate=True))
        sort, descending, value, last_id = parts
        place = (str(value), UUID(last_id))
        if query.sort is PeopleSort.CREATED:
            UUID(place[0])
    except (binascii.Error, ValueError, TypeError, AttributeError):
        raise refused from None
    if (sort, descending) != (query.sort.value, query.descending) or "\0" in place[0]:
        raise refused
    return place
