"""Runs of imports: resumed after a break, undone whole, cancelled; error workbooks sent back."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from openpyxl import load_workbook

from steward_core.clients.models import Client, ClientChange, ClientFact, ClientOwnership, ClientSearchKey, Contact
from steward_core.imports import opened
from steward_core.imports.clients import ClientWork
from steward_core.imports.edge import Request, apply_batch, check_file, undo_batch
from steward_core.imports.errors import ChangedSinceCheck, ImportNotReady, RowsRefused
from steward_core.imports.models import ImportEffect
from steward_core.imports.service import cancel_import, save_mapping
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW, RECORDS_IMPORT
from steward_tenants.database.actor import Scope
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.files.store import FileStore
from tests.core.factories import make_client
from tests.core.imports.conftest import World, csv_of, problems_of
from tests.factories import TESTS, actor_with

HEADER = ["客户编码", "客户名称", "客户类型", "上级客户", "联系人", "月收入"]
OPTIONS = {"fact_period": "2026-10"}


def lines(count: int = 13) -> list[list[object]]:
    return [
        [f"C{n}", f"测试{n}公司", "company", f"C{n + 1}" if n == 3 else "", f"李{n}", n] for n in range(1, count + 1)
    ]


async def bytes_of(store: FileStore, tenant_id: Any, file_id: Any) -> bytes:
    return b"".join([chunk async for chunk in store.read(tenant_id, file_id)])


async def test_a_broken_run_goes_on_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    content = csv_of(HEADER, lines())
    batch = await check_file(world.place, content, "a.csv", Request("client", options=OPTIONS))
    calls = []
    apply = ClientWork.apply

    async def failing(self: ClientWork, rows: Any) -> None:
        calls.append(len(rows))
        await apply(self, rows)
        if len(calls) == 2:
            raise OSError("the machine went away")

    monkeypatch.setattr(ClientWork, "apply", failing)
    with pytest.raises(OSError, match="went away"):
        await apply_batch(world.place, batch.id)
    assert await world.count(Client) == 5
    for run_id in list(opened._OPENED):  # another process goes on
        opened.close(run_id)
    done = await apply_batch(world.place, batch.id)
    assert (done.status, done.counts["created"]) == ("applied", 13)
    assert (await world.count(Client), await world.count(Contact), await world.count(ClientFact)) == (13, 13, 13)
    assert await world.count(ImportEffect) == 13
    clients = await world.clients()
    assert clients["C3"].parent_id == clients["C4"].id
    with pytest.raises(ImportNotReady):
        await apply_batch(world.place, batch.id)


async def test_an_undo_takes_everything_back_that_nobody_touched(world: World) -> None:
    early = [line[:5] for line in lines(3)]
    early[2][3] = "C1"
    first = await world.send(csv_of(HEADER[:5], early))
    assert (await world.clients())["C3"].parent_id is not None
    second = [["C1", "改名公司", "company", "", "", ""], ["C7", "新公司", "company", "C1", "王七", ""]]
    batch = await world.send(csv_of(HEADER[:5], [line[:5] for line in second]))
    assert (batch.counts["created"], batch.counts["updated"]) == (1, 1)
    undone = await undo_batch(world.place, batch.id)
    assert (undone.status, undone.counts["undone"], undone.counts["kept"]) == ("undone", 2, 0)
    clients = await world.clients()
    assert set(clients) == {"C1", "C2", "C3"}
    assert clients["C1"].name == "测试1公司"
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        known = await session.get(Client, clients["C2"].id, lock=True)
        assert known is not None
        known.address = "有人改过"
    undone = await undo_batch(world.place, first.id)
    # C1 was changed twice since its import, C2 by a person: both stay.
    assert (undone.counts["undone"], undone.counts["kept"]) == (1, 2)
    assert set(await world.clients()) == {"C1", "C2"}
    assert {one.outcome for one in (await world.effects(first)).values()} == {"undone", "kept"}
    assert await world.count(ClientOwnership) == 2
    names = {one.key for one in await world.all(ClientSearchKey) if one.key.startswith("n:测试3")}
    assert not names


async def test_an_undo_withdraws_facts_and_closes_their_new_clients(world: World) -> None:
    content = csv_of(HEADER, lines(4)[:2])
    batch = await world.send(content, options=OPTIONS)
    undone = await undo_batch(world.place, batch.id)
    assert (undone.counts["undone"], undone.counts["closed"]) == (2, 2)
    (one, two) = await world.all(Client)
    assert {one.status, two.status} == {"closed"}
    assert {one.code, two.code} == {None}
    facts = await world.all(ClientFact)
    assert sorted((fact.revision, fact.withdrawn) for fact in facts) == [(1, False), (1, False), (2, True), (2, True)]
    assert {change.after for change in await world.all(ClientChange)} == {"closed"}
    assert await world.count(Contact) == 0
    again = await world.send(content, options=OPTIONS)
    assert again.counts["created"] == 2
    corrected = await world.send(csv_of(HEADER, [["C1", "", "", "", "", 99]]), options=OPTIONS)
    assert (await undo_batch(world.place, corrected.id)).counts["undone"] == 1
    client_id = (await world.clients())["C1"].id
    last = max((fact for fact in await world.all(ClientFact) if fact.client_id == client_id), key=lambda f: f.revision)
    assert (int(last.value), last.withdrawn, last.revision) == (100, False, 3)


async def test_the_error_workbook_is_corrected_and_sent_back(world: World) -> None:
    bad: list[list[object]] = [*lines(7), ["C8", "=cmd|'/C calc'!A0", "错误类型", "", "", "abc"]]
    batch = await world.send(csv_of(HEADER, bad), options=OPTIONS)
    assert batch.status == "checked"
    with pytest.raises(RowsRefused):
        await apply_batch(world.place, batch.id)
    assert await world.count(Client) == 0
    content = await bytes_of(world.place.tools.files, world.place.tenant_id, batch.error_file_id)
    book = load_workbook(io.BytesIO(content))
    sheet: Any = book.worksheets[0]
    assert [cell.value for cell in sheet[1]] == [*HEADER, "行号", "问题"]
    assert sheet.max_row == 2
    assert sheet["G2"].value == 9
    assert "客户类型：" in sheet["H2"].value
    assert "月收入：" in sheet["H2"].value
    assert sheet["B2"].data_type == "s"
    sheet["C2"], sheet["F2"] = "company", 3
    corrected = io.BytesIO()
    book.save(corrected)
    done = await world.send(corrected.getvalue(), name="改正.xlsx", options=OPTIONS)
    assert (done.status, done.counts["created"]) == ("applied", 1), problems_of(done)
    assert done.columns["行号"] is None
    whole = await apply_batch(world.place, batch.id, skip_bad=True)
    assert (whole.counts["created"], whole.counts["refused"]) == (7, 1)


async def test_what_changed_between_check_and_apply_stops_the_chunk(world: World) -> None:
    batch = await check_file(world.place, csv_of(HEADER[:3], [["C1", "甲", "company"]]), "a.csv", Request("client"))
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        make_client(session, code="C1", name="别人的", status="merged", merged_into_id=make_client(session).id)
    with pytest.raises(ChangedSinceCheck) as caught:
        await apply_batch(world.place, batch.id)
    assert caught.value.problems[0].code == "client_is_merged"
    assert await world.count(ImportEffect) == 0


async def test_rights_and_reach_hold_for_every_row(world: World) -> None:
    content = csv_of(HEADER[:3], [["C1", "甲", "company"]])
    with pytest.raises(Forbidden):
        await world.as_actor(actor_with(CLIENTS_EDIT)).send(content)
    with pytest.raises(Forbidden):
        await world.as_actor(actor_with(RECORDS_IMPORT)).send(content)
    await world.send(content)
    own = actor_with(RECORDS_IMPORT, CLIENTS_EDIT, CLIENTS_VIEW, scope=Scope.OWN)
    mine = world.as_actor(replace(own, id=world.users["zhao"]))
    refused = await mine.send(content)
    assert problems_of(refused) == [(2, "code", "taken")]
    columns = ["客户编码", "客户名称", "客户类型", "客户经理"]
    refused = await mine.send(csv_of(columns, [["C2", "乙", "company", "1002"]]))
    assert {code for _, _, code in problems_of(refused)} == {"forbidden"}
    done = await mine.send(csv_of(columns, [["C2", "乙", "company", ""]]))
    assert done.counts["created"] == 1
    assert (await world.clients())["C2"].owner_id == world.users["zhao"]


async def test_a_mapping_is_saved_by_name_and_an_import_cancelled(world: World) -> None:
    columns = {"甲": "code", "乙": "name", "丙": None}
    options = {"constants": {"kind": "shop"}}
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        await save_mapping(session, "client", "我的映射", columns=columns, options=options)
        with pytest.raises(InvalidInput) as caught:
            await save_mapping(session, "client", "坏", columns={"甲": "nothing", "乙": "name", "戊": "name"})
    assert {(one.path[1], one.code) for one in caught.value.problems} == {("甲", "no_such_field"), ("戊", "twice")}
    content = csv_of(["甲", "乙", "丙", "丁"], [["C1", "一", "x", "y"]])
    batch = await check_file(world.place, content, "a.csv", Request("client", mapping="我的映射"))
    assert batch.columns == {"甲": "code", "乙": "name", "丙": None, "丁": None}
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        await cancel_import(session, batch.id)
    done = await apply_batch(world.place, batch.id)
    assert done.counts["created"] == 1
    assert (await world.clients())["C1"].kind == "shop"
