"""Opportunities through their stages: history, loss and reopening, team and reach, two people at once, figures."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import Uuid, literal, select

from steward_core.clients.ownership import move
from steward_core.opportunities.errors import (
    MemberNotFound,
    OpportunityChanged,
    OpportunityEnded,
    OpportunityNotFound,
    OpportunityNotLost,
    StageMoveRefused,
)
from steward_core.opportunities.export import OpportunityExport, export_opportunities
from steward_core.opportunities.models import LostReason, Opportunity, PipelineReview
from steward_core.opportunities.queries import PipelineFilter, pipeline, week_review
from steward_core.opportunities.reach import opportunity_of
from steward_core.opportunities.reviews import write_review
from steward_core.opportunities.rules import weighted
from steward_core.opportunities.service import (
    change_opportunity,
    lose_opportunity,
    move_opportunity,
    open_opportunity,
    remove_member,
    reopen_opportunity,
    set_member,
)
from steward_core.permissions import OPPORTUNITIES_VIEW
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.factories import make_client
from tests.core.opportunities.office import TODAY, Office, make_office
from tests.factories import TESTS, actor_with
from tests.turns import meanwhile

ZONE = "Asia/Shanghai"


async def moved(office: Office, row_id: Any, stage: str, *, name: str = "anna", **more: Any) -> Opportunity:
    return await office.does(name, lambda s: move_opportunity(s, row_id, stage, today=TODAY, **more))


async def test_from_lead_to_loss_and_back_every_step_is_kept(database: Database) -> None:
    office = await make_office(database)
    row_id = await office.opens(expected_on="2026-12-20")
    await moved(office, row_id, "understood")
    await moved(office, row_id, "negotiation")
    await moved(office, row_id, "proposal", reason="客户推翻预算")
    await office.does(
        "anna",
        lambda s: lose_opportunity(s, row_id, lost_reason=LostReason.COMPETITOR, note="友商低价", today=TODAY),
    )
    lost = await office.opportunity(row_id)
    assert (lost.stage, lost.outcome, lost.probability, lost.lost_reason) == ("lost", "lost", 0, "competitor")
    assert lost.ended_at is not None
    with pytest.raises(OpportunityEnded):
        await moved(office, row_id, "tender")
    await office.does("bo", lambda s: reopen_opportunity(s, row_id, reason="友商未履约", stage="tender", today=TODAY))
    again = await office.opportunity(row_id)
    assert (again.stage, again.outcome, again.probability, again.lost_reason) == ("tender", "open", 60, None)
    assert again.ended_at is None
    assert await office.steps(row_id) == [
        (None, "lead", 10),
        ("lead", "understood", 25),
        ("understood", "negotiation", 70),
        ("negotiation", "proposal", 40),
        ("proposal", "lost", 0),
        ("lost", "tender", 60),
    ]
    with pytest.raises(OpportunityNotLost):
        await office.does("bo", lambda s: reopen_opportunity(s, row_id, reason="再次", today=TODAY))


async def test_a_stage_is_one_of_the_tenants_and_back_takes_a_reason(database: Database) -> None:
    office = await make_office(database)
    row_id = await office.opens(stage="proposal")
    with pytest.raises(InvalidInput) as refused:
        await moved(office, row_id, "lead")
    assert [one.path for one in refused.value.problems] == [("reason",)]
    with pytest.raises(InvalidInput) as unknown:
        await moved(office, row_id, "signed")
    assert [one.path for one in unknown.value.problems] == [("stage",)]
    with pytest.raises(StageMoveRefused):
        await moved(office, row_id, "proposal")
    own = [{"key": "talk", "title": {"zh": "洽谈", "en": "Talk"}, "probability": 33}]
    async with database.write(office.tenant, TESTS) as session:
        await set_setting(session, "opportunities.stages", own)
    row = await moved(office, row_id, "talk")
    assert (row.stage, row.probability) == ("talk", 33)
    with pytest.raises(InvalidInput):
        async with database.write(office.tenant, TESTS) as session:
            await set_setting(session, "opportunities.stages", [{**own[0], "key": "delivered"}])


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({}, ["title"]),
        ({"title": " "}, ["title"]),
        ({"title": "专线", "amount": -1}, ["amount"]),
        (
            {"title": "专线", "amount": 1.5, "probability": 101, "expected_on": "soon"},
            ["amount", "probability", "expected_on"],
        ),
        ({"title": "专线", "owner_id": "x"}, ["owner_id"]),
    ],
)
async def test_bad_fields_are_all_named(office: Office, fields: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        await office.does("anna", lambda s: open_opportunity(s, office.client, fields=fields, today=TODAY))
    assert [one.path[0] for one in refused.value.problems] == paths


async def test_own_probability_stands_until_it_is_given_back(office: Office) -> None:
    row_id = await office.opens(probability=90)
    assert (await office.opportunity(row_id)).probability == 90
    await office.does("anna", lambda s: change_opportunity(s, row_id, fields={"probability": None}, today=TODAY))
    assert (await office.opportunity(row_id)).probability == 10


async def test_who_sees_and_changes_one(database: Database) -> None:
    office = await make_office(database)
    row_id = await office.opens()
    for name, seen in (("anna", True), ("bo", True), ("gm", True), ("ella", False), ("wei", False)):
        if seen:
            await office.sees(name, lambda s: opportunity_of(s, row_id, today=TODAY))
        else:
            with pytest.raises(OpportunityNotFound):
                await office.sees(name, lambda s: opportunity_of(s, row_id, today=TODAY))
            with pytest.raises(OpportunityNotFound):
                await moved(office, row_id, "tender", name=name)
    await office.does("anna", lambda s: set_member(s, row_id, office.id("wei"), part="售前", today=TODAY))
    await moved(office, row_id, "tender", name="wei")
    await office.does("anna", lambda s: remove_member(s, row_id, office.id("wei"), today=TODAY))
    with pytest.raises(OpportunityNotFound):
        await moved(office, row_id, "negotiation", name="wei")
    with pytest.raises(MemberNotFound):
        await office.does("anna", lambda s: remove_member(s, row_id, office.id("wei"), today=TODAY))
    with pytest.raises(InvalidInput):
        await office.does("anna", lambda s: set_member(s, row_id, office.client, today=TODAY))
    reader = actor_with(OPPORTUNITIES_VIEW, scope=Scope.ALL)
    with pytest.raises(Forbidden):
        async with database.write(office.tenant, reader) as session:
            await move_opportunity(session, row_id, "negotiation", today=TODAY)


async def test_two_people_at_once_are_one_after_the_other(database: Database) -> None:
    office = await make_office(database)
    row_id = await office.opens()
    seen = (await office.opportunity(row_id)).version
    bo = await office.actor("bo")
    error = await meanwhile(
        database,
        office.tenant,
        bo,
        lambda s: lose_opportunity(s, row_id, lost_reason=LostReason.PRICE, today=TODAY, expected_version=seen),
        lambda s: move_opportunity(s, row_id, "tender", today=TODAY, expected_version=seen),
    )
    assert isinstance(error, OpportunityChanged)
    error = await meanwhile(
        database,
        office.tenant,
        bo,
        lambda s: reopen_opportunity(s, row_id, reason="误登记", today=TODAY),
        lambda s: reopen_opportunity(s, row_id, reason="误登记", today=TODAY),
    )
    assert isinstance(error, OpportunityNotLost)
    assert [step[1] for step in await office.steps(row_id)] == ["lead", "lost", "lead"]


async def test_open_ones_follow_their_client_and_ended_ones_stay(database: Database) -> None:
    office = await make_office(database)
    open_id, lost_id = await office.opens(), await office.opens()
    await office.does("anna", lambda s: lose_opportunity(s, lost_id, lost_reason=LostReason.RESOURCE, today=TODAY))
    async with database.write(office.tenant, TESTS) as session:
        values = {"client_id": office.client, "owner_id": office.id("wei"), "unit_id": office.units["west"]}
        moves = select(*(literal(value, Uuid()).label(name) for name, value in values.items()))
        await move(session, moves, on=TODAY, reason="移交")
    now, before = await office.opportunity(open_id), await office.opportunity(lost_id)
    assert (now.owner_id, now.unit_id) == (office.id("wei"), office.units["west"])
    assert (before.owner_id, before.unit_id) == (office.id("anna"), office.units["east"])
    await office.does("bo", lambda s: reopen_opportunity(s, lost_id, reason="客户回头", today=TODAY))
    assert (await office.opportunity(lost_id)).owner_id == office.id("wei")


async def test_the_pipelines_sums_are_those_of_its_rows(database: Database) -> None:
    office = await make_office(database)
    async with database.write(office.tenant, TESTS) as session:
        theirs = make_client(session, owner_id=office.id("wei"), unit_id=office.units["west"])
        await session.flush()
    amounts = {"lead": (1, 333, None), "tender": (99, 1_000_001)}
    for stage, listed in amounts.items():
        for amount in listed:
            await office.opens(stage=stage, amount=amount, expected_on="2026-12-01")
    await office.opens("wei", client_id=theirs.id, amount=777, stage="tender")
    lost = await office.opens(amount=5_000)
    await office.does("anna", lambda s: lose_opportunity(s, lost, lost_reason=LostReason.PRICE, today=TODAY))
    expected = {
        ("east", "lead"): (3, 334, weighted(1, 10) + weighted(333, 10)),
        ("east", "tender"): (2, 1_000_100, weighted(99, 60) + weighted(1_000_001, 60)),
        ("west", "tender"): (1, 777, weighted(777, 60)),
    }
    names = {unit_id: name for name, unit_id in office.units.items()}

    async def sums(name: str, **wanted: Any) -> dict[tuple[str, str], tuple[int, int, int]]:
        lines = await office.sees(name, lambda s: pipeline(s, PipelineFilter(**wanted), today=TODAY))
        return {(names[one.unit_id], one.stage): (one.count, one.amount, one.weighted) for one in lines if one.unit_id}

    assert await sums("gm") == expected
    assert await sums("bo") == {key: value for key, value in expected.items() if key[0] == "east"}
    assert await sums("wei") == {("west", "tender"): expected["west", "tender"]}
    assert await sums("gm", unit_id=office.units["west"]) == {("west", "tender"): expected["west", "tender"]}
    assert await sums("gm", owner_id=office.id("anna"), stages=frozenset({"lead"}), amount_from=2) == {
        ("east", "lead"): (1, 333, weighted(333, 10))
    }
    assert await sums("gm", expected_from=date(2026, 12, 2)) == {}
    kept = await sums("gm", expected_until=date(2026, 12, 1), amount_until=99)
    assert kept == {("east", "lead"): (1, 1, 0), ("east", "tender"): (1, 99, 59)}


async def test_the_weekly_review_tells_what_changed_and_what_is_overdue(database: Database) -> None:
    office = await make_office(database)
    late = await office.opens(expected_on=(TODAY - timedelta(days=3)).isoformat(), amount=10_000)
    due = await office.opens(expected_on=TODAY.isoformat())
    now = date.today()  # noqa: DTZ011 - steps are of the database's clock
    found = await office.sees(
        "bo", lambda s: week_review(s, office.units["east"], now, today=now + timedelta(days=1), zone=ZONE, limit=1)
    )
    assert (found.changed_count, len(found.changed), found.changed[0].opportunity_id) == (2, 1, due)
    found = await office.sees(
        "bo", lambda s: week_review(s, office.units["east"], TODAY, today=TODAY, zone=ZONE, limit=9)
    )
    assert [(one.opportunity_id, one.days, one.weighted) for one in found.overdue] == [(late, 3, 1_000)]
    assert found.week.weekday() == 0
    assert found.figures()["weighted"] == 1_000 + 100_000

    async def review(name: str, note: str, **more: Any) -> PipelineReview:
        east = office.units["east"]
        return await office.does(
            name, lambda s: write_review(s, east, TODAY, note=note, today=TODAY, zone=ZONE, **more)
        )

    first = await review("bo", "先催总部专线")
    second = await review("gm", "已催", expected_version=first.version)
    assert (second.id, second.reviewed_by, second.figures["overdue"]) == (first.id, office.id("gm"), 1)
    with pytest.raises(OpportunityChanged):
        await review("bo", "旧稿", expected_version=first.version)
    with pytest.raises(Forbidden):
        await review("anna", "越权")
    with pytest.raises(InvalidInput) as refused:
        await office.does(
            "bo",
            lambda s: write_review(s, office.units["west"], TODAY, note="", today=TODAY, zone=ZONE),
        )
    assert {one.path[0] for one in refused.value.problems} == {"unit_id", "note"}
    with pytest.raises(InvalidInput):
        await office.does(
            "bo",
            lambda s: write_review(
                s, office.units["east"], TODAY + timedelta(days=7), note="早", today=TODAY, zone=ZONE
            ),
        )


async def test_an_export_holds_what_is_reached_and_is_on_record(database: Database) -> None:
    office = await make_office(database)
    await office.opens(amount=123_45, probability=50)
    async with database.write(office.tenant, TESTS) as session:
        theirs = make_client(session, owner_id=office.id("wei"), unit_id=office.units["west"])
        await session.flush()
    await office.opens("wei", client_id=theirs.id)
    target = BytesIO()
    report = await export_opportunities(
        database,
        office.tenant,
        await office.actor("anna"),
        OpportunityExport(format="csv"),
        target,
        today=TODAY,
    )
    text = target.getvalue().decode("utf-8-sig")
    assert report.rows == 1
    (line,) = text.splitlines()[1:]
    assert {"线索", "123.45", "61.73", "东海银行"} <= set(line.split(","))
