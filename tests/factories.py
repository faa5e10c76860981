"""Factories: a fresh tenant, unit, user or actor for one test. Invented names only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import count
from uuid import UUID, uuid4

from steward_tenants.access.models import Duty, Role, RoleAssignment, RolePermission
from steward_tenants.access.permissions import Permission
from steward_tenants.database.actor import Actor, ActorKind, Grant, Scope, system
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Account, Membership, Tenant
from steward_tenants.organisation.models import OrgUnit, UnitPath, UnitPlacement
from steward_tenants.people.models import User, UserStatus

TESTS = system("tests")
EARLY = date(2020, 1, 1)
_numbers = count(1)


async def make_tenant(database: Database, **values: object) -> UUID:
    """A new active tenant; `values` override columns of the directory's row."""
    async with database.directory() as directory:
        tenant = Tenant(**{"id": new_id(), "key": f"t{uuid4().hex[:12]}", "name": "测试公司", **values})
        directory.add(tenant)
    return tenant.id


async def make_account(database: Database, login: str | None = None, **values: object) -> Account:
    """A new account without credentials."""
    async with database.directory() as directory:
        account = Account(id=new_id(), login=login or f"p{uuid4().hex[:12]}@example.test", **values)
        directory.add(account)
    return account


async def make_member(database: Database, tenant_id: UUID, **values: object) -> User:
    """A new active user with an account and a membership."""
    account = await make_account(database)
    async with database.write(tenant_id, TESTS) as session:
        user = make_user(session, account_id=account.id, login=account.login, **values)
    async with database.directory() as directory:
        directory.add(Membership(account_id=account.id, tenant_id=tenant_id, user_id=user.id))
    return user


def make_unit(session: WriteSession, parent: UnitPath | None = None, **values: object) -> OrgUnit:
    """A new root unit with its placement and path since 2020; trees are built through the service."""
    unit = OrgUnit(**{"id": new_id(), "code": f"U{next(_numbers)}", "name": "测试部", **values})
    session.add(unit)
    session.add(UnitPlacement(unit_id=unit.id, valid_from=EARLY, parent_id=None))
    session.add(UnitPath(ancestor_id=unit.id, descendant_id=unit.id, valid_from=EARLY, depth=0))
    return unit


def make_user(session: WriteSession, **values: object) -> User:
    """A new active user (row only)."""
    number = next(_numbers)
    user = User(
        **{
            "id": new_id(),
            "account_id": new_id(),
            "login": f"u{number}-{uuid4().hex[:8]}@example.test",
            "name": f"测试员{number}",
            "status": UserStatus.ACTIVE,
            **values,
        }
    )
    session.add(user)
    return user


def make_role(
    session: WriteSession, permissions: Iterable[Permission], duty: Duty = Duty.BUSINESS, **values: object
) -> Role:
    """A new role with permissions."""
    role = Role(
        **{
            "id": new_id(),
            "key": f"role-{next(_numbers)}",
            "title_zh": "测试角色",
            "title_en": "Test role",
            "duty": duty,
            **values,
        }
    )
    session.add(role)
    session.add(*(RolePermission(role_id=role.id, permission=permission.key) for permission in permissions))
    return role


def assign(
    session: WriteSession, user: User, role: Role, scope: Scope = Scope.ALL, unit_id: UUID | None = None
) -> RoleAssignment:
    """`user` holds `role` since 2020."""
    assignment = RoleAssignment(
        id=new_id(), user_id=user.id, role_id=role.id, scope=scope, unit_id=unit_id, valid_from=EARLY
    )
    session.add(assignment)
    return assignment


def actor_with(
    *permissions: Permission,
    scope: Scope = Scope.ALL,
    user: User | None = None,
    unit_id: UUID | None = None,
) -> Actor:
    """An actor that holds one grant with these permissions; the user need not exist."""
    grant = Grant(new_id(), "test", frozenset(p.key for p in permissions), scope, unit_id)
    return Actor(
        ActorKind.USER,
        user.id if user else new_id(),
        user.name if user else "测试员",
        user.unit_id if user else None,
        (grant,),
    )
