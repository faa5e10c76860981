"""What floor 2 holds on the tenant's own people comes with their copy, and stands in the way of erasure where it must."""

from __future__ import annotations

from steward_core.clients.models import ClientNote
from steward_core.forms.models import FormRecord
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.privacy.subjects import SOURCES
from tests.core.factories import make_client
from tests.factories import TESTS, make_tenant, make_user


async def test_a_persons_portfolio_notes_and_forms_are_collected(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        manager, other = make_user(session), make_user(session)
        await session.flush()
        client = make_client(session, name="华信网络", owner_id=manager.id)
        make_client(session, owner_id=other.id)
        await session.flush()
        session.add(ClientNote(id=new_id(), client_id=client.id, author_id=manager.id, body="喜欢龙井"))
        session.add(ClientNote(id=new_id(), client_id=client.id, author_id=other.id, body="别人的"))
        session.add(
            FormRecord(
                id=new_id(),
                plugin="telecom",
                form="telecom.equipment_issue",
                form_version=1,
                subject_kind="user",
                subject_id=manager.id,
                state="filed",
                title="电脑",
                document={"asset_code": "A1"},
                created_by=TESTS.id,
                updated_by=TESTS.id,
            )
        )
    async with database.read(tenant, TESTS) as session:
        portfolio = await SOURCES["portfolio"].collect(session, manager)
        assert [(row["name"], row["valid_from"].year) for row in portfolio] == [("华信网络", 2024)]
        assert [row["body"] for row in await SOURCES["client_notes"].collect(session, manager)] == ["喜欢龙井"]
        records = await SOURCES["form_records"].collect(session, manager)
        assert [row["document"] for row in records] == [{"asset_code": "A1"}]
        assert await SOURCES["grading_objections"].collect(session, manager) == []


async def test_who_still_manages_clients_is_not_erased(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        owner, deputy, free = make_user(session), make_user(session), make_user(session)
        await session.flush()
        make_client(session, owner_id=owner.id, deputy_id=deputy.id)
    kept = SOURCES["portfolio"].retained
    assert kept is not None
    async with database.read(tenant, TESTS) as session:
        for manager in (owner, deputy):
            reason = await kept(session, manager)
            assert reason is not None
            assert "移交" in reason.zh
        assert await kept(session, free) is None
