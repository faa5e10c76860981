"""The scan for duplicates: what it finds, what it leaves alone, and that a frequent name costs little."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.clients import duplicates
from steward_core.clients.duplicates import LARGEST_PLACE, RUN_KIND, PairLine, dismiss_pair, duplicate_pairs
from steward_core.clients.likeness import NEAR_EQUAL_NAME, SAME_CREDIT_CODE
from steward_core.clients.models import Client, ClientStatus, DuplicatePair, DuplicateStatus
from steward_core.clients.ownership_errors import PairNotFound
from steward_core.clients.pages import Paging
from steward_core.clients.search import keys_for_client, write_keys
from steward_core.permissions import CLIENTS_MERGE
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, drive, request_run
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.files.store import LocalFileStore
from tests.core.factories import make_client
from tests.factories import TESTS, actor_with, make_tenant, make_unit

TODAY = date(2026, 11, 2)
HEAD = actor_with(CLIENTS_MERGE)
CODE = "91310000607228000M"


async def entered(session: WriteSession, name: str, **values: object) -> Client:
    client = make_client(session, name=name, **values)
    await session.flush()
    await write_keys(session, [keys_for_client(client.id, {"name": name})])
    return client


async def scanned(database: Database, tenant: UUID, folder: Path, period: str = "1") -> Run:
    async with database.write(tenant, HEAD) as session:
        run = await request_run(session, RUN_KIND, period=period)
    return await drive(database, tenant, HEAD, run.id, RunTools(LocalFileStore(folder)))


async def pairs(database: Database, tenant: UUID) -> list[PairLine]:
    async with database.read(tenant, HEAD) as session:
        return list((await duplicate_pairs(session, today=TODAY)).rows)


async def test_same_code_and_near_equal_names_in_one_place(database: Database, tmp_path: Path) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        unit = make_unit(session)
        await session.flush()
        here = [
            await entered(session, "华信网络科技有限公司", region="浦东"),
            await entered(session, "华信网路科技", region="浦东"),
        ]
        await entered(session, "华信网络科技", region="徐汇")
        coded = [
            await entered(session, "东方食品厂", credit_code=CODE, region="浦东"),
            await entered(session, "西方机械厂", credit_code=CODE),
        ]
        unplaced = [
            await entered(session, "无区域贸易商行", unit_id=unit.id),
            await entered(session, "无区域贸易商行", unit_id=unit.id, region="黄浦"),
        ]
        await entered(session, "华信网络科技", region="浦东", status=ClientStatus.MERGED)
    run = await scanned(database, tenant, tmp_path)
    assert run.counts["pairs"] == 3
    assert run.counts["frequent"] == 0
    found = {(line.first.id, line.second.id): line.reasons for line in await pairs(database, tenant)}
    assert found == {
        (here[0].id, here[1].id): (NEAR_EQUAL_NAME,),
        (coded[0].id, coded[1].id): (SAME_CREDIT_CODE,),
        (unplaced[0].id, unplaced[1].id): (NEAR_EQUAL_NAME,),
    }
    async with database.read(tenant, HEAD) as session:
        by_code = await duplicate_pairs(session, today=TODAY, reason=SAME_CREDIT_CODE, client_id=coded[1].id)
        assert [line.first.name for line in by_code.rows] == ["东方食品厂"]
        page = await duplicate_pairs(session, today=TODAY, paging=Paging(size=2))
        rest = await duplicate_pairs(session, today=TODAY, paging=Paging(2, page.next_cursor))
        assert len({line.id for line in (*page.rows, *rest.rows)}) == 3


async def test_a_dismissed_pair_stays_dismissed(database: Database, tmp_path: Path) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        for _ in range(2):
            await entered(session, "同名商贸行有限公司", region="浦东")
    await scanned(database, tenant, tmp_path)
    (line,) = await pairs(database, tenant)
    async with database.write(tenant, HEAD) as session:
        with pytest.raises(InvalidInput):
            await dismiss_pair(session, line.id, reason=" ", today=TODAY)
        await dismiss_pair(session, line.id, reason="两家不同的店", today=TODAY)
        with pytest.raises(PairNotFound):
            await dismiss_pair(session, line.id, reason="再次", today=TODAY)
    again = await scanned(database, tenant, tmp_path, "2")
    assert again.counts["pairs"] == 0
    assert await pairs(database, tenant) == []
    async with database.read(tenant, HEAD) as session:
        dismissed = await duplicate_pairs(session, today=TODAY, status=DuplicateStatus.DISMISSED)
        assert [one.decision_reason for one in dismissed.rows] == ["两家不同的店"]


async def test_a_client_out_of_reach_is_not_told(database: Database, tmp_path: Path) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        units = [make_unit(session), make_unit(session)]
        await session.flush()
        own, other = [await entered(session, "跨区五金商行", region="浦东", unit_id=unit.id) for unit in units]
    await scanned(database, tenant, tmp_path)
    limited = actor_with(CLIENTS_MERGE, scope=Scope.TEAM, unit_id=units[0].id)
    async with database.write(tenant, limited) as session:
        (line,) = (await duplicate_pairs(session, today=TODAY)).rows
        sides = {line.first.in_reach: line.first, line.second.in_reach: line.second}
        assert sides[True].id == own.id
        assert (sides[False].id, sides[False].name, sides[False].owner_id) == (None, None, None)
        assert (await duplicate_pairs(session, today=TODAY, client_id=other.id)).rows == ()
        with pytest.raises(PairNotFound):
            await dismiss_pair(session, line.id, reason="不同", today=TODAY)
    async with database.read(tenant, actor_with(CLIENTS_MERGE, scope=Scope.OWN)) as session:
        assert (await duplicate_pairs(session, today=TODAY)).rows == ()
    async with database.read(tenant, actor_with()) as session:
        with pytest.raises(Forbidden):
            await duplicate_pairs(session, today=TODAY)


async def test_a_frequent_name_does_not_explode(database: Database, tmp_path: Path) -> None:
    tenant = await make_tenant(database)
    crowd = LARGEST_PLACE + 30
    async with database.write(tenant, TESTS) as session:
        made = [make_client(session, name="便利店", region="浦东", credit_code=CODE) for _ in range(crowd)]
        await session.flush()
        await write_keys(session, [keys_for_client(client.id, {"name": client.name}) for client in made])
    run = await scanned(database, tenant, tmp_path)
    assert run.counts["frequent"] == 1
    assert run.position["frequent"] == ["便利店"]
    async with database.read(tenant, HEAD) as session:
        count = await session.scalar(
            select(func.count()).select_from(DuplicatePair).where(session.within(DuplicatePair))
        )
    # Each two of the compared ones, and all others with the first by their code.
    assert count == LARGEST_PLACE * (LARGEST_PLACE - 1) // 2 + crowd - LARGEST_PLACE


async def test_chunk_after_chunk_nothing_is_lost(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "GROUPS", 3)
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        for number in "甲乙丙丁戊己庚":
            for _ in range(2):
                await entered(session, f"{number}号南北货行", region="浦东")
    run = await scanned(database, tenant, tmp_path)
    assert run.attempts == 1
    assert run.counts["pairs"] == 7
    assert len(await pairs(database, tenant)) == 7
