"""Clients come in: guessed columns, references, parents in any order, the same file twice, changes."""

from __future__ import annotations

from sqlalchemy import func, select

from steward_core.clients.models import Client, ClientChange, ClientFact, ClientOwnership, ClientSearchKey, Contact
from steward_core.clients.search import search_clients
from tests.core.imports.conftest import TODAY, World, csv_of, problems_of
from tests.factories import TESTS

HEADER = [
    "客户编码",
    "客户名称",
    "类型",
    "客户等级",
    "统一社会信用代码",
    "部门编码",
    "客户经理",
    "上级客户",
    "联系人",
    "联系人电话",
    "月收入",
]


def rows(count: int = 12) -> list[list[object]]:
    return [
        [f"C{n:03}", f"华信测试{n}有限公司", "company" if n % 2 else "shop", "A", "", "WEST", "1001", "", "", "", ""]
        for n in range(1, count + 1)
    ]


async def test_a_file_comes_in_by_its_headings_and_again_changes_nothing(world: World) -> None:
    lines = rows()
    lines[0][7] = "C012"  # a parent that stands further down
    lines[1][7:10] = ["C001", "张三", "138 0000 0001"]
    content = csv_of(HEADER[:10], [line[:10] for line in lines])
    batch = await world.send(content)
    assert batch.status == "applied", batch.counts
    assert batch.columns["类型"] == "kind"
    assert batch.counts["confidence"]["上级客户"] == 0.9
    assert batch.counts["created"] == 12
    clients = await world.clients()
    assert clients["C001"].parent_id == clients["C012"].id
    assert clients["C002"].parent_id == clients["C001"].id
    assert (clients["C003"].kind, clients["C004"].kind) == ("company", "shop")
    assert (clients["C003"].tier, clients["C003"].owner_id) == ("A", world.users["zhao"])
    assert clients["C003"].unit_id == world.unit_id
    (contact,) = await world.all(Contact)
    assert (contact.name, contact.phone, contact.phone_tail, contact.main) == ("张三", "13800000001", "0001", True)
    assert await world.count(ClientOwnership) == 12
    async with world.database.read(world.place.tenant_id, TESTS) as session:
        (found,) = await search_clients(session, "C003", today=TODAY)
        assert found.id == clients["C003"].id
        assert len(await search_clients(session, "hxcs", today=TODAY)) == 12
        (by_contact,) = await search_clients(session, "张三", today=TODAY)
        assert by_contact.id == clients["C002"].id
    keys = await world.count(ClientSearchKey)
    again = await world.send(content)
    assert (again.counts["unchanged"], again.counts.get("updated")) == (12, None)
    assert await world.count(ClientSearchKey) == keys
    assert {code: one.version for code, one in (await world.clients()).items()} == dict.fromkeys(clients, 1)


async def test_changes_keep_histories_and_search(world: World) -> None:
    await world.send(csv_of(HEADER[:7], [line[:7] for line in rows(3)]))
    changed = [["C001", "改名贸易公司", "B", "1002"], ["C002", "", "", ""], ["C009", "没有类型", "", ""]]
    header = ["客户编码", "客户名称", "客户等级", "客户经理"]
    refused = await world.send(csv_of(header, changed))
    assert refused.status == "checked"
    assert problems_of(refused) == [(4, "kind", "missing")]
    batch = await world.send(csv_of(header, changed), skip_bad=True)
    assert {name: batch.counts[name] for name in ("updated", "unchanged", "refused")} == {
        "updated": 1, "unchanged": 1, "refused": 1,
    }  # fmt: skip
    client = (await world.clients())["C001"]
    assert (client.name, client.tier, client.owner_id) == ("改名贸易公司", "B", world.users["qian"])
    (change,) = await world.all(ClientChange)
    assert (change.field, change.before, change.after, change.source, change.source_id) == (
        "tier", "A", "B", "import", batch.id,
    )  # fmt: skip
    async with world.database.read(world.place.tenant_id, TESTS) as session:
        assert len(await search_clients(session, "改名", today=TODAY)) == 1
        assert {one.code for one in await search_clients(session, "华信测试", today=TODAY)} == {"C002", "C003"}
        owners = await session.rows(
            select(ClientOwnership.owner_id).where(
                session.within(ClientOwnership), ClientOwnership.client_id == client.id
            )
        )
    assert [row[0] for row in owners] == [world.users["qian"]]
    effects = await world.effects(batch)
    assert effects[2].before is not None
    assert effects[2].before["name"] == "华信测试1有限公司"


