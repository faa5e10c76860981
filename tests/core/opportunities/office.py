"""A branch that sells: Anna and Ella manage clients, Bo leads them, Wei is in another branch; a clock to look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select

from steward_core import permissions as c
from steward_core.approvals.models import Approval
from steward_core.approvals.service import decide
from steward_core.approvals.trail import Act
from steward_core.industry.service import enable
from steward_core.opportunities import commands  # noqa: F401 - declares commands and subjects of approvals
from steward_core.opportunities.models import Opportunity, OpportunityStep, Proposal
from steward_core.opportunities.proposals import draft_proposal
from steward_core.opportunities.service import open_opportunity
from steward_core.promises.models import PromiseClock
from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.access.queries import actor_of
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.models import UnitPath
from steward_tenants.people.models import User
from tests.core.factories import make_client, make_kinds
from tests.factories import EARLY, TESTS, actor_with, assign, make_role, make_tenant, make_unit, make_user

TODAY = date(2026, 11, 23)
MANAGES = (
    c.CLIENTS_VIEW,
    c.CLIENTS_EDIT,
    c.CLIENTS_EXPORT,
    c.FORMS_VIEW,
    c.FORMS_EDIT,
    c.OPPORTUNITIES_VIEW,
    c.OPPORTUNITIES_EDIT,
    c.APPROVALS_VIEW,
)
T = TypeVar("T")


@dataclass
class Office:
    """A tenant with its people, units and one client of Anna's."""

    database: Database
    tenant: UUID
    client: UUID
    units: dict[str, UUID]
    people: dict[str, User] = field(default_factory=dict)

    def id(self, name: str) -> UUID:
        """A person's id."""
        return self.people[name].id

    async def actor(self, name: str) -> Actor:
        """A person as they are today."""
        async with self.database.read(self.tenant, TESTS) as session:
            return await actor_of(session, self.people[name], TODAY)

    async def does(self, name: str, work: Callable[[WriteSession], Awaitable[T]]) -> T:
        """Something that a person does in a transaction of its own."""
        async with self.database.write(self.tenant, await self.actor(name)) as session:
            return await work(session)

    async def sees(self, name: str, work: Callable[[TenantSession], Awaitable[T]]) -> T:
        """Something that a person reads."""
        async with self.database.read(self.tenant, await self.actor(name)) as session:
            return await work(session)

    async def opens(self, name: str = "anna", **fields: Any) -> UUID:
        """A new opportunity at the client."""
        more = {one: fields.pop(one) for one in ("stage", "visit_id", "client_id") if one in fields}
        client_id = more.pop("client_id", self.client)
        given = {"title": "总部专线", "amount": 1_000_000, **fields}
        return (await self.does(name, lambda s: open_opportunity(s, client_id, fields=given, today=TODAY, **more))).id

    async def drafts(self, opportunity_id: UUID, *items: dict[str, Any], name: str = "anna", **more: Any) -> UUID:
        """A new version of a proposal; at the standard price unless items say otherwise."""
        listed = items or ({"title": "10M 专线", "standard": 200_000, "quoted": 200_000},)
        fields = {"title": "专线方案"}
        return (
            await self.does(
                name, lambda s: draft_proposal(s, opportunity_id, fields=fields, items=listed, today=TODAY, **more)
            )
        ).id

    async def decides(self, subject: str, subject_id: UUID, act: Act = Act.APPROVE, name: str = "bo") -> None:
        """The lead decides on what was submitted last."""

        async def work(session: WriteSession) -> None:
            found = await session.scalar(
                select(Approval)
                .where(session.within(Approval), Approval.subject == subject, Approval.subject_id == subject_id)
                .order_by(Approval.id.desc())
                .limit(1)
            )
            await decide(session, found.id, act=act, turn=found.turn, reason="已核对")

        await self.does(name, work)

    async def row(self, table: type[T], row_id: UUID) -> T:
        """A row as it is stored."""
        async with self.database.read(self.tenant, TESTS) as session:
            found: Any = await session.get(table, row_id)
        assert found is not None
        return found  # type: ignore[no-any-return]

    async def opportunity(self, opportunity_id: UUID) -> Opportunity:
        """An opportunity as it is stored."""
        return await self.row(Opportunity, opportunity_id)

    async def proposal(self, proposal_id: UUID) -> Proposal:
        """A proposal as it is stored."""
        return await self.row(Proposal, proposal_id)

    async def steps(self, opportunity_id: UUID) -> list[tuple[str | None, str, int]]:
        """Where an opportunity went: from, to, probability."""
        async with self.database.read(self.tenant, TESTS) as session:
            rows = await session.scalars(
                select(OpportunityStep)
                .where(session.within(OpportunityStep), OpportunityStep.opportunity_id == opportunity_id)
                .order_by(OpportunityStep.id)
            )
        return [(one.before, one.after, one.probability) for one in rows]

    async def clocks(self, subject_id: UUID) -> dict[str, PromiseClock]:
        """The latest clock of each promise about something, by the key without its plugin's."""
        async with self.database.read(self.tenant, TESTS) as session:
            rows = await session.scalars(
                select(PromiseClock)
                .where(session.within(PromiseClock), PromiseClock.subject_id == subject_id)
                .order_by(PromiseClock.occurrence)
            )
        return {one.promise.rpartition(".")[2]: one for one in rows}


def at(text: str) -> datetime:
    """A moment of Shanghai's wall clock, such as `2026-11-23T10:00`."""
    return datetime.fromisoformat(f"{text}:00+08:00")


async def make_office(database: Database, *, telecom: bool = False) -> Office:
    """A fresh one; with telecom its plugin is on and the client is one of its kinds."""
    tenant = await make_tenant(database)
    if telecom:
        async with database.write(tenant, actor_with(PLUGINS_MANAGE)) as session:
            await enable(session, "telecom")
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        root = make_unit(session, name="政企中心")
        await session.flush()
        east, west = make_unit(session, name="东区"), make_unit(session, name="西区")
        await session.flush()
        session.add(
            *(UnitPath(ancestor_id=root.id, descendant_id=one.id, valid_from=EARLY, depth=1) for one in (east, west))
        )
        units = {"root": root.id, "east": east.id, "west": west.id}
        supervisor = make_role(session, [*MANAGES, c.PLANS_APPROVE, c.REPORTS_COMMENT], key="supervisor")
        manager = make_role(session, MANAGES, key="account_manager")
        people = {
            name: make_user(session, name=name, unit_id=units[unit])
            for name, unit in (("anna", "east"), ("ella", "east"), ("bo", "east"), ("wei", "west"), ("gm", "root"))
        }
        await session.flush()
        for name, user in people.items():
            lead = name in ("bo", "gm")
            assign(session, user, supervisor if lead else manager, Scope.SUBTREE if lead else Scope.OWN)
        client = make_client(
            session,
            name="东海银行",
            owner_id=people["anna"].id,
            unit_id=units["east"],
            kind="industry_client" if telecom else "company",
        )
        await session.flush()
    return Office(database, tenant, client.id, units, people)
