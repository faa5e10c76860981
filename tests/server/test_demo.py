"""The demo companies: made once, completed after a crash, and then left to whoever plays with them."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from steward_server import demo
from steward_tenants.access.models import RoleAssignment
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Tenant
from steward_tenants.people import membership
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.opening import SignedIn
from steward_tenants.signin.service import sign_in
from tests.cluster import Addresses

PASSWORD = "Quiet-Lantern-Meadow-2291"


async def test_the_demo_is_completed_after_a_crash_and_never_made_again(
    addresses: Addresses, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"steward_demo_{worker_id}"
    addresses.clone(name)
    database = Database(addresses.settings(name))
    try:
        grant = demo._grant

        async def crash(*_: object) -> None:
            raise ConnectionError

        monkeypatch.setattr(demo, "_grant", crash)
        with pytest.raises(ConnectionError):
            await demo.ensure(database, PASSWORD)
        monkeypatch.setattr(demo, "_grant", grant)
        people = await demo.ensure(database, PASSWORD)
        assert len(people) == 15
        async with database.directory() as directory:
            tenant = await directory.find(Tenant, Tenant.key == "huaxin")
        assert tenant is not None
        async with database.read(tenant.id, demo.DEMO) as session:
            assert (
                await session.scalar(select(func.count(RoleAssignment.id)).where(session.within(RoleAssignment))) == 8
            )
            seller = await session.find(User, User.login == "zhao.ning@huaxin.example")
        assert seller is not None
        assert isinstance(await sign_in(database, seller.login, PASSWORD), SignedIn)

        await membership.disable_user(database, tenant.id, demo.DEMO, seller.id, today=date(2026, 11, 22))
        await demo.ensure(database, PASSWORD)
        async with database.read(tenant.id, demo.DEMO) as session:
            played_with = await session.get(User, seller.id)
        assert played_with is not None
        assert played_with.status == UserStatus.DISABLED
    finally:
        await database.dispose()
        addresses.drop(name)
