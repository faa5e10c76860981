"""A tenant for one test: people, a unit, kinds and tiers, one client, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core import permissions as c
from steward_core.clients.models import Client, Metric
from steward_core.industry.service import enable
from steward_core.permissions import CLIENTS_EDIT
from steward_graphql.declared.shapes import Asked
from steward_tenants.access.permissions import Permission, catalogue
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from tests.core.clients.companies import acts_as
from tests.core.factories import make_client, make_kinds, make_tiers
from tests.factories import TESTS, make_member, make_tenant, make_unit
from tests.gql.mutations.asking import ask, asked

ALL = catalogue.all()
"""Every permission there is."""


@dataclass(frozen=True)
class Place:
    """The tenant. `boss` may nearly everything, everywhere; `manager` edits own clients."""

    database: Database
    tenant_id: UUID
    folder: Path
    unit: OrgUnit
    boss: User
    manager: User
    client_id: UUID

    def asked(self, actor: Actor | None = None, **more: Any) -> Asked:
        """Somebody asks: the boss unless said otherwise."""
        return asked(self.database, self.tenant_id, actor or self.as_boss, folder=self.folder, **more)

    async def ask(self, mutation: str, /, actor: Actor | None = None, **given: Any) -> dict[str, Any]:
        """What a mutation answers to somebody: to the boss unless said otherwise."""
        return await ask(self.asked(actor), mutation, **given)

    @property
    def as_boss(self) -> Actor:
        return acts_as(self.boss, *ALL, scope=Scope.ALL)

    @property
    def as_manager(self) -> Actor:
        return self.as_manager_with(c.CLIENTS_VIEW, CLIENTS_EDIT)

    def as_manager_with(self, *permissions: Permission, scope: Scope = Scope.OWN) -> Actor:
        """The manager with these permissions."""
        return acts_as(self.manager, *permissions, scope=scope)

    async def rows(self, table: Any, *conditions: Any) -> list[Any]:
        """The tenant's rows of a table."""
        async with self.database.read(self.tenant_id, TESTS) as session:
            return list(await session.scalars(select(table).where(session.within(table), *conditions)))

    async def names(self) -> set[str]:
        """The names of the tenant's clients."""
        return {client.name for client in await self.rows(Client)}

    async def actions(self) -> list[str]:
        """What is on record."""
        return [event.action for event in await self.rows(AuditEvent)]


async def make_place(database: Database, folder: Path, *plugins: str) -> Place:
    """A fresh tenant with these plugins enabled."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        unit = make_unit(session, name="城北支局")
        make_kinds(session, "company", "shop")
        make_tiers(session)
        session.add(Metric(key="revenue", title_zh="收入", title_en="Revenue", measure="fen", grain="month"))
    boss = await make_member(database, tenant_id, unit_id=unit.id, phone="13900001111")
    manager = await make_member(database, tenant_id, unit_id=unit.id, phone="13900002222")
    async with database.write(tenant_id, TESTS) as session:
        client = make_client(session, name="恒达商贸", owner_id=manager.id, unit_id=unit.id, phone="13900003333")
        await session.flush()
        for key in plugins:
            await enable(session, key)
    return Place(database, tenant_id, folder, unit, boss, manager, client.id)
