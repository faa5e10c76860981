"""One client with what hangs on it, and the tree around it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from steward_core.clients import likeness
from steward_core.clients.contacts import add_contact
from steward_core.clients.details import client_detail, client_tree, reveal_client
from steward_core.clients.errors import ClientNotFound
from steward_core.clients.likeness import find_duplicates
from steward_core.clients.models import Arrears, ClientNote, ClientStatus, Contract, ContractStatus
from steward_core.clients.search import keys_for_client, write_keys
from steward_core.clients.service import create_client, set_status, set_tier
from steward_core.permissions import CLIENTS_EDIT
from steward_tenants.access.rules import MASK
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Forbidden
from tests.core.clients.companies import TODAY, make_company
from tests.core.factories import make_client
from tests.factories import TESTS, actor_with


async def test_a_client_with_everything(database: Database) -> None:
    company, other = await make_company(database), await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        parent = make_client(session, name="集团总部", owner_id=company.stranger.id, unit_id=company.west.id)
    async with database.write(company.tenant_id, company.as_supervisor) as session:
        fields: dict[str, Any] = {
            "name": "恒达𠮷商贸",
            "kind": "company",
            "phone": "13800001234",
            "owner_id": company.manager.id,
            "deputy_id": company.deputy.id,
            "latitude": 30.5,
            "longitude": 104.1,
        }
        client = await create_client(session, fields=fields, today=TODAY)
        await set_status(session, client.id, status="active", reason="开通", today=TODAY)
        await set_tier(session, client.id, tier="B", reason="评定", today=TODAY)
        contact = {"name": "钱多", "phone": "13900005678", "email": "qian@corp.example", "roles": ["key_person"]}
        await add_contact(session, client.id, fields=contact, today=TODAY)
        await add_contact(session, client.id, fields={"name": "离职", "left_on": TODAY}, today=TODAY)
    async with database.write(company.tenant_id, TESTS) as session:
        row = await session.get(type(parent), client.id)
        assert row is not None
        row.parent_id = parent.id
        common = {"client_id": client.id, "title": "合同", "start_on": TODAY, "created_by": new_id()}
        session.add(
            Contract(id=new_id(), number="1", **common),
            Contract(id=new_id(), number="2", status=ContractStatus.ENDED, **common),
            Arrears(id=new_id(), client_id=client.id, period="2026-05", amount=900, paid=200, due_on=TODAY),
            ClientNote(id=new_id(), client_id=client.id, author_id=company.manager.id, body="记"),
            make_client(session, parent_id=client.id, unit_id=company.east.id),
        )
    async with database.read(company.tenant_id, company.as_supervisor) as session:
        detail = await client_detail(session, client.id, today=TODAY)
    assert (detail.owner_name, detail.deputy_name, detail.unit_name) == ("王𠮷", "李代", "东区𠮷分公司")
    assert (detail.parent_id, detail.parent_name) == (parent.id, None)
    assert (detail.phone, detail.phone_revealed) == (MASK * 4 + "1234", False)
    first, left = detail.contacts
    assert (first.name, first.phone, first.email, first.main) == (
        "钱多",
        MASK * 4 + "5678",
        MASK * 4 + "@corp.example",
        True,
    )
    assert (left.name, left.revealed) == ("离职", frozenset())
    assert vars(detail.holdings) == {
        "contracts": 2,
        "active_contracts": 1,
        "products": 0,
        "arrears": 700,
        "notes": 1,
        "attachments": 0,
        "clients_below": 1,
    }
    assert [(line.owner_name, line.unit_name) for line in detail.ownership] == [("王𠮷", "东区𠮷分公司")]
    assert [(line.field, line.after) for line in detail.changes] == [("tier", "B"), ("status", "active")]
    async with database.read(company.tenant_id, company.as_auditor) as session:
        assert (await client_detail(session, client.id, today=TODAY)).parent_name == "集团总部"
    for tenant_id, actor in ((company.tenant_id, company.as_stranger), (other.tenant_id, TESTS)):
        async with database.read(tenant_id, actor) as session:
            with pytest.raises(ClientNotFound):
                await client_detail(session, client.id, today=TODAY)
    async with database.read(company.tenant_id, actor_with(CLIENTS_EDIT)) as session:
        with pytest.raises(Forbidden):
            await client_detail(session, client.id, today=TODAY)


async def test_what_is_sensitive_is_shown_with_a_trace(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        client = make_client(session, owner_id=company.manager.id, unit_id=company.east.id, phone="13800001234")
    async with database.write(company.tenant_id, company.as_manager) as session:
        await add_contact(session, client.id, fields={"name": "钱", "phone": "13900005678"}, today=TODAY)

    async def shown(actor: Actor) -> tuple[str | None, str | None, bool]:
        async with database.write(company.tenant_id, actor) as writing:
            detail = await reveal_client(writing, client.id, today=TODAY)
            return detail.phone, detail.contacts[0].phone, detail.phone_revealed

    assert await shown(company.as_supervisor) == ("13800001234", "13900005678", True)
    assert await shown(company.as_manager) == (MASK * 4 + "1234", MASK * 4 + "5678", False)
    async with database.read(company.tenant_id, TESTS) as reading:
        events = await reading.scalars(
            select(AuditEvent)
            .where(reading.within(AuditEvent), AuditEvent.action == "read.client")
            .order_by(AuditEvent.id)
        )
    assert [event.changes["phone"][1] for event in events] == [True, False]
    assert "5678" not in str([event.changes for event in events])


async def test_a_tree_within_reach(database: Database) -> None:
    company = await make_company(database)
    own = {"owner_id": company.manager.id, "unit_id": company.east.id}
    async with database.write(company.tenant_id, TESTS) as session:
        root = make_client(session, name="根", **own)
        await session.flush()
        one = make_client(session, name="一", parent_id=root.id, **own)
        strange = make_client(session, name="他", parent_id=root.id, unit_id=company.west.id)
        await session.flush()
        below = make_client(session, name="二", parent_id=strange.id, **own)
    async with database.read(company.tenant_id, company.as_manager) as session:
        tree = await client_tree(session, root.id, today=TODAY)
        assert [(node.id, node.depth) for node in tree] == [(root.id, 0), (one.id, 1), (below.id, 2)]
        with pytest.raises(ClientNotFound):
            await client_tree(session, strange.id, today=TODAY)
    async with database.read(company.tenant_id, company.as_auditor) as session:
        assert len(await client_tree(session, root.id, today=TODAY)) == 4
    async with database.read(company.tenant_id, actor_with(CLIENTS_EDIT)) as session:
        with pytest.raises(Forbidden):
            await client_tree(session, root.id, today=TODAY)


async def test_only_clients_in_reach_are_counted_below(database: Database) -> None:
    """How many a headquarters has elsewhere is not for those who do not reach them; merged ones count nowhere."""
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        root = make_client(session, owner_id=company.manager.id, unit_id=company.east.id)
        await session.flush()
        make_client(session, parent_id=root.id, owner_id=company.manager.id, unit_id=company.east.id)
        make_client(session, parent_id=root.id, unit_id=company.west.id)
        make_client(session, parent_id=root.id, owner_id=company.manager.id, status=ClientStatus.MERGED)
    for actor, below in ((company.as_manager, 1), (company.as_auditor, 2)):
        async with database.read(company.tenant_id, actor) as session:
            assert (await client_detail(session, root.id, today=TODAY)).holdings.clients_below == below
            assert len(await client_tree(session, root.id, today=TODAY)) == below + 1


async def test_the_same_code_is_found_among_any_number_of_like_names(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "LOOKED_AT", 5)
    company = await make_company(database)
    code = "91350100M000100Y43"
    async with database.write(company.tenant_id, TESTS) as session:
        shops = [make_client(session, name="红旗便民超市", region="成都市") for _ in range(8)]
        same = make_client(session, name="另一个名字", region="重庆市", credit_code=code)
        await session.flush()
        keyed = [keys_for_client(one.id, {"name": one.name}) for one in (*shops, same)]
        await write_keys(session, keyed)
        found = await find_duplicates(session, "红旗便民超市", code, "成都市", today=TODAY)
    assert same.id in {one.id for one in found}


async def test_likeness_counts_in_one_place(database: Database) -> None:
    company, other = await make_company(database), await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        listed = {
            name: make_client(session, name=name, region=region, unit_id=unit_id, status=status)
            for name, region, unit_id, status in (
                ("成都恒达烟酒商行", "成都市", company.east.id, "active"),
                ("成都恒达烟酒商店行", None, company.east.id, "active"),
                ("成都恒达烟洒商行", "成都市", company.east.id, "merged"),
                ("成都恒达2号烟酒商行", "成都市", company.east.id, "active"),
                ("成都恒大烟酒商行", "重庆市", company.west.id, "active"),
            )
        }
        await session.flush()
        await write_keys(session, [keys_for_client(one.id, {"name": name}) for name, one in listed.items()])
    async with database.read(company.tenant_id, company.as_supervisor) as session:
        near = await find_duplicates(session, "成都恒达烟酒商行", None, "成都市", company.east.id, today=TODAY)
        assert {candidate.name for candidate in near} == {"成都恒达烟酒商行", "成都恒达烟酒商店行"}
        me = listed["成都恒达烟酒商行"].id
        near = await find_duplicates(session, "成都恒达烟酒商行", None, "成都市", None, today=TODAY, beside=me)
        assert near == []
        anywhere = await find_duplicates(session, "成都恒达烟酒商行", today=TODAY)
        assert [candidate.in_reach for candidate in anywhere] == [True, True, False]
        assert await find_duplicates(session, "（）", today=TODAY) == []
    async with database.read(other.tenant_id, TESTS) as session:
        assert await find_duplicates(session, "成都恒达烟酒商行", today=TODAY) == []