async def test_facts_come_with_their_clients_and_blank_ones_are_warned_of(world: World) -> None:
    lines = [["C1", "甲公司", "29.85"], ["C2", "乙公司", " "], ["C3", "丙公司", "1.2万"]]
    options = {"fact_period": "2026-10", "constants": {"kind": "company"}, "fact_source": "boss"}
    columns = {"编码": "code", "名": "name", "收入": "fact.revenue"}
    content = csv_of(list(columns), lines)
    batch = await world.send(content, columns=columns, options=options)
    assert (batch.counts["created"], batch.counts["warnings"]) == (3, 1)
    assert problems_of(batch) == [(3, "fact.revenue", "blank")]
    assert batch.error_file_id is not None
    facts = await world.all(ClientFact)
    assert sorted((int(one.value), one.period.isoformat(), one.source, one.revision) for one in facts) == [
        (2985, "2026-10-01", "boss", 1),
        (1200000, "2026-10-01", "boss", 1),
    ]
    assert {one.batch_id for one in facts} == {batch.id}
    again = await world.send(content, columns=columns, options=options)
    assert again.counts["unchanged"] == 3
    lines[0][2] = "30"
    third = await world.send(csv_of(list(columns), lines), columns=columns, options=options)
    assert (third.counts["updated"], third.counts["unchanged"]) == (1, 2)
    assert await world.count(ClientFact) == 3


async def test_value_maps_formats_and_ignored_columns(world: World) -> None:
    columns = {"customerID": "code", "gender": None, "Contract": "kind"}
    options = {"value_map": {"Contract": {"One year": "shop"}}, "formats": {"name": "客户 {customerID}"}}
    content = csv_of(list(columns), [["7590-VHVEG", "F", "One year"], ["5575-GNVDE", "M", "company"]])
    batch = await world.send(content, columns=columns, options=options)
    assert batch.counts["created"] == 2
    clients = await world.clients()
    assert (clients["7590-VHVEG"].name, clients["7590-VHVEG"].kind) == ("客户 7590-VHVEG", "shop")


async def test_bad_rows_are_named_and_nothing_is_written(world: World) -> None:
    lines = [
        ["C1", "甲公司", "company", "91350100M000100Y44", ""],
        ["C2", "乙公司", "company", "", "C9"],
        ["C2", "丙公司", "neverheard", "", ""],
        ["C4", "x" * 40_000, "company", "", "C5"],
        ["C5", "𠮷野家e\u0301Ｔｅｓｔ", "company", "", "C6"],
        ["C6", "环", "company", "", "C5"],
        ["", "无编码", "company", "", ""],
    ]
    batch = await world.send(csv_of(["客户编码", "客户名称", "客户类型", "信用代码", "上级客户"], lines))
    assert batch.status == "checked"
    found = problems_of(batch)
    assert {(row, code) for row, _, code in found} >= {
        (2, "credit_code_checksum"),
        (3, "not_found"),
        (4, "repeated"),
        (4, "choice"),
        (5, "cell_too_long"),
        (6, "cycle"),
        (7, "cycle"),
        (8, "missing"),
    }
    assert batch.counts["refused"] == 7
    assert await world.count(Client) == 0
    async with world.database.read(world.place.tenant_id, TESTS) as session:
        assert await session.scalar(select(func.count()).where(session.within(ClientSearchKey))) == 0
