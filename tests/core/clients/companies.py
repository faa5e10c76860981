"""A company for tests of clients: two branches under one centre, and the people who work there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from steward_core import permissions as c
from steward_tenants.access import permissions as p
from steward_tenants.access.permissions import Permission
from steward_tenants.database.actor import Actor, ActorKind, Grant, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.organisation.models import OrgUnit, UnitPath, UnitPlacement
from steward_tenants.people.models import User
from tests.core.factories import make_kinds, make_tiers
from tests.factories import EARLY, TESTS, make_tenant, make_unit, make_user

TODAY = date(2026, 7, 1)
MANAGES = (c.CLIENTS_VIEW, c.CLIENTS_EDIT, c.CLIENTS_CLAIM)
SUPERVISES = (*MANAGES, c.CLIENTS_ASSIGN, c.CLIENTS_TIER, p.REVEAL_PHONE, p.REVEAL_EMAIL)


def acts_as(user: User, *permissions: Permission, scope: Scope = Scope.OWN) -> Actor:
    """A user with one grant."""
    grant = Grant(new_id(), "test", frozenset(one.key for one in permissions), scope)
    return Actor(ActorKind.USER, user.id, user.name, user.unit_id, (grant,))


@dataclass(frozen=True)
class Company:
    """A tenant with units centre > east, and west on its own; manager and deputy in east, a stranger in west."""

    tenant_id: UUID
    east: OrgUnit
    west: OrgUnit
    manager: User
    deputy: User
    stranger: User
    boss: User

    @property
    def as_manager(self) -> Actor:
        """An account manager: own clients only."""
        return acts_as(self.manager, *MANAGES)

    @property
    def as_deputy(self) -> Actor:
        """Another account manager of the same unit."""
        return acts_as(self.deputy, *MANAGES)

    @property
    def as_stranger(self) -> Actor:
        """An account manager of the other branch."""
        return acts_as(self.stranger, *MANAGES)

    @property
    def as_supervisor(self) -> Actor:
        """The head of the centre: all of centre and east."""
        return acts_as(self.boss, *SUPERVISES, scope=Scope.SUBTREE)

    @property
    def as_auditor(self) -> Actor:
        """Somebody who sees everything and changes nothing."""
        return acts_as(self.boss, c.CLIENTS_VIEW, scope=Scope.ALL)

    @property
    def as_administrator(self) -> Actor:
        """Somebody who makes policies and sees everything."""
        return acts_as(self.boss, c.CLIENTS_VIEW, c.POLICIES_MANAGE, scope=Scope.ALL)


async def make_company(database: Database) -> Company:
    """A new tenant with its kinds (company, shop), tiers (key, A, B, C), units and people."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        make_kinds(session, "company", "shop")
        make_tiers(session)
        centre, west = make_unit(session, name="政企中心"), make_unit(session, name="西区分公司")
        east = OrgUnit(id=new_id(), code="EAST", name="东区𠮷分公司")
        session.add(east)
        await session.flush()
        session.add(
            UnitPlacement(unit_id=east.id, valid_from=EARLY, parent_id=centre.id),
            UnitPath(ancestor_id=east.id, descendant_id=east.id, valid_from=EARLY, depth=0),
            UnitPath(ancestor_id=centre.id, descendant_id=east.id, valid_from=EARLY, depth=1),
        )
        people = [
            make_user(session, name=name, unit_id=unit.id)
            for name, unit in (("王𠮷", east), ("李代", east), ("赵远", west), ("孙总", centre))
        ]
    return Company(tenant_id, east, west, *people)
