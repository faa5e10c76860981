"""Roles, the permissions they hold, and who holds them for which rows and days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, array
from sqlalchemy.orm import aliased

from steward_graphql.catalogue.people import USER_STATUS
from steward_graphql.declared.entities import (
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
    one,
)
from steward_graphql.declared.scalars import BOOLEAN, INT, STRING, enum_of
from steward_tenants.access.models import Duty, Role, RoleAssignment, RolePermission
from steward_tenants.access.permissions import ROLES_VIEW
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.access.symbolic import TODAY
from steward_tenants.database.actor import Scope
from steward_tenants.database.session import ReadSession
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

SCOPE = enum_of(
    Scope,
    "Scope",
    "数据范围",
    "Which rows a grant reaches",
    {
        "own": ("本人", "One's own"),
        "team": ("本机构", "Those of the unit"),
        "subtree": ("本机构及各级下级", "Those of the unit and all below it"),
        "all": ("全部", "All of the tenant"),
    },
)
DUTY = enum_of(
    Duty,
    "Duty",
    "职责类别（三权分立）",
    "Duty, of which nobody holds two administrative ones",
    {
        "business": ("业务", "Business"),
        "tenant_admin": ("系统管理", "Tenant administration"),
        "security_admin": ("安全管理", "Security administration"),
        "auditor": ("审计", "Audit"),
    },
)


def _in_force(row: Row, grant: Any) -> ColumnElement[bool]:
    return and_(
        grant.valid_from <= row.today,
        or_(grant.valid_until.is_(None), grant.valid_until > row.today),
    )


def _permissions(row: Row) -> ColumnElement[Any]:
    held: Any = aliased(RolePermission)
    keys = (
        select(func.array_agg(aggregate_order_by(held.permission, held.permission)))
        .where(row.within(held), held.role_id == row.table.id)
        .correlate(row.table)
        .scalar_subquery()
    )
    return func.coalesce(keys, array([], type_=Text()))


def _holders(row: Row) -> ColumnElement[Any]:
    grant: Any = aliased(RoleAssignment)
    return (
        select(func.count(grant.user_id.distinct()))
        .where(row.within(grant), grant.role_id == row.table.id, _in_force(row, grant))
        .correlate(row.table)
        .scalar_subquery()
    )


def _carrying(role_column: str) -> Callable[..., Any]:
    """Prepares the filter that the role whose id stands in a column holds a permission."""

    async def prepare(_session: ReadSession, permission: str, _today: date) -> Condition:
        def condition(row: Row) -> ColumnElement[bool]:
            held: Any = aliased(RolePermission)
            found: ColumnElement[bool] = getattr(row.table, role_column).in_(
                select(held.role_id).where(row.within(held), held.permission == permission)
            )
            return found

        return condition

    return prepare


ROLE = Entity(
    "Role",
    Role,
    Bilingual("角色：一组权限", "A role: a named set of permissions"),
    view=ROLES_VIEW,
    order=(("key", False),),
    fields=(
        column(Role.id, "编号", "Identifier", filter=True),
        column(Role.key, "标识", "Its key", filter=True, order=True),
        column(Role.title_zh, "中文名称", "Chinese title", filter=True, order=True),
        column(Role.title_en, "英文名称", "English title", filter=True, order=True),
        column(Role.duty, "职责类别", "The duty it belongs to", kind=DUTY, filter=True, group=True),
        column(Role.builtin, "是否内置", "Whether it came with the product", filter=True, order=True, group=True),
        computed(
            "permissions", STRING, _permissions, "权限标识", "Keys of its permissions", nullable=False, listed=True
        ),
        computed("holders", INT, _holders, "今日持有人数", "How many people hold it today", nullable=False, order=True),
        column(Role.created_at, "创建时间", "When it was created", filter=True, order=True),
        column(Role.version, "版本", "Counts its changes"),
        many("grants", "RoleAssignment", "role_id", "授权，含过去和计划中的", "Its grants: past, present and planned"),
    ),
    specials=(
        Special(
            "permission", Bilingual("含有该权限", "Which hold the permission of this key"), _carrying("id"), kind=STRING
        ),
    ),
)


def _grant_in_reach(row: Row) -> ColumnElement[bool]:
    """As for lists of grants: those of people who are in scope for seeing roles."""
    holder: Any = aliased(User)
    return (
        select(holder.id)
        .where(
            row.within(holder),
            holder.id == row.table.user_id,
            PERSON.reached(row.planning.session, ROLES_VIEW, TODAY, holder),
        )
        .correlate(row.table)
        .exists()
    )


def _of_holder(name: str) -> Expression:
    def expression(row: Row) -> ColumnElement[Any]:
        holder: Any = aliased(User)
        return (
            select(getattr(holder, name))
            .where(row.within(holder), holder.id == row.table.user_id)
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


def _role_key(row: Row) -> ColumnElement[Any]:
    role: Any = aliased(Role)
    return select(role.key).where(row.within(role), role.id == row.table.role_id).correlate(row.table).scalar_subquery()


ROLE_ASSIGNMENT = Entity(
    "RoleAssignment",
    RoleAssignment,
    Bilingual(
        "角色授权：某人在某段时间、某数据范围持有某角色", "A grant: a person holds a role, for some rows and days"
    ),
    view=ROLES_VIEW,
    reach=_grant_in_reach,
    order=(("validFrom", True),),
    plural="grants",
    fields=(
        column(RoleAssignment.id, "编号", "Identifier", filter=True),
        column(RoleAssignment.user_id, "持有人编号", "Identifier of the holder", name="personId", filter=True),
        computed("personName", STRING, _of_holder("name"), "持有人姓名", "The holder's name"),
        computed("personLogin", STRING, _of_holder("login"), "持有人登录名", "The holder's login"),
        computed("personStatus", USER_STATUS, _of_holder("status"), "持有人状态", "The holder's state", filter=True),
        column(RoleAssignment.role_id, "角色编号", "Identifier of the role", filter=True, group=True),
        computed("roleKey", STRING, _role_key, "角色标识", "The role's key", filter=True),
        column(RoleAssignment.scope, "数据范围", "Which rows it reaches", kind=SCOPE, filter=True, group=True),
        column(
            RoleAssignment.unit_id,
            "数据范围所指机构；空为持有人所属机构",
            "The unit that the scope means; none: the holder's own",
            filter=True,
        ),
        column(RoleAssignment.valid_from, "开始日期（含）", "From this day on", filter=True, order=True),
        column(RoleAssignment.valid_until, "结束日期（不含）；空为长期", "Until this day; none: for good", filter=True),
        computed(
            "inForce",
            BOOLEAN,
            lambda row: _in_force(row, row.table),
            "今日是否有效",
            "Whether it holds today",
            nullable=False,
            filter=True,
        ),
        column(
            RoleAssignment.granted_by, "授权人编号", "Identifier of who granted it", name="grantedById", filter=True
        ),
        column(RoleAssignment.granted_at, "授权时间", "When it was granted", filter=True, order=True),
        one("person", "Person", RoleAssignment.user_id, "持有人", "The holder"),
        one("role", "Role", RoleAssignment.role_id, "角色", "The role"),
        one("unit", "OrgUnit", RoleAssignment.unit_id, "数据范围所指机构", "The unit that the scope means"),
        one("grantedBy", "Person", RoleAssignment.granted_by, "授权人", "Who granted it"),
    ),
    specials=(
        Special(
            "permission",
            Bilingual("带来该权限", "Which carry the permission of this key"),
            _carrying("role_id"),
            kind=STRING,
        ),
    ),
)

CATALOGUE = Catalogue(
    entities=(ROLE, ROLE_ASSIGNMENT),
    roots=(
        ListRoot("roles", "Role", Bilingual("角色", "The roles of the tenant")),
        OneRoot("role", "Role", Bilingual("一个角色", "One role")),
        ListRoot("grants", "RoleAssignment", Bilingual("角色授权", "The grants of roles to people")),
    ),
)
