"""Minutes of meetings, and the way of a problem upwards until somebody solves it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select

from steward_core.inbox.items import InboxKind
from steward_core.inbox.queries import inbox_of
from steward_core.notifications.models import Notice
from steward_core.reports.errors import (
    MeetingChanged,
    MeetingExists,
    MeetingItemNotFound,
    MeetingItemNotOpen,
    MeetingNotFound,
    NoUnitAbove,
)
from steward_core.reports.meetings import add_item, hand_up_item, open_meeting, solve_item, write_meeting
from steward_core.reports.models import Meeting, MeetingItem, MeetingKind
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import InvalidInput
from steward_tenants.organisation.errors import UnitNotFound
from tests.core.reports.office import TODAY, ZONE, Office, make_office, work_a_day
from tests.factories import TESTS


@pytest_asyncio.fixture
async def office(database: Database) -> Office:
    made = await make_office(database)
    async with database.write(made.tenant_id, TESTS) as session:
        await work_a_day(session, made)
    return made


async def held(database: Database, office: Office, kind: MeetingKind = MeetingKind.MORNING) -> Meeting:
    async with database.write(office.tenant_id, office.reader) as session:
        return await open_meeting(
            session, office.branch.id, kind, today=TODAY, zone=ZONE, attendees=[office.anna.id], notes="晨会"
        )


async def taken_down(database: Database, office: Office, actor: Actor) -> MeetingItem:
    meeting = await held(database, office)
    async with database.write(office.tenant_id, actor) as session:
        return await add_item(session, meeting.id, "机房断电", detail="无备用电源", today=TODAY)


async def test_minutes_start_with_what_the_platform_knows(database: Database, office: Office) -> None:
    item = await taken_down(database, office, office.writer)
    evening = await held(database, office, MeetingKind.EVENING)
    facts = evening.facts
    assert [one["item_id"] for one in facts["problems"]] == [str(item.id)]
    assert facts["visits"] == {"done": 1, "cancelled": 1}
    assert facts["actions_planned"] == 0
    assert (facts["promises_due"], facts["promises_overdue"]) == (2, 1)
    assert (evening.chaired_by, evening.attendees) == (office.lead.id, [office.anna.id])


async def test_a_meeting_has_one_set_of_minutes(database: Database, office: Office) -> None:
    meeting = await held(database, office)
    with pytest.raises(MeetingExists):
        await held(database, office)
    async with database.write(office.tenant_id, office.reader) as session:
        changed = await write_meeting(session, meeting.id, today=TODAY, notes="改", expected_version=meeting.version)
        assert (changed.notes, changed.attendees) == ("改", [office.anna.id])
    with pytest.raises(MeetingChanged):
        async with database.write(office.tenant_id, office.reader) as session:
            await write_meeting(session, meeting.id, today=TODAY, notes="再改", expected_version=meeting.version)


async def test_bad_minutes_are_refused(database: Database, office: Office) -> None:
    async with database.write(office.tenant_id, office.reader) as session:
        for values in ({"day": TODAY + timedelta(days=1)}, {"attendees": [new_id()]}):
            with pytest.raises(InvalidInput):
                await open_meeting(session, office.branch.id, MeetingKind.EVENING, today=TODAY, zone=ZONE, **values)
        with pytest.raises(UnitNotFound):
            await open_meeting(session, office.head.id, MeetingKind.EVENING, today=TODAY, zone=ZONE)


async def test_who_took_part_sees_and_adds_others_do_not(database: Database, office: Office) -> None:
    meeting = await held(database, office)
    async with database.write(office.tenant_id, office.writer) as session:
        assert (await add_item(session, meeting.id, "缺车", today=TODAY)).unit_id == office.branch.id
        with pytest.raises(MeetingNotFound):
            await write_meeting(session, meeting.id, notes="无权", today=TODAY)
    async with database.write(office.tenant_id, office.second) as session:
        with pytest.raises(MeetingNotFound):
            await add_item(session, meeting.id, "缺车", today=TODAY)


async def test_a_problem_goes_up_and_its_solution_comes_down(database: Database, office: Office) -> None:
    item = await taken_down(database, office, office.writer)
    async with database.write(office.tenant_id, office.writer) as session:
        with pytest.raises(MeetingItemNotFound):
            await hand_up_item(session, item.id, "管不了", today=TODAY)
    async with database.write(office.tenant_id, office.reader) as session:
        handed = await hand_up_item(session, item.id, "本支局无预算", today=TODAY)
    assert (handed.unit_id, handed.from_id, handed.title) == (office.head.id, item.id, "机房断电")
    async with database.write(office.tenant_id, office.reader) as session:
        with pytest.raises(MeetingItemNotOpen):
            await hand_up_item(session, item.id, "再报", today=TODAY)
        with pytest.raises(MeetingItemNotFound):
            await solve_item(session, handed.id, "无权", today=TODAY)
    async with database.read(office.tenant_id, office.reader) as reading:
        assert await inbox_of(reading, today=TODAY) == []
    async with database.read(office.tenant_id, office.chief) as reading:
        (line,) = await inbox_of(reading, today=TODAY)
    assert (line.kind, line.id) == (InboxKind.MEETING_PROBLEM, handed.id)
    async with database.write(office.tenant_id, office.chief) as session:
        with pytest.raises(NoUnitAbove):
            await hand_up_item(session, handed.id, "再往上", today=TODAY)
    async with database.write(office.tenant_id, office.chief) as session:
        solved = await solve_item(session, handed.id, "下周装 UPS", today=TODAY)
    assert solved.state == "solved"
    async with database.read(office.tenant_id, office.chief) as reading:
        below = await reading.get(MeetingItem, item.id)
        told = set(await reading.scalars(select(Notice.user_id).where(reading.within(Notice))))
        assert await inbox_of(reading, today=TODAY) == []
    assert below is not None
    assert (below.state, below.solution, below.solved_by) == ("solved", "下周装 UPS", office.boss.id)
    assert told == {office.anna.id, office.lead.id}
