"""Exports: read back they change nothing; masks, reach and formulas; on record before the bytes leave."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from openpyxl import load_workbook

from steward_core.clients.models import Client
from steward_core.clients.queries import ClientFilter
from steward_core.custom_fields.service import create_field
from steward_core.imports.export import ExportRequest, export_file
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_EXPORT, CLIENTS_VIEW, FACTS_VIEW, RECORDS_IMPORT
from steward_tenants.access.permissions import REVEAL_PHONE
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.imports.conftest import TODAY, World, csv_of, problems_of
from tests.factories import TESTS, actor_with

HEADER = [
    "客户编码",
    "客户名称",
    "客户类型",
    "等级",
    "上级客户",
    "经理",
    "客户电话",
    "地址",
    "纬度",
    "经度",
    "联系人",
    "月收入",
]


async def exported(world: World, what: str, form: Any = "csv", **more: Any) -> bytes:
    target = io.BytesIO()
    request = ExportRequest(what, format=form, **more)
    await export_file(world.database, world.place.tenant_id, world.place.actor, request, target, today=TODAY)
    return target.getvalue()


@pytest.fixture
async def filled(world: World) -> None:
    lines = [
        ["007", "=1+2 公司", "company", "A", "", "1001", "13800000001", 'a,"b" c', "31.2", "121.5", "张三", "12.5"],
        ["K2", "@乙公司𠮷", "shop", "", "007", "", "", "", "", "", "", ""],
    ]
    columns = dict(zip(HEADER, ["code", "name", "kind", "tier", "parent", "owner", "phone", "address", "latitude",
                                "longitude", "contact.name", "fact.revenue"], strict=True))  # fmt: skip
    batch = await world.send(csv_of(HEADER, lines), columns=columns, options={"fact_period": "2026-10"})
    assert batch.counts["created"] == 2, problems_of(batch)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("locale", ["zh-CN", "en"])
async def test_what_is_exported_comes_back_unchanged(world: World, filled: None, form: str, locale: str) -> None:
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        values = {"title_zh": "自定级别", "title_en": "Own level", "filterable": True}
        await create_field(session, "client", "level", "integer", values)
    await world.send(csv_of(["客户编码", "自定级别"], [["007", 5]]))
    for what in ("client", "contact", "fact"):
        content = await exported(world, what, form, locale=locale)
        batch = await world.send(content, target=what, name=f"back.{form}")
        assert batch.status == "applied", problems_of(batch)
        assert set(batch.counts) & {"created", "updated", "refused"} == set(), (what, batch.counts)
        assert batch.counts["unchanged"] == (2 if what == "client" else 1)
    assert (await world.clients())["007"].custom == {"level": 5}


async def test_no_cell_runs_as_a_formula(world: World, filled: None) -> None:
    content = (await exported(world, "client")).decode("utf-8-sig")
    assert "'=1+2 公司" in content
    assert "'@乙公司𠮷" in content
    book = load_workbook(io.BytesIO(await exported(world, "client", "xlsx")))
    sheet: Any = book.worksheets[0]
    assert {cell.data_type for cell in sheet["B"]} == {"s"}
    assert {cell.value for cell in sheet["B"]} >= {"=1+2 公司", "@乙公司𠮷"}


async def test_masks_and_reach_as_on_the_screen_and_on_record(world: World, filled: None) -> None:
    with pytest.raises(Forbidden):
        await exported(world.as_actor(actor_with(CLIENTS_VIEW)), "client")
    own = replace(actor_with(CLIENTS_EXPORT, CLIENTS_VIEW, scope=Scope.OWN), id=world.users["zhao"])
    mine = world.as_actor(own)
    content = (await exported(mine, "client", fields=("code", "phone"))).decode("utf-8-sig")
    assert content.splitlines()[1:] == ["007,••••0001"]
    with pytest.raises(Forbidden):
        await exported(mine, "fact")
    seeing = replace(actor_with(CLIENTS_EXPORT, CLIENTS_VIEW, REVEAL_PHONE, FACTS_VIEW), id=world.users["zhao"])
    asked = await exported(mine, "client", fields=("code", "phone"), reveal=True)
    assert asked.decode("utf-8-sig").splitlines()[1:] == ["007,••••0001"], "who may not see it does not get it"
    unasked = await exported(world.as_actor(seeing), "client", fields=("code", "phone"))
    assert "13800000001" not in unasked.decode("utf-8-sig")
    shown = await exported(world.as_actor(seeing), "client", fields=("code", "phone"), reveal=True)
    assert "13800000001" in shown.decode("utf-8-sig")
    events = await world.all(AuditEvent, AuditEvent.action == "read.export")
    assert [(one.actor_id, one.changes["rows"][1], one.changes["revealed"][1]) for one in events] == [
        (own.id, 1, False),
        (own.id, 1, True),
        (seeing.id, 2, False),
        (seeing.id, 2, True),
    ]
    shops = await exported(world, "client", fields=("code",), filters=ClientFilter(kinds=frozenset({"shop"})))
    assert shops.decode("utf-8-sig").split() == ["客户编码", "K2"]
    with pytest.raises(InvalidInput):
        await exported(world, "client", fields=("secret",))
    # A masked number that comes back is left alone.
    importing = replace(actor_with(CLIENTS_EXPORT, CLIENTS_VIEW, CLIENTS_EDIT, RECORDS_IMPORT), id=world.users["zhao"])
    batch = await world.as_actor(importing).send(await exported(world.as_actor(importing), "client"))
    assert batch.counts["unchanged"] == 2, problems_of(batch)
    assert {one.phone for one in await world.all(Client)} == {"13800000001", None}
