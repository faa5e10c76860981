"""Rows that get in each other's way, in one file, in two at once, or with what people do meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from steward_core.clients.merge import merge_clients
from steward_core.clients.models import Client, ClientFact, ClientProduct, Contact, Contract, Product
from steward_core.imports import applying
from steward_core.imports.edge import Request, apply_batch, check_file
from steward_core.imports.errors import WrittenMeanwhile
from steward_core.imports.hanging import HangingWork
from steward_core.imports.in_memory import take_rows
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW, POLICIES_MANAGE, RECORDS_IMPORT
from steward_tenants.database.actor import Scope
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.factories import make_client, make_contact
from tests.core.imports.conftest import TODAY, World, csv_of, problems_of
from tests.factories import TESTS, actor_with

CODE = "91350100M000100Y43"


async def two_clients(world: World) -> None:
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        make_client(session, code="C1")
        make_client(session, code="C2")


async def test_a_code_or_number_that_a_file_gives_twice_is_named_by_row(world: World) -> None:
    await two_clients(world)
    header = ["客户名称", "客户编码", "客户类型"]
    rows = [[f"测试{n}公司", f"N{n % 6}", "company"] for n in range(7)]
    batch = await world.send(csv_of(header, rows), options={"match": "name"})
    assert problems_of(batch) == [(8, "code", "repeated")]
    contracts = [[f"C{n}", "HT-1", "合同", "2026-01-01"] for n in (1, 2)]
    batch = await world.send(csv_of(["客户编码", "合同编号", "合同名称", "开始日期"], contracts), target="contract")
    assert [(row, code) for row, _, code in problems_of(batch)] == [(3, "repeated")]
    assert await world.count(Contract) == 0


async def test_one_figure_stands_once_in_a_file(world: World) -> None:
    await two_clients(world)
    header = ["客户编码", "指标", "期间", "数值"]
    rows: list[list[object]] = [
        ["C1", "月收入", "2026-10", 1],
        ["C1", "月收入", "2026年10月", 2],
        ["C2", "月收入", "2026-10", 1],
    ]
    batch = await world.send(csv_of(header, rows), target="fact")
    assert [(row, code) for row, _, code in problems_of(batch)] == [(3, "repeated")]
    assert await world.count(ClientFact) == 0
    with pytest.raises(InvalidInput) as refused:
        await world.send(
            csv_of(["客户编码", "收入", "十月收入"], [["C1", 1, 2]]),
            columns={"客户编码": "code", "收入": "fact.revenue", "十月收入": "fact.revenue@2026-10"},
            options={"fact_period": "2026年10月"},
        )
    assert [one.code for one in refused.value.problems] == ["twice"]


async def test_products_in_use_come_once(world: World) -> None:
    await two_clients(world)
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        old = Product(code="OLD", name="旧产品", retired=True)
        session.add(Product(code="P", name="专线"), old)
    header = ["客户编码", "产品编码", "数量"]
    batch = await world.send(csv_of(header, [["C1", "P", 1], ["C1", "P", 2]]), target="client_product")
    assert [(row, code) for row, _, code in problems_of(batch)] == [(3, "repeated")]
    rows: list[list[object]] = [["C1", "OLD", 1], ["C1", "P", "1e30"], ["C2", "P", "9" * 30], ["C3", "P", 1]]
    batch = await world.send(csv_of(header, rows), target="client_product")
    assert [(row, code) for row, _, code in problems_of(batch)] == [
        (2, "retired"),
        (3, "scientific_notation"),
        (4, "quantity"),
        (5, "client_not_found"),
    ]
    assert await world.count(ClientProduct) == 0


async def test_a_client_has_one_main_contact(world: World) -> None:
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        one, other = make_client(session, code="C1"), make_client(session, code="C2")
        await session.flush()
        make_contact(session, one.id, name="甲", main=True)
        make_contact(session, other.id, name="乙")
    header = ["客户编码", "姓名", "主要联系人", "职务"]
    rows = [["C1", "甲", "", "主任"], ["C1", "丙", "是", ""], ["C2", "乙", "是", ""]]
    batch = await world.send(csv_of(header, rows), target="contact")
    assert batch.status == "applied"
    assert {row.name: row.main for row in await world.all(Contact)} == {"甲": False, "乙": True, "丙": True}
    twice = [["C1", "丁", "是", ""], ["C1", "戊", "是", ""], ["C2", "己", "是", ""]]
    batch = await world.send(csv_of([*header, "离职日期"], [*([*one, ""] for one in twice[:2]), twice[2] + ["2026-11-01"]]),
                             target="contact")  # fmt: skip
    assert problems_of(batch) == [(3, "main", "twice"), (4, "left_on", "main")]


async def test_two_imports_of_the_same_rows_at_once_make_each_once(world: World) -> None:
    header = ["客户编码", "客户名称", "客户类型", "联系人"]
    content = csv_of(header, [[f"C{n}", f"测试{n}公司", "company", f"李{n}"] for n in range(12)])
    batches = [await check_file(world.place, content, f"{n}.csv", Request("client")) for n in range(2)]
    done = await asyncio.gather(*(apply_batch(world.place, batch.id) for batch in batches))
    assert [batch.status for batch in done] == ["applied", "applied"]
    assert sum(batch.counts.get("created", 0) for batch in done) == 12
    assert (await world.count(Client), await world.count(Contact)) == (12, 12)


async def test_a_row_that_somebody_else_enters_at_that_moment_is_told_as_such(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = ["客户编码", "客户名称", "客户类型"]
    batch = await check_file(world.place, csv_of(header, [["C1", "甲公司", "company"]]), "a.csv", Request("client"))
    refuse = applying._refuse_or_stop

    async def meanwhile(step: Any, rows: Any) -> None:
        await refuse(step, rows)
        async with world.database.write(world.place.tenant_id, TESTS) as session:
            make_client(session, code="C1")

    with monkeypatch.context() as patch:
        patch.setattr(applying, "_refuse_or_stop", meanwhile)
        with pytest.raises(WrittenMeanwhile):
            await apply_batch(world.place, batch.id)
    done = await apply_batch(world.place, batch.id)
    assert (done.status, done.counts["updated"]) == ("applied", 1)


async def test_nothing_comes_to_a_client_that_is_being_merged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await two_clients(world)
    ids = {code: client.id for code, client in (await world.clients()).items()}
    batch = await check_file(
        world.place, csv_of(["客户编码", "姓名"], [["C2", "张三"]]), "a.csv", Request("contact", None)
    )
    apply = HangingWork.apply
    merging: list[asyncio.Task[Any]] = []

    async def merge() -> None:
        async with world.database.write(world.place.tenant_id, TESTS) as session:
            await merge_clients(session, ids["C1"], ids["C2"], reason="重复", today=TODAY)

    async def slow(self: HangingWork, rows: Any) -> None:
        merging.append(asyncio.create_task(merge()))
        await asyncio.sleep(0.2)
        await apply(self, rows)

    monkeypatch.setattr(HangingWork, "apply", slow)
    await apply_batch(world.place, batch.id)
    await merging[0]
    (contact,) = await world.all(Contact)
    assert contact.client_id == ids["C1"]


async def test_days_to_come_keep_no_client_from_the_pool(world: World) -> None:
    header = ["客户编码", "客户名称", "客户类型", "最近活动日", "基础档案确认日"]
    rows = [["C1", "甲公司", "company", "2099-01-01", "2026-11-23"], ["C2", "乙公司", "company", "2026-11-22", ""]]
    batch = await world.send(csv_of(header, rows))
    assert problems_of(batch) == [(2, "basic_confirmed_on", "future"), (2, "last_activity_on", "future")]


async def test_the_catalogue_needs_its_own_right(world: World) -> None:
    rights = (CLIENTS_EDIT, CLIENTS_VIEW, RECORDS_IMPORT)
    row = [{"code": "P", "name": "专线", "retired": True}]
    for permissions in (rights, (*rights, POLICIES_MANAGE)):
        actor = actor_with(*permissions, scope=Scope.OWN)
        try:
            async with world.database.write(world.place.tenant_id, actor) as session:
                await take_rows(session, "product", row, today=TODAY)
        except Forbidden:
            assert POLICIES_MANAGE not in permissions
    assert await world.count(Product) == 1


async def test_a_contract_that_is_over_stays_so(world: World) -> None:
    await two_clients(world)
    header = ["客户编码", "合同编号", "合同名称", "开始日期", "合同状态"]
    row = ["C1", "HT-1", "合同", "2026-01-01", "已终止"]
    await world.send(csv_of(header, [row]), target="contract")
    batch = await world.send(csv_of(header, [[*row[:4], "履行中"]]), target="contract")
    assert problems_of(batch) == [(2, "status", "over")]


@pytest.mark.parametrize("text", ["甲\x00公司", "甲\ud800公司"])
async def test_text_that_cannot_be_kept_is_named(world: World, text: str) -> None:
    for target, field in (("client", "parent"), ("contract", "number"), ("contract", "note"), ("client", "name")):
        with pytest.raises(InvalidInput) as refused:
            async with world.database.write(world.place.tenant_id, TESTS) as session:
                await take_rows(session, target, [{field: text}], today=TODAY)
        assert ("rows", "0", field) in {one.path for one in refused.value.problems}


async def test_settled_arrears_say_so_or_are_refused(world: World) -> None:
    await two_clients(world)
    header = ["客户编码", "账期", "欠费金额", "应缴日期", "已缴金额", "结清日期"]
    rows = [
        ["C1", "2026-09", 100, "2026-10-10", "", "2026-10-08"],
        ["C1", "2026-10", 100, "2026-11-10", 1, "2026-11-08"],
    ]
    batch = await world.send(csv_of(header, rows), target="arrears")
    assert problems_of(batch) == [(3, "settled_on", "open")]
