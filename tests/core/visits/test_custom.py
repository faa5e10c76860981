"""The tenant's own fields of visits: taken by every command that writes a visit, checked, indexed, on record, exported."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.custom_fields.indexing import INDEXING
from steward_core.custom_fields.models import CustomField
from steward_core.custom_fields.queries import CustomFilter, custom_conditions
from steward_core.custom_fields.service import change_field, create_field, retire_field
from steward_core.permissions import CLIENTS_EXPORT, CUSTOM_FIELDS_MANAGE
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, drive
from steward_core.visits.day_batch import Batch, DayAct, DayCommand, Outcome, submit_day
from steward_core.visits.export import VisitExport, export_visits
from steward_core.visits.models import Visit
from steward_core.visits.service import change_visit
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput
from steward_tenants.files.store import LocalFileStore
from tests.core.visits.carried_out import RIGHTS, TODAY, ZONE, Place, a_place, begun, ended, planned, recorded
from tests.factories import TESTS, actor_with

ADMIN = actor_with(CUSTOM_FIELDS_MANAGE)
OPTIONS = [{"key": "good", "zh": "良好", "en": "Good"}, {"key": "bad", "zh": "不佳", "en": "Bad"}]


async def place_with_fields(database: Database) -> tuple[Place, list[CustomField]]:
    """A tenant whose visits have a text (required), a whole number and a choice, the latter two filterable."""
    place = await a_place(database)
    async with database.write(place.tenant, ADMIN) as session:
        fields = [
            await create_field(session, "visit", key, kind, {"title_zh": zh, "title_en": key.title(), **values})
            for key, kind, zh, values in (
                ("weather", "text", "天气", {"rules": {"required": True}}),
                ("guests", "integer", "人数", {"rules": {"least": 0, "most": 99}, "filterable": True}),
                ("mood", "choice", "气氛", {"rules": {"options": OPTIONS}, "filterable": True}),
            )
        ]
    return place, fields


async def found_by(database: Database, place: Place, *filters: CustomFilter) -> set[UUID]:
    """The visits that meet filters by the tenant's own fields."""
    async with database.read(place.tenant, TESTS) as session:
        conditions = await custom_conditions(session, "visit", filters, Visit.id)
        return set(await session.scalars(select(Visit.id).where(session.within(Visit), *conditions)))


def paths(refused: InvalidInput) -> set[tuple[str, str]]:
    """Where an error points, and its code."""
    return {(".".join(problem.path), problem.code) for problem in refused.problems}


async def test_own_fields_from_plan_to_correction(database: Database) -> None:
    place, _ = await place_with_fields(database)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await planned(session, place, fields={"aim": "续约", "custom": {"guests": 3}})
        other = await planned(session, place)
        assert (visit.custom, other.custom) == ({"guests": 3}, {})
    assert await found_by(database, place, CustomFilter("guests", "ge", 3)) == {visit.id}
    async with database.write(place.tenant, place.visitor) as session:
        visit = await change_visit(session, visit.id, fields={"custom": {"guests": 5, "mood": "bad"}}, today=TODAY)
        await begun(session, visit)
        await ended(session, visit, fields={"summary": "谈妥", "custom": {"weather": "晴", "mood": "good"}})
    assert visit.custom == {"guests": 5, "mood": "good", "weather": "晴"}
    assert await found_by(database, place, CustomFilter("guests", "eq", 5), CustomFilter("mood", "eq", "good")) == {
        visit.id
    }
    assert await found_by(database, place, CustomFilter("mood", "eq", "bad")) == set()
    async with database.write(place.tenant, place.visitor) as session:
        await change_visit(session, visit.id, fields={"custom": {"guests": None}}, today=TODAY)
    assert await found_by(database, place, CustomFilter("guests", "is_null")) == {visit.id, other.id}
    async with database.read(place.tenant, TESTS) as session:
        kept = await session.find(Visit, Visit.id == visit.id)
        assert kept is not None
        assert kept.custom == {"mood": "good", "weather": "晴"}
        changes = await session.scalars(
            select(AuditEvent.changes)
            .where(session.within(AuditEvent), AuditEvent.subject_id == visit.id)
            .order_by(AuditEvent.at, AuditEvent.id)
        )
    named = [{name for name in one if name.startswith("custom")} for one in changes]
    assert named == [{"custom.guests"}, {"custom.guests", "custom.mood"}, set(), {"custom.mood", "custom.weather"},
                     {"custom.guests"}]  # fmt: skip
    assert changes[-1]["custom.guests"][1] is None
    assert "晴" not in str(changes), "what is written about a client may be about persons"


