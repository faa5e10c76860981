"""The nightly look at clients: one notice for each owner, by the domain's figures [003], and never the same twice."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients import nightly
from steward_core.clients.models import ClientStatus, Contract, ContractStatus
from steward_core.clients.nightly import ENDING, NIGHTLY, STALE, ending_by_owner, scan, stale_by_owner
from steward_core.notifications.models import Notice
from steward_tenants.access.queries import today
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.files.store import LocalFileStore
from steward_tenants.outbox.jobs import JobPlace, JobTools
from tests.core.factories import make_client, make_kinds, make_tiers
from tests.factories import TESTS, make_tenant, make_user

TODAY = today("Asia/Shanghai")


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def contract(session: WriteSession, client_id: UUID, days_left: int, **values: object) -> None:
    session.add(
        Contract(
            **{
                "id": new_id(),
                "client_id": client_id,
                "number": str(new_id()),
                "title": "专线",
                "status": ContractStatus.ACTIVE,
                "start_on": ago(400),
                "end_on": TODAY + timedelta(days=days_left),
                "created_by": TESTS.id,
                **values,
            }
        )
    )


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Any:
    def at(tenant: UUID) -> JobPlace:
        tools = JobTools(LocalFileStore(tmp_path), cast("Any", None), "http://steward.example")
        return JobPlace(database, tenant, tools, new_id(), 1)

    return at


async def furnished(database: Database) -> tuple[UUID, UUID, UUID]:
    """A tenant with two owners: the first has four stale clients and two contracts that end, the second one of each
    that is not due by its tier."""
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        make_tiers(session)
        first, second = make_user(session), make_user(session)
        await session.flush()

        def client(owner: UUID, tier: str, confirmed: int, **values: object) -> UUID:
            days = {"basic_confirmed_on": ago(confirmed), "personal_confirmed_on": ago(confirmed)}
            return make_client(session, owner_id=owner, tier=tier, **{**days, **values}).id

        # Monthly for key, A and B; quarterly for C.
        for number, (tier, days) in enumerate((("key", 40), ("A", 50), ("B", 60), ("C", 100))):
            oldest = client(first.id, tier, days, name=f"客户{number}")
        client(first.id, "A", 40, status=ClientStatus.CLOSED)
        fresh = client(second.id, "C", 40)
        client(second.id, "A", 20)
        await session.flush()
        contract(session, oldest, 25)
        contract(session, oldest, 80)
        contract(session, oldest, 120)
        contract(session, fresh, 200)
        contract(session, fresh, 20, status=ContractStatus.DRAFT)
    return tenant, first.id, second.id


async def notices(database: Database, tenant: UUID) -> list[Notice]:
    async with database.read(tenant, TESTS) as session:
        return list(await session.scalars(select(Notice).where(session.within(Notice)).order_by(Notice.id)))


async def test_owners_are_found_with_counts_and_the_clients_that_wait_longest(database: Database) -> None:
    tenant, first, _ = await furnished(database)
    async with database.read(tenant, NIGHTLY) as session:
        (stale,) = await stale_by_owner(session, TODAY)
        (ending,) = await ending_by_owner(session, TODAY)
    assert (stale.owner_id, stale.count, len(stale.names)) == (first, 4, 3)
    assert stale.names[0] == "客户2", "its month was over first"
    assert (ending.owner_id, ending.count, ending.names) == (first, 2, ("客户3", "客户3"))


async def test_each_owner_gets_one_notice_of_each_sort_and_the_same_never_again(database: Database, place: Any) -> None:
    tenant, first, _ = await furnished(database)
    for _ in range(2):
        assert await scan(place(tenant), {})
    found = await notices(database, tenant)
    assert [(one.kind, one.user_id) for one in found] == [(STALE.key, first), (ENDING.key, first)]
    assert found[0].title_zh == "4 个客户的档案待复核"
    assert found[0].body_zh is not None
    assert found[0].body_zh.endswith(" 等")
    assert found[1].title_en == "Contracts that end soon: 2"


async def test_what_is_new_is_told(database: Database, place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant, first, second = await furnished(database)
    await scan(place(tenant), {})
    # Three weeks on, the second owner's A client is due, and a contract has reached its next warning.
    later = TODAY + timedelta(days=21)
    monkeypatch.setattr(nightly, "today", lambda _zone: later)
    await scan(place(tenant), {})
    found = await notices(database, tenant)
    assert [(one.kind, one.user_id) for one in found[2:]] == [(STALE.key, second), (ENDING.key, first)]
