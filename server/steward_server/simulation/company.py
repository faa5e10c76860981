"""The company that is simulated, and who acts in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from steward_core.approvals.people import supervisors_of
from steward_core.runs.service import RunTools
from steward_server.demo_clients import MADE
from steward_tenants.access.queries import actor_of
from steward_tenants.database.actor import Actor, system
from steward_tenants.database.database import Database
from steward_tenants.directory.models import PlatformEvent, Tenant
from steward_tenants.errors import Conflict, TenantNotFound
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

PLATFORM = system("simulation")


class NotADemo(Conflict):
    """Invented visits have no place among a company's real ones."""

    code = "not_a_demo"
    message = Bilingual("“{tenant}”不是演示租户。", "The tenant {tenant} is not a demo.")
    remedy = Bilingual("只有演示租户的经营过程可以模拟。", "Only the life of a demo tenant can be simulated.")


class LivedThroughElsewhere(Conflict):
    """Two lives of one company would take each other's work away."""

    code = "simulation_under_way"
    message = Bilingual("“{tenant}”正在模拟中。", "{tenant} is being simulated already.")
    remedy = Bilingual("请等待其结束后再试。", "Try again when that is over.")


@dataclass
class Company:
    """A demo tenant with its zone, what runs use, and a source of chance that gives the same life for the same seed."""

    database: Database
    tools: RunTools
    tenant_id: UUID
    key: str
    zone: str
    random: Random
    _actors: dict[tuple[UUID, date], Actor] = field(default_factory=dict)

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """A moment of the company's day."""
        return datetime.combine(day, time(hour, minute), ZoneInfo(self.zone))

    async def person(self, user_id: UUID, day: date) -> Actor:
        """Somebody with the roles of a day."""
        if (user_id, day) not in self._actors:
            async with self.database.read(self.tenant_id, PLATFORM) as session:
                user = await session.get(User, user_id)
                assert user is not None
                self._actors[user_id, day] = await actor_of(session, user, day)
        return self._actors[user_id, day]

    async def supervisor(self, owner_id: UUID, day: date) -> Actor | None:
        """Who decides on somebody's plans."""
        async with self.database.read(self.tenant_id, PLATFORM) as session:
            found = (await supervisors_of(session, [owner_id], day)).get(owner_id, ())
        return await self.person(found[0], day) if found else None


async def company_of(database: Database, tools: RunTools, key: str, seed: int) -> Company:
    """The demo tenant of a key. Raises TenantNotFound, NotADemo."""
    async with database.directory() as directory:
        tenant = await directory.find(Tenant, Tenant.key == key)
        if tenant is None:
            raise TenantNotFound
        made = select(PlatformEvent.id).where(PlatformEvent.tenant_id == tenant.id, PlatformEvent.action == MADE)
        if await directory.scalar(made.limit(1)) is None:
            raise NotADemo(tenant=key)
    return Company(database, tools, tenant.id, key, tenant.time_zone, Random(f"{seed}{key}"))  # noqa: S311 - no secret
