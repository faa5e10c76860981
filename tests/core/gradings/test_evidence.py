"""What was graded stays as it was: replayed after settings, plugin and clients have changed; bound once for each client,
whoever moves, merges or binds at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, literal, select, update

from steward_core.clients.merge import merge_clients
from steward_core.clients.models import Client
from steward_core.forms.models import FormRecord
from steward_core.gradings import replay as replaying
from steward_core.gradings.binding import bind
from steward_core.gradings.errors import (
    GradingNested,
    GradingNotFound,
    GradingOutdated,
    GradingOverlaps,
    PeriodNotOver,
    UnitPartlyReached,
)
from steward_core.gradings.models import Grading, GradingStatus
from steward_core.gradings.objections import decide_objection, objections, raise_objection
from steward_core.gradings.queries import gradings, preview
from steward_core.gradings.replay import ReplayReport, replay
from steward_core.gradings.service import discard, regrade, request_grading
from steward_core.industry.declarations import Graded
from steward_core.industry.errors import SchemeNotFound
from steward_core.industry.registry import scheme_of
from steward_core.permissions import (
    GRADINGS_BIND,
    GRADINGS_DECIDE,
    GRADINGS_OBJECT,
    GRADINGS_RUN,
    GRADINGS_VIEW,
)
from steward_core.runs.service import drive
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.organisation.service import create_unit
from steward_tenants.plugins.service import set_plugin
from tests.core.gradings.county import (
    BEFORE,
    QUARTER,
    SCHEME,
    TODAY,
    TOOLS,
    County,
    add_county,
    add_facts,
    add_records,
    bound,
    documents,
    fill_county,
    graded,
    grading_of,
    make_county,
    make_retailer,
    states,
    tiers,
)
from tests.factories import TESTS, actor_with, make_user

ALL = (GRADINGS_VIEW, GRADINGS_RUN, GRADINGS_BIND, GRADINGS_OBJECT, GRADINGS_DECIDE)
SUPERVISOR = actor_with(*ALL)
SECOND = actor_with(*ALL)


async def replayed(database: Database, county: County, grading: Grading) -> ReplayReport:
    async with database.read(county.tenant_id, TESTS) as session:
        return await replay(session, grading.id, today=TODAY)


async def test_a_grading_is_replayed_after_its_settings_changed(database: Database) -> None:
    county = await make_county(database, 30)
    await fill_county(database, county)
    grading = await graded(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        await set_plugin(session, "tobacco", enabled=True, settings={"supply_grades": 10, "missing_figures": "zero"})
    assert (await replayed(database, county, grading)).same
    again = replace(county)
    async with database.write(county.tenant_id, TESTS) as session:
        await discard(session, grading.id, today=TODAY)
    assert max(one["grade"] for one in (await documents(database, again, await graded(database, again))).values()) == 10  # type: ignore[type-var]


async def test_a_grading_is_replayed_by_the_rules_of_its_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = await make_county(database, 5)
    await fill_county(database, county)
    grading = await graded(database, county)
    old = scheme_of(SCHEME)

    def generous(policy: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> Sequence[Graded]:
        return [replace(one, star=5, tier="star_5") for one in old.decide(policy, inputs)]

    new = replace(old, rule_version=2, decide=generous, past_rules={1: old.decide})
    monkeypatch.setattr(replaying, "scheme_of", lambda _: new)
    assert (await replayed(database, county, grading)).same
    monkeypatch.setattr(replaying, "scheme_of", lambda _: replace(old, decide=generous))
    assert not (await replayed(database, county, grading)).same


async def test_ties_fall_the_same_way_after_clients_were_merged_closed_and_moved(database: Database) -> None:
    """Without any figures all are alike, and the client's id decides: the ranks must not follow it elsewhere."""
    county = await make_county(database, 4)
    grading = await graded(database, county)
    first, second, third, last = county.clients
    async with database.write(county.tenant_id, TESTS) as session:
        await merge_clients(session, last, first, reason="重复", today=TODAY)
        await session.execute(
            update(Client).where(session.within(Client), Client.id == second).values(status="closed", unit_id=None)
        )
    assert (await replayed(database, county, grading)).same
    await bound(database, county, grading)
    assert await states(database, county, grading) == {"bound", "superseded"}
    assert (await replayed(database, county, grading)).same
    assert await tiers(database, county) == {first: None, second: None, third: "star_1", last: "star_1"}

    async with database.write(county.tenant_id, SUPERVISOR) as session:
        raised = await raise_objection(session, grading.id, third, "有误", today=TODAY)
    async with database.write(county.tenant_id, SECOND) as session:
        await decide_objection(
            session, raised.id, upheld=True, reason="属实", today=TODAY, corrections={"cartons": 30_000}
        )
        revised, run = await regrade(session, grading.id, today=TODAY)
    await drive(database, county.tenant_id, SECOND, run.id, TOOLS)
    await bound(database, county, revised)
    assert (await replayed(database, county, revised)).same
    assert (await documents(database, county, revised))[third]["rank"] == 1


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"points_volume": 1}, {"points_volume"}),
        ({"reasons_zh": "改过"}, {"reasons_zh"}),
        ({"rank": 99}, {"rank"}),
        ({"cartons": "许多"}, {"inputs"}),
    ],
)
async def test_what_was_tampered_with_is_told(database: Database, change: dict[str, Any], names: set[str]) -> None:
    county = await make_county(database, 3)
    await fill_county(database, county)
    grading = await graded(database, county)
    pairs = [part for name, value in change.items() for part in (literal(name), literal(value))]
    async with database.write(county.tenant_id, TESTS) as session:
        await session.execute(
            update(FormRecord)
            .where(session.within(FormRecord), FormRecord.client_id == county.clients[1])
            .values(document=FormRecord.document.op("||")(func.jsonb_build_object(*pairs)))
        )
    report = await replayed(database, county, grading)
    assert {(one.client_id, one.name) for one in report.differences} == {(county.clients[1], name) for name in names}


