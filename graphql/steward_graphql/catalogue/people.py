"""People: who works here, in which unit, with which roles. Sensitive fields are always masked."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import aliased

from steward_graphql.catalogue.organisation import below_unit
from steward_graphql.declared.entities import (
    Batched,
    Catalogue,
    Condition,
    Entity,
    Expression,
    ListRoot,
    OneRoot,
    Row,
    Special,
    column,
    computed,
    many,
    masked,
    one,
)
from steward_graphql.declared.scalars import ID, STRING, enum_of
from steward_tenants.access.fields import IDENTITY
from steward_tenants.access.permissions import PEOPLE_VIEW
from steward_tenants.access.row_kinds import PERSON as PEOPLE_ROWS
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User, UserStatus
from steward_tenants.people.rules import PHONE_TAIL
from steward_tenants.people.service import open_identity_number
from steward_tenants.texts import Bilingual

LONGEST_SEARCH = 64

USER_STATUS = enum_of(
    UserStatus,
    "PersonStatus",
    "人员状态",
    "State of a person",
    {
        "invited": ("已邀请", "Invited"),
        "active": ("正常", "Active"),
        "disabled": ("已停用", "Disabled"),
        "erased": ("已删除个人信息", "Personal data erased"),
    },
)


def name_of(attribute: str) -> Expression:
    """The name, as of today, of the user whose id stands in a column; null for others and for erased people."""

    def expression(row: Row) -> ColumnElement[Any]:
        person: Any = aliased(User)
        return (
            select(person.name)
            .where(
                row.within(person),
                person.id == getattr(row.table, attribute),
                person.status != UserStatus.ERASED.value,
            )
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


def _unit_name(row: Row) -> ColumnElement[Any]:
    unit: Any = aliased(OrgUnit)
    return (
        select(unit.name).where(row.within(unit), unit.id == row.table.unit_id).correlate(row.table).scalar_subquery()
    )


async def _identity_numbers(session: ReadSession, ids: Sequence[UUID], today: date) -> Mapping[UUID, Any]:
    """Masked numbers of people whom the actor sees, or who are the actor; the stored form is encrypted."""
    seen = or_(PEOPLE_ROWS.within_reach(session, PEOPLE_VIEW, today), User.id == session.actor.id)
    rows = await session.rows(
        select(User.id, User.identity_number).where(
            session.within(User), User.id.in_(ids), User.identity_number.is_not(None), seen
        )
    )
    return {
        row.id: IDENTITY.hide(open_identity_number(session.vault, session.tenant_id, row.id, row.identity_number))
        for row in rows
    }


async def _search(_session: ReadSession, given: str, _today: date) -> Condition:
    text = unicodedata.normalize("NFC", given).strip()
    if len(text) > LONGEST_SEARCH:
        raise invalid("search", "length", "搜索词过长。", "The search text is too long.")

    def condition(row: Row) -> ColumnElement[bool]:
        person = row.table
        found = [
            person.name.contains(text, autoescape=True),
            person.login.startswith(text.casefold(), autoescape=True),
            person.employee_number.startswith(text, autoescape=True),
        ]
        if len(text) == PHONE_TAIL and text.isascii() and text.isdigit():
            found.append(person.phone_tail == text)
        return or_(*found)

    return condition


PERSON = Entity(
    "Person",
    User,
    Bilingual("人员：本租户的用户", "A person: a user of the tenant"),
    kind=PEOPLE_ROWS,
    order=(("name", False),),
    plural="people",
    fields=(
        column(User.id, "编号", "Identifier", filter=True),
        column(User.login, "登录名", "The name to sign in with", filter=True, order=True),
        column(User.name, "姓名", "Name", filter=True, order=True),
        column(User.employee_number, "工号", "Employee number", filter=True, order=True),
        column(User.title, "职务", "Job title", filter=True, group=True),
        masked(User.phone, PEOPLE_ROWS, "电话，脱敏显示", "Phone number, masked"),
        masked(User.email, PEOPLE_ROWS, "邮箱，脱敏显示", "E-mail address, masked"),
        Batched("identityNumber", STRING, Bilingual("证件号，脱敏显示", "Identity number, masked"), _identity_numbers),
        column(User.status, "状态", "State", kind=USER_STATUS, filter=True, group=True),
        column(User.locale, "界面语言", "Language of the interface"),
        column(User.joined_on, "入职日期", "The day of joining", filter=True, order=True, group=True),
        column(User.created_at, "创建时间", "When the person was added", filter=True, order=True),
        column(User.version, "版本", "Counts changes"),
        column(User.unit_id, "所属机构编号", "Identifier of the unit", filter=True, group=True),
        computed("unitName", STRING, _unit_name, "所属机构名称", "Name of the unit"),
        one("unit", "OrgUnit", User.unit_id, "所属机构", "The unit that the person belongs to"),
        many("grants", "RoleAssignment", "user_id", "角色授权，含过去和计划中的", "Roles: past, present and planned"),
        many("sessions", "SignInSession", "subject_id", "登录会话", "Open sessions"),
    ),
    specials=(
        Special(
            "search",
            Bilingual(
                "姓名的一部分、登录名或工号的开头，或电话末四位",
                "A part of the name, the beginning of a login or employee number, or the last four digits of a phone",
            ),
            _search,
            kind=STRING,
        ),
        Special(
            "below",
            Bilingual("属于该机构或其各级下级", "Who belongs to the unit of this id or one below it today"),
            below_unit("unit_id"),
            kind=ID,
        ),
    ),
)

CATALOGUE = Catalogue(
    entities=(PERSON,),
    roots=(
        ListRoot("people", "Person", Bilingual("可见范围内的人员", "The people within reach")),
        OneRoot("person", "Person", Bilingual("一名人员", "One person")),
        OneRoot("me", "Person", Bilingual("当前用户本人", "The person who asks"), arguments=(), of_actor="id"),
    ),
)
