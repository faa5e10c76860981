"""Lists of clients: filtered, in order, page by page, within reach and masked."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from steward_core.clients.models import Arrears, Client, ClientStatus, Contract
from steward_core.clients.queries import ClientFilter, ClientOrder, CustomCondition, clients_page
from steward_core.clients.search import keys_for_client, write_keys
from steward_core.clients.service import create_client, update_client
from steward_core.custom_fields.service import create_field
from steward_core.permissions import CLIENTS_EDIT, CUSTOM_FIELDS_MANAGE
from steward_tenants.access.rules import MASK
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.clients.companies import TODAY, Company, make_company
from tests.core.factories import make_client
from tests.factories import TESTS, actor_with

EVERYTHING = ClientFilter()


def owned(session: WriteSession, company: Company, name: str, **values: Any) -> Client:
    return make_client(
        session,
        **{
            "name": name,
            "owner_id": company.manager.id,
            "unit_id": company.east.id,
            "basic_confirmed_on": TODAY,
            "personal_confirmed_on": TODAY,
            **values,
        },
    )


async def names(database: Database, company: Company, actor: Actor, wanted: ClientFilter, **options: Any) -> list[str]:
    async with database.read(company.tenant_id, actor) as session:
        page = await clients_page(session, wanted, today=TODAY, **options)
        assert page.total == len(page.clients) or page.next_cursor
        return [client.name for client in page.clients]


async def test_everybody_lists_what_they_reach_masked(database: Database) -> None:
    company, other = await make_company(database), await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        owned(session, company, "甲𠮷公司", phone="13800001234", deputy_id=company.deputy.id)
        owned(session, company, "乙公司", owner_id=company.stranger.id, unit_id=company.west.id)
        owned(session, company, "丙公司", owner_id=None, pool_since=datetime.now(UTC))
        owned(session, company, "丁公司", status=ClientStatus.MERGED)
    listed = {
        company.as_manager: {"甲𠮷公司"},
        company.as_deputy: {"甲𠮷公司"},
        company.as_stranger: {"乙公司"},
        company.as_supervisor: {"甲𠮷公司", "丙公司"},
        company.as_auditor: {"甲𠮷公司", "乙公司", "丙公司"},
    }
    for actor, seen in listed.items():
        assert set(await names(database, company, actor, EVERYTHING)) == seen
    assert await names(database, other, other.as_auditor, EVERYTHING) == []
    async with database.read(company.tenant_id, company.as_supervisor) as session:
        page = await clients_page(session, ClientFilter(owner_id=company.manager.id), today=TODAY)
    (line,) = page.clients
    assert (line.phone, line.owner_name, line.unit_name) == (MASK * 4 + "1234", "王𠮷", "东区𠮷分公司")
    with pytest.raises(Forbidden):
        await names(database, company, actor_with(CLIENTS_EDIT), EVERYTHING)


async def test_filters(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        parent = owned(session, company, "总部", tier="A", kind="shop", region="北京市海淀区")
        await session.flush()
        owned(session, company, "分店", parent_id=parent.id, status=ClientStatus.PROSPECT, region="北京市朝阳区")
        owned(session, company, "西店", owner_id=company.stranger.id, unit_id=company.west.id, region="上海_%市")
        owned(session, company, "公海", owner_id=None)
        owned(session, company, "旧档", basic_confirmed_on=date(2020, 1, 1), deputy_id=company.deputy.id)
        owned(
            session,
            company,
            "早客",
            created_at=datetime(2024, 5, 1, tzinfo=UTC),
            updated_at=datetime(2024, 6, 1, tzinfo=UTC),
        )
        owned(session, company, "亡客", status=ClientStatus.MERGED)
        contract = {"title": "合同", "start_on": date(2025, 1, 1), "created_by": new_id()}
        session.add(
            Contract(id=new_id(), client_id=parent.id, number="1", end_on=TODAY + timedelta(days=30), **contract),
            Arrears(id=new_id(), client_id=parent.id, period="2026-05", amount=100, due_on=TODAY),
        )
        await write_keys(session, [keys_for_client(parent.id, {"name": "总部", "phone": "13800001234"})])
    everyone = {"总部", "分店", "西店", "公海", "旧档", "早客"}
    expected: list[tuple[ClientFilter, set[str]]] = [
        (EVERYTHING, everyone),
        (ClientFilter(text="zongbu"), {"总部"}),
        (ClientFilter(text="1234"), {"总部"}),
        (ClientFilter(statuses=frozenset({ClientStatus.PROSPECT, ClientStatus.MERGED})), {"分店", "亡客"}),
        (ClientFilter(tiers=frozenset({"A", "key"})), {"总部"}),
        (ClientFilter(kinds=frozenset({"shop"})), {"总部"}),
        (ClientFilter(unit_id=company.boss.unit_id), everyone - {"西店"}),
        (ClientFilter(unit_id=company.boss.unit_id, with_units_below=False), set()),
        (ClientFilter(owner_id=company.stranger.id), {"西店"}),
        (ClientFilter(deputy_id=company.deputy.id), {"旧档"}),
        (ClientFilter(in_pool=True), {"公海"}),
        (ClientFilter(in_pool=False), everyone - {"公海"}),
        (ClientFilter(region="北京市"), {"总部", "分店"}),
        (ClientFilter(region="上海_%"), {"西店"}),
        (ClientFilter(region="%"), set()),
        (ClientFilter(parent_id=parent.id), {"分店"}),
        (ClientFilter(stale=True), {"旧档"}),
        (ClientFilter(in_arrears=True), {"总部"}),
        (ClientFilter(contract_ends_within=30), {"总部"}),
        (ClientFilter(contract_ends_within=29), set()),
        (ClientFilter(created_until=datetime(2024, 5, 2, tzinfo=UTC)), {"早客"}),
        (
            ClientFilter(updated_from=datetime(2024, 6, 1, tzinfo=UTC), updated_until=datetime(2025, 1, 1, tzinfo=UTC)),
            {"早客"},
        ),
        (ClientFilter(kinds=frozenset({"shop"}), in_pool=True), set()),
    ]
    for wanted, found in expected:
        assert set(await names(database, company, company.as_auditor, wanted)) == found, wanted


async def test_every_order_goes_through_all_pages_both_ways(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        for number in range(17):
            owned(
                session,
                company,
                f"同名{number % 4}",
                code=None if number % 3 else f"C{number}",
                tier=("A", "C", None)[number % 3],
                updated_at=datetime(2026, 1, 1 + number % 5, tzinfo=UTC),
            )
    async with database.read(company.tenant_id, company.as_manager) as session:
        for order in ClientOrder:
            for descending in (False, True):
                whole = await clients_page(session, EVERYTHING, order, today=TODAY, descending=descending, limit=200)
                seen, cursor = [], None
                while True:
                    page = await clients_page(
                        session, EVERYTHING, order, today=TODAY, descending=descending, after=cursor, limit=4
                    )
                    assert page.total == 17
                    seen += [client.id for client in page.clients]
                    cursor = page.next_cursor
                    if cursor is None:
                        break
                assert seen == [client.id for client in whole.clients]
                assert len(set(seen)) == 17
        ranked = await clients_page(session, EVERYTHING, ClientOrder.TIER, today=TODAY, with_total=False)
        assert ranked.total is None
        assert [client.tier for client in ranked.clients] == ["A"] * 6 + ["C"] * 6 + [None] * 5


def cursor_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "𠮷",
        cursor_of("[]"),
        cursor_of('["code", false, "x", "0198b0a0-0000-7000-8000-000000000000"]'),
        cursor_of('["name", true, "x", "0198b0a0-0000-7000-8000-000000000000"]'),
        cursor_of('["name", false, "x", "no id"]'),
        cursor_of('["name", false, "\\u0000", "0198b0a0-0000-7000-8000-000000000000"]'),
        cursor_of('["name", false, "\\ud800", "0198b0a0-0000-7000-8000-000000000000"]'),
        cursor_of("[" * 100_000),
    ],
)
async def test_a_lost_place_is_refused(database: Database, after: str) -> None:
    company = await make_company(database)
    with pytest.raises(InvalidInput):
        await names(database, company, company.as_manager, EVERYTHING, after=after)


@pytest.mark.parametrize(
    ("order", "value"),
    [
        (ClientOrder.TIER, "1" + "0" * 40),
        (ClientOrder.TIER, '"' + "9" * 5000 + '"'),
        (ClientOrder.TIER, "1e400"),
    ],
)
async def test_a_place_beyond_every_value_is_refused(database: Database, order: ClientOrder, value: str) -> None:
    company = await make_company(database)
    after = cursor_of(f'["{order.value}", false, {value}, "0198b0a0-0000-7000-8000-000000000000"]')
    with pytest.raises(InvalidInput):
        await names(database, company, company.as_manager, EVERYTHING, order=order, after=after)


@pytest.mark.parametrize(
    "wanted",
    [
        ClientFilter(region="北京\0"),
        ClientFilter(region="\ud800"),
        ClientFilter(tiers=frozenset({"\0"})),
        ClientFilter(kinds=frozenset({"\ud800"})),
        ClientFilter(kinds=frozenset(map(str, range(201)))),
        ClientFilter(custom=(CustomCondition("size", "eq", 1),) * 21),
    ],
)
async def test_a_filter_that_no_client_can_meet_is_refused(database: Database, wanted: ClientFilter) -> None:
    company = await make_company(database)
    with pytest.raises(InvalidInput):
        await names(database, company, company.as_manager, wanted)


async def test_limits(database: Database) -> None:
    company = await make_company(database)
    for limit in (0, 201):
        with pytest.raises(InvalidInput):
            await names(database, company, company.as_manager, EVERYTHING, limit=limit)
    with pytest.raises(InvalidInput):
        await names(database, company, company.as_manager, ClientFilter(contract_ends_within=-1))
    with pytest.raises(InvalidInput):
        await names(database, company, company.as_manager, ClientFilter(text="。"))


async def test_custom_fields_are_kept_and_filtered_by(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, actor_with(CUSTOM_FIELDS_MANAGE)) as session:
        for key, kind in (("floor", "integer"), ("colour", "text")):
            values = {"title_zh": "楼层", "title_en": "Floor", "filterable": True}
            await create_field(session, "client", key, kind, values)
    async with database.write(company.tenant_id, company.as_manager) as session:
        for floor in (1, 2, 3):
            fields = {"name": f"{floor}楼商户", "kind": "shop", "custom": {"floor": floor, "colour": "红𠮷"}}
            client = await create_client(session, fields=fields, today=TODAY, accept_duplicates=True)
        changed = await update_client(session, client.id, fields={"custom": {"floor": 30}}, today=TODAY)
        assert changed.custom == {"floor": 30, "colour": "红𠮷"}
        with pytest.raises(InvalidInput):
            await update_client(session, client.id, fields={"custom": {"floor": "三"}}, today=TODAY)
    for conditions, found in (
        ((CustomCondition("floor", "ge", 2),), {"2楼商户", "3楼商户"}),
        ((CustomCondition("floor", "eq", 3),), set()),
        (
            (CustomCondition("floor", "between", [2, 30]), CustomCondition("colour", "eq", "红𠮷")),
            {"2楼商户", "3楼商户"},
        ),
    ):
        assert set(await names(database, company, company.as_manager, ClientFilter(custom=conditions))) == found
    with pytest.raises(InvalidInput):
        await names(database, company, company.as_manager, ClientFilter(custom=(CustomCondition("none", "eq", 1),)))
