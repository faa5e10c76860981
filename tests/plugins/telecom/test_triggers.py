"""What puts a client into the next plan, with the days and percentages at which it begins and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from steward_core.clients.models import ClientProduct, Product
from steward_core.industry.dispatcher import trigger_rows, triggers
from steward_telecom.triggers import month_days
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.core.factories import make_client, make_contact
from tests.factories import make_user
from tests.plugins.telecom.tenants import ORDER, REPORT, TODAY, VPN, add_fact, add_record, found, telecom

MONTHS = [date(2026, month, 1) for month in (7, 8, 9, 10)]


@pytest.fixture
async def session(database: Database) -> AsyncIterator[WriteSession]:
    async with telecom(database) as opened:
        yield opened


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


@pytest.mark.parametrize(
    ("left", "level"),
    [(-1, None), (0, 30), (30, 30), (31, 60), (60, 60), (61, 90), (90, 90), (91, None)],
)
async def test_a_vpn_agreement_is_warned_of_in_three_steps(session: WriteSession, left: int, level: int | None) -> None:
    client = make_client(session, kind="industry_client", name="华信网络")
    record_id = await add_record(session, "vpn_group", client.id, client.id, {**VPN, "agreement_end": in_days(left)})
    rows = await found(session, "vpn_agreement_ending")
    if level is None:
        assert rows == []
        return
    assert [(name, subject, due) for name, subject, due, _ in rows] == [("华信网络", record_id, in_days(left - level))]
    assert rows[0][3] == {
        "group_number": "VG1",
        "group_name": "华信虚拟网",
        "end_on": in_days(left).isoformat(),
        "days_left": left,
        "level": level,
    }


async def test_what_is_renewed_given_up_or_a_draft_is_not_warned_of(session: WriteSession) -> None:
    client = make_client(session)
    for number, (state, filed) in enumerate(
        [
            ("renewed", "filed"),
            ("declined", "filed"),
            ("in_talks", "filed"),
            ("in_talks", "draft"),
            ("in_talks", "withdrawn"),
        ]
    ):
        values = {**VPN, "group_number": f"VG{number}", "agreement_end": in_days(10), "renewal_state": state}
        await add_record(session, "vpn_group", client.id, client.id, values, filed)
    assert [row[3]["group_number"] for row in await found(session, "vpn_agreement_ending")] == ["VG2"]


async def test_the_new_agreement_is_warned_of_once_the_one_before_is_filled_in(session: WriteSession) -> None:
    """“Renewed” then tells of the agreement before, a year ago: the new one ends like any other."""
    client = make_client(session)
    values = {**VPN, "agreement_end": in_days(10), "previous_agreement_end": in_days(-355)}
    for number, state in enumerate(("renewed", "declined")):
        await add_record(
            session,
            "vpn_group",
            client.id,
            client.id,
            {**values, "group_number": f"VG{number}", "renewal_state": state},
        )
    assert [row[3]["group_number"] for row in await found(session, "vpn_agreement_ending")] == ["VG0"]


async def test_the_warning_days_are_the_tenants(database: Database) -> None:
    async with telecom(database, agreement_warning_days=[10]) as session:
        client = make_client(session)
        for number, days in enumerate((10, 11)):
            values = {**VPN, "group_number": f"VG{number}", "agreement_end": in_days(days)}
            await add_record(session, "vpn_group", client.id, client.id, values)
        assert [row[3]["group_number"] for row in await found(session, "vpn_agreement_ending")] == ["VG0"]


async def test_packages_of_products_and_groups_end(session: WriteSession) -> None:
    client = make_client(session)
    product = Product(id=new_id(), code="DL", name="互联网专线")
    session.add(product)
    await session.flush()
    for days in (-1, 0, 30, 31):
        use = ClientProduct(id=new_id(), client_id=client.id, product_id=product.id, ended_on=in_days(days))
        session.add(use)
    session.add(ClientProduct(id=new_id(), client_id=client.id, product_id=product.id))
    for number, days in enumerate((29, 31)):
        values = {**VPN, "group_number": f"VG{number}", "main_package_ends_on": in_days(days)}
        await add_record(session, "vpn_group", client.id, client.id, values)
    rows = await found(session, "package_ending")
    assert [(due, figures["package"], figures["days_left"]) for _, _, due, figures in rows] == [
        (in_days(-30), "互联网专线", 0),
        (in_days(-1), "集团畅聊 39 套餐", 29),
        (in_days(0), "互联网专线", 30),
    ]


@pytest.mark.parametrize(
    ("trigger", "metric"),
    [("bill_fell", "monthly_bill"), ("minutes_fell", "call_minutes"), ("traffic_fell", "data_traffic")],
)
async def test_a_fall_by_thirty_percent_against_three_months_is_found(
    session: WriteSession, trigger: str, metric: str
) -> None:
    for name, values in {
        "跌三成": (900, 1000, 1100, 700),
        "跌不到三成": (900, 1000, 1100, 701),
        "缺一个月": (None, 1000, 1100, 100),
        "没有上月": (900, 1000, 1100, None),
        "全无": (1000, 1000, 1000, 0),
    }.items():
        client = make_client(session, name=name)
        for month, value in zip(MONTHS, values, strict=True):
            if value is not None:
                add_fact(session, client.id, metric, month, value)
    rows = {name: figures for name, _, _, figures in await found(session, trigger)}
    assert set(rows) == {"跌三成", "全无"}
    assert rows["跌三成"] == {"metric": metric, "period": "2026-10", "latest": 700, "mean": 1000, "fall_percent": 30}


@pytest.mark.parametrize(
    ("before", "now", "fires"),
    [
        (1000, 990, True),  # ten at once
        (1000, 991, False),
        (15, 12, True),  # three, and 20 %
        (16, 13, False),  # three, and 18.75 %
        (10, 8, False),  # 20 %, and two only
        (3, 0, True),
        (100, 120, False),
    ],
)
async def test_many_members_that_leave_at_once_are_a_churn_warning(
    session: WriteSession, before: int, now: int, fires: bool
) -> None:
    client = make_client(session, name="华信网络")
    add_fact(session, client.id, "vpn_members", MONTHS[2], before)
    add_fact(session, client.id, "vpn_members", MONTHS[3], now)
    rows = await found(session, "members_left")
    assert [figures["left"] for _, _, _, figures in rows] == ([before - now] if fires else [])
    assert await found(session, "members_left", date(2026, 12, 1)) == []  # November has not arrived


async def test_competitors_contracts_are_told_one_by_one(session: WriteSession) -> None:
    client = make_client(session)
    services = [
        {"operator": "远通通信", "service": f"专线{days}", "monthly_fee": 80_000, "ends_on": in_days(days).isoformat()}
        for days in (-1, 0, 90, 91)
    ]
    profile = {"competitor_services": [*services, {"operator": "联讯网络", "service": "宽带"}]}
    record_id = await add_record(session, "communication_profile", client.id, client.id, profile)
    other = make_client(session)
    await add_record(session, "communication_profile", other.id, other.id, {})
    rows = await found(session, "competitor_contract_ending")
    assert [(due, subject) for _, subject, due, _ in rows] == [(in_days(-90), record_id), (in_days(0), record_id)]
    assert rows[0][3] == {
        "operator": "远通通信",
        "service": "专线0",
        "monthly_fee": 80_000,
        "end_on": TODAY.isoformat(),
        "days_left": 0,
    }


async def test_a_satisfaction_of_two_is_low(session: WriteSession) -> None:
    client = make_client(session)
    contacts = []
    for stars in (1, 2, 3, None):
        contact = make_contact(session, client.id)
        await add_record(session, "key_person_care", contact.id, client.id, {"satisfaction": stars})
        contacts.append(contact.id)
    rows = await found(session, "satisfaction_low")
    assert {(subject, figures["satisfaction"]) for _, subject, _, figures in rows} == {
        (contacts[0], 1),
        (contacts[1], 2),
    }


async def test_birthdays_of_the_care_add_to_those_of_the_contacts(session: WriteSession) -> None:
    client = make_client(session)
    people: list[tuple[str, dict[str, Any], date]] = [
        ("今天", {}, date(1970, 11, 20)),
        ("第七天", {}, date(1980, 11, 27)),
        ("第八天", {}, date(1980, 11, 28)),
        ("档案已有", {"birthday": date(1970, 11, 21), "roles": ["key_person"]}, date(1970, 11, 21)),
        ("普通联系人", {"birthday": date(1970, 11, 21), "roles": ["clerk"]}, date(1970, 11, 21)),
        ("已离职", {"left_on": date(2026, 1, 1)}, date(1970, 11, 21)),
    ]
    for name, values, born in people:
        contact = make_contact(session, client.id, name=name, **values)
        await add_record(session, "key_person_care", contact.id, client.id, {"birthday": born})
    rows = await found(session, "care_birthday")
    assert [(figures["contact"], due) for _, _, due, figures in rows] == [
        ("今天", TODAY),
        ("普通联系人", in_days(1)),
        ("第七天", in_days(7)),
    ]


def test_the_29th_of_february_is_the_28th_in_other_years() -> None:
    assert month_days([date(2027, 2, 28)]) == {228: date(2027, 2, 28), 229: date(2027, 2, 28)}
    assert month_days([date(2028, 2, 28)]) == {228: date(2028, 2, 28)}


async def test_key_persons_are_greeted_once_on_a_festival(session: WriteSession) -> None:
    today = date(2027, 1, 25)  # the Spring Festival is on 6 February
    client = make_client(session)
    greeted = {"festival": "spring", "sent_on": "2027-01-20"}
    for name, roles, greeting in [
        ("未问候", ["key_person"], None),
        ("问候过", ["key_person"], greeted),
        ("去年问候", ["decision_maker"], {**greeted, "sent_on": "2026-02-10"}),
        ("别的节日", ["key_person"], {**greeted, "festival": "new_year"}),
        ("经办人", ["clerk"], None),
    ]:
        contact = make_contact(session, client.id, name=name, roles=roles)
        if greeting:
            await add_record(session, "key_person_care", contact.id, client.id, {"greetings": [greeting]})
    rows = await found(session, "festival_greeting", today)
    assert {figures["contact"] for _, _, _, figures in rows} == {"未问候", "去年问候", "别的节日"}
    assert {(due, figures["festival"]) for _, _, due, figures in rows} == {(date(2027, 2, 6), "spring")}
    assert await found(session, "festival_greeting", date(2027, 1, 22)) == []
    assert len(await found(session, "festival_greeting", date(2027, 1, 23))) == 3
    assert len(await found(session, "festival_greeting", date(2027, 2, 6))) == 3
    assert await found(session, "festival_greeting", date(2027, 2, 7)) == []


async def test_new_prospects_at_whom_nothing_happened_are_to_be_visited(session: WriteSession) -> None:
    today = datetime.now(UTC).date()
    owner = make_user(session)
    await session.flush()
    prospects: dict[str, dict[str, Any]] = {
        "新发现": {},
        "录入当天": {"last_activity_on": today},
        "已走访": {"last_activity_on": today + timedelta(days=1)},
        "公海": {"owner_id": None},
        "在网": {"status": "active"},
        "一个月前": {"created_at": datetime.now(UTC) - timedelta(days=30)},
        "二十九天前": {"created_at": datetime.now(UTC) - timedelta(days=29)},
    }
    for name, values in prospects.items():
        make_client(session, **{"name": name, "status": "prospect", "owner_id": owner.id, **values})
    rows = await found(session, "new_client", today)
    assert {name: due for name, _, due, _ in rows} == {
        "新发现": today + timedelta(days=7),
        "录入当天": today + timedelta(days=7),
        "二十九天前": today - timedelta(days=22),
    }


async def test_the_first_visit_is_due_a_week_after_the_installation(session: WriteSession) -> None:
    done = date(2026, 11, 13)
    for name, last in {"未访": None, "完工前访": done, "已访": done + timedelta(days=1)}.items():
        client = make_client(session, name=name, last_activity_on=last)
        await add_record(session, "order_acceptance", client.id, client.id, {**ORDER, "done_on": done})
    waiting = make_client(session, name="未完工")
    await add_record(session, "order_acceptance", waiting.id, waiting.id, dict(ORDER))
    assert {name: due for name, _, due, _ in await found(session, "first_visit_due")} == {
        "未访": TODAY,
        "完工前访": TODAY,
    }


@pytest.mark.parametrize(
    ("resource", "days", "overdue"),
    [(True, 3, None), (True, 4, 1), (None, 4, 1), (False, 7, None), (False, 8, 1)],
)
async def test_an_installation_is_overdue_after_three_or_seven_days(
    session: WriteSession, resource: bool | None, days: int, overdue: int | None
) -> None:
    client = make_client(session)
    order: dict[str, Any] = {**ORDER, "signed_on": in_days(-days), "resource_available": resource}
    await add_record(session, "order_acceptance", client.id, client.id, order)
    await add_record(session, "order_acceptance", client.id, client.id, {**order, "done_on": TODAY})
    rows = await found(session, "installation_overdue")
    assert [figures["days_over"] for _, _, _, figures in rows] == ([overdue] if overdue else [])


async def test_orders_that_lack_papers_are_told_until_they_are_done(session: WriteSession) -> None:
    client = make_client(session)
    whole: dict[str, Any] = {
        "contract_copies": 4,
        "seam_seals": True,
        "ip_request_copies": 2,
        "commitment_letter_copies": 2,
        "licence_copy": True,
        "payer_slip": True,
    }
    orders = [whole, {**whole, "contract_copies": 3, "payer_slip": False}, {"done_on": TODAY}]
    for number, values in enumerate(orders):
        await add_record(
            session, "order_acceptance", client.id, client.id, {**ORDER, "contract_number": f"XZ{number}", **values}
        )
    rows = await found(session, "documents_missing")
    assert [figures for _, _, _, figures in rows] == [{"contract_number": "XZ1", "missing": ["contract", "payer_slip"]}]


@pytest.mark.parametrize(
    ("reported", "due"),
    [
        (date(2026, 11, 12), date(2026, 11, 13)),
        (date(2026, 11, 13), date(2026, 11, 16)),
        (date(2026, 11, 14), date(2026, 11, 16)),
        (date(2026, 11, 15), date(2026, 11, 16)),
    ],
)
async def test_urgent_reports_are_passed_on_within_a_working_day(
    session: WriteSession, reported: date, due: date
) -> None:
    client = make_client(session)
    for values in ({"urgent": True}, {"urgent": False}, {"urgent": True, "department_told": "市场部"}):
        await add_record(
            session, "competitor_report", client.id, client.id, {**REPORT, "reported_on": reported, **values}
        )
    assert [row[2] for row in await found(session, "urgent_report_untold")] == [due]


async def test_closed_clients_and_other_tenants_raise_nothing(database: Database) -> None:
    async with telecom(database) as elsewhere:
        client = make_client(elsewhere)
        await add_record(elsewhere, "vpn_group", client.id, client.id, {**VPN, "agreement_end": in_days(5)})
        add_fact(elsewhere, client.id, "vpn_members", MONTHS[2], 100)
        add_fact(elsewhere, client.id, "vpn_members", MONTHS[3], 50)
        await elsewhere.flush()
    async with telecom(database) as session:
        closed = make_client(session, status="closed")
        await add_record(session, "vpn_group", closed.id, closed.id, {**VPN, "agreement_end": in_days(5)})
        answer = await trigger_rows(session, None, TODAY)
        assert (answer.rows, answer.faults) == ((), ())
        assert len([key for key in await triggers(session) if key.startswith("telecom.")]) == 15
