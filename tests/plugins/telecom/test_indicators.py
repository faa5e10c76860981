"""The managers' figures, computed by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from steward_core.clients.models import (
    Arrears,
    Client,
    ClientChange,
    ClientOwnership,
    ClientProduct,
    Contract,
    Product,
)
from steward_core.forms.models import FormRecord
from steward_core.industry.declarations import Period
from steward_core.industry.dispatcher import computed_values
from steward_core.plans.models import PlanAction, VisitPlan
from steward_telecom.periods import compared_with, months_of
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.people.models import User
from tests.core.factories import make_client
from tests.factories import make_unit, make_user
from tests.plugins.telecom.tenants import NOVEMBER, REPORT, TODAY, VPN, add_fact, add_record, measured, telecom

OCTOBER = Period("2026-10", date(2026, 10, 1), date(2026, 11, 1))
DAY = date(2026, 11, 5)


@pytest.fixture
async def session(database: Database) -> AsyncIterator[WriteSession]:
    async with telecom(database) as opened:
        yield opened


async def managers(session: WriteSession) -> tuple[User, User]:
    pair = make_user(session, name="李静"), make_user(session, name="王强")
    await session.flush()
    return pair


async def handed_over(session: WriteSession, client: Client, to: UUID, on: date) -> None:
    """The client goes to somebody else on a day."""
    await session.flush()
    held = await session.find(ClientOwnership, ClientOwnership.client_id == client.id)
    assert held is not None
    held.valid_until = on
    client.owner_id = to
    session.add(ClientOwnership(client_id=client.id, valid_from=on, owner_id=to, unit_id=None))


def closed(
    session: WriteSession, client: Client, moment: datetime, before: str = "active", after: str = "closed"
) -> None:
    client.status = after
    session.add(
        ClientChange(
            id=new_id(),
            client_id=client.id,
            field="status",
            before=before,
            after=after,
            reason="测试",
            changed_by=session.actor.id,
            changed_at=moment,
        )
    )


async def test_retention_counts_clients_in_use_when_the_period_began(session: WriteSession) -> None:
    li, wang = await managers(session)
    for status in ("active", "dormant", "prospect", "closed"):
        make_client(session, owner_id=li.id, status=status)
    lost = make_client(session, owner_id=li.id)
    closed(session, lost, datetime(2026, 11, 12, tzinfo=UTC))
    early = make_client(session, owner_id=li.id)
    closed(session, early, datetime(2026, 10, 12, tzinfo=UTC))
    late = make_client(session, owner_id=li.id)
    closed(session, late, datetime(2026, 12, 1, tzinfo=UTC))
    back = make_client(session, owner_id=wang.id)
    closed(session, back, datetime(2026, 11, 3, tzinfo=UTC))
    closed(session, back, datetime(2026, 11, 9, tzinfo=UTC), "closed", "active")
    moved = make_client(session, owner_id=wang.id)
    await handed_over(session, moved, li.id, DAY)
    assert await measured(session, "retention_rate") == {"李静": (75, 3, 4), "王强": (100, 2, 2)}


async def test_renewals_count_contracts_by_their_successors_and_vpn_agreements(session: WriteSession) -> None:
    li, wang = await managers(session)
    mine, other = make_client(session, owner_id=li.id), make_client(session, owner_id=wang.id)

    def contract(client: Client, number: str, end: date, **values: Any) -> UUID:
        row = Contract(
            **{
                "id": new_id(),
                "client_id": client.id,
                "number": number,
                "title": "服务合同",
                "status": "active",
                "start_on": date(2025, 1, 1),
                "end_on": end,
                "created_by": session.actor.id,
                **values,
            }
        )
        session.add(row)
        return row.id

    renewed = contract(mine, "1", DAY, status="ended")
    contract(mine, "2", date(2026, 11, 30))
    contract(mine, "3", date(2026, 12, 1))
    contract(mine, "4", DAY, status="draft")
    await session.flush()
    contract(mine, "5", date(2028, 1, 1), renews_id=renewed)
    waiting = contract(other, "6", date(2026, 11, 1))
    await session.flush()
    contract(other, "7", date(2028, 1, 1), renews_id=waiting, status="draft")
    groups: list[dict[str, Any]] = [
        {"agreement_end": DAY, "renewal_state": "renewed"},
        {"agreement_end": DAY},
        {"agreement_end": date(2028, 1, 1), "previous_agreement_end": DAY},
        {"agreement_end": date(2028, 1, 1)},
        # The renewal of a year ago, which nobody has followed yet.
        {"agreement_end": DAY, "previous_agreement_end": date(2025, 11, 4), "renewal_state": "renewed"},
    ]
    for number, values in enumerate(groups):
        await add_record(session, "vpn_group", mine.id, mine.id, {**VPN, "group_number": f"VG{number}", **values})
    assert await measured(session, "renewal_rate") == {"李静": (50, 3, 6), "王强": (0, 0, 1)}


async def test_revenue_is_whose_client_it_was_on_the_booking_date(session: WriteSession) -> None:
    li, wang = await managers(session)
    one, two = make_client(session, owner_id=li.id), make_client(session, owner_id=wang.id)
    add_fact(session, one.id, "monthly_bill", OCTOBER.start, 120_000)
    add_fact(session, one.id, "monthly_bill", NOVEMBER.start, 150_000)
    add_fact(session, two.id, "monthly_bill", NOVEMBER.start, 50_000)
    add_fact(session, make_client(session).id, "monthly_bill", NOVEMBER.start, 9)
    await handed_over(session, one, wang.id, DAY)
    assert await measured(session, "revenue", OCTOBER) == {"李静": (120_000, None, None)}
    assert await measured(session, "revenue") == {"王强": (200_000, None, None)}


async def test_growth_compares_like_with_like(session: WriteSession) -> None:
    li, wang = await managers(session)
    one, two = make_client(session, owner_id=li.id), make_client(session, owner_id=li.id)
    for client, october, november in ((one, 100_000, 130_000), (two, 100_000, 90_000)):
        add_fact(session, client.id, "monthly_bill", OCTOBER.start, october)
        add_fact(session, client.id, "monthly_bill", NOVEMBER.start, november)
    add_fact(session, make_client(session, owner_id=wang.id).id, "monthly_bill", NOVEMBER.start, 5)
    assert await measured(session, "revenue_growth") == {"李静": (10, 20_000, 200_000)}


async def test_growth_against_last_year_where_the_tenant_says_so(database: Database) -> None:
    async with telecom(database, growth_against="last_year") as session:
        li, _ = await managers(session)
        client = make_client(session, owner_id=li.id)
        for month, value in ((date(2025, 11, 1), 80_000), (OCTOBER.start, 1), (NOVEMBER.start, 100_000)):
            add_fact(session, client.id, "monthly_bill", month, value)
        assert await measured(session, "revenue_growth") == {"李静": (25, 20_000, 80_000)}


@pytest.mark.parametrize(
    ("start", "end", "against", "before"),
    [
        (date(2026, 11, 1), date(2026, 12, 1), "previous", (date(2026, 10, 1), date(2026, 11, 1))),
        (date(2026, 1, 1), date(2026, 4, 1), "previous", (date(2025, 10, 1), date(2026, 1, 1))),
        (date(2026, 1, 1), date(2027, 1, 1), "previous", (date(2025, 1, 1), date(2026, 1, 1))),
        (date(2026, 11, 9), date(2026, 11, 16), "previous", (date(2026, 11, 2), date(2026, 11, 9))),
        (date(2028, 2, 29), date(2028, 3, 1), "last_year", (date(2027, 2, 28), date(2027, 3, 1))),
        (date(2026, 11, 1), date(2026, 12, 1), "last_year", (date(2025, 11, 1), date(2025, 12, 1))),
    ],
)
def test_the_period_that_is_compared_with(start: date, end: date, against: str, before: tuple[date, date]) -> None:
    found = compared_with(Period("x", start, end), against)
    assert (found.start, found.end) == before


def test_months_of_a_period() -> None:
    assert months_of(NOVEMBER) == 1
    assert months_of(Period("2026", date(2026, 1, 1), date(2027, 1, 1))) == 12
    assert months_of(Period("week", date(2026, 11, 9), date(2026, 11, 16))) == 0


async def test_new_services_are_those_that_began_in_the_period(session: WriteSession) -> None:
    li, wang = await managers(session)
    one, two = make_client(session, owner_id=li.id), make_client(session, owner_id=wang.id)
    product = Product(id=new_id(), code="DL", name="专线")
    session.add(product)
    await session.flush()
    for client, day in (
        (one, date(2026, 10, 31)),
        (one, date(2026, 11, 1)),
        (one, date(2026, 11, 30)),
        (one, date(2026, 12, 1)),
        (two, DAY),
        (two, None),
    ):
        session.add(ClientProduct(id=new_id(), client_id=client.id, product_id=product.id, started_on=day))
    await handed_over(session, one, wang.id, date(2026, 11, 20))
    assert await measured(session, "new_services") == {"李静": (1, None, None), "王强": (2, None, None)}


async def test_arrears_are_recovered_by_money_that_was_due(session: WriteSession) -> None:
    li, _ = await managers(session)
    client = make_client(session, owner_id=li.id)
    await session.flush()
    for number, (amount, paid, due, settled) in enumerate(
        [
            (300_00, 300_00, date(2026, 9, 20), DAY),
            (100_00, 0, date(2026, 10, 20), None),
            (100_00, 60_00, date(2026, 11, 20), None),
            (500_00, 500_00, date(2026, 9, 20), date(2026, 10, 31)),
            (500_00, 0, date(2026, 12, 1), None),
            (500_00, 500_00, date(2026, 11, 20), date(2026, 12, 1)),
        ]
    ):
        session.add(
            Arrears(
                id=new_id(),
                client_id=client.id,
                period=f"{number}",
                amount=amount,
                paid=paid,
                due_on=due,
                settled_on=settled,
            )
        )
    assert await measured(session, "arrears_recovered") == {"李静": (30, 300_00, 1_000_00)}
    december = Period("2026-12", date(2026, 12, 1), date(2027, 1, 1))
    assert (await measured(session, "arrears_recovered", december))["李静"] == (41.67, 500_00, 1_200_00)


@pytest.mark.parametrize(
    ("tier", "basic", "personal", "fresh"),
    [
        ("key", date(2026, 10, 21), date(2026, 9, 21), True),
        ("key", date(2026, 10, 20), date(2026, 9, 21), False),
        ("A", date(2026, 10, 21), date(2026, 9, 20), False),
        ("C", date(2026, 8, 21), date(2026, 7, 21), True),
        ("C", date(2026, 8, 20), date(2026, 7, 21), False),
        ("C", date(2026, 8, 21), date(2026, 7, 20), False),
    ],
)
async def test_freshness_goes_by_tier(
    session: WriteSession, tier: str, basic: date, personal: date, fresh: bool
) -> None:
    li, _ = await managers(session)
    make_client(session, owner_id=li.id, tier=tier, basic_confirmed_on=basic, personal_confirmed_on=personal)
    make_client(session, owner_id=li.id, tier=tier, basic_confirmed_on=TODAY, personal_confirmed_on=TODAY)
    make_client(session, owner_id=li.id, tier=tier, status="closed")
    assert await measured(session, "profile_freshness") == {"李静": (100, 2, 2) if fresh else (50, 1, 2)}


async def test_competitor_reports_are_counted_by_who_made_them(session: WriteSession) -> None:
    li, wang = await managers(session)
    client = make_client(session, owner_id=li.id)
    make_client(session, owner_id=wang.id)
    unit = make_unit(session)
    await session.flush()
    made = [
        await add_record(session, "competitor_report", client.id, client.id, {**REPORT, "reported_on": day})
        for day in (date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 1))
    ]
    made.append(await add_record(session, "area_competitor_report", unit.id, None, {**REPORT, "area": "商业街"}))
    made.append(await add_record(session, "competitor_report", client.id, client.id, REPORT, "draft"))
    await written_by(session, made, li.id)
    assert await measured(session, "competitor_reports") == {"李静": (3, 3, 1), "王强": (0, 0, 1)}
    quarter = Period("2026Q4", date(2026, 10, 1), date(2027, 1, 1))
    assert await measured(session, "competitor_reports", quarter) == {"李静": (5, 5, 3), "王强": (0, 0, 3)}


async def written_by(session: WriteSession, records: list[UUID], user_id: UUID) -> None:
    for record_id in records:
        row = await session.get(FormRecord, record_id)
        assert row is not None
        row.created_by = user_id


async def test_members_are_gained_month_by_month(session: WriteSession) -> None:
    li, wang = await managers(session)
    grows, falls = make_client(session, owner_id=li.id), make_client(session, owner_id=li.id)
    new, moved = make_client(session, owner_id=wang.id), make_client(session, owner_id=li.id)
    september = date(2026, 9, 1)
    for client, values in (
        (grows, {september: 100, OCTOBER.start: 110, NOVEMBER.start: 130}),
        (falls, {september: 50, NOVEMBER.start: 45}),
        (new, {NOVEMBER.start: 30}),
        (moved, {OCTOBER.start: 10, NOVEMBER.start: 14}),
    ):
        for month, value in values.items():
            add_fact(session, client.id, "vpn_members", month, value)
    await handed_over(session, moved, wang.id, DAY)
    assert await measured(session, "vpn_members_gained") == {"李静": (15, None, None), "王强": (34, None, None)}
    assert await measured(session, "vpn_members_gained", OCTOBER) == {"李静": (20, None, None)}
    earlier = Period("2026-09", september, OCTOBER.start)
    assert await measured(session, "vpn_members_gained", earlier) == {"李静": (0, None, None)}


async def test_clients_have_computed_fields(session: WriteSession) -> None:
    one, two = make_client(session), make_client(session)
    for number, (members, end) in enumerate([(20, TODAY - timedelta(days=1)), (30, TODAY), (7, date(2027, 5, 1))]):
        values = {**VPN, "group_number": f"VG{number}", "members_now": members, "agreement_end": end}
        await add_record(session, "vpn_group", one.id, one.id, values)
    add_fact(session, one.id, "monthly_bill", OCTOBER.start, 88_000)
    add_fact(session, one.id, "monthly_bill", NOVEMBER.start, 1)
    await session.flush()
    found = await computed_values(session, "client", [one.id, two.id], TODAY)
    assert found[one.id] == {
        "telecom.vpn_members": 57,
        "telecom.next_agreement_end": TODAY,
        "telecom.last_bill": 88_000,
    }
    assert set(found[two.id].values()) == {None}


async def test_churn_warnings_count_the_days_until_somebody_deals_with_them(session: WriteSession) -> None:
    """Li dealt with one after 4 days and left one for 20 (1 to 20 November, today), so 12 on average; what was dealt
    with before the period, dropped, or no churn warning does not count."""
    li, wang = await managers(session)
    plans = {}
    for one in (li, wang):
        plans[one.id] = VisitPlan(id=new_id(), owner_id=one.id, month=date(2026, 11, 1))
        session.add(plans[one.id])
    client = make_client(session, owner_id=li.id)
    await session.flush()

    def warned(owner: User, source: str, day: date, **values: Any) -> None:
        session.add(
            PlanAction(
                id=new_id(),
                plan_id=plans[owner.id].id,
                client_id=client.id,
                source=f"telecom.{source}",
                due_on=day,
                visits=[day],
                created_at=datetime(day.year, day.month, day.day, 3, tzinfo=UTC),
                **values,
            )
        )

    warned(li, "bill_fell", date(2026, 11, 1), status="done", done_on=date(2026, 11, 5))
    warned(li, "members_left", date(2026, 10, 31))
    warned(li, "traffic_fell", date(2026, 10, 1), status="done", done_on=date(2026, 10, 31))
    warned(li, "minutes_fell", date(2026, 11, 1), status="dropped")
    warned(li, "package_ending", date(2026, 11, 1))
    warned(wang, "minutes_fell", date(2026, 11, 3), status="done", done_on=date(2026, 11, 3))
    assert await measured(session, "churn_handling_days") == {"李静": (12, 24, 2), "王强": (0, 0, 1)}
    earlier = await measured(session, "churn_handling_days", OCTOBER)
    assert earlier == {"李静": (15, 30, 2)}
