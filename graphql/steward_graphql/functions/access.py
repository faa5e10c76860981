"""Who holds what: the grants of a person, the holders of a permission."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from steward_graphql.catalogue.access import SCOPE
from steward_graphql.catalogue.people import USER_STATUS
from steward_graphql.declared.scalars import DATE, ID, STRING
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf
from steward_graphql.functions.parts import FIRST, argument, page_size, part, shape
from steward_graphql.functions.tenant import GRANT
from steward_tenants.access.permissions import catalogue
from steward_tenants.access.role_queries import GrantLine, effective_grants, holders_of
from steward_tenants.database.actor import Grant
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

HOLDER = shape(
    "PermissionHolder",
    "某权限的持有人及所凭授权",
    "Who holds a permission, and through which grant",
    part("grantId", ID, "授权编号", "Identifier of the grant", read=lambda line: line.id),
    part("personId", ID, "持有人编号", "Identifier of the holder", read=lambda line: line.user_id),
    part("person", EntityRef("Person"), "持有人", "The holder", nullable=True, read=lambda line: line.user_id),
    part("name", STRING, "姓名", "The holder's name"),
    part("login", STRING, "登录名", "The holder's login"),
    part("status", USER_STATUS, "状态", "The holder's state", read=lambda line: line.status.value),
    part("roleId", ID, "角色编号", "Identifier of the role"),
    part("roleKey", STRING, "角色标识", "The role's key"),
    part("scope", SCOPE, "数据范围", "Which rows it reaches", read=lambda line: line.scope.value),
    part("unitId", ID, "数据范围所指机构", "The unit that the scope means", nullable=True),
    part("validFrom", DATE, "开始日期（含）", "From this day on"),
    part("validUntil", DATE, "结束日期（不含）", "Until this day", nullable=True),
)


async def _effective(
    session: ReadSession,
    asked: Asked,
    person_id: UUID | None = None,
    on: date | None = None,
) -> tuple[Grant, ...]:
    """One's own without any permission, others' with `roles.view`. Raises Forbidden, PersonNotFound."""
    return await effective_grants(session, person_id or session.actor.id, on or asked.today)


async def _holders(
    session: ReadSession,
    asked: Asked,
    permission: str,
    on: date | None = None,
    first: int | None = None,
) -> Sequence[GrantLine]:
    """Raises Forbidden, InvalidInput (a permission that nobody declares)."""
    size = page_size(first)
    known = catalogue.get(permission)
    if known is None:
        raise invalid("permission", "unknown", "没有此权限。", "There is no such permission.")
    return (await holders_of(session, known, on or asked.today))[:size]


FUNCTIONS = (
    Function(
        "effectiveGrants",
        Bilingual("某人在某日有效的角色（默认本人、今日）", "The roles that a person holds on a day; oneself, today"),
        ListOf(GRANT),
        _effective,
        (
            argument("personId", ID, "人员编号，默认本人", "Identifier of the person; none: oneself"),
            argument("on", DATE, "日期，默认今日", "The day; none: today"),
        ),
        cost=5,
    ),
    Function(
        "holdersOf",
        Bilingual("某权限的持有人", "Who holds a permission on a day, and through which grant"),
        ListOf(HOLDER),
        _holders,
        (
            argument("permission", STRING, "权限标识", "Key of the permission", required=True),
            argument("on", DATE, "日期，默认今日", "The day; none: today"),
            FIRST,
        ),
    ),
)
