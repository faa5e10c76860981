"""A county from preview over objections to bound tiers, and what is replayed from what was stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select, update

from steward_core.clients.models import Client, ClientChange
from steward_core.forms.models import FormRecord
from steward_core.gradings import runner
from steward_core.gradings.binding import bind
from steward_core.gradings.errors import (
    GradingExists,
    GradingOutdated,
    ObjectionDecided,
    ObjectionExists,
    ObjectionsOpen,
    OwnObjection,
    PeriodNotBegun,
    RuleVersionMissing,
    SchemeFailed,
)
from steward_core.gradings.models import Grading, GradingStatus
from steward_core.gradings.objections import decide_objection, raise_objection, withdraw_objection
from steward_core.gradings.queries import Change, ResultQuery, gradings, preview, results_of_client
from steward_core.gradings.replay import replay
from steward_core.gradings.service import discard, regrade, request_grading
from steward_core.industry.errors import SchemeNotFound
from steward_core.permissions import (
    GRADINGS_BIND,
    GRADINGS_DECIDE,
    GRADINGS_OBJECT,
    GRADINGS_RUN,
    GRADINGS_VIEW,
)
from steward_core.runs.service import drive
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput
from steward_tenants.plugins.service import set_plugin
from tests.core.gradings.county import (
    BEFORE,
    QUARTER,
    SCHEME,
    TODAY,
    TOOLS,
    add_county,
    add_facts,
    add_records,
    bound,
    documents,
    fill_county,
    graded,
    grading_of,
    indexed,
    make_county,
    make_retailer,
    run_of,
    states,
    tiers,
)
from tests.factories import TESTS, actor_with

ALL = (GRADINGS_VIEW, GRADINGS_RUN, GRADINGS_BIND, GRADINGS_OBJECT, GRADINGS_DECIDE)
SUPERVISOR = actor_with(*ALL)
SECOND = actor_with(*ALL)


async def test_a_county_from_preview_over_an_objection_to_bound_tiers_and_its_replay(database: Database) -> None:
    county = await make_county(database, 300)
    await fill_county(database, county)
    first = await graded(database, county, SUPERVISOR)
    assert (first.period, first.status, first.counts["clients"]) == ("2026Q3", GradingStatus.PREVIEW, 300)
    assert await indexed(database, county, "star") == 0
    assert set((await tiers(database, county)).values()) == {None}

    async with database.read(county.tenant_id, SUPERVISOR) as session:
        page = await preview(session, first.id, ResultQuery(size=200), today=TODAY)
        rest = await preview(session, first.id, ResultQuery(size=200, after=page.next_after), today=TODAY)
    assert [line.rank for line in (*page.results, *rest.results)] == list(range(1, 301))
    assert set(page.distribution.grades.values()) == {10}
    assert page.distribution.changes == {Change.NEW: 300}
    assert len(page.results[0].reasons) >= 12
    assert "供货档位 30" in page.results[0].reasons[-1].zh
    worst = rest.results[-1]

    async with database.write(county.tenant_id, SUPERVISOR) as session:
        objection = await raise_objection(
            session, first.id, worst.client_id, "销售系统漏传", today=TODAY, claimed={"cartons": 900_000}
        )
        with pytest.raises(ObjectionExists):
            await raise_objection(session, first.id, worst.client_id, "再次", today=TODAY)
        with pytest.raises(OwnObjection):
            await decide_objection(session, objection.id, upheld=False, reason="不成立", today=TODAY)
        with pytest.raises(ObjectionsOpen):
            await regrade(session, first.id, today=TODAY)
    async with database.write(county.tenant_id, SECOND) as session:
        with pytest.raises(InvalidInput):
            await decide_objection(session, objection.id, upheld=True, reason="属实", today=TODAY)
        with pytest.raises(OwnObjection):
            await withdraw_objection(session, objection.id, today=TODAY)
        await decide_objection(
            session,
            objection.id,
            upheld=True,
            reason="属实",
            today=TODAY,
            corrections={"cartons": 900_000, "amount": 9_000 * 30_000},
        )
        with pytest.raises(ObjectionDecided):
            await decide_objection(session, objection.id, upheld=False, reason="改判", today=TODAY)
        second, run = await regrade(session, first.id, today=TODAY)
    # Late facts are the next period's: a re-grading reads none.
    async with database.write(county.tenant_id, TESTS) as session:
        await add_facts(session, {county.clients[0]: {"major_violations": 1}}, (date(2026, 9, 1),))
        await session.execute(
            update(Client).where(session.within(Client), Client.id == county.clients[1]).values(status="closed")
        )
    await drive(database, county.tenant_id, SECOND, run.id, TOOLS)

    after, before = await documents(database, county, second), await documents(database, county, first)
    assert after.keys() == before.keys()
    changed = after[worst.client_id]
    assert (changed["cartons"], before[worst.client_id]["cartons"]) == (900_000, worst.document["cartons"])
    assert changed["score"] > before[worst.client_id]["score"]  # type: ignore[operator]
    assert "按异议裁定更正：购进金额、购进量" in str(changed["reasons_zh"])
    others = [client for client in after if client != worst.client_id]
    assert all(after[client]["score"] == before[client]["score"] for client in others)

    async with database.write(county.tenant_id, SUPERVISOR) as session:
        with pytest.raises(GradingOutdated):
            await bind(session, first.id, "通过", today=TODAY)
    await bound(database, county, second)
    assert (await grading_of(database, county, first.id)).status == GradingStatus.SUPERSEDED
    assert await states(database, county, first) == {"superseded"}
    assert await states(database, county, second) == {"bound"}
    assert {field: await indexed(database, county, field) for field in ("star", "grade", "score", "star_change")} == {
        "star": 300,
        "grade": 300,
        "score": 300,
        "star_change": 0,
    }
    assert await tiers(database, county) == {
        client: None if client == county.clients[1] else one["tier"]  # closed since, and left alone
        for client, one in after.items()
    }
    async with database.read(county.tenant_id, TESTS) as session:
        changes = await session.scalars(select(ClientChange).where(session.within(ClientChange)))
    assert len(changes) == 299
    assert {(one.field, one.source, one.source_id, one.before) for one in changes} == {
        ("tier", "grading", second.id, None)
    }

    async with database.write(county.tenant_id, TESTS) as session:
        await set_plugin(session, "tobacco", enabled=False, settings={"supply_grades": 10, "stars": {"five": 95}})
    async with database.read(county.tenant_id, SUPERVISOR) as session:
        for grading in (first, second):
            report = await replay(session, grading.id, today=TODAY)
            assert (report.checked, report.same) == (300, True), report.differences[:3]


async def test_a_second_period_shows_who_rose_and_fell(database: Database) -> None:
    county = await make_county(database, 60)
    await fill_county(database, county)
    spring = await graded(database, county, today=TODAY, period=BEFORE[0])
    assert (spring.period, spring.period_start, spring.period_end) == ("2026Q2", date(2026, 4, 1), date(2026, 7, 1))
    await bound(database, county, spring)
    summer = await graded(database, county)
    async with database.read(county.tenant_id, SUPERVISOR) as session:
        seen = await preview(session, summer.id, ResultQuery(size=100), today=TODAY)
        risen = await preview(session, summer.id, ResultQuery(changes=frozenset({Change.RISEN})), today=TODAY)
        moved = await preview(
            session, summer.id, ResultQuery(changes=frozenset({Change.RISEN, Change.FALLEN}), size=100), today=TODAY
        )
    then = await documents(database, county, spring)
    for line in seen.results:
        assert (line.previous_star, line.previous_grade, line.previous_score) == tuple(
            then[line.client_id][name] for name in ("star", "grade", "score")
        )
        assert line.change == (
            Change.RISEN
            if line.star > then[line.client_id]["star"]  # type: ignore[operator]
            else Change.FALLEN
            if line.star < then[line.client_id]["star"]  # type: ignore[operator]
            else Change.SAME
        )
    counted = seen.distribution.changes
    assert sum(counted.values()) == sum(seen.distribution.moves.values()) == 60
    assert summer.counts["risen"] == counted[Change.RISEN] == len(risen.results) > 0
    assert len(moved.results) == counted[Change.RISEN] + counted[Change.FALLEN]
    await bound(database, county, summer)
    assert await indexed(database, county, "star_change") == 60
    async with database.read(county.tenant_id, SUPERVISOR) as session:
        history = await results_of_client(session, county.clients[0], today=TODAY)
    assert [line.state for line in history] == ["bound", "bound"]


async def test_an_older_period_bound_late_leaves_the_tiers(database: Database) -> None:
    county = await make_county(database, 10)
    await fill_county(database, county)
    summer = await graded(database, county)
    await bound(database, county, summer)
    as_of_summer = await tiers(database, county)
    spring = await graded(database, county, period=BEFORE[0])
    await bound(database, county, spring)
    assert await tiers(database, county) == as_of_summer


async def test_two_counties_are_ranked_apart_and_do_not_overlap(database: Database) -> None:
    county = await make_county(database, 30)
    unit_id, clients = await add_county(database, county.tenant_id, 20)
    other = replace(county, unit_id=unit_id, clients=clients)
    for one in (county, other):
        await fill_county(database, one)
        grading = await graded(database, one)
        assert set(await documents(database, one, grading)) == set(one.clients)
        async with database.read(one.tenant_id, SUPERVISOR) as session:
            seen = await preview(session, grading.id, ResultQuery(size=100), today=TODAY)
        assert [line.rank for line in seen.results] == list(range(1, len(one.clients) + 1))
    async with database.write(county.tenant_id, TESTS) as session:
        await session.execute(
            update(Client).where(session.within(Client), Client.id == clients[0]).values(unit_id=county.unit_id)
        )
    await bound(database, other, grading)
    async with database.write(county.tenant_id, TESTS) as session:
        known = (await gradings(session, today=TODAY, unit_id=county.unit_id))[0]
        await discard(session, known.id, today=TODAY, reason="有客户移入")
    again = await graded(database, county)
    assert (again.revision, again.counts["clients"], again.counts["elsewhere"]) == (2, 30, 1)
    assert clients[0] not in await documents(database, county, again)
    await bound(database, county, again)


async def test_only_retailers_in_business_below_the_unit_are_graded(database: Database) -> None:
    county = await make_county(database, 3)
    async with database.write(county.tenant_id, TESTS) as session:
        make_retailer(session, county.unit_id, kind="company")
        make_retailer(session, county.unit_id, status="prospect")
        make_retailer(session, county.unit_id, status="closed")
        make_retailer(session, None)
        dormant = make_retailer(session, county.unit_id, status="dormant")
    grading = await graded(database, county)
    assert set(await documents(database, county, grading)) == {*county.clients, dormant.id}


async def test_a_county_without_clients_gives_an_empty_preview(database: Database) -> None:
    county = await make_county(database, 0)
    grading = await graded(database, county)
    assert (grading.status, grading.counts["clients"]) == (GradingStatus.PREVIEW, 0)
    await bound(database, county, grading)


async def test_a_unit_has_one_grading_of_a_period_at_a_time(database: Database) -> None:
    county = await make_county(database, 1)
    grading = await graded(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        with pytest.raises(GradingExists):
            await request_grading(session, SCHEME, county.unit_id, today=TODAY)
        with pytest.raises(PeriodNotBegun):
            await request_grading(session, SCHEME, county.unit_id, today=TODAY, period=date(2027, 1, 1))
        with pytest.raises(SchemeNotFound):
            await request_grading(session, "tobacco.nothing", county.unit_id, today=TODAY)
        await discard(session, grading.id, today=TODAY)
    assert await states(database, county, grading) == {"discarded"}
    assert (await graded(database, county)).revision == 2


async def test_a_run_that_failed_goes_on_and_one_that_was_discarded_does_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = await make_county(database, 5)
    await fill_county(database, county)
    async with database.write(county.tenant_id, SUPERVISOR) as session:
        grading, run = await request_grading(session, SCHEME, county.unit_id, today=TODAY)
    with monkeypatch.context() as broken:
        broken.setattr(runner, "rules_of", lambda *_: lambda *_: [])
        with pytest.raises(SchemeFailed):
            await drive(database, county.tenant_id, SUPERVISOR, run.id, TOOLS)
    failed = await run_of(database, county, run.id)
    assert (failed.status, (failed.error or {})["code"]) == ("failed", "grading_scheme_failed")
    assert (await grading_of(database, county, grading.id)).status == GradingStatus.COMPUTING
    assert await documents(database, county, grading) == {}
    done = await drive(database, county.tenant_id, SUPERVISOR, run.id, TOOLS)
    assert (done.status, done.done, done.total) == ("done", 5, 5)
    assert len(await documents(database, county, grading)) == 5

    async with database.write(county.tenant_id, SUPERVISOR) as session:
        await discard(session, grading.id, today=TODAY)
        other, waiting = await request_grading(session, SCHEME, county.unit_id, today=TODAY)
        await discard(session, other.id, today=TODAY)
    assert (await drive(database, county.tenant_id, SUPERVISOR, waiting.id, TOOLS)).status == "done"
    assert await documents(database, county, other) == {}


async def test_a_replay_tells_what_came_out_otherwise(database: Database) -> None:
    county = await make_county(database, 8)
    await fill_county(database, county)
    grading = await graded(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        await session.execute(
            update(FormRecord)
            .where(session.within(FormRecord), FormRecord.client_id == county.clients[0])
            .values(document=FormRecord.document.op("||")(func.jsonb_build_object("tier", "star_9")))
        )
        report = await replay(session, grading.id, today=TODAY)
        assert [(one.client_id, one.name, one.stored) for one in report.differences] == [
            (county.clients[0], "tier", "star_9")
        ]
        await session.execute(
            update(Grading).where(session.within(Grading), Grading.id == grading.id).values(rule_version=99)
        )
    async with database.read(county.tenant_id, TESTS) as session:
        with pytest.raises(RuleVersionMissing):
            await replay(session, grading.id, today=TODAY)


async def test_inputs_are_read_from_facts_profiles_brands_and_visits(database: Database) -> None:
    county = await make_county(database, 2)
    one, two = county.clients
    async with database.write(county.tenant_id, TESTS) as session:
        await add_facts(session, {one: {"order_volume": 50, "order_amount": 1_000_000, "minor_violations": 1}})
        await add_facts(session, {one: {"order_volume": 40}}, BEFORE)
        await add_records(
            session,
            "tobacco.retailer_profile",
            {
                one: {
                    "licence_number": "369900000001",
                    "licence_issued_on": "2024-01-01",
                    "licence_expires_on": "2026-09-01",
                    "trade_form": "grocery",
                    "market_type": "town",
                    "settlement_signed": True,
                }
            },
        )
        await add_records(session, "tobacco.brand_building", {one: {"brand": "云岭", "on_shelf": True}})
        for day, judged, stars in (("2026-07-10", "met", 5), ("2026-08-10", "partly", 4), ("2026-06-30", "not_met", 1)):
            await add_records(
                session,
                "tobacco.visit",
                {one: {"visited_on": day, "display": judged, "price_tags": judged, "cooperation": stars}},
            )
    grading = await graded(database, county)
    found = await documents(database, county, grading)
    assert {name: found[one].get(name) for name in grading.input_names} == {
        "licence_number": "369900000001",
        "licence_lapsed": True,
        "months": len(QUARTER),
        "cartons": 15_000,
        "cartons_before": 12_000,
        "amount": 3_000_000,
        "orders_due": None,
        "orders_placed": None,
        "orders_fulfilled": None,
        "settlement_attempts": None,
        "settlement_successes": None,
        "minor_violations": 3,
        "major_violations": None,
        "settlement_signed": True,
        "brands_targeted": 1,
        "brands_on_shelf": 1,
        "display_rate": 7_500,
        "tags_rate": 7_500,
        "cooperation_rate": 9_000,
    }
    assert found[two]["score"] == 0
    assert "月均购进量：无数据，不计入" in str(found[two]["reasons_zh"])


@pytest.mark.parametrize("option", ["graded", "left_out"])
async def test_retailers_licensed_in_the_period_count_their_months_or_are_left_out(
    database: Database, option: str
) -> None:
    county = await make_county(database, 2, joined_in_period=option)
    old, new = county.clients
    profile = {"licence_expires_on": "2029-01-01", "trade_form": "grocery", "market_type": "town"}
    async with database.write(county.tenant_id, TESTS) as session:
        await add_facts(session, {old: {"order_volume": 30}})
        await add_facts(session, {new: {"order_volume": 30}}, QUARTER[1:])
        await add_records(
            session,
            "tobacco.retailer_profile",
            {
                old: {**profile, "licence_number": "369900000001", "licence_issued_on": "2026-06-30"},
                new: {**profile, "licence_number": "369900000002", "licence_issued_on": "2026-08-05"},
            },
        )
    found = await documents(database, county, await graded(database, county))
    months = {client: one["months"] for client, one in found.items()}
    assert months == ({old: 3, new: 2} if option == "graded" else {old: 3})
    if option == "graded":
        assert found[old]["points_volume"] == found[new]["points_volume"] == 1_200
