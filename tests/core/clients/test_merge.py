"""Merging two clients: everything moves once, nothing is lost, sums stay what they were."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.clients.contracts import ContractQuery, contracts_page
from steward_core.clients.errors import ClientIsMerged, ClientNotFound, ClientTreeTooDeep
from steward_core.clients.fact_queries import attributed
from steward_core.clients.hand_over import HandOverSelection, plan_hand_over
from steward_core.clients.merge import merge_clients, survivor_of, with_absorbed
from steward_core.clients.merge_errors import ArrearsClash, MergeWithItself
from steward_core.clients.models import (
    Arrears,
    Attachment,
    Client,
    ClientChange,
    ClientFact,
    ClientNote,
    ClientProduct,
    ClientSearchKey,
    ClientStatus,
    Contact,
    Contract,
    DuplicatePair,
    DuplicateStatus,
    Product,
)
from steward_core.clients.ownership import owners_of, portfolio_of
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import MAX_LEVELS
from steward_core.clients.search import keys_for_client, keys_for_contact, search_clients, write_keys
from steward_core.custom_fields.models import CustomField, FieldIndexEntry
from steward_core.forms.models import FormRecord
from steward_core.permissions import CLIENTS_ASSIGN, CLIENTS_MERGE, CLIENTS_VIEW
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import InvalidInput
from steward_tenants.files.models import StoredFile
from tests.core.factories import make_client, make_contact, make_kinds
from tests.factories import TESTS, actor_with, make_tenant, make_unit, make_user
from tests.turns import meanwhile

TODAY = date(2026, 11, 2)
HEAD = actor_with(CLIENTS_MERGE, CLIENTS_VIEW, CLIENTS_ASSIGN)


class Two:
    """A survivor and an absorbed client, each in the hands of another person."""

    def __init__(self, tenant: UUID, owners: list[UUID], clients: list[UUID]) -> None:
        self.tenant, self.owners = tenant, owners
        self.survivor, self.absorbed = clients


async def two(database: Database, **values: object) -> Two:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        unit = make_unit(session)
        await session.flush()
        owners = [make_user(session, unit_id=unit.id) for _ in range(2)]
        await session.flush()
        clients = [
            make_client(session, name="华信网络有限公司", owner_id=owners[0].id, unit_id=unit.id),
            make_client(session, name="华信网路公司", owner_id=owners[1].id, unit_id=unit.id, **values),
        ]
        await session.flush()
        for client in clients:
            await write_keys(session, [keys_for_client(client.id, {"name": client.name, "code": client.code})])
        return Two(tenant, [owner.id for owner in owners], [client.id for client in clients])


async def merged(session: WriteSession, both: Two, **options: Any) -> None:
    await merge_clients(
        session, both.survivor, both.absorbed, **{"reason": "同一客户重复建档", "today": TODAY, **options}
    )


async def the(session: TenantSession, client_id: UUID) -> Client:
    client = await session.get(Client, client_id)
    assert client is not None
    return client


async def count(session: TenantSession, table: Any, client_id: UUID) -> int:
    number: int = await session.scalar(
        select(func.count()).select_from(table).where(session.within(table), table.client_id == client_id)
    )
    return number


def make_record(session: WriteSession, client_id: UUID, slot: str | None, subject_id: UUID | None = None) -> FormRecord:
    row = FormRecord(
        id=new_id(),
        plugin="test",
        form="test.profile",
        form_version=1,
        subject_kind="contact" if subject_id else "client",
        subject_id=subject_id or client_id,
        client_id=client_id,
        slot=slot,
        state="done",
        title="记录",
        document={},
        created_by=TESTS.id,
        updated_by=TESTS.id,
    )
    session.add(row)
    return row


async def test_everything_moves_to_the_survivor(database: Database) -> None:
    both = await two(database)
    async with database.write(both.tenant, TESTS) as session:
        product = Product(id=new_id(), code="P1", name="专线")
        files = [
            StoredFile(
                id=new_id(),
                purpose="upload",
                name="a.pdf",
                media_type="application/pdf",
                size=1,
                sha256=b"1",
                owner_id=TESTS.id,
            )
            for _ in range(2)
        ]
        session.add(product, *files)
        await session.flush()
        for client_id in (both.survivor, both.absorbed):
            session.add(
                Contract(
                    id=new_id(),
                    client_id=client_id,
                    number=str(client_id),
                    title="合同",
                    start_on=TODAY,
                    created_by=TESTS.id,
                ),
                ClientProduct(id=new_id(), client_id=client_id, product_id=product.id),
                ClientNote(id=new_id(), client_id=client_id, author_id=TESTS.id, body="备注"),
                Attachment(
                    id=new_id(),
                    client_id=client_id,
                    subject_kind="client",
                    subject_id=client_id,
                    file_id=files[0].id,
                    title="资料",
                    created_by=TESTS.id,
                ),
            )
        session.add(
            Attachment(
                id=new_id(),
                client_id=both.absorbed,
                subject_kind="client",
                subject_id=both.absorbed,
                file_id=files[1].id,
                title="资料二",
                created_by=TESTS.id,
            ),
            Arrears(id=new_id(), client_id=both.absorbed, period="2026-10", amount=500, due_on=TODAY),
        )
        kept = make_contact(session, both.survivor, phone="13800000001", phone_tail="0001", main=True)
        same = make_contact(
            session,
            both.absorbed,
            name="王小明",
            phone="13800000001",
            phone_tail="0001",
            position="经理",
            roles=["decision_maker"],
            main=True,
        )
        other = make_contact(session, both.absorbed, name="赵六", phone="13900000002", phone_tail="0002")
        await session.flush()
        await write_keys(
            session,
            [
                keys_for_contact(contact.client_id, contact.id, {"name": contact.name, "phone": contact.phone})
                for contact in (kept, same, other)
            ],
        )
        taken = make_record(session, both.survivor, "")
        stays = make_record(session, both.absorbed, "")
        goes = make_record(session, both.absorbed, None)
        of_contact = make_record(session, both.absorbed, "", same.id)
        child = make_client(session, parent_id=both.absorbed)
        third = make_client(session)
        await session.flush()
        for pair in ((both.survivor, both.absorbed), (both.absorbed, third.id)):
            session.add(DuplicatePair(id=new_id(), first_id=min(pair), second_id=max(pair), reasons=["x"]))
    async with database.write(both.tenant, HEAD) as session:
        await merged(session, both)
    async with database.read(both.tenant, HEAD) as session:
        absorbed, survivor = await the(session, both.absorbed), await the(session, both.survivor)
        assert (absorbed.status, absorbed.merged_into_id) == (ClientStatus.MERGED, both.survivor)
        assert (absorbed.owner_id, absorbed.code is not None) == (survivor.owner_id, True)
        for table, number in ((Contract, 2), (ClientProduct, 2), (ClientNote, 2), (Arrears, 1), (Attachment, 2)):
            assert (await count(session, table, both.survivor), await count(session, table, both.absorbed)) == (
                number,
                0,
            )
        contacts = {
            contact.id: contact for contact in await session.scalars(select(Contact).where(session.within(Contact)))
        }
        assert (contacts[kept.id].position, contacts[kept.id].roles) == ("经理", ["contact", "decision_maker"])
        assert contacts[same.id].client_id == both.absorbed
        assert (contacts[other.id].client_id, contacts[other.id].main) == (both.survivor, False)
        found = await search_clients(session, "赵六", today=TODAY)
        assert [client.id for client in found] == [both.survivor]
        assert await search_clients(session, "王小明", today=TODAY, with_merged=True) == []
        assert [c.id for c in await search_clients(session, "华信网路", today=TODAY, with_merged=True)] == [
            both.absorbed
        ]
        records = {
            row.id: (row.client_id, row.subject_id)
            for row in await session.scalars(select(FormRecord).where(session.within(FormRecord)))
        }
        assert records == {
            taken.id: (both.survivor, both.survivor),
            stays.id: (both.absorbed, both.absorbed),
            goes.id: (both.survivor, both.survivor),
            of_contact.id: (both.survivor, kept.id),
        }
        assert (await the(session, child.id)).parent_id == both.survivor
        pairs = await session.rows(
            select(DuplicatePair.first_id, DuplicatePair.second_id, DuplicatePair.status).where(
                session.within(DuplicatePair)
            )
        )
        assert {(frozenset(row[:2]), row[2]) for row in pairs} == {
            (frozenset({both.survivor, both.absorbed}), DuplicateStatus.MERGED),
            (frozenset({both.absorbed, third.id}), DuplicateStatus.MERGED),
            (frozenset({both.survivor, third.id}), DuplicateStatus.OPEN),
        }
        blocks = select(func.count()).where(
            session.within(ClientSearchKey), ClientSearchKey.key.like("d:%"), ClientSearchKey.client_id == both.absorbed
        )
        assert await session.scalar(blocks) == 0
        changes = await session.rows(
            select(ClientChange.field, ClientChange.after, ClientChange.source).where(
                session.within(ClientChange), ClientChange.client_id == both.absorbed
            )
        )
        assert [tuple(row) for row in changes] == [("status", "merged", "merge")]
        events = await session.scalars(
            select(AuditEvent.action).where(session.within(AuditEvent), AuditEvent.subject_id == both.survivor)
        )
        assert list(events) == ["clients.client.merge"]


async def test_fields_are_taken_and_what_was_is_kept(database: Database) -> None:
    both = await two(
        database, tier="A", phone="13800000009", custom={"grade": "金", "size": 5}, latitude=30, longitude=120
    )
    async with database.write(both.tenant, TESTS) as session:
        session.add(
            CustomField(
                id=new_id(), target="client", key="grade", type="text", title_zh="级", title_en="Grade", filterable=True
            ),
            FieldIndexEntry(row_id=both.absorbed, field="client.custom.grade", text_value="金"),
        )
        code = (await the(session, both.absorbed)).code
    async with database.write(both.tenant, HEAD) as session:
        with pytest.raises(InvalidInput) as refused:
            await merged(session, both, take=["status", "custom.colour", "colour"], reason="")
        assert {problem.path for problem in refused.value.problems} == {
            ("reason",),
            ("take", "status"),
            ("take", "custom.colour"),
            ("take", "colour"),
        }
    async with database.write(both.tenant, HEAD) as session:
        with pytest.raises(InvalidInput):
            await merged(session, both, take=["latitude"])
    async with database.write(both.tenant, HEAD) as session:
        assert (await the(session, both.absorbed)).status == ClientStatus.ACTIVE
        take = ["name", "code", "tier", "phone", "custom.grade", "latitude", "longitude"]
        merge = await merge_clients(session, both.survivor, both.absorbed, take=take, reason="重复", today=TODAY)
        assert (merge.absorbed["name"], merge.absorbed["code"], merge.absorbed["tier"]) == ("华信网路公司", code, "A")
        assert merge.taken["name"] == ["华信网络有限公司", "华信网路公司"]
    async with database.read(both.tenant, HEAD) as session:
        survivor, absorbed = await the(session, both.survivor), await the(session, both.absorbed)
        assert (survivor.name, survivor.code, survivor.tier, survivor.phone) == (
            "华信网路公司",
            code,
            "A",
            "13800000009",
        )
        assert (survivor.latitude, survivor.custom) == (Decimal(30), {"grade": "金"})
        assert absorbed.code is None
        assert code is not None
        assert [found.id for found in await search_clients(session, code, today=TODAY, with_merged=True)] == [
            both.survivor
        ]
        entries = await session.scalars(select(FieldIndexEntry.row_id).where(session.within(FieldIndexEntry)))
        assert list(entries) == [both.survivor]


async def test_arrears_of_one_period_are_refused_or_added(database: Database) -> None:
    both = await two(database)
    async with database.write(both.tenant, TESTS) as session:
        for client_id, amount, paid in ((both.survivor, 700, 100), (both.absorbed, 500, 500)):
            session.add(
                Arrears(id=new_id(), client_id=client_id, period="2026-10", amount=amount, paid=paid, due_on=TODAY),
            )
        make_contact(session, both.absorbed)
    async with database.write(both.tenant, HEAD) as session:
        with pytest.raises(ArrearsClash) as clash:
            await merged(session, both)
        assert clash.value.periods == ("2026-10 (manual)",)
    async with database.read(both.tenant, HEAD) as session:
        assert await count(session, Contact, both.absorbed) == 1
    async with database.write(both.tenant, HEAD) as session:
        await merged(session, both, add_arrears=True)
    async with database.read(both.tenant, HEAD) as session:
        (row,) = await session.scalars(select(Arrears).where(session.within(Arrears)))
        assert (row.client_id, row.amount, row.paid) == (both.survivor, 1200, 600)


async def test_revenue_stays_with_who_owned_the_client_and_counts_once(database: Database) -> None:
    both = await two(database)
    async with database.write(both.tenant, TESTS) as session:
        for client_id, value in ((both.survivor, 100), (both.absorbed, 40)):
            session.add(
                ClientFact(
                    metric="revenue",
                    period=date(2026, 9, 1),
                    client_id=client_id,
                    source="billing",
                    revision=1,
                    value=value,
                    booked_on=date(2026, 9, 30),
                    recorded_by=TESTS.id,
                )
            )

    async def by_owner() -> dict[UUID, Decimal]:
        async with database.read(both.tenant, HEAD) as session:
            rows = attributed(session, "revenue")
            found = await session.rows(select(rows.c.owner_id, func.sum(rows.c.value)).group_by(rows.c.owner_id))
            return {row[0]: row[1] for row in found}

    before = await by_owner()
    assert before == {both.owners[0]: Decimal(100), both.owners[1]: Decimal(40)}
    async with database.write(both.tenant, HEAD) as session:
        await merged(session, both)
    assert await by_owner() == before
    async with database.write(both.tenant, HEAD) as session:
        assert set(await with_absorbed(session, both.survivor)) == {both.survivor, both.absorbed}
        assert await with_absorbed(session, both.absorbed) == [both.absorbed]
        selection = HandOverSelection(client_ids=(both.survivor,))
        later = TODAY + timedelta(days=1)
        await plan_hand_over(session, selection, both.owners[1], effective_on=later, reason="调整", today=later)
    async with database.read(both.tenant, HEAD) as reading:
        owners = await owners_of(reading, both.absorbed, today=later)
        assert [line.owner_id for line in owners] == [both.owners[1], both.owners[0], both.owners[1]]
        held = await portfolio_of(reading, both.owners[1], later, today=later)
        assert [line.client_id for line in held.rows] == [both.survivor]
        once = await portfolio_of(reading, both.owners[1], TODAY - timedelta(days=1), today=later)
        assert [line.client_id for line in once.rows] == [both.absorbed]


async def test_a_survivor_below_the_absorbed_takes_its_place(database: Database) -> None:
    both = await two(database)
    async with database.write(both.tenant, TESTS) as session:
        root = make_client(session)
        await session.flush()
        between = make_client(session, parent_id=both.absorbed)
        await session.flush()
        (await the(session, both.absorbed)).parent_id = root.id
        (await the(session, both.survivor)).parent_id = between.id
    async with database.write(both.tenant, HEAD) as session:
        await merged(session, both)
    async with database.read(both.tenant, HEAD) as session:
        parents = {
            client_id: (await the(session, client_id)).parent_id
            for client_id in (both.survivor, both.absorbed, between.id)
        }
        assert parents == {both.survivor: root.id, both.absorbed: None, between.id: both.survivor}


async def test_a_tree_does_not_become_too_deep(database: Database) -> None:
    both = await two(database)
    async with database.write(both.tenant, TESTS) as session:
        above = None
        for _ in range(MAX_LEVELS - 1):
            client = make_client(session, parent_id=above)
            await session.flush()
            above = client.id
        (await the(session, both.survivor)).parent_id = above
        make_client(session, parent_id=both.absorbed)
    async with database.write(both.tenant, HEAD) as session:
        with pytest.raises(ClientTreeTooDeep):
            await merged(session, both)


async def test_refused_what_makes_no_sense(database: Database) -> None:
    both = await two(database)
    async with database.write(both.tenant, HEAD) as session:
        with pytest.raises(MergeWithItself):
            await merge_clients(session, both.survivor, both.survivor, reason="重复", today=TODAY)
        with pytest.raises(ClientNotFound):
            await merge_clients(session, both.survivor, new_id(), reason="重复", today=TODAY)
    async with database.write(both.tenant, actor_with(CLIENTS_MERGE, scope=Scope.OWN)) as session:
        with pytest.raises(ClientNotFound):
            await merged(session, both)
        assert not await session.scalars(
            select(Client.id).where(session.within(Client), CLIENT.within_reach(session, CLIENTS_MERGE, TODAY))
        )
    async with database.write(both.tenant, HEAD) as session:
        await merged(session, both)
        with pytest.raises(ClientIsMerged):
            await merged(session, both)
        third = make_client(session)
        await session.flush()
        await merge_clients(session, third.id, both.survivor, reason="重复", today=TODAY)
        assert await survivor_of(session, both.absorbed) == third.id
        assert set(await with_absorbed(session, third.id)) == {third.id, both.survivor, both.absorbed}
        assert not (await contracts_page(session, ContractQuery(), today=TODAY)).rows


async def test_both_ways_at_once_makes_no_cycle(database: Database) -> None:
    both = await two(database)

    async def one_way(session: WriteSession) -> None:
        await merged(session, both)

    async def other_way(session: WriteSession) -> None:
        await merge_clients(session, both.absorbed, both.survivor, reason="重复", today=TODAY)

    assert isinstance(await meanwhile(database, both.tenant, HEAD, one_way, other_way), ClientIsMerged)
