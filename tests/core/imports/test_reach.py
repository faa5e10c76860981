"""What an account manager sends: only what is theirs changes, and nothing is told of what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_asyncio

from steward_core.clients.models import Client, ClientFact, Contact
from steward_core.imports.edge import Request, apply_batch, begin, check_file, undo_batch
from steward_core.imports.errors import ImportNotFound
from steward_core.imports.queries import effects, import_of, imports
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_EXPORT, CLIENTS_VIEW, FACTS_RECORD, RECORDS_IMPORT
from steward_tenants.access import permissions as p
from steward_tenants.database.actor import Actor, ActorKind, Grant, Scope
from steward_tenants.database.identifiers import new_id
from steward_tenants.files.errors import FileNotFound
from steward_tenants.files.service import release
from tests.core.factories import make_client
from tests.core.imports.conftest import World, csv_of, problems_of
from tests.factories import TESTS, make_tenant, make_unit

RIGHTS = (CLIENTS_EDIT, CLIENTS_VIEW, RECORDS_IMPORT, FACTS_RECORD, CLIENTS_EXPORT, p.FILES_USE)
CODE = "91350100M000100Y43"


def manager(world: World, name: str) -> World:
    grant = Grant(new_id(), "manager", frozenset(one.key for one in RIGHTS), Scope.OWN)
    return world.as_actor(Actor(ActorKind.USER, world.users[name], name, world.unit_id, (grant,)))


@pytest_asyncio.fixture(loop_scope="session")
async def theirs(world: World) -> World:
    """Zhao, who has MINE; OTHER is Qian's, with a credit code."""
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        make_unit(session, code="EAST")
        make_client(session, code="MINE", owner_id=world.users["zhao"], unit_id=world.unit_id)
        make_client(session, code="OTHER", name="他人公司", credit_code=CODE, owner_id=world.users["qian"],
                    unit_id=world.unit_id)  # fmt: skip
    return manager(world, "zhao")


async def test_clients_of_others_are_neither_changed_nor_named(theirs: World) -> None:
    head = ["客户编码", "客户名称", "客户类型", "部门编码", "客户经理", "上级客户", "统一社会信用代码"]
    rows = [
        ["OTHER", "夺走公司", "company", "", "", "", ""],
        ["MINE", "", "", "EAST", "", "", ""],
        ["MINE2", "我的公司", "company", "", "1002", "", ""],
        ["MINE3", "我的公司", "company", "EAST", "", "", ""],
        ["MINE4", "我的公司", "company", "WEST", "1001", "OTHER", ""],
    ]
    batch = await theirs.send(csv_of(head, rows))
    assert {(row, field, code) for row, field, code in problems_of(batch)} == {
        (2, "code", "taken"),
        (3, "unit", "forbidden"),
        (4, "owner", "forbidden"),
        (5, "unit", "forbidden"),
        (6, "parent", "not_found"),
    }
    by_credit = csv_of(["统一社会信用代码", "客户名称", "客户类型"], [[CODE, "夺走公司", "company"]])
    assert problems_of(await theirs.send(by_credit)) == [(2, "credit_code", "taken")]
    assert (await theirs.clients())["OTHER"].name == "他人公司"
    assert await theirs.count(Client) == 2


async def test_nothing_hangs_on_clients_of_others(theirs: World) -> None:
    sent = {
        "contact": csv_of(["客户编码", "姓名"], [["OTHER", "张三"]]),
        "contract": csv_of(["客户编码", "合同编号", "合同名称", "开始日期"], [["OTHER", "H", "合同", "2026-01-01"]]),
        "arrears": csv_of(["客户编码", "账期", "欠费金额", "应缴日期"], [["OTHER", "2026-10", 1, "2026-11-01"]]),
        "fact": csv_of(["客户编码", "指标", "期间", "数值"], [["OTHER", "revenue", "2026-10", 1]]),
    }
    for target, content in sent.items():
        batch = await theirs.send(content, target=target)
        missing = await theirs.send(content.replace(b"OTHER", b"NOBODY"), target=target)
        assert problems_of(batch) == problems_of(missing) == [(2, "client", "client_not_found")]
    assert await theirs.count(Contact) + await theirs.count(ClientFact) == 0


async def test_imports_and_their_files_are_the_senders_own(theirs: World, world: World) -> None:
    bad = csv_of(["客户编码", "客户名称", "客户类型"], [["N1", "新公司", "没有"]])
    batch = await check_file(theirs.place, bad, "a.csv", Request("client"))
    other = manager(world, "qian")
    elsewhere = replace(theirs.place, tenant_id=await make_tenant(world.database), actor=TESTS)
    async with world.database.read(world.place.tenant_id, other.place.actor) as session:
        assert await imports(session) == []
        for look in (import_of, effects):
            with pytest.raises(ImportNotFound):
                await look(session, batch.id)
    for place in (other.place, elsewhere):
        with pytest.raises(ImportNotFound):
            await apply_batch(place, batch.id, skip_bad=True)
        with pytest.raises(ImportNotFound):
            await undo_batch(place, batch.id)
        with pytest.raises(FileNotFound):
            await begin(place, batch.file_id, Request("client"))
        assert batch.error_file_id is not None
        for file_id in (batch.file_id, batch.error_file_id):
            with pytest.raises(FileNotFound):
                async with world.database.write(place.tenant_id, place.actor) as session:
                    await release(session, file_id)
