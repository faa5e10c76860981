"""Lists of records: filters and sorting by declared fields, pages, masks, totals; records as tables for plugins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from steward_core.custom_fields.service import create_field
from steward_core.database.context import QueryContext
from steward_core.forms.errors import FieldNotFilterable
from steward_core.forms.models import FormRecord
from steward_core.forms.queries import (
    RecordFilter,
    RecordsQuery,
    current_period_records,
    ranked_records,
    record_fields,
    records_of_period,
    records_page,
)
from steward_core.forms.row_kind import FORM_RECORD
from steward_core.forms.service import move_record, save_draft, save_record
from steward_core.industry.errors import FormNotFound
from steward_core.permissions import FORMS_EDIT, FORMS_VIEW
from steward_tenants.access.explain import place_of
from steward_tenants.access.permissions import REVEAL_PHONE
from steward_tenants.access.rules import decide
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.factories import make_client
from tests.core.forms.workshop import TODAY, Place
from tests.factories import TESTS, actor_with, make_unit, make_user

ANNA = actor_with(FORMS_EDIT, FORMS_VIEW)
INSPECTION, MONTH, CARD = "workshop.inspection", "workshop.month", "workshop.card"
ROWS: tuple[dict[str, Any], ...] = (
    {"subject": "甲车间", "cost": 300, "machines": 3, "next_on": "2026-12-01", "mood": "good", "tags": ["红", "蓝"]},
    {"subject": "乙车间", "cost": 100, "machines": 1, "urgent": True, "found": "漏油", "mood": "bad", "moods": ["bad"]},
    {"subject": "丙", "volume": "1.5", "seen_at": "2026-11-05T09:30:00+08:00", "phone": "13900000003"},
    {"subject": "丁", "cost": 200, "machines": 2, "next_on": "2026-11-20", "volume": "0.25"},
)


async def fill_in(database: Database, place: Place) -> list[UUID]:
    ids = []
    for row in ROWS:
        async with database.write(place.tenant_id, ANNA) as session:
            ids.append((await save_record(session, INSPECTION, place.client_id, row, today=TODAY)).id)
    return ids


async def subjects(session: TenantSession, *filters: RecordFilter, **query: Any) -> list[str]:
    asked = RecordsQuery(filters=filters, **{"descending": False, **query})
    page = await records_page(session, INSPECTION, asked, today=TODAY)
    return [line.document["subject"] for line in page.records]


async def test_filters_by_fields_of_every_type(database: Database, place: Place) -> None:
    await fill_in(database, place)
    async with database.read(place.tenant_id, ANNA) as session:
        cases = {
            ("subject", "eq", "丙"): ["丙"],
            ("subject", "starts_with", "甲"): ["甲车间"],
            ("subject", "in", ("丙", "丁")): ["丙", "丁"],
            ("cost", "ge", 200): ["甲车间", "丁"],
            ("cost", "lt", 200): ["乙车间"],
            ("cost", "ne", 100): ["甲车间", "丙", "丁"],
            ("cost", "is_null", None): ["丙"],
            ("each", "eq", 100): ["甲车间", "乙车间", "丁"],
            ("next_on", "le", date(2026, 11, 30)): ["丁"],
            ("next_on", "gt", "2026-11-30"): ["甲车间"],
            ("seen_at", "gt", datetime(2026, 11, 5, 1, tzinfo=UTC)): ["丙"],
            ("urgent", "eq", True): ["乙车间"],
            ("mood", "eq", "bad"): ["乙车间"],
            ("moods", "eq", "bad"): ["乙车间"],
            ("tags", "eq", "蓝"): ["甲车间"],
            ("volume", "lt", Decimal(1)): ["丁"],
        }
        for (field, op, value), expected in cases.items():
            assert await subjects(session, RecordFilter(field, op, value)) == expected, (field, op)
        both = (RecordFilter("cost", "gt", 100), RecordFilter("next_on", "is_not_null"))
        assert await subjects(session, *both) == ["甲车间", "丁"]


async def test_other_fields_are_refused_naming_those_that_can_be_used(database: Database, place: Place) -> None:
    async with database.read(place.tenant_id, ANNA) as session:
        for field in ("phone", "found", "share", "nothing", "custom.x"):
            with pytest.raises(FieldNotFilterable) as caught:
                await subjects(session, RecordFilter(field, "eq", "1"))
            assert "machines" in caught.value.advice.en
            assert "phone" not in caught.value.advice.en
        for sort in ("phone", "parts", "moods", "tags"):
            with pytest.raises(FieldNotFilterable):
                await subjects(session, sort=sort)
        for one in (
            RecordFilter("cost", "like", 1),
            RecordFilter("cost", "eq", "x"),
            RecordFilter("mood", "eq", "odd"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await subjects(session, one)
            assert refused.value.problems[0].path[0] == one.field
        with pytest.raises(InvalidInput):
            await subjects(session, limit=0)
        with pytest.raises(FormNotFound):
            await records_page(session, "workshop.none", today=TODAY)


async def test_pages_follow_each_other_in_every_order(database: Database, place: Place) -> None:
    await fill_in(database, place)
    async with database.read(place.tenant_id, ANNA) as session:
        for sort, descending, expected in (
            ("created", False, ["甲车间", "乙车间", "丙", "丁"]),
            ("created", True, ["丁", "丙", "乙车间", "甲车间"]),
            ("cost", False, ["乙车间", "丁", "甲车间", "丙"]),
            ("cost", True, ["甲车间", "丁", "乙车间", "丙"]),
            ("next_on", False, ["丁", "甲车间", "乙车间", "丙"]),
            ("subject", False, sorted(row["subject"] for row in ROWS)),
            ("each", False, ["甲车间", "乙车间", "丁", "丙"]),
        ):
            seen: list[str] = []
            after: str | None = None
            while True:
                query = RecordsQuery(sort=sort, descending=descending, limit=1, after=after)
                page = await records_page(session, INSPECTION, query, today=TODAY, with_total=True)
                assert page.total == 4
                seen += [line.document["subject"] for line in page.records]
                after = page.next_cursor
                if after is None:
                    break
            assert seen == expected, (sort, descending)
        for bad in ("x", "bm9uc2Vuc2U=", ""):
            with pytest.raises(InvalidInput):
                await subjects(session, sort="cost", after=bad)
        first = await records_page(session, INSPECTION, RecordsQuery(limit=1), today=TODAY)
        with pytest.raises(InvalidInput):
            await subjects(session, sort="cost", after=first.next_cursor)


async def test_state_subject_period_and_days_narrow_a_list(database: Database, place: Place) -> None:
    ids = await fill_in(database, place)
    async with database.write(place.tenant_id, ANNA) as session:
        await move_record(session, ids[0], "withdraw", today=TODAY, reason="作废")
        other = make_client(session)
        await session.flush()
        await save_draft(session, INSPECTION, other.id, {"subject": "戊"}, today=TODAY)
    async with database.read(place.tenant_id, ANNA) as session:
        assert await subjects(session, states=frozenset({"withdrawn"})) == ["甲车间"]
        assert await subjects(session, client_id=other.id) == ["戊"]
        assert await subjects(session, RecordFilter("subject", "eq", "戊")) == []
        assert len(await subjects(session, subject_id=place.client_id)) == 4
        now = datetime.now(UTC)
        assert (
            len(await subjects(session, created_from=now - timedelta(hours=1), created_until=now + timedelta(1))) == 5
        )
        assert await subjects(session, created_until=now - timedelta(hours=1)) == []
        assert await subjects(session, period="2026") == []


async def test_lists_mask_unless_the_actor_may_see_and_asks(database: Database, place: Place) -> None:
    await fill_in(database, place)
    query = RecordsQuery(filters=(RecordFilter("subject", "eq", "丙"),))
    eye = actor_with(FORMS_VIEW, REVEAL_PHONE)
    async with database.read(place.tenant_id, eye) as session:
        (line,) = (await records_page(session, INSPECTION, query, today=TODAY)).records
        assert line.document["phone"] == "••••0003"
        (line,) = (await records_page(session, INSPECTION, query, today=TODAY, reveal=True)).records
        assert (line.document["phone"], line.revealed) == ("13900000003", frozenset({"phone"}))
    async with database.read(place.tenant_id, ANNA) as session:
        (line,) = (await records_page(session, INSPECTION, query, today=TODAY, reveal=True)).records
        assert line.document["phone"] == "••••0003"
    async with database.read(place.tenant_id, actor_with(FORMS_EDIT)) as session:
        with pytest.raises(Forbidden):
            await records_page(session, INSPECTION, query, today=TODAY)


async def test_reach_in_lists_and_its_explanation(database: Database, place: Place) -> None:
    manager = actor_with(FORMS_VIEW, scope=Scope.OWN)
    async with database.write(place.tenant_id, TESTS) as session:
        user = make_user(session, id=manager.id)
        unit = make_unit(session)
        await session.flush()
        mine = make_client(session, owner_id=user.id)
        await session.flush()
        own = await save_record(session, CARD, mine.id, {"note": "我的"}, today=TODAY)
        foreign = await save_record(session, CARD, place.client_id, {"note": "别人的"}, today=TODAY)
        area = await save_record(session, "workshop.area", unit.id, {"rumour": "新店"}, today=TODAY)
        issue = await save_record(session, "workshop.issue", user.id, {"asset": "A1"}, today=TODAY)
    chief = actor_with(FORMS_VIEW, scope=Scope.TEAM, unit_id=unit.id)
    async with database.read(place.tenant_id, manager) as session:
        page = await records_page(session, CARD, today=TODAY, with_total=True)
        assert [line.id for line in page.records] == [own.id]
        assert page.total == 1
        assert (await records_page(session, "workshop.area", today=TODAY)).records == ()
        for known, allowed in ((own, True), (foreign, False), (issue, True), (area, False)):
            stands = await place_of(session, FORM_RECORD, known.id, TODAY)
            assert stands is not None
            assert decide(manager, FORMS_VIEW, stands).allowed is allowed
    async with database.read(place.tenant_id, chief) as session:
        assert [line.id for line in (await records_page(session, "workshop.area", today=TODAY)).records] == [area.id]
        stands = await place_of(session, FORM_RECORD, area.id, TODAY)
        assert stands is not None
        assert decide(chief, FORMS_VIEW, stands).allowed


async def test_custom_fields_filter_and_sort(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, TESTS) as session:
        titles = {"title_zh": "级别", "title_en": "Grade", "filterable": True}
        await create_field(session, f"form:{INSPECTION}", "grade", "integer", titles)
    async with database.write(place.tenant_id, ANNA) as session:
        for text, grade in (("一", 3), ("二", 1), ("三", None)):
            await save_record(
                session, INSPECTION, place.client_id, {"subject": text}, today=TODAY, custom={"grade": grade}
            )
    async with database.read(place.tenant_id, ANNA) as session:
        assert await subjects(session, RecordFilter("custom.grade", "ge", 2)) == ["一"]
        assert await subjects(session, sort="custom.grade") == ["二", "一", "三"]


async def test_records_as_a_table_for_plugins(database: Database, place: Place) -> None:
    ids = await fill_in(database, place)
    async with database.write(place.tenant_id, ANNA) as session:
        await move_record(session, ids[3], "withdraw", today=TODAY, reason="作废")
        await save_draft(session, INSPECTION, place.client_id, {"cost": "?"}, today=TODAY)
        old = {"subject": "旧", "cost": "three", "next_on": 5, "urgent": "maybe", "volume": "2.50"}
        await session.execute(
            update(FormRecord)
            .where(session.within(FormRecord), FormRecord.id == ids[2])
            .values(document=old, form_version=0)
        )
    async with database.read(place.tenant_id, ANNA) as session:
        ctx = QueryContext(session, TODAY)
        names = ("subject", "cost", "next_on", "urgent", "volume", "each", "fraction", "seen_at", "tags")
        found = record_fields(ctx, INSPECTION, *names)
        rows = {row.subject: row for row in await session.rows(select(found))}
        assert set(rows) == {"甲车间", "乙车间", "旧"}
        first = rows["甲车间"]
        assert (first.record_id, first.client_id, first.subject_id) == (ids[0], place.client_id, place.client_id)
        assert (first.state, first.period, first.cost, first.each) == ("filed", None, 300, 100)
        assert (first.next_on, first.urgent, first.tags) == (date(2026, 12, 1), False, ["红", "蓝"])
        older = rows["旧"]
        assert (older.cost, older.next_on, older.urgent, older.volume) == (None, None, None, Decimal("2.50"))
        with pytest.raises(KeyError):
            record_fields(ctx, INSPECTION, "nothing")


async def test_the_record_of_the_latest_period(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        for period, sales in (("2026-10", 10), ("2026-09", 9), ("2026-11", 11)):
            await save_record(session, MONTH, place.client_id, {"sales": sales}, today=TODAY, period=period)
    async with database.read(place.tenant_id, ANNA) as session:
        ctx = QueryContext(session, TODAY)
        current = current_period_records(ctx, MONTH, "sales")
        assert [(row.period, row.sales) for row in await session.rows(select(current))] == [("2026-11", 11)]
        ranked = ranked_records(ctx, MONTH, "sales")
        places = await session.rows(select(ranked.c.place, ranked.c.sales).order_by(ranked.c.place))
        assert [tuple(row) for row in places] == [(1, 11), (2, 10), (3, 9)]
        one = records_of_period(ctx, MONTH, "2026-09", "sales")
        assert [row.sales for row in await session.rows(select(one))] == [9]