async def test_a_result_that_is_gone_is_told(database: Database) -> None:
    county = await make_county(database, 3)
    grading = await graded(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        worst = await session.scalar(
            select(FormRecord.id)
            .where(session.within(FormRecord), FormRecord.batch_id == grading.id)
            .order_by(FormRecord.id.desc())
            .limit(1)
        )
        record = await session.get(FormRecord, worst)
        assert record is not None
        await session.delete(record)
    report = await replayed(database, county, grading)
    assert (report.differences[0].client_id, report.differences[0].name) == (None, "clients")


async def test_a_client_that_moved_between_preview_and_binding_is_bound_once(database: Database) -> None:
    """Both counties have it in their previews; the second is told, grades anew without it, and binds."""
    county = await make_county(database, 3)
    unit_id, clients = await add_county(database, county.tenant_id, 3)
    other = replace(county, unit_id=unit_id, clients=clients)
    first = await graded(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        await session.execute(
            update(Client).where(session.within(Client), Client.id == county.clients[0]).values(unit_id=unit_id)
        )
    second = await graded(database, other)
    await bound(database, county, first)
    async with database.write(county.tenant_id, TESTS) as session:
        with pytest.raises(GradingOverlaps) as refused:
            await bind(session, second.id, "通过", today=TODAY)
        await discard(session, second.id, today=TODAY)
    assert refused.value.values["clients"] == 1
    third = await graded(database, other)
    await bound(database, other, third)
    assert set(await documents(database, other, third)) == set(clients)


async def test_two_who_bind_overlapping_gradings_at_once_wait_for_each_other(database: Database) -> None:
    county = await make_county(database, 40)
    unit_id, clients = await add_county(database, county.tenant_id, 2)
    other = replace(county, unit_id=unit_id, clients=clients)
    first = await graded(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        await session.execute(update(Client).where(session.within(Client)).values(unit_id=unit_id))
    second = await graded(database, other)
    outcomes = await asyncio.gather(
        bound(database, county, first), bound(database, other, second), return_exceptions=True
    )
    assert [type(one) for one in outcomes if one is not None] == [GradingOverlaps]
    twice = await asyncio.gather(
        *(bound(database, county, first if outcomes[0] is None else second) for _ in range(2)), return_exceptions=True
    )
    assert all(isinstance(one, Exception) for one in twice)


async def test_who_moved_here_is_compared_with_the_result_of_where_it_was(database: Database) -> None:
    county = await make_county(database, 2)
    await fill_county(database, county)
    unit_id, clients = await add_county(database, county.tenant_id, 1)
    other = replace(county, unit_id=unit_id, clients=clients)
    spring = await graded(database, county, period=BEFORE[0])
    await bound(database, county, spring)
    mover = county.clients[0]
    async with database.write(county.tenant_id, TESTS) as session:
        await session.execute(update(Client).where(session.within(Client), Client.id == mover).values(unit_id=unit_id))
    then, now = (
        await documents(database, county, spring),
        await documents(database, other, await graded(database, other)),
    )
    assert {name: now[mover][f"previous_{name}"] for name in ("score", "star", "grade", "rank")} == {
        name: then[mover][name] for name in ("score", "star", "grade", "rank")
    }
    assert "previous_star" not in now[clients[0]]


async def test_a_period_that_goes_on_is_previewed_and_binds_nobody(database: Database) -> None:
    """On 12 October the last quarter of 2026 has begun; a licence that ends in December has not lapsed."""
    county = await make_county(database, 1)
    async with database.write(county.tenant_id, TESTS) as session:
        await add_records(session, "tobacco.retailer_profile", {county.clients[0]: _profile("2026-12-01")})
    grading = await graded(database, county, period=TODAY)
    assert grading.period == "2026Q4"
    assert "licence_lapsed" not in (await documents(database, county, grading))[county.clients[0]]
    async with database.write(county.tenant_id, SUPERVISOR) as session:
        with pytest.raises(PeriodNotOver):
            await bind(session, grading.id, "通过", today=date(2026, 12, 31))
    async with database.write(county.tenant_id, SUPERVISOR) as session:
        await bind(session, grading.id, "通过", today=date(2027, 1, 1))


def _profile(expires: str, **values: Any) -> dict[str, Any]:
    return {
        "licence_number": "369900000001",
        "licence_expires_on": expires,
        "trade_form": "grocery",
        "market_type": "town",
        **values,
    }


async def test_who_was_licensed_after_the_period_is_not_graded_for_it(database: Database) -> None:
    county = await make_county(database, 2)
    late, last = county.clients
    async with database.write(county.tenant_id, TESTS) as session:
        for client, issued in ((late, "2026-10-01"), (last, "2026-09-30")):
            await add_records(
                session, "tobacco.retailer_profile", {client: _profile("2029-01-01", licence_issued_on=issued)}
            )
    assert set(await documents(database, county, await graded(database, county))) == {last}


async def test_settlements_count_where_the_profile_does_not_say_that_there_is_no_contract(database: Database) -> None:
    county = await make_county(database, 2)
    silent, refused = county.clients
    async with database.write(county.tenant_id, TESTS) as session:
        figures = {"settlement_attempts": 4, "settlement_successes": 4}
        await add_facts(session, {silent: figures, refused: figures}, QUARTER)
        await add_records(session, "tobacco.retailer_profile", {silent: _profile("2029-01-01")})
        await add_records(
            session, "tobacco.retailer_profile", {refused: _profile("2029-01-01", settlement_signed=False)}
        )
    found = await documents(database, county, await graded(database, county))
    assert [found[client]["points_settlement"] for client in county.clients] == [1_000, 0]


async def test_no_objection_is_lost_to_a_regrading_that_is_under_way(database: Database) -> None:
    county = await make_county(database, 3)
    grading = await graded(database, county)
    await bound(database, county, grading)
    async with database.write(county.tenant_id, SUPERVISOR) as session:
        raised = await raise_objection(session, grading.id, county.clients[0], "有误", today=TODAY)
    async with database.write(county.tenant_id, SECOND) as session:
        await decide_objection(session, raised.id, upheld=True, reason="属实", today=TODAY, corrections={"months": 2})
        revised, _ = await regrade(session, grading.id, today=TODAY)
        with pytest.raises(GradingOutdated):
            await raise_objection(session, grading.id, county.clients[1], "有误", today=TODAY)
        await discard(session, revised.id, today=TODAY)
        await raise_objection(session, grading.id, county.clients[1], "有误", today=TODAY)


async def test_a_grading_is_not_bound_while_its_plugin_is_off(database: Database) -> None:
    county = await make_county(database, 1)
    grading = await graded(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        await set_plugin(session, "tobacco", enabled=False)
    async with database.write(county.tenant_id, TESTS) as session:
        with pytest.raises(SchemeNotFound):
            await bind(session, grading.id, "通过", today=TODAY)
    assert (await replayed(database, county, grading)).same


async def test_units_within_each_other_are_not_graded_twice_and_the_scope_must_go_all_the_way_down(
    database: Database,
) -> None:
    county = await make_county(database, 1)
    async with database.write(county.tenant_id, TESTS) as session:
        branch = await create_unit(session, code="BR", name="分部", parent_id=county.unit_id, today=date(2020, 1, 1))
        make_retailer(session, branch.id)
        chief = make_user(session, unit_id=county.unit_id)
    grading = await graded(database, county)
    team = actor_with(*ALL, scope=Scope.TEAM, user=chief, unit_id=county.unit_id)
    async with database.write(county.tenant_id, team) as session:
        with pytest.raises(UnitPartlyReached):
            await bind(session, grading.id, "通过", today=TODAY)
        with pytest.raises(UnitPartlyReached):
            await request_grading(session, SCHEME, county.unit_id, today=TODAY, period=BEFORE[0])
    subtree = actor_with(*ALL, scope=Scope.SUBTREE, user=chief, unit_id=county.unit_id)
    await bound(database, county, grading, subtree)
    async with database.write(county.tenant_id, TESTS) as session:
        with pytest.raises(GradingNested):
            await request_grading(session, SCHEME, branch.id, today=TODAY)
        await request_grading(session, SCHEME, branch.id, today=TODAY, period=BEFORE[0])


async def test_counts_of_the_whole_are_for_who_reaches_the_whole_and_nothing_for_another_tenant(
    database: Database,
) -> None:
    county = await make_county(database, 6)
    async with database.write(county.tenant_id, TESTS) as session:
        manager = make_user(session, unit_id=county.unit_id)
        await session.flush()
        await session.execute(
            update(Client).where(session.within(Client), Client.id == county.clients[0]).values(owner_id=manager.id)
        )
    grading = await graded(database, county)
    own = actor_with(GRADINGS_VIEW, scope=Scope.OWN, user=manager)
    async with database.read(county.tenant_id, own) as session:
        assert [one.counts for one in await gradings(session, today=TODAY)] == [{}]
        assert (await preview(session, grading.id, today=TODAY)).grading.counts == {}
    async with database.read(county.tenant_id, SUPERVISOR) as session:
        assert [one.counts["clients"] for one in await gradings(session, today=TODAY)] == [6]
        assert (await preview(session, grading.id, today=TODAY)).grading.counts["clients"] == 6
    assert (await grading_of(database, county, grading.id)).status == GradingStatus.PREVIEW

    foreign = await make_county(database, 1)
    async with database.write(foreign.tenant_id, SUPERVISOR) as session:
        assert await gradings(session, today=TODAY) == []
        for attempt in (
            preview(session, grading.id, today=TODAY),
            replay(session, grading.id, today=TODAY),
            objections(session, grading.id, today=TODAY),
            bind(session, grading.id, "通过", today=TODAY),
            discard(session, grading.id, today=TODAY),
            regrade(session, grading.id, today=TODAY),
            raise_objection(session, grading.id, county.clients[0], "有误", today=TODAY),
        ):
            with pytest.raises(GradingNotFound):
                await attempt
