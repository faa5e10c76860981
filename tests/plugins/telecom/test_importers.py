"""The ready-made mappings: what they map fits the targets, and files come in by them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from steward_core.clients.models import Client, ClientFact, Contact
from steward_core.forms.models import FormRecord
from steward_core.imports.options import options_of
from steward_core.imports.plans import plan_for
from steward_core.imports.service import choose_mapping
from steward_core.imports.targets import target_of
from steward_core.industry.declarations import Importer
from steward_core.industry.registry import importer_of
from steward_core.spreadsheets.tables import Row
from steward_telecom.importers import BOSS_BILLS, BOSS_CLIENTS, IMPORTERS, TELCO_CHURN, VPN_GROUPS
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from tests.core.factories import make_client
from tests.factories import make_unit, make_user
from tests.plugins.telecom.tenants import TODAY, telecom

CHURN = {
    "customerID": "0000-TESTA",
    "gender": "Female",
    "tenure": "34",
    "MonthlyCharges": "56.95",
    "TotalCharges": "1889.5",
    "Churn": "No",
}


@pytest.fixture
async def session(database: Database) -> AsyncIterator[WriteSession]:
    async with telecom(database) as opened:
        yield opened


async def taken_in(
    session: WriteSession, importer: Importer, rows: Sequence[Mapping[str, str]], **options: Any
) -> list[Any]:
    """The rows of a file with the importer's headings, written; the rows as the work left them."""
    target = await target_of(session, importer.target)
    columns = importer.columns
    fields = await target.fields(session, [key for key in columns.values() if key])
    chosen = options_of({**importer.options, **options})
    plan = plan_for(list(columns), columns, {one.key: one for one in fields}, chosen)
    work = target.make(session, plan, today=TODAY, lock=True)
    read = [plan.read(Row(number, [row.get(name, "") for name in columns])) for number, row in enumerate(rows, 2)]
    await work.resolve(read)
    await work.apply([row for row in read if row.outcome != "refused"])
    await session.flush()
    return read


def problems(row: Any) -> list[str]:
    return [".".join(problem.path) for problem in row.problems]


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda one: one.key)
async def test_each_mapping_fits_its_target(session: WriteSession, importer: Importer) -> None:
    target = await target_of(session, importer.target)
    fields = await target.fields(session, [key for key in importer.columns.values() if key])
    options = options_of(importer.options)
    plan = plan_for(list(importer.columns), importer.columns, {one.key: one for one in fields}, options)
    assert plan.mapped
    assert importer_of(f"telecom.{importer.key}") is importer
    assert set(options.value_map) <= set(importer.columns)


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda one: one.key)
async def test_a_file_of_these_headings_is_recognised(session: WriteSession, importer: Importer) -> None:
    choice = await choose_mapping(session, importer.target, tuple(importer.columns))
    assert dict(choice.columns) == dict(importer.columns)


async def test_a_churn_file_comes_in(session: WriteSession) -> None:
    rows = [
        CHURN,
        {**CHURN, "customerID": "0000-TESTB", "Churn": "Yes"},
        {**CHURN, "customerID": "0000-TESTC", "TotalCharges": " "},
        {**CHURN, "customerID": "0000-TESTD", "Churn": "Maybe"},
    ]
    read = await taken_in(session, TELCO_CHURN, rows, fact_period="2026-10")
    assert [row.outcome for row in read] == ["created", "created", "created", "refused"]
    assert problems(read[3]) == ["status"]
    assert [[".".join(one.path) for one in row.warnings] for row in read[:3]] == [[], [], ["fact.total_charges"]]
    clients = await session.rows(
        select(Client.code, Client.name, Client.kind, Client.status).where(session.within(Client)).order_by(Client.code)
    )
    assert [tuple(row) for row in clients] == [
        ("0000-TESTA", "客户 0000-TESTA", "commercial", "active"),
        ("0000-TESTB", "客户 0000-TESTB", "commercial", "closed"),
        ("0000-TESTC", "客户 0000-TESTC", "commercial", "active"),
    ]
    facts = await session.rows(
        select(ClientFact.metric, ClientFact.value, ClientFact.period, ClientFact.source)
        .join(Client, Client.id == ClientFact.client_id)
        .where(session.within(ClientFact), session.within(Client), Client.code == "0000-TESTA")
        .order_by(ClientFact.metric)
    )
    october = date(2026, 10, 1)
    assert [tuple(row) for row in facts] == [
        ("monthly_bill", Decimal(5695), october, "telco_churn"),
        ("tenure_months", Decimal(34), october, "telco_churn"),
        ("total_charges", Decimal(188_950), october, "telco_churn"),
    ]


