"""The other targets: facts long and wide, contacts, contracts, products, arrears, forms; rows from memory."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest

from steward_core.clients.models import Arrears, Client, ClientFact, ClientProduct, Contact, Contract, Product
from steward_core.forms.fields import Choice, Money, Text, field
from steward_core.forms.form import Form, FormInfo, Several, SubjectKind
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.imports.edge import undo_batch
from steward_core.imports.errors import TargetUnknown
from steward_core.imports.in_memory import take_rows
from steward_core.industry.declarations import Importer, Industry
from steward_core.industry.hookspecs import hookimpl
from steward_core.industry.registry import registered
from steward_tenants.errors import InvalidInput
from steward_tenants.plugins.models import PluginSwitch
from steward_tenants.texts import Bilingual
from tests.core.imports.conftest import TODAY, World, csv_of, problems_of
from tests.factories import TESTS


class Size(Choice):
    """A closed list."""

    BIG = "big", "大", "Big"
    SMALL = "small", "小", "Small"


class Report(Form):
    """A form of the test's own plugin."""

    about = FormInfo("report", Bilingual("测试报告", "Report"), SubjectKind.CLIENT, Several.PERIOD)
    topic: Annotated[Text, field("主题", "Topic", filterable=True)]
    size: Annotated[Size, field("规模", "Size")] = Size.BIG
    price: Annotated[Money | None, field("报价", "Price")] = None


class Plugin:
    """A plugin with one form and one importer."""

    @hookimpl
    def industry(self) -> Industry:
        """Everything declared."""
        return Industry(
            key="trial",
            title=Bilingual("试验", "Trial"),
            version="1.0",
            description=Bilingual("试验用插件", "For trials"),
            forms=(Report,),
            importers=(
                Importer(
                    "crm",
                    Bilingual("旧系统客户表", "Old system"),
                    "client",
                    {"CRM_ID": "code", "CRM_NM": "name", "CRM_X": None},
                    {"constants": {"kind": "company"}},
                ),
            ),
        )


async def take(world: World, target: str, *rows: dict[str, Any], **options: Any) -> Any:
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        return await take_rows(session, target, rows, today=TODAY, options=options)


@pytest.fixture
async def two_clients(world: World) -> None:
    await take(
        world,
        "client",
        {"code": "B", "name": "乙公司", "kind": "company", "parent": "A"},
        {
            "code": "A",
            "name": "甲公司",
            "kind": "company",
            "tier": "A",
            "contact.name": "赵一",
            "basic_confirmed_on": TODAY,
        },
    )


async def test_rows_from_memory_come_in_at_once_or_not_at_all(world: World, two_clients: None) -> None:
    clients = await world.clients()
    assert clients["B"].parent_id == clients["A"].id
    assert clients["A"].basic_confirmed_on == TODAY
    with pytest.raises(InvalidInput) as caught:
        await take(
            world,
            "client",
            {"code": "C", "name": "丙", "kind": "company"},
            {"code": "D", "name": "", "kind": "nothing", "colour": "red"},
            {"code": "C", "name": "丙", "kind": "company"},
        )
    assert {(one.path, one.code) for one in caught.value.problems} == {
        (("rows", "1", "colour"), "unknown"),
        (("rows", "1", "kind"), "choice"),
        (("rows", "1", "name"), "missing"),
        (("rows", "2"), "repeated"),
    }
    assert await world.count(Client) == 2
    with pytest.raises(InvalidInput) as caught:
        await take(world, "client", {"code": "A", "parent": "B"})
    assert caught.value.problems[0].code == "cycle"


async def test_facts_long_and_wide(world: World, two_clients: None) -> None:
    long = csv_of(
        ["客户编码", "指标", "账期", "数值"], [["A", "月收入", "2026年9月", "1,234.5"], ["B", "lines", "202609", "7"]]
    )
    batch = await world.send(long, target="fact")
    assert batch.counts["created"] == 2, problems_of(batch)
    assert (await world.send(long, target="fact")).counts["unchanged"] == 2
    columns = {"客户": "client", "九月": "value@2026-09", "十月": "value@2026-10", "用户": "fact.lines@2026-10"}
    options = {"metric": "revenue"}
    wide = csv_of(list(columns), [["A", "2000", "3000", "5"], ["B", "", "1", ""], ["Z", "1", "1", "1"]])
    batch = await world.send(wide, target="fact", columns=columns, options=options, skip_bad=True)
    assert {name: batch.counts[name] for name in ("updated", "created", "refused", "warnings")} == {
        "updated": 1, "created": 1, "refused": 1, "warnings": 1,
    }  # fmt: skip
    facts = await world.all(ClientFact)
    assert sorted((one.metric, one.period.month, int(one.value), one.revision) for one in facts) == [
        ("lines", 9, 7, 1),
        ("lines", 10, 5, 1),
        ("revenue", 9, 123450, 1),
        ("revenue", 9, 200000, 2),
        ("revenue", 10, 100, 1),
        ("revenue", 10, 300000, 1),
    ]
    undone = await undo_batch(world.place, batch.id)
    assert undone.counts["undone"] == 2
    last = max((one for one in await world.all(ClientFact) if one.metric == "revenue" and one.period.month == 9),
               key=lambda one: one.revision)  # fmt: skip
    assert (int(last.value), last.withdrawn) == (123450, False)
    bad = csv_of(["客户编码", "指标", "账期", "数值"], [["A", "月收入", "2035-01", "x"], ["A", "没有", "2026-09", "1"]])
    assert {code for _, _, code in problems_of(await world.send(bad, target="fact"))} == {"number", "choice"}