async def test_what_is_required_is_asked_for_when_the_visit_is_done(database: Database) -> None:
    place, fields = await place_with_fields(database)
    for given in ({}, {"custom": {"guests": 1}}, {"custom": {"weather": " "}}):
        with pytest.raises(InvalidInput) as refused:
            async with database.write(place.tenant, place.visitor) as session:
                await recorded(session, place.client.id, fields=given)
        assert paths(refused.value) == {("custom.weather", "required")}
    async with database.write(place.tenant, place.visitor) as session:
        visit = await planned(session, place)
        await begun(session, visit)
    with pytest.raises(InvalidInput) as refused:
        async with database.write(place.tenant, place.visitor) as session:
            await ended(session, visit, fields={"intention": 9, "custom": {"guests": 100, "unheard": 1}})
    assert paths(refused.value) == {
        ("intention", "range"),
        ("custom.guests", "range"),
        ("custom.unheard", "unknown"),
        ("custom.weather", "required"),
    }
    async with database.write(place.tenant, place.visitor) as session:
        done = await recorded(session, place.client.id, fields={"custom": {"weather": "雨"}})
    for custom, code in (({"weather": None}, "required"), ("晴", "mapping")):
        with pytest.raises(InvalidInput) as refused:
            async with database.write(place.tenant, place.visitor) as session:
                await change_visit(session, done.id, fields={"custom": custom}, today=TODAY)
        assert paths(refused.value) == {("custom" if code == "mapping" else "custom.weather", code)}
    async with database.write(place.tenant, ADMIN) as session:
        await retire_field(session, fields[0].id)
    async with database.write(place.tenant, place.visitor) as session:
        assert (await ended(session, visit)).custom == {}


async def test_a_day_without_network_brings_them_too(database: Database) -> None:
    place, _ = await place_with_fields(database)
    async with database.read(place.tenant, TESTS) as session:
        now = await session.scalar(select(func.clock_timestamp()))
    moments = {"device_began_at": now - timedelta(hours=2), "device_ended_at": now - timedelta(hours=1)}
    commands = [
        DayCommand(key, DayAct.RECORD, None, place.client.id, None, {**moments, "fields": {"custom": custom}})
        for key, custom in (("1", {"weather": "晴", "guests": 2}), ("2", {"guests": 2}))
    ]
    answers = await submit_day(Batch(database, place.tenant, place.visitor, TODAY, ZONE, now), commands)
    assert [one.outcome for one in answers] == [Outcome.APPLIED, Outcome.REFUSED]
    assert len(await found_by(database, place, CustomFilter("guests", "eq", 2))) == 1


async def test_a_field_that_becomes_filterable_finds_older_visits(database: Database, tmp_path: Path) -> None:
    place, fields = await place_with_fields(database)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await recorded(session, place.client.id, fields={"custom": {"weather": "大雾"}})
    async with database.write(place.tenant, ADMIN) as session:
        await change_field(session, fields[0].id, {"filterable": True})
        run_id = await session.scalar(select(Run.id).where(session.within(Run), Run.kind == INDEXING))
    await drive(database, place.tenant, ADMIN, run_id, RunTools(LocalFileStore(tmp_path)))
    assert await found_by(database, place, CustomFilter("weather", "starts_with", "大")) == {visit.id}


async def test_an_export_has_a_column_for_each(database: Database) -> None:
    place, fields = await place_with_fields(database)
    async with database.write(place.tenant, place.visitor) as session:
        await recorded(session, place.client.id, fields={"custom": {"weather": "=1+1", "mood": "good"}})
    async with database.write(place.tenant, ADMIN) as session:
        await retire_field(session, fields[1].id)
    own = actor_with(*RIGHTS, CLIENTS_EXPORT, scope=Scope.OWN, user=place.manager)

    async def lines(**values: Any) -> list[str]:
        target = BytesIO()
        request = VisitExport(TODAY, TODAY, format="csv", **values)
        await export_visits(database, place.tenant, own, request, target, today=TODAY)
        return target.getvalue().decode("utf-8-sig").splitlines()

    heading, row = await lines()
    assert heading.endswith("改进记录,天气,气氛")
    assert row.endswith(",'=1+1,良好")
    heading, row = await lines(locale="en")
    assert heading.endswith("Improvement,Weather,Mood")
    assert row.endswith(",Good")