async def test_a_list_of_clients_comes_in_with_its_words(session: WriteSession) -> None:
    unit = make_unit(session, code="JK1")
    user = make_user(session, employee_number="E100")
    await session.flush()
    base = {
        "集团客户编号": "JT1",
        "集团客户名称": "东湾大酒店",
        "客户类型": "聚类客户",
        "客户等级": "B类",
        "行业类别": "酒店",
        "客户状态": "在用",
        "归属机构": "JK1",
        "客户经理工号": "E100",
        "归属区县": "东湾区",
        "联系人": "赵建国",
        "联系电话": "138 0000 0001",
    }
    rows = [
        base,
        {
            **base,
            "集团客户编号": "JT2",
            "集团客户名称": "西岭银行",
            "客户类型": "行业",
            "行业类别": "银行",
            "客户状态": "停机",
        },
        {**base, "集团客户编号": "JT3", "行业类别": "炼金"},
        {**base, "集团客户编号": "JT4", "客户类型": "外星客户"},
        {**base, "集团客户编号": "JT5", "统一社会信用代码": "913698010000000000"},
    ]
    read = await taken_in(session, BOSS_CLIENTS, rows)
    assert [row.outcome for row in read] == ["created", "created", "refused", "refused", "refused"]
    assert [problems(row) for row in read[2:]] == [["trade"], ["kind"], ["credit_code"]]
    found = await session.rows(
        select(Client.code, Client.kind, Client.tier, Client.trade, Client.status, Client.owner_id, Client.unit_id)
        .where(session.within(Client))
        .order_by(Client.code)
    )
    assert [tuple(row) for row in found] == [
        ("JT1", "cluster_client", "B", "hotel", "active", user.id, unit.id),
        ("JT2", "industry_client", "B", "finance", "dormant", user.id, unit.id),
    ]
    contacts = await session.scalars(select(Contact).where(session.within(Contact)))
    assert {(one.name, one.phone, tuple(one.roles)) for one in contacts} == {("赵建国", "13800000001", ("contact",))}


async def test_bills_and_use_come_in_for_clients_that_there_are(session: WriteSession) -> None:
    client = make_client(session, code="JT1")
    await session.flush()
    row = {
        "集团客户编号": "JT1",
        "出账金额": "1,234.50",
        "通话分钟数": "9000",
        "数据流量MB": "1.5万",
        "网群成员数": "88",
    }
    read = await taken_in(session, BOSS_BILLS, [row, {**row, "集团客户编号": "JT9"}], fact_period="2026-10")
    assert [one.outcome for one in read] == ["updated", "refused"]
    facts = await session.rows(
        select(ClientFact.metric, ClientFact.value)
        .where(session.within(ClientFact), ClientFact.client_id == client.id)
        .order_by(ClientFact.metric)
    )
    assert [tuple(one) for one in facts] == [
        ("call_minutes", 9000),
        ("data_traffic", 15_000),
        ("monthly_bill", 123_450),
        ("vpn_members", 88),
    ]


async def test_vpn_groups_come_in_and_are_known_again(session: WriteSession) -> None:
    make_client(session, code="JT1", kind="industry_client")
    await session.flush()
    row = {
        "集团客户编号": "JT1",
        "网群编号": "VG1",
        "网群名称": "华信虚拟网",
        "短号起": "6000",
        "短号止": "6199",
        "现有成员数": "120",
        "计划成员数": "150",
        "主套餐": "集团畅聊 39 套餐",
        "增值业务": "彩铃、呼叫转移",
        "月收入（元）": "4,680.00",
        "协议开始日": "2025年1月1日",
        "协议到期日": "2026/12/31",
        "续约状态": "洽谈中",
    }
    wrong = {**row, "网群编号": "VG2", "短号止": "5999", "协议到期日": "2024-01-01"}
    read = await taken_in(session, VPN_GROUPS, [row, wrong])
    assert [one.outcome for one in read] == ["created", "refused"]
    assert problems(read[1]) == ["short_number_to", "agreement_end"]
    again = await taken_in(session, VPN_GROUPS, [{**row, "现有成员数": "121"}])
    assert [one.outcome for one in again] == ["updated"]
    (record,) = await session.scalars(
        select(FormRecord).where(session.within(FormRecord)).execution_options(populate_existing=True)
    )
    assert (record.slot, record.state, record.title) == ("VG1", "filed", "华信虚拟网")
    assert record.document["value_added_services"] == ["彩铃", "呼叫转移"]
    assert (record.document["monthly_revenue"], record.document["renewal_state"]) == (468_000, "in_talks")
    assert (record.document["members_now"], record.computed["open_places"]) == (121, 29)
