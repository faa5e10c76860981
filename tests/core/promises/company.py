"""A company with plugins on: a supervisor, two managers, an engineer in another unit, and a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from steward_core.permissions import (
    CLIENTS_EDIT,
    CLIENTS_VIEW,
    FORMS_EDIT,
    FORMS_VIEW,
    PLANS_APPROVE,
    REQUESTS_EDIT,
    REQUESTS_VIEW,
)
from steward_core.promises.models import PromiseClock, PromiseEvent
from steward_core.promises.watching import advance
from steward_tenants.access.permissions import SETTINGS_MANAGE
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession
from steward_tenants.organisation.models import UnitPath
from steward_tenants.plugins.service import set_plugin
from tests.core.factories import make_client, make_kinds
from tests.factories import EARLY, TESTS, actor_with, assign, make_role, make_tenant, make_unit, make_user


@dataclass
class Company:
    """`anna` owns the client, `ben` is her colleague, `lead` their supervisor, `engineer` works elsewhere; `admin` is anna
    with more rights."""

    tenant_id: UUID
    client: UUID
    other: UUID
    anna: Actor
    ben: Actor
    lead: UUID
    engineer: Actor
    admin: Actor
    branch: UUID
    works: UUID


async def make_company(database: Database, plugins: Sequence[str] = (), **client: object) -> Company:
    """The company, its plugins enabled."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        make_kinds(session, "company", "retailer")
        head, branch, works = (make_unit(session, name=name) for name in ("总部", "城东支局", "工程部"))
        for unit in (branch, works):
            session.add(UnitPath(ancestor_id=head.id, descendant_id=unit.id, valid_from=EARLY, depth=1))
        anna, ben, lead = (make_user(session, name=name, unit_id=branch.id) for name in ("安娜", "本", "雷"))
        engineer = make_user(session, name="工程师", unit_id=works.id)
        await session.flush()
        role = make_role(session, [PLANS_APPROVE, REQUESTS_VIEW], key="supervisor")
        await session.flush()
        assign(session, lead, role, Scope.SUBTREE, branch.id)
        mine = make_client(session, owner_id=anna.id, unit_id=branch.id, name="甲公司", **client)
        other = make_client(session, owner_id=ben.id, unit_id=branch.id, name="乙公司")
        await session.flush()
        for plugin in plugins:
            await set_plugin(session, plugin, enabled=True)
    own = (REQUESTS_VIEW, REQUESTS_EDIT, CLIENTS_VIEW, CLIENTS_EDIT, FORMS_VIEW, FORMS_EDIT)
    return Company(
        tenant_id,
        mine.id,
        other.id,
        actor_with(*own, scope=Scope.OWN, user=anna),
        actor_with(*own, scope=Scope.OWN, user=ben),
        lead.id,
        actor_with(*own, scope=Scope.OWN, user=engineer),
        actor_with(*own, SETTINGS_MANAGE, user=anna),
        branch.id,
        works.id,
    )


async def clocks_of(session: TenantSession, subject_id: UUID) -> dict[str, PromiseClock]:
    """The clocks of a subject by their promise's key; of repeated ones the last."""
    rows = await session.scalars(
        select(PromiseClock)
        .where(session.within(PromiseClock), PromiseClock.subject_id == subject_id)
        .order_by(PromiseClock.occurrence)
        .execution_options(populate_existing=True)
    )
    return {row.promise: row for row in rows}


async def events_of(session: TenantSession, clock_id: UUID) -> list[str]:
    """What happened to a clock, in its order."""
    rows = await session.scalars(
        select(PromiseEvent.key)
        .where(session.within(PromiseEvent), PromiseEvent.clock_id == clock_id)
        .order_by(PromiseEvent.at, PromiseEvent.id)
    )
    return list(rows)


async def look(database: Database, company: Company, now: datetime) -> int:
    """What the watcher does at a moment, until nothing is due."""
    looked = 0
    async with database.write(company.tenant_id, TESTS) as session:
        while some := await advance(session, now):
            looked += some
    return looked