async def test_what_hangs_on_clients(world: World, two_clients: None) -> None:
    contacts = [["A", "赵一", "决策人、关键人", "13800000001", "1980年5月1日"], ["B", "钱二", "", "13900000002", ""]]
    content = csv_of(["客户编码", "姓名", "角色", "手机", "生日"], contacts)
    batch = await world.send(content, target="contact")
    assert (batch.counts["created"], batch.counts["updated"]) == (1, 1), problems_of(batch)
    found = {one.name: one for one in await world.all(Contact)}
    assert found["赵一"].roles == ["decision_maker", "key_person"]
    assert found["赵一"].birthday == date(1980, 5, 1)
    assert (found["赵一"].main, found["钱二"].main) == (True, True)
    await world.send(
        csv_of(["客户编码", "姓名", "主要联系人"], [["A", "孙三", "是"], ["B", "李四", ""]]), target="contact"
    )
    mains = {one.name for one in await world.all(Contact) if one.main}
    assert mains == {"孙三", "钱二"}
    await world.send(csv_of(["客户编码", "姓名", "主要联系人"], [["A", "赵一", "是"]]), target="contact")
    assert {one.name for one in await world.all(Contact) if one.main} == {"赵一", "钱二"}
    assert (await world.send(content, target="contact")).counts["unchanged"] == 2
    undone = await undo_batch(world.place, batch.id)
    assert (undone.counts["undone"], undone.counts["kept"]) == (1, 1)  # 赵一 was changed since
    assert {one.name for one in await world.all(Contact)} == {"赵一", "孙三", "李四"}

    contract = [
        ["A", "HT-1", "服务合同", "2026-01-01", "2026/12/31", "12,000"],
        ["B", "HT-2", "坏", "2026-05-01", "2026-04-01", ""],
    ]
    header = ["客户编码", "合同编号", "合同名称", "开始日期", "到期日期", "合同金额"]
    batch = await world.send(csv_of(header, contract), target="contract", skip_bad=True)
    assert problems_of(batch) == [(3, "end_on", "days")]
    (one,) = await world.all(Contract)
    assert (one.amount, one.status, one.end_on) == (1_200_000, "active", date(2026, 12, 31))
    stolen = await world.send(csv_of(header, [["B", "HT-1", "x", "2026-01-01", "", ""]]), target="contract")
    assert problems_of(stolen) == [(2, "number", "taken")]

    products = csv_of(["产品编码", "产品名称"], [["P1", "专线"], ["P2", "彩铃"]])
    assert (await world.send(products, target="product")).counts["created"] == 2
    uses = csv_of(["客户编码", "产品编码", "数量", "月费"], [["A", "P1", "1.5", "30"], ["A", "P9", "", ""]])
    batch = await world.send(uses, target="client_product", skip_bad=True)
    assert problems_of(batch) == [(3, "product", "not_found")]
    (use,) = await world.all(ClientProduct)
    assert (use.quantity, use.monthly_amount) == (Decimal("1.500"), 3000)
    assert (await world.send(uses, target="client_product", skip_bad=True)).counts["unchanged"] == 1
    products_batch = await world.send(csv_of(["产品编码", "产品名称"], [["P3", "短信"]]), target="product")
    await undo_batch(world.place, products_batch.id)
    assert {one.code for one in await world.all(Product)} == {"P1", "P2"}

    arrears = csv_of(["客户编码", "账期", "欠费金额", "已缴金额", "应缴日期"],
                     [["A", "2026-09", "100", "", "2026-10-15"], ["B", "2026-09", "5", "6", "2026-10-15"]])  # fmt: skip
    batch = await world.send(arrears, target="arrears", skip_bad=True)
    assert problems_of(batch) == [(3, "paid", "range")]
    (owed,) = await world.all(Arrears)
    assert (owed.amount, owed.paid, owed.source) == (10_000, 0, "import")
    with pytest.raises(TargetUnknown):
        await world.send(arrears, target="nothing")


async def test_forms_and_a_plugins_importer(world: World, two_clients: None) -> None:
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        session.add(PluginSwitch(plugin="trial", enabled=True, settings={}))
    with registered(Plugin()):
        header = ["客户编码", "期间", "主题", "规模", "报价（元）"]
        content = csv_of(header, [["A", "2026-10", "一", "小", "9.90"], ["B", "2026-10", "", "中", ""]])
        batch = await world.send(content, target="form:trial.report", skip_bad=True)
        assert {(field, code) for _, field, code in problems_of(batch)} == {("topic", "required"), ("size", "choice")}
        (record,) = await world.all(FormRecord)
        assert record.document == {"topic": "一", "size": "small", "price": 990}
        assert (record.state, record.slot) == ("filed", "2026-10")
        again = await world.send(content, target="form:trial.report", skip_bad=True)
        assert again.counts["unchanged"] == 1
        other = csv_of(["客户编码", "期间", "主题"], [["A", "2026-10", "二"], ["A", "2026-11", "三"]])
        batch = await world.send(other, target="form:trial.report")
        assert (batch.counts["updated"], batch.counts["created"]) == (1, 1)
        assert await world.count(FormRevision) == 1
        undone = await undo_batch(world.place, batch.id)
        assert (undone.counts["undone"], undone.counts["kept"]) == (2, 0)
        (record,) = await world.all(FormRecord)
        assert record.document["topic"] == "一"
        ready = await world.send(csv_of(["CRM_ID", "CRM_NM", "CRM_X"], [["Q", "来自旧系统", "?"]]))
        assert (ready.counts["mapping"], ready.counts["created"]) == ("importer", 1)
