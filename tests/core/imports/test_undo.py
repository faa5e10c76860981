"""Undoing after others went on: what can be taken back is, what others rely on stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from steward_core.clients.models import Arrears, Client, Contact
from steward_core.clients.service import create_client, set_parent
from steward_core.imports.edge import undo_batch
from tests.core.factories import make_client, make_contact
from tests.core.imports.conftest import TODAY, World, csv_of
from tests.factories import TESTS

HEADER = ["客户编码", "客户名称", "客户类型", "上级客户"]


async def test_what_stays_keeps_its_parents(world: World) -> None:
    rows = [["C1", "总部公司", "company", ""], ["C2", "分部公司", "company", "C1"], ["C3", "小店公司", "shop", "C2"],
            ["C4", "另一分部", "company", "C1"]]  # fmt: skip
    batch = await world.send(csv_of(HEADER, rows))
    clients = await world.clients()
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        made = await create_client(
            session,
            fields={"name": "后来的客户", "kind": "company", "code": "X", "parent_id": clients["C3"].id},
            today=TODAY,
        )
    undone = await undo_batch(world.place, batch.id)
    assert (undone.counts["undone"], undone.counts["kept"]) == (1, 3)
    after = await world.clients()
    assert set(after) == {"C1", "C2", "C3", "X"}
    assert after["X"].id == made.id
    assert (after["C3"].parent_id, after["C2"].parent_id) == (after["C2"].id, after["C1"].id)


async def test_a_whole_tree_goes_in_any_order_and_over_chunks(world: World) -> None:
    header = [*HEADER, "联系人"]
    rows = [[f"C{n}", f"甲{n}公司", "company", f"C{n + 3}" if n < 8 else "", f"李{n}"] for n in range(1, 12)]
    rows[10][3] = "C1"
    batch = await world.send(csv_of(header, rows))
    undone = await undo_batch(world.place, batch.id)
    assert (undone.counts["undone"], undone.counts["kept"]) == (11, 0)
    assert await world.count(Client) == 0
    assert await world.count(Contact) == 0


async def test_a_code_that_somebody_took_since_is_left_to_them(world: World) -> None:
    header = ["统一社会信用代码", "客户编码", "客户名称", "客户类型"]
    code = "91350100M000100Y43"
    await world.send(csv_of(header, [[code, "OLD", "甲公司", "company"]]))
    batch = await world.send(csv_of(header, [[code, "NEW", "改名公司", "company"]]), options={"match": "credit_code"})
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        make_client(session, code="OLD")
    undone = await undo_batch(world.place, batch.id)
    assert (undone.counts["undone"], undone.counts["kept"]) == (0, 1)
    assert ((await world.effects(batch))[2].problems or [{}])[0]["code"] == "code_taken"
    assert (await world.clients())["NEW"].name == "改名公司"


async def test_a_former_parent_below_the_client_by_now_is_not_put_above_it(world: World) -> None:
    rows = [["P", "总部公司", "company", ""], ["Q", "新总部公司", "company", ""], ["C", "分部公司", "company", "P"]]
    await world.send(csv_of(HEADER, rows))
    batch = await world.send(csv_of(HEADER, [["C", "", "", "Q"]]))
    clients = await world.clients()
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        await set_parent(session, clients["P"].id, parent_id=clients["C"].id, today=TODAY)
    undone = await undo_batch(world.place, batch.id)
    assert (undone.counts["undone"], undone.counts["kept"]) == (0, 1)
    after = await world.clients()
    assert (after["C"].parent_id, after["P"].parent_id) == (after["Q"].id, after["C"].id)


async def test_a_former_parent_that_is_gone_is_no_reason_to_fail(world: World) -> None:
    first = await world.send(csv_of(HEADER, [["P", "总部公司", "company", ""]]))
    await world.send(csv_of(HEADER, [["C", "分部公司", "company", "P"], ["Q", "新总部公司", "company", ""]]))
    batch = await world.send(csv_of(HEADER, [["C", "", "", "Q"]]))
    assert (await undo_batch(world.place, first.id)).counts["undone"] == 1
    undone = await undo_batch(world.place, batch.id)
    assert (undone.status, undone.counts["kept"]) == ("undone", 1)
    assert (await world.clients())["C"].parent_id == (await world.clients())["Q"].id


async def test_the_former_main_contact_is_it_again(world: World) -> None:
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        client = make_client(session, code="C1")
        await session.flush()
        old = make_contact(session, client.id, name="老联系人", main=True)
    batch = await world.send(csv_of(["客户编码", "姓名", "主要联系人"], [["C1", "新联系人", "是"]]), target="contact")
    assert {one.name: one.main for one in await world.all(Contact)} == {"老联系人": False, "新联系人": True}
    await undo_batch(world.place, batch.id)
    (left,) = await world.all(Contact)
    assert (left.id, left.main) == (old.id, True)


@pytest.mark.parametrize("source", [[], ["CRM"]])
async def test_arrears_come_twice_and_go_back(world: World, source: list[Any]) -> None:
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        make_client(session, code="C1")
    header = ["客户编码", "账期", "欠费金额", "应缴日期", "已缴金额", *(["来源"] if source else [])]
    row: list[Any] = ["C1", "2026-10", "100.00", "2026-11-10", "", *source]
    await world.send(csv_of(header, [row]), target="arrears")
    again = await world.send(csv_of(header, [row]), target="arrears")
    assert again.counts["unchanged"] == 1
    row[4] = "100.00"
    paid = await world.send(csv_of(header, [row]), target="arrears")
    (one,) = await world.all(Arrears)
    assert (one.paid, one.settled_on) == (10_000, TODAY)
    await undo_batch(world.place, paid.id)
    (one,) = await world.all(Arrears)
    assert (one.paid, one.settled_on) == (0, None)
