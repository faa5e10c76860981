"""Commands on roles: what a tenant's roles may do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified

from steward_tenants.access.errors import (
    GrantsAreForPeople,
    GrantToOneself,
    RoleBuiltIn,
    RoleChanged,
    RoleInUse,
    RoleKeyTaken,
    RoleNotFound,
)
from steward_tenants.access.guards import keep_a_security_admin
from steward_tenants.access.holdings import check_duties
from steward_tenants.access.models import Duty, Role, RoleAssignment, RolePermission
from steward_tenants.access.permissions import ROLES_GRANT, ROLES_MANAGE, catalogue
from steward_tenants.access.rules import duty_problems, reaches_everything
from steward_tenants.access.templates import TEMPLATES
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, Forbidden, InvalidInput
from steward_tenants.organisation.rules import clean_text
from steward_tenants.people.models import User
from steward_tenants.support.models import SupportAccess
from steward_tenants.texts import Bilingual

_KEY = re.compile(r"[a-z][a-z0-9_-]{1,47}")


@command("access.roles.install", "安装内置角色", "Install the built-in roles", permission=None, alone=False)
async def install_builtin_roles(session: WriteSession) -> dict[str, UUID]:
    """Bring the tenant's built-in roles to the templates; role ids by key. For the platform's own work only.

    Run when a tenant is created and after an upgrade; again changes nothing.
    """
    if not session.actor.unrestricted:
        raise Forbidden(permission=ROLES_MANAGE.title)
    rows = await session.rows(
        upsert(Role)
        .values(
            [
                {
                    "tenant_id": session.tenant_id,
                    "id": new_id(),
                    "key": template.key,
                    "title_zh": template.title.zh,
                    "title_en": template.title.en,
                    "duty": template.duty.value,
                    "builtin": True,
                }
                for template in TEMPLATES.values()
            ]
        )
        .on_conflict_do_update(
            index_elements=[Role.tenant_id, Role.key],
            set_={
                "title_zh": literal_column("excluded.title_zh"),
                "title_en": literal_column("excluded.title_en"),
            },
            where=Role.builtin & session.within(Role),
        )
        .returning(Role.key, Role.id)
    )
    ids: dict[str, UUID] = dict(map(tuple, rows))
    await session.execute(
        delete(RolePermission)
        .where(session.within(RolePermission), RolePermission.role_id.in_(list(ids.values())))
        .execution_options(synchronize_session=False)
    )
    await _insert_permissions(
        session, ((ids[key], permission) for key in ids for permission in TEMPLATES[key].permissions)
    )
    await record(session, "access.roles.install", Subject("role"), after={"roles": sorted(ids)})
    return ids


@command("access.roles.create", "新建角色", "Create a role", permission=ROLES_MANAGE)
async def create_role(
    session: WriteSession,
    *,
    key: str,
    title_zh: str,
    title_en: str,
    permissions: Collection[str],
    duty: Duty = Duty.BUSINESS,
) -> Role:
    """A role of the tenant's own. Its duty stays for good. Raises InvalidInput (naming every refused permission and
    bad field), RoleKeyTaken, GrantsAreForPeople."""
    _check_editor(session.actor)
    titles = _checked({"key": key, "title_zh": title_zh, "title_en": title_en}, duty, permissions)
    role = Role(id=new_id(), key=key, duty=duty, **titles)
    try:
        async with session.savepoint():
            session.add(role)
            await session.flush()
    except IntegrityError as error:
        raise RoleKeyTaken(key=key) from error
    await _insert_permissions(session, ((role.id, permission) for permission in set(permissions)))
    after = {"key": key, **titles, "duty": duty.value, "permissions": sorted(set(permissions))}
    await record(session, "access.roles.create", Subject("role", role.id), after=after)
    return role


async def create_role_from_template(
    session: WriteSession,
    template_key: str,
    *,
    key: str,
    title_zh: str | None = None,
    title_en: str | None = None,
) -> Role:
    """`create_role` with the duty and permissions of a built-in template. Raises RoleNotFound besides."""
    template = TEMPLATES.get(template_key)
    if template is None:
        raise RoleNotFound
    return await create_role(
        session,
        key=key,
        title_zh=title_zh or f"{template.title.zh}（副本）",
        title_en=title_en or f"{template.title.en} (copy)",
        permissions=template.permissions,
        duty=template.duty,
    )


async def copy_role(session: WriteSession, role_id: UUID, *, key: str, title_zh: str, title_en: str) -> Role:
    """`create_role` with the duty and permissions of another role of the tenant. Raises RoleNotFound besides."""
    role = await session.get(Role, role_id)
    if role is None:
        raise RoleNotFound
    permissions = await permissions_of(session, role_id)
    return await create_role(
        session, key=key, title_zh=title_zh, title_en=title_en, permissions=permissions, duty=Duty(role.duty)
    )


@command("access.roles.edit", "修改角色", "Edit a role", permission=ROLES_MANAGE)
async def edit_role(
    session: WriteSession,
    role_id: UUID,
    *,
    version: int,
    today: date,
    permissions: Collection[str] | None = None,
    title_zh: str | None = None,
    title_en: str | None = None,
) -> Role:
    """Change a role's titles or permissions; None leaves them. Its holders have them from the next request on.

    Raises RoleNotFound, RoleBuiltIn, RoleChanged, InvalidInput, GrantToOneself (the actor holds the role or will),
    DutiesOverlap (a holder's other roles no longer suit), LastSecurityAdmin, GrantsAreForPeople.
    """
    _check_editor(session.actor)
    role = await _own_role(session, role_id)
    if role.version != version:
        raise RoleChanged(key=role.key)
    holders = await _lock_holders(session, role_id, today)
    if session.actor.id in holders:
        raise GrantToOneself
    before = await permissions_of(session, role_id)
    wanted = before if permissions is None else frozenset(permissions)
    given = {"title_zh": title_zh or role.title_zh, "title_en": title_en or role.title_en}
    titles = _checked({"key": role.key, **given}, Duty(role.duty), wanted)
    old = {"title_zh": role.title_zh, "title_en": role.title_en, "permissions": sorted(before)}
    role.title_zh, role.title_en = titles["title_zh"], titles["title_en"]
    flag_modified(role, "title_zh")
    await session.flush()
    await session.execute(
        delete(RolePermission)
        .where(
            session.within(RolePermission),
            RolePermission.role_id == role_id,
            RolePermission.permission.in_(before - wanted),
        )
        .execution_options(synchronize_session=False)
    )
    await _insert_permissions(session, ((role_id, permission) for permission in wanted - before))
    await check_duties(session, holders, today)
    if ROLES_GRANT.key in before - wanted and holders:
        await keep_a_security_admin(session, today)
    after = {**titles, "permissions": sorted(wanted)}
    await record(session, "access.roles.edit", Subject("role", role_id), before=old, after=after)
    return role


@command("access.roles.delete", "删除角色", "Delete a role", permission=ROLES_MANAGE)
async def delete_role(session: WriteSession, role_id: UUID) -> None:
    """Delete a role that nobody ever held. Raises RoleNotFound, RoleBuiltIn, RoleInUse, GrantsAreForPeople."""
    _check_editor(session.actor)
    role = await _own_role(session, role_id)
    count = 0
    for table in (RoleAssignment, SupportAccess):
        count += await session.scalar(
            select(func.count()).select_from(table).where(session.within(table), table.role_id == role_id)
        )
    if count:
        raise RoleInUse(key=role.key, count=count)
    before = {"key": role.key, "permissions": sorted(await permissions_of(session, role_id))}
    await session.delete(role)
    await record(session, "access.roles.delete", Subject("role", role_id), before=before)


def by_a_person(actor: Actor) -> None:
    """Raise GrantsAreForPeople for API clients and support: a client's maker could otherwise grant themselves."""
    if actor.kind in (ActorKind.CLIENT, ActorKind.SUPPORT):
        raise GrantsAreForPeople


def _check_editor(actor: Actor) -> None:
    """Roles are the whole tenant's: who manages only a part of it edits none."""
    by_a_person(actor)
    if not reaches_everything(actor, ROLES_MANAGE):
        raise Forbidden(permission=ROLES_MANAGE.title)


async def permissions_of(session: TenantSession, role_id: UUID) -> frozenset[str]:
    """The permissions of a role, by key."""
    return frozenset(
        await session.scalars(
            select(RolePermission.permission).where(session.within(RolePermission), RolePermission.role_id == role_id)
        )
    )


def _checked(texts: dict[str, str], duty: Duty, permissions: Iterable[str]) -> dict[str, str]:
    """The titles, normalised. Raises InvalidInput naming every bad field and every refused permission."""
    problems = []
    if not _KEY.fullmatch(texts["key"]):
        message = Bilingual(
            "标识为 2 到 48 个小写字母、数字、_ 或 -，以字母开头。",
            "A key is 2 to 48 lower-case letters, digits, _ or -, beginning with a letter.",
        )
        problems.append(FieldProblem(("key",), "key", message))
    titles = {name: clean_text(texts[name], 64) or "" for name in ("title_zh", "title_en")}
    for name, title in titles.items():
        if not title:
            message = Bilingual("应为 1 到 64 个可见字符。", "Use 1 to 64 visible characters.")
            problems.append(FieldProblem((name,), "text", message))
    problems.extend(
        FieldProblem(("permissions", key), "not_of_this_duty", _why_refused(key, duty))
        for key in duty_problems(duty, permissions)
    )
    if problems:
        raise InvalidInput(problems=problems)
    return titles


def _why_refused(key: str, duty: Duty) -> Bilingual:
    permission = catalogue.get(key)
    if permission is None:
        return Bilingual(f"没有权限“{key}”。", f"There is no permission “{key}”.")
    if duty is Duty.AUDITOR and permission.duty in (Duty.BUSINESS, Duty.AUDITOR):
        return Bilingual(
            f"审计员不能持有可更改数据的权限“{permission.title.zh}”。",
            f"An auditor changes nothing: “{permission.title.en}” does.",
        )
    return Bilingual(
        f"三权分立：“{permission.title.zh}”属于另一类管理职责。",
        f"Separation of duties: “{permission.title.en}” belongs to another administrative duty.",
    )


async def _own_role(session: WriteSession, role_id: UUID) -> Role:
    role = await session.get(Role, role_id, lock=True)
    if role is None:
        raise RoleNotFound
    if role.builtin:
        raise RoleBuiltIn(key=role.key)
    return role


async def _lock_holders(session: WriteSession, role_id: UUID, today: date) -> frozenset[UUID]:
    """Those who hold the role now or will; their rows are locked, so that no grant to them runs at the same time."""
    holders = select(RoleAssignment.user_id).where(
        session.within(RoleAssignment),
        RoleAssignment.role_id == role_id,
        or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > today),
    )
    return frozenset(
        await session.scalars(
            select(User.id).where(session.within(User), User.id.in_(holders)).order_by(User.id).with_for_update(of=User)
        )
    )


async def _insert_permissions(session: WriteSession, pairs: Iterable[tuple[UUID, str]]) -> None:
    rows: list[dict[str, Any]] = [
        {"tenant_id": session.tenant_id, "role_id": role_id, "permission": permission}
        for role_id, permission in sorted(pairs)
    ]
    if rows:
        await session.execute(insert(RolePermission), rows)
