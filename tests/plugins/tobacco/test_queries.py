"""Triggers, indicators and computed fields on real rows, each with a retailer that is found and one that is not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from steward_core.clients.models import Client, ClientOwnership
from steward_core.gradings.binding import bind
from steward_core.gradings.queries import results_of_client
from steward_core.industry.declarations import Period
from steward_core.industry.evaluation import computed_values, indicator_rows, indicators, trigger_rows, triggers
from steward_core.industry.registry import industries
from steward_core.promises.models import ServiceRequest
from steward_core.reports.models import WorkReport
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.plugins.service import set_plugin
from tests.core.factories import make_contact
from tests.core.gradings.county import TODAY, County, add_facts, add_records, graded, make_county
from tests.factories import TESTS, make_user
from tests.plugins.behind import adds_up

LAST, THIS = (date(2026, 9, 1),), (date(2026, 10, 1),)
QUARTER = Period("2026Q3", date(2026, 7, 1), date(2026, 10, 1))


async def found(database: Database, county: County, key: str) -> dict[UUID, tuple[date, dict[str, Any]]]:
    async with database.read(county.tenant_id, TESTS) as session:
        answer = await trigger_rows(session, f"tobacco.{key}", TODAY)
    assert answer.faults == ()
    return {row.client_id: (row.due_on, dict(row.figures)) for row in answer.rows}


@pytest.fixture
async def county(database: Database) -> County:
    return await make_county(database, 4)


async def test_orders_missed_twice(database: Database, county: County) -> None:
    one, two, three, _ = county.clients
    async with database.write(county.tenant_id, TESTS) as session:
        await add_facts(session, {one: {"orders_due": 4, "orders_placed": 2}}, LAST)
        await add_facts(session, {two: {"orders_due": 4, "orders_placed": 3}}, LAST)
        await add_facts(session, {three: {"orders_due": 4, "orders_placed": 0}}, (date(2026, 8, 1),))
    assert await found(database, county, "order_missed") == {one: (TODAY, {"month": "2026-09", "missed": 2})}


async def test_volume_thirty_percent_below_the_mean(database: Database, county: County) -> None:
    """Mean 100: 70 is 30 % below and found, 71 is not."""
    one, two, *_ = county.clients
    months = tuple(date(2026, month, 1) for month in (6, 7, 8))
    async with database.write(county.tenant_id, TESTS) as session:
        await add_facts(session, {one: {"order_volume": 100}, two: {"order_volume": 100}}, months)
        await add_facts(session, {one: {"order_volume": 70}, two: {"order_volume": 71}}, LAST)
    assert list(await found(database, county, "volume_fell")) == [one]


async def test_a_failed_settlement(database: Database, county: County) -> None:
    one, two, *_ = county.clients
    async with database.write(county.tenant_id, TESTS) as session:
        await add_facts(session, {one: {"settlement_attempts": 4, "settlement_successes": 3}}, THIS)
        await add_facts(session, {two: {"settlement_attempts": 4, "settlement_successes": 4}}, THIS)
    assert await found(database, county, "settlement_failed") == {one: (TODAY, {"month": "2026-10", "failed": 1})}


def profile(number: int, expires: str) -> dict[str, Any]:
    return {
        "licence_number": f"3699000000{number:02}",
        "licence_expires_on": expires,
        "trade_form": "grocery",
        "market_type": "town",
    }


async def test_licences_ending_in_sixty_then_thirty_days_or_lapsed(database: Database, county: County) -> None:
    """From 12 October: +60 is 11 December, +30 is 11 November."""
    one, two, three, four = county.clients
    days = {one: "2026-12-11", two: "2026-12-12", three: "2026-11-11", four: "2026-10-11"}
    async with database.write(county.tenant_id, TESTS) as session:
        await add_records(
            session,
            "tobacco.retailer_profile",
            {client: profile(place, day) for place, (client, day) in enumerate(days.items())},
        )
    seen = await found(database, county, "licence_ending")
    assert {client: (due, figures["stage"], figures["days_left"]) for client, (due, figures) in seen.items()} == {
        one: (date(2026, 10, 12), 60, 60),
        three: (date(2026, 10, 12), 30, 30),
        four: (date(2026, 10, 11), 0, -1),
    }
    async with database.read(county.tenant_id, TESTS) as session:
        values = await computed_values(session, "client", [one], TODAY)
    assert values[one]["tobacco.licence_expires_on"] == date(2026, 12, 11)


async def test_target_brands_off_the_shelf_and_stock_outs_on_the_last_visit(database: Database, county: County) -> None:
    one, two, three, _ = county.clients
    brand, visit = "tobacco.brand_building", "tobacco.visit"
    async with database.write(county.tenant_id, TESTS) as session:
        await add_records(session, brand, {one: {"brand": "云岭"}, two: {"brand": "云岭", "on_shelf": True}})
        await add_records(session, brand, {three: {"brand": "江月", "target": False}})
        out = {"visited_on": "2026-10-01", "out_of_stock": True, "missing_brands": ["云岭"]}
        await add_records(session, visit, {one: out, two: {**out, "visited_on": "2026-09-01"}})
        await add_records(session, visit, {two: {"visited_on": "2026-09-20"}})
    assert {client: figures for client, (_, figures) in (await found(database, county, "brand_missing")).items()} == {
        one: {"brand": "云岭"}
    }
    assert await found(database, county, "stock_out") == {
        one: (TODAY, {"visited_on": "2026-10-01", "brands": ["云岭"]})
    }


async def test_a_dropped_star_and_one_close_to_the_next(database: Database, county: County) -> None:
    """Only cooperation and price tags are known, 15 points, scaled as if 50 were known: nobody gets beyond 30 points.
    With the least at 0 the totals are 5/5 = 100 then 0; and 10 of 15 = 66.67, then 14 of 15."""
    county = await make_county(database, 3, least_points_known=0, near_star_points=4)
    drops, nears, _ = county.clients
    async with database.write(county.tenant_id, TESTS) as session:
        for client, day, tags, stars in (
            (drops, "2026-05-10", "met", None),
            (drops, "2026-08-10", "not_met", None),
            (nears, "2026-08-10", "not_met", 5),
        ):
            await add_records(
                session, "tobacco.visit", {client: {"visited_on": day, "price_tags": tags, "cooperation": stars}}
            )
    for period in (date(2026, 5, 1), date(2026, 8, 1)):
        grading = await graded(database, county, period=period)
        async with database.write(county.tenant_id, TESTS) as session:
            await bind(session, grading.id, "通过", today=TODAY)
    assert {client: figures for client, (_, figures) in (await found(database, county, "star_dropped")).items()} == {
        drops: {"period": "2026Q3", "before": 5, "star": 1}
    }
    assert {client: figures for client, (_, figures) in (await found(database, county, "star_near")).items()} == {
        nears: {"period": "2026Q3", "star": 2, "score": 6_667, "short": 333}
    }
    async with database.read(county.tenant_id, TESTS) as session:
        values = await computed_values(session, "client", [nears], TODAY)
    assert values[nears] == {
        "tobacco.star": 2,
        "tobacco.supply_grade": 30,
        "tobacco.licence_expires_on": None,
    }


async def test_indicators_of_a_manager(database: Database, county: County) -> None:
    one, two, *_ = county.clients
    async with database.write(county.tenant_id, TESTS) as session:
        manager = make_user(session, unit_id=county.unit_id)
        await session.flush()
        for table, column in ((Client, Client.id), (ClientOwnership, ClientOwnership.client_id)):
            await session.execute(
                update(table).where(session.within(table), column.in_([one, two])).values(owner_id=manager.id)
            )
        await session.execute(
            update(Client).where(session.within(Client), Client.id == one).values(address="人民路1号")
        )
        make_contact(session, one, phone="13900000001", phone_tail="0001")
        await add_facts(
            session,
            {
                one: {"order_volume": 90, "sales_target": 100, "order_amount": 1_800_000, "orders_due": 4},
                two: {"settlement_attempts": 4, "settlement_successes": 3, "orders_placed": 3, "sales_target": 20},
            },
            LAST,
        )
        await add_records(session, "tobacco.retailer_profile", {one: profile(1, "2028-01-01")})
        await add_records(session, "tobacco.brand_building", {one: {"brand": "云岭"}})
        await add_records(session, "tobacco.brand_building", {two: {"brand": "云岭", "on_shelf": True}})
        request = {"received_on": "2026-08-01", "kind": "complaint", "topic": "delivery", "content": "送货晚"}
        await add_records(session, "tobacco.service_request", {one: {**request, "satisfaction": 4}, two: request})
    figures = {}
    async with database.read(county.tenant_id, TESTS) as session:
        for key in sorted(await indicators(session)):
            if not key.startswith("tobacco.") or key == "tobacco.cases_written":
                continue
            answer = await indicator_rows(session, key, QUARTER, TODAY)
            assert answer.fault is None
            await adds_up(session, key, QUARTER, TODAY, answer)
            (row,) = answer.rows
            assert row.owner_id == manager.id
            figures[key.partition(".")[2]] = (float(row.value or 0), int(row.numerator or 0), int(row.denominator or 0))
    assert figures == {
        "sales_against_target": (75.0, 90, 120),
        "value_per_carton": (20_000.0, 1_800_000, 90),
        "shelf_rate": (50.0, 1, 2),
        "settlement_success": (75.0, 3, 4),
        "order_success": (75.0, 3, 4),
        "data_accuracy": (50.0, 1, 2),
        "satisfaction": (80.0, 4, 5),
    }


async def test_satisfaction_belongs_to_who_owned_the_client_on_the_day(database: Database, county: County) -> None:
    client = county.clients[0]
    async with database.write(county.tenant_id, TESTS) as session:
        former, present = make_user(session, name="前任"), make_user(session, name="现任")
        await session.flush()
        handed_over = date(2026, 8, 15)
        await session.execute(
            update(ClientOwnership)
            .where(session.within(ClientOwnership), ClientOwnership.client_id == client)
            .values(owner_id=former.id, valid_until=handed_over)
        )
        session.add(ClientOwnership(client_id=client, valid_from=handed_over, owner_id=present.id))
        await session.execute(
            update(Client).where(session.within(Client), Client.id == client).values(owner_id=present.id)
        )
        request = {"kind": "complaint", "topic": "delivery", "content": "送货晚"}
        for day, stars in (("2026-08-14", 5), ("2026-08-15", 2)):
            await add_records(
                session, "tobacco.service_request", {client: {**request, "received_on": day, "satisfaction": stars}}
            )
    async with database.read(county.tenant_id, TESTS) as session:
        answer = await indicator_rows(session, "tobacco.satisfaction", QUARTER, TODAY)
        await adds_up(session, "tobacco.satisfaction", QUARTER, TODAY, answer)
    assert {row.owner_name: row.value for row in answer.rows} == {"前任": 100, "现任": 40}


async def test_the_star_is_that_of_the_period_that_ended_last(database: Database, county: County) -> None:
    """From quarters to half-years: the second half of 2026 comes after its second quarter."""
    client = county.clients[0]
    spring = await graded(database, county, period=date(2026, 5, 1))
    async with database.write(county.tenant_id, TESTS) as session:
        await bind(session, spring.id, "通过", today=TODAY)
        await set_plugin(
            session, "tobacco", enabled=True, settings={"grading_period": "half_year", "least_points_known": 0}
        )
        for month in (8, 9, 10, 11):
            visit = {"visited_on": f"2026-{month:02}-01", "price_tags": "met", "display": "met", "cooperation": 5}
            await add_records(session, "tobacco.visit", {client: visit})
    winter = date(2027, 1, 5)
    autumn = await graded(database, county, today=winter)
    assert autumn.period == "2026H2"
    async with database.write(county.tenant_id, TESTS) as session:
        await bind(session, autumn.id, "通过", today=winter)
    async with database.read(county.tenant_id, TESTS) as session:
        values = await computed_values(session, "client", [client], winter)
        results = await results_of_client(session, client, today=winter)
    assert results[0].star > results[1].star == 1
    assert values[client]["tobacco.star"] == results[0].star


async def test_every_trigger_is_asked_without_a_fault(database: Database, county: County) -> None:
    declared = {f"tobacco.{one.key}" for one in industries()["tobacco"].industry.triggers}
    async with database.read(county.tenant_id, TESTS) as session:
        assert declared <= set(await triggers(session))
        for key in declared:
            assert (await trigger_rows(session, key, TODAY)).faults == ()


async def test_cases_written_in_submitted_month_summaries(database: Database, county: County) -> None:
    async with database.write(county.tenant_id, TESTS) as session:
        busy, idle = make_user(session, name="勤"), make_user(session, name="惰")
        await session.flush()
        for owner, month, kind, state, cases in (
            (busy, date(2026, 8, 1), "month", "submitted", {"successful": ["一", "二"], "unsuccessful": ["三"]}),
            (busy, date(2026, 9, 1), "month", "submitted", {"successful": ["一"]}),
            (busy, date(2026, 10, 1), "month", "submitted", {"successful": ["下季度"]}),
            (busy, date(2026, 9, 7), "week", "submitted", {"successful": ["周"]}),
            (idle, date(2026, 9, 1), "month", "draft", {"successful": ["未交"]}),
        ):
            session.add(
                WorkReport(
                    id=new_id(),
                    owner_id=owner.id,
                    kind=kind,
                    period_start=month,
                    period_end=month + timedelta(days=28),
                    cases=cases,
                    state=state,
                    submitted_at=datetime(2026, 10, 1, tzinfo=UTC),
                )
            )
    async with database.read(county.tenant_id, TESTS) as session:
        answer = await indicator_rows(session, "tobacco.cases_written", QUARTER, TODAY)
        await adds_up(session, "tobacco.cases_written", QUARTER, TODAY, answer)
    assert answer.fault is None
    (row,) = answer.rows
    assert [row.owner_name, row.value, row.numerator, row.denominator] == ["勤", 4, 4, 6]


async def test_satisfaction_counts_service_requests_too(database: Database, county: County) -> None:
    """Five stars on the form, two on a request; a request that only stands for a form's record does not count again."""
    client = county.clients[0]
    async with database.write(county.tenant_id, TESTS) as session:
        owner = make_user(session, name="服")
        await session.flush()
        await session.execute(
            update(ClientOwnership)
            .where(session.within(ClientOwnership), ClientOwnership.client_id == client)
            .values(owner_id=owner.id)
        )
        form = {"received_on": "2026-08-01", "kind": "wish", "topic": "supply", "content": "要货", "satisfaction": 5}
        await add_records(session, "tobacco.service_request", {client: form})
        for form_record_id, stars, month in ((None, 2, 8), (new_id(), 1, 8), (None, None, 8), (None, 1, 10)):
            session.add(
                ServiceRequest(
                    id=new_id(),
                    client_id=client,
                    kind="complaint",
                    title="送货",
                    owner_id=owner.id,
                    form_record_id=form_record_id,
                    opened_at=datetime(2026, month, 2, tzinfo=UTC),
                    opened_by=owner.id,
                    satisfaction=stars,
                )
            )
    async with database.read(county.tenant_id, TESTS) as session:
        answer = await indicator_rows(session, "tobacco.satisfaction", QUARTER, TODAY)
        await adds_up(session, "tobacco.satisfaction", QUARTER, TODAY, answer)
    assert answer.fault is None
    (row,) = answer.rows
    assert [row.owner_name, row.value, row.numerator, row.denominator] == ["服", 70, 7, 10]
