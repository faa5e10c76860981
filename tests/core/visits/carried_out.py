"""A tenant whose manager visits a client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from steward_core.clients.models import Client, Contact
from steward_core.permissions import CLIENTS_VIEW, PLANS_VIEW, REQUESTS_VIEW, VISITS_EDIT, VISITS_VIEW
from steward_core.visits.models import Visit
from steward_core.visits.service import check_in, end_visit, plan_visit, record_visit
from steward_tenants.access.fields import PHONE
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.people.models import User
from tests.core.factories import make_client, make_contact, make_kinds
from tests.factories import TESTS, actor_with, make_member, make_tenant

ZONE = "Asia/Shanghai"
TODAY = date(2025, 11, 4)
TEN = datetime(2025, 11, 4, 2, 0, tzinfo=UTC)
"""Ten o'clock in the tenant's zone."""
THERE = (Decimal("30.250000"), Decimal("120.150000"))
RIGHTS = (VISITS_EDIT, VISITS_VIEW, CLIENTS_VIEW, PLANS_VIEW, REQUESTS_VIEW)


@dataclass
class Place:
    """The tenant, its manager (own rows), a head (all rows, reveals phones), a client with its contact."""

    database: Database
    tenant: UUID
    manager: User
    head: User
    client: Client
    contact: Contact

    @property
    def visitor(self) -> Actor:
        """The manager, acting."""
        return actor_with(*RIGHTS, scope=Scope.OWN, user=self.manager)

    @property
    def supervisor(self) -> Actor:
        """The head, acting."""
        return actor_with(*RIGHTS, PHONE.reveal, user=self.head)


async def a_place(database: Database) -> Place:
    """A new one. The client stands at `THERE`."""
    tenant = await make_tenant(database, time_zone=ZONE)
    manager = await make_member(database, tenant, name="走访人")
    head = await make_member(database, tenant, name="主管")
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        latitude, longitude = THERE
        client = make_client(session, owner_id=manager.id, latitude=latitude, longitude=longitude, name="西湖网吧")
        contact = make_contact(session, client.id, name="张三", phone="13900001234", main=True)
    return Place(database, tenant, manager, head, client, contact)


async def planned(session: WriteSession, place: Place, **values: Any) -> Visit:
    """A visit for the day."""
    return await plan_visit(session, place.client.id, **{"day": TODAY, "today": TODAY, **values})


async def begun(session: WriteSession, visit: Visit, **values: Any) -> Visit:
    """The manager checks in at the client's at ten."""
    given = {
        "device_time": TEN,
        "device_sent_at": TEN,
        "received_at": TEN,
        "latitude": THERE[0],
        "longitude": THERE[1],
        "today": TODAY,
        "zone": ZONE,
    }
    return await check_in(session, visit.id, **{**given, **values})


async def ended(session: WriteSession, visit: Visit, **values: Any) -> Visit:
    """The visit ends half an hour later."""
    later = TEN + timedelta(minutes=30)
    given = {"device_time": later, "device_sent_at": later, "received_at": later, "today": TODAY}
    return await end_visit(session, visit.id, **{**given, **values})


async def recorded(session: WriteSession, client_id: UUID, **values: Any) -> Visit:
    """A whole visit from ten to half past ten, sent at eleven."""
    given = {
        "device_began_at": TEN,
        "device_ended_at": TEN + timedelta(minutes=30),
        "device_sent_at": TEN + timedelta(hours=1),
        "received_at": TEN + timedelta(hours=1),
        "latitude": THERE[0],
        "longitude": THERE[1],
        "today": TODAY,
        "zone": ZONE,
    }
    return await record_visit(session, client_id, **{**given, **values})
