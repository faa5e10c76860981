"""A manager's month worked out: each indicator by its figures, the score with its lines, and who may do what."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from steward_core.performance.scores import work_out
from steward_core.performance.settings import REVENUE_METRICS
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from tests.core.performance.company import (
    AFTER,
    NOVEMBER,
    WORKING_DAYS,
    at,
    clock,
    earns,
    figures,
    make_company,
    plan,
    revenue_metric,
    score_of,
    stale,
    visit,
    visits,
)
from tests.factories import TESTS


async def test_a_month_that_reached_everything_has_a_hundred_points(database: Database) -> None:
    """20 distinct clients, 4 visits on each of 21 working days, the whole plan, all promises, all profiles."""
    company = await make_company(database, 20)
    owner, clients = company.of(0)
    async with database.write(company.tenant_id, TESTS) as session:
        visits(session, owner, clients, 4, WORKING_DAYS)
        await plan(session, owner, [(client_id, 1, 1) for client_id in clients])
        clock(session, owner, clients[0], "kept", at(10), at(9))
    async with database.write(company.tenant_id, TESTS) as session:
        assert await work_out(session, NOVEMBER, today=AFTER) == 1
        found = await figures(session, owner)
        score = await score_of(session, owner)
    assert len(WORKING_DAYS) == 21
    assert found["core.clients_visited"][0] == 20
    assert found["core.visits_per_day"] == (Decimal(4), Decimal(84), Decimal(21))
    assert found["core.plan_completion"] == (Decimal(100), Decimal(20), Decimal(20))
    assert found["core.promises_kept"] == (Decimal(100), Decimal(1), Decimal(1))
    assert found["core.profile_freshness"] == (Decimal(100), Decimal(20), Decimal(20))
    assert score.score == 100
    assert score.lines[-1]["formula"]["zh-CN"] == "30.00 + 20.00 + 20.00 + 15.00 + 15.00 = 100.00 分"


async def test_a_month_that_fell_short_says_by_how_much(database: Database) -> None:
    company = await make_company(database, 20)
    owner, clients = company.of(0)
    async with database.write(company.tenant_id, TESTS) as session:
        visits(session, owner, clients[:15], 3, WORKING_DAYS)  # 63 visits at 15 clients
        visit(session, owner, clients[19], date(2026, 11, 5), "cancelled")
        visit(session, owner, clients[18], date(2026, 12, 1))
        visit(session, owner, clients[17], date(2026, 10, 31))
        await plan(session, owner, [(clients[0], 4, 3), (clients[1], 2, 2), (clients[2], 1, 0)], carried_out=3)
        clock(session, owner, clients[0], "kept", at(10), at(9))
        clock(session, owner, clients[0], "late", at(10), at(12))
        clock(session, owner, clients[0], "breached", at(20), None)
        clock(session, owner, clients[0], "running", at(3, month=12), None)
        clock(session, owner, clients[0], "cancelled", at(10), at(9))
        clock(session, owner, clients[0], "late", at(20, month=10), at(3))  # broken in October
        clock(session, owner, clients[0], "kept", at(1, 2, month=12), at(30, 17))  # 1 December 01:00 in Shanghai
        await stale(session, clients[:4])
    async with database.write(company.tenant_id, TESTS) as session:
        await work_out(session, NOVEMBER, today=AFTER)
        found, score = await figures(session, owner), await score_of(session, owner)
    assert found["core.clients_visited"][0] == 15
    assert found["core.visits_per_day"] == (Decimal(3), Decimal(63), Decimal(21))
    assert found["core.plan_completion"] == (Decimal(50), Decimal(5), Decimal(10))
    assert found["core.promises_kept"] == (Decimal("33.33"), Decimal(1), Decimal(3))
    assert found["core.profile_freshness"] == (Decimal(80), Decimal(16), Decimal(20))
    lines = {line["indicator"]: line for line in score.lines}
    assert lines["core.clients_visited"]["formula"]["en"] == "15 ÷ 20 = 75.00%; × 20 = 15.00 points"
    assert lines["core.visits_per_day"]["points"] == "15.00"
    assert lines["core.plan_completion"]["points"] == "15.00"
    assert lines["core.promises_kept"]["points"] == "5.00"  # 33.33 % of 15: 4.9995
    assert lines["core.profile_freshness"]["points"] == "12.63"  # 80 of 95, of 15: 12.6315…
    assert score.score == Decimal("62.63")


async def test_revenue_goes_to_who_owned_the_client_when_it_was_booked(database: Database) -> None:
    company = await make_company(database, 2, 1)
    (first, (one, two)), (second, (three,)) = company.of(0), company.of(1)
    async with database.write(company.tenant_id, TESTS) as session:
        revenue_metric(session)
        await session.flush()
        earns(session, one, 1_000_000, booked_on=date(2026, 11, 28))
        earns(session, two, 999_999, booked_on=date(2026, 11, 28))
        earns(session, three, 5, booked_on=date(2026, 11, 28))
        earns(session, three, 7, booked_on=date(2026, 11, 28), revision=2)
        await set_setting(session, REVENUE_METRICS.key, ["revenue"])
    async with database.write(company.tenant_id, TESTS) as session:
        await work_out(session, NOVEMBER, today=AFTER)
        assert (await figures(session, first))["core.revenue"][0] == 1_999_999
        assert (await figures(session, second))["core.revenue"][0] == 7
