"""All search keys made anew: what is missing comes, what nobody has goes, chunk by chunk."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from steward_core.clients import search_rebuild
from steward_core.clients.contacts import add_contact
from steward_core.clients.models import Client, ClientSearchKey, ClientStatus
from steward_core.clients.search import Keyed, write_keys
from steward_core.clients.search_rebuild import request_rebuild
from steward_core.clients.service import create_client
from steward_core.runs.service import RunTools, drive
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Forbidden
from steward_tenants.files.store import LocalFileStore
from tests.core.clients.companies import TODAY, Company, make_company
from tests.core.factories import make_client
from tests.factories import TESTS, make_tenant

Place = tuple[str, UUID, UUID]


async def keys(database: Database, tenant_id: UUID) -> set[Place]:
    async with database.read(tenant_id, TESTS) as session:
        rows = await session.rows(
            select(ClientSearchKey.key, ClientSearchKey.client_id, ClientSearchKey.source_id).where(
                session.within(ClientSearchKey)
            )
        )
    return {(row[0], row[1], row[2]) for row in rows}


async def fill(database: Database, company: Company) -> None:
    async with database.write(company.tenant_id, company.as_supervisor) as session:
        for number in range(7):
            fields = {"name": f"恒达{'甲乙丙丁戊己庚'[number]}商行", "kind": "shop", "phone": f"1380000123{number}"}
            client = await create_client(session, fields=fields, today=TODAY, accept_duplicates=True)
            await add_contact(session, client.id, fields={"name": "单于𠮷", "phone": "13900005678"}, today=TODAY)
            await add_contact(session, client.id, fields={"name": "已离开", "left_on": TODAY}, today=TODAY)


async def test_keys_become_what_they_should_be(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_rebuild, "CLIENTS_AT_ONCE", 2)
    monkeypatch.setattr(search_rebuild, "KEYS_AT_ONCE", 5)
    company, other = await make_company(database), await make_company(database)
    await fill(database, company)
    await fill(database, other)
    whole, untouched = await keys(database, company.tenant_id), await keys(database, other.tenant_id)
    async with database.write(company.tenant_id, TESTS) as session:
        merged = make_client(session, name="旧名有限公司", code=None, status=ClientStatus.MERGED)
        (one,) = await session.scalars(select(Client).where(session.within(Client), Client.name == "恒达甲商行"))
        await session.execute(
            delete(ClientSearchKey).where(session.within(ClientSearchKey), ClientSearchKey.key >= "n:")
        )
        old = frozenset({"n:以前的算法", "z:以前的标记", "d:=以前"})
        await write_keys(
            session, [Keyed(one.id, one.id, old), Keyed(one.id, new_id(), old), Keyed(new_id(), one.id, old)]
        )
    async with database.write(company.tenant_id, company.as_administrator) as session:
        run = await request_rebuild(session, today=TODAY)
    tools = RunTools(LocalFileStore(tmp_path))
    heard: list[int] = []
    done = await drive(
        database,
        company.tenant_id,
        company.as_administrator,
        run.id,
        tools,
        progress=lambda now: heard.append(now.done),
    )
    now = await keys(database, company.tenant_id)
    assert {place for place in now if place[1] != merged.id} == whole
    of_merged = {key for key, client_id, _ in now if client_id == merged.id}
    assert "n:旧名有限公司" in of_merged
    assert not any(key.startswith("d:") for key in of_merged)
    assert done.counts == {"removed": 9}
    assert len(heard) > 10
    assert done.done == done.total
    assert await keys(database, other.tenant_id) == untouched


async def test_a_tenant_without_clients(database: Database, tmp_path: Path) -> None:
    tenant_id = await make_tenant(database)
    actor = system("tests")
    async with database.write(tenant_id, actor) as session:
        run = await request_rebuild(session, today=TODAY)
    done = await drive(database, tenant_id, actor, run.id, RunTools(LocalFileStore(tmp_path)))
    assert (done.status, done.done) == ("done", 0)


async def test_an_account_manager_does_not_ask_for_it(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, company.as_manager) as session:
        with pytest.raises(Forbidden):
            await request_rebuild(session, today=TODAY)
