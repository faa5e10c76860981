"""What the plugin has against clients and records, asked as core asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from steward_core.forms.errors import MoveRefused
from steward_core.forms.service import move_record, save_draft, save_record
from steward_core.industry.dispatcher import check_client, check_record
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import InvalidInput
from tests.core.factories import make_client, make_contact
from tests.factories import make_unit, make_user
from tests.plugins.telecom.tenants import ORDER, REPORT, TODAY, VPN, telecom

SIGNED = {**ORDER, "signed_on": date(2026, 11, 10)}


@pytest.fixture
async def session(database: Database) -> AsyncIterator[WriteSession]:
    async with telecom(database) as opened:
        yield opened


@pytest.mark.parametrize(
    ("client", "code"),
    [
        ({"kind": "industry_client", "trade": "finance"}, None),
        ({"kind": "industry_client", "trade": None, "parent_id": uuid4()}, None),
        ({"kind": "industry_client", "trade": "alchemy"}, "unknown_trade"),
        ({"kind": "commercial", "trade": "银行"}, "unknown_trade"),
        ({"kind": "cluster_client", "trade": "hotel", "parent_id": None}, None),
        ({"kind": "cluster_client", "trade": "hotel", "parent_id": uuid4()}, "cluster_client_has_parent"),
        ({"kind": "somebody_elses", "trade": "alchemy", "parent_id": uuid4()}, None),
        ({}, None),
    ],
)
async def test_a_client_is_checked(session: WriteSession, client: dict[str, Any], code: str | None) -> None:
    assert [problem.code for problem in await check_client(session, client)] == ([code] if code else [])


async def test_any_trade_is_taken_where_the_tenant_says_so(database: Database) -> None:
    async with telecom(database, listed_trades_only=False) as session:
        assert await check_client(session, {"kind": "commercial", "trade": "alchemy"}) == []


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({"planned_on": date(2026, 11, 13)}, True),
        ({"planned_on": date(2026, 11, 14)}, False),
        ({"planned_on": date(2026, 11, 14), "delay_reason": "管道施工"}, True),
        ({"planned_on": date(2026, 11, 17), "resource_available": False}, True),
        ({"planned_on": date(2026, 11, 18), "resource_available": False}, False),
        ({"done_on": date(2026, 11, 14), "resource_available": True}, False),
        ({}, True),
    ],
)
async def test_a_late_installation_says_why(session: WriteSession, values: dict[str, Any], fits: bool) -> None:
    found = await check_record(session, "telecom.order_acceptance", {**SIGNED, **values}, {"status": "active"})
    assert [problem.path for problem in found] == ([] if fits else [("delay_reason",)])


async def test_there_is_no_business_with_closed_clients(session: WriteSession) -> None:
    closed = make_client(session, status="closed", kind="industry_client")
    await session.flush()
    with pytest.raises(InvalidInput) as refused:
        await save_record(session, "telecom.vpn_group", closed.id, VPN, today=TODAY)
    assert [problem.code for problem in refused.value.problems] == ["client_is_closed"]
    await save_record(session, "telecom.competitor_report", closed.id, REPORT, today=TODAY)


async def test_records_are_saved_about_clients_contacts_people_and_areas(session: WriteSession) -> None:
    client, user, unit = make_client(session), make_user(session), make_unit(session)
    contact = make_contact(session, client.id)
    await session.flush()
    issue = {"asset_code": "ZC1", "item": "终端", "place_of_use": "随身", "issued_on": TODAY}
    for key, subject, values in [
        ("vpn_group", client.id, VPN),
        ("key_person_care", contact.id, {"satisfaction": 5}),
        ("equipment_issue", user.id, issue),
        ("area_competitor_report", unit.id, REPORT),
    ]:
        row = await save_record(session, f"telecom.{key}", subject, values, today=TODAY)
        assert row.state == "filed"
        assert row.client_id == (client.id if key in ("vpn_group", "key_person_care") else None)


async def test_a_discount_is_decided_by_somebody_else(session: WriteSession) -> None:
    client = make_client(session)
    await session.flush()
    item = {"service": "专线", "standard_price": 300_000, "asked_price": 255_000}
    values = {
        "trade": "finance",
        "services": "专线",
        "background": "合同到期",
        "competition": "对手八折",
        "items": [item],
        "approver_chain": ["部门经理"],
    }
    row = await save_draft(session, "telecom.discount_request", client.id, {**values, "items": []}, today=TODAY)
    with pytest.raises(InvalidInput) as refused:
        await move_record(session, row.id, "submit", today=TODAY)
    assert [problem.path for problem in refused.value.problems] == [("items",)]
    row = await save_record(session, "telecom.discount_request", client.id, values, today=TODAY, record_id=row.id)
    assert row.state == "draft"
    assert (await move_record(session, row.id, "submit", today=TODAY)).state == "submitted"
    with pytest.raises(MoveRefused):
        await move_record(session, row.id, "file", today=TODAY)
