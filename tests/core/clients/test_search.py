"""Search: by name, pinyin, initials, code and phone end, within reach, by scans of an index."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from steward_core.clients import search
from steward_core.clients.models import Client, ClientSearchKey, ClientStatus
from steward_core.clients.search import keys_for_client, search_clients, write_keys
from steward_core.clients.search_keys import ranges_of_query
from steward_core.database.bulk import insert_many
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from tests.cluster import Addresses
from tests.core.clients.companies import TODAY, Company, acts_as, make_company
from tests.core.factories import make_client
from tests.factories import TESTS, actor_with, make_tenant
from tests.statement_watch import unwatched

NAMES: dict[str, dict[str, Any]] = {
    "华信网络": {},
    "北京华信网络有限公司": {"credit_code": "91350100M000100Y43", "code": "HX-001"},
    "重庆恒达𠮷野家商行": {"phone": "13800001234"},
    "上海华信商贸": {"status": ClientStatus.CLOSED},
    "华信旧公司": {"status": ClientStatus.MERGED},
    "海峡物流": {"code": "12345"},
}


async def with_keys(session: WriteSession, values: dict[str, Any]) -> Client:
    client = make_client(session, **values)
    await session.flush()
    await write_keys(session, [keys_for_client(client.id, {**values, "name": client.name})])
    return client


async def fill(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, TESTS) as session:
        for name, values in NAMES.items():
            await with_keys(
                session,
                {"owner_id": company.manager.id, "unit_id": company.east.id, "code": None, **values, "name": name},
            )


async def found(database: Database, company: Company, text: str, **options: Any) -> list[str]:
    async with database.read(company.tenant_id, options.pop("actor", company.as_manager)) as session:
        return [client.name for client in await search_clients(session, text, today=TODAY, **options)]


async def test_clients_are_found_and_ranked(database: Database) -> None:
    company = await make_company(database)
    await fill(database, company)
    expected = {
        "hxwl": ["华信网络", "海峡物流", "北京华信网络有限公司"],
        "华信": ["华信网络", "北京华信网络有限公司", "上海华信商贸"],
        "huaxin": ["华信网络", "北京华信网络有限公司", "上海华信商贸"],
        "cqhd": ["重庆恒达𠮷野家商行"],
        "𠮷野": ["重庆恒达𠮷野家商行"],
        "1234": ["海峡物流", "重庆恒达𠮷野家商行"],
        "12345": ["海峡物流"],
        "hx-001": ["北京华信网络有限公司"],
        "91350100m000100y43": ["北京华信网络有限公司"],
        "ＨＸＷＬ": ["华信网络", "海峡物流", "北京华信网络有限公司"],
        "不存在": [],
    }
    for text, names in expected.items():
        assert await found(database, company, text) == names, text
    assert await found(database, company, "华信", with_merged=True, limit=4) == [
        "华信网络",
        "北京华信网络有限公司",
        "华信旧公司",
        "上海华信商贸",
    ]
    assert await found(database, company, "华信", limit=1) == ["华信网络"]


async def test_a_search_stays_within_reach(database: Database) -> None:
    company, other = await make_company(database), await make_company(database)
    await fill(database, company)
    assert len(await found(database, company, "华信", actor=company.as_supervisor)) == 3
    assert len(await found(database, company, "华信", actor=company.as_auditor)) == 3
    for actor in (company.as_stranger, company.as_deputy):
        assert await found(database, company, "华信", actor=actor) == []
        assert await found(database, company, "1234", actor=actor) == []
    assert await found(database, other, "华信", actor=other.as_auditor) == []
    with pytest.raises(Forbidden):
        await found(database, company, "华信", actor=actor_with(CLIENTS_EDIT))


@pytest.mark.parametrize("few", [0, 1000], ids=["looked up", "named"])
async def test_few_own_clients_are_found_among_many(
    database: Database, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    company = await make_company(database)
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "CANDIDATES", 5)
    async with database.write(company.tenant_id, TESTS) as session:
        for number in range(12):
            await with_keys(session, {"name": f"华信{number:02}号店", "owner_id": company.stranger.id})
        await with_keys(session, {"name": "华信总店", "owner_id": company.manager.id})
    assert await found(database, company, "华信") == ["华信总店"]
    assert len(await found(database, company, "华信", actor=company.as_auditor)) == 5


@pytest.mark.parametrize("text", ["", "  ", "。", "x", "\0", "\ud800", "7", "%_\\'\""])
async def test_a_query_without_content_is_refused(database: Database, text: str) -> None:
    tenant_id = await make_tenant(database)
    async with database.read(tenant_id, TESTS) as session:
        with pytest.raises(InvalidInput):
            await search_clients(session, text, today=TODAY)


@pytest.mark.parametrize(
    "text", ["x" * 10_000, "华\0信", "𠮷\ud800𠮷", "'; drop table app.client; --", "\U0010ffff华信"]
)
async def test_odd_queries_find_nothing_and_break_nothing(database: Database, text: str) -> None:
    tenant_id = await make_tenant(database)
    async with database.read(tenant_id, TESTS) as session:
        assert await search_clients(session, text, today=TODAY) == []


async def test_the_size_of_an_answer_is_limited(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.read(tenant_id, TESTS) as session:
        for limit in (0, 101):
            with pytest.raises(InvalidInput):
                await search_clients(session, "华信", today=TODAY, limit=limit)


async def test_keys_of_thousands_are_written_and_taken_back(database: Database) -> None:
    tenant_id = await make_tenant(database)
    clients = [(new_id(), f"恒达{number}号店") for number in range(2000)]
    before = [keys_for_client(client_id, {"name": name}) for client_id, name in clients]
    after = [keys_for_client(client_id, {"name": name.replace("店", "铺")}) for client_id, name in clients[:1000]]

    async def stored() -> set[tuple[Any, str]]:
        async with database.read(tenant_id, TESTS) as session:
            rows = await session.rows(
                select(ClientSearchKey.client_id, ClientSearchKey.key).where(session.within(ClientSearchKey))
            )
        return {(client_id, key) for client_id, key in rows}

    async with database.write(tenant_id, TESTS) as session:
        await write_keys(session, before)
        await write_keys(session, before)
    assert await stored() == {(keyed.client_id, key) for keyed in before for key in keyed.keys}
    async with database.write(tenant_id, TESTS) as session:
        await write_keys(session, after, before=before)
    assert await stored() == {(keyed.client_id, key) for keyed in after for key in keyed.keys}


async def test_a_search_scans_an_index(database: Database, addresses: Addresses, database_name: str) -> None:
    """As the application's role, under row-level security: each range is an index condition, never a filter."""
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        keys = [f"i:{number:08x}" for number in range(60_000)]
        columns: dict[str, list[Any]] = {
            "key": keys,
            "client_id": [new_id() for _ in keys],
            "source_id": [new_id() for _ in keys],
        }
        await insert_many(session, ClientSearchKey, columns)
    with psycopg.connect(addresses.superuser(database_name), autocommit=True) as connection:
        connection.execute("analyze app.client_search_key")
    for actor in (company.as_auditor, company.as_manager, acts_as(company.boss, CLIENTS_VIEW, scope=Scope.SUBTREE)):
        async with database.read(company.tenant_id, actor) as session:
            statement = search._found(
                session, ranges_of_query("0000a"), await search._reached(session, TODAY), TODAY, False
            )
            sent = await session.connection()
            compiled = statement.compile(dialect=sent.dialect)
            with unwatched("EXPLAIN of a statement that was built for this tenant"):
                rows = await sent.exec_driver_sql("explain " + compiled.string, compiled.params)
            plan = "\n".join(row[0] for row in rows)
        scans = [line for line in plan.splitlines() if "on client_search_key" in line]
        assert scans
        assert all("Index" in line and "Seq Scan" not in line for line in scans), plan
        conditions = [line for line in plan.splitlines() if "Index Cond" in line and "key >=" in line]
        assert len(conditions) == len(scans), plan
