"""Reading the log: filters, pages in both directions, and the reading on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_tenants.access.permissions import AUDIT_READ, PEOPLE_VIEW
from steward_tenants.audit.queries import EventFilter, EventPage, Position, list_events
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Forbidden, InvalidInput
from tests.audit.logbook import Logbook
from tests.factories import TESTS, actor_with, make_tenant

AUDITOR = actor_with(AUDIT_READ)


async def page(log: Logbook, wanted: EventFilter | None = None, **options: object) -> EventPage:
    async with log.database.write(log.tenant_id, AUDITOR) as session:
        return await list_events(session, wanted, **options)  # type: ignore[arg-type]


def numbers(page: EventPage) -> list[int]:
    return [event.changes["number"][1] for event in page.events]


async def test_pages_in_both_directions(log: Logbook) -> None:
    await log.write(7)
    writing = EventFilter(action="test.")
    first = await page(log, writing, limit=3)
    assert (numbers(first), first.newer) == ([6, 5, 4], None)
    second = await page(log, writing, limit=3, older_than=first.older)
    third = await page(log, writing, limit=3, older_than=second.older)
    assert (numbers(second), numbers(third), third.older) == ([3, 2, 1], [0], None)
    back = await page(log, writing, limit=3, newer_than=third.newer)
    assert numbers(back) == [3, 2, 1]
    again = await page(log, writing, limit=3, newer_than=back.newer)
    assert (numbers(again), again.newer) == ([6, 5, 4], None)
    assert again.older == first.older
    newest = Position(first.events[0].at, first.events[0].id).cursor()
    beyond = await page(log, writing, limit=3, newer_than=newest)
    assert (numbers(beyond), beyond.newer) == ([], None)


async def test_filters(log: Logbook) -> None:
    actor, subject = Actor(ActorKind.USER, new_id(), "王芳"), Subject("unit", new_id())
    await log.write(1)
    async with log.database.write(log.tenant_id, actor) as session:
        await record(session, "units.create", subject)
        await record(session, "unitsmore.create", Subject("role", new_id()))

    async def actions(wanted: EventFilter) -> list[str]:
        return [event.action for event in (await page(log, wanted)).events if event.action != "read.audit"]

    assert await actions(EventFilter(actor_id=actor.id)) == ["unitsmore.create", "units.create"]
    assert await actions(EventFilter(action="units.")) == ["units.create"]
    assert await actions(EventFilter(action="%")) == []
    assert await actions(EventFilter(subject_kind="unit", subject_id=subject.id)) == ["units.create"]
    at = (await page(log, EventFilter(action="units."))).events[0].at
    assert await actions(EventFilter(since=at)) == ["unitsmore.create", "units.create"]
    assert await actions(EventFilter(until=at)) == ["test.write"]
    assert await actions(EventFilter(until=at + timedelta(microseconds=1), since=at, action="test.")) == []


async def test_reading_is_recorded(log: Logbook) -> None:
    await page(log, EventFilter(action="people.", actor_id=UUID(int=3)))
    (event,) = (await page(log)).events
    assert (event.action, event.subject_kind, event.actor_id) == ("read.audit", "audit", AUDITOR.id)
    assert event.changes == {"action": [None, "people."], "actor_id": [None, str(UUID(int=3))]}


async def test_reading_needs_the_permission(log: Logbook) -> None:
    async with log.database.write(log.tenant_id, actor_with(PEOPLE_VIEW)) as session:
        with pytest.raises(Forbidden):
            await list_events(session)


@pytest.mark.parametrize("cursor", ["x", "!!!!", "AAAA", "Zm9v" * 20])
async def test_a_broken_cursor_is_refused(log: Logbook, cursor: str) -> None:
    async with log.database.write(log.tenant_id, AUDITOR) as session:
        with pytest.raises(InvalidInput) as raised:
            await list_events(session, older_than=cursor)
    assert raised.value.problems[0].path == ("olderThan",)


@pytest.mark.parametrize("options", [{"limit": 0}, {"limit": 501}, {"older_than": "x", "newer_than": "y"}])
async def test_odd_pages_are_refused(log: Logbook, options: dict[str, object]) -> None:
    async with log.database.write(log.tenant_id, AUDITOR) as session:
        with pytest.raises(InvalidInput):
            await list_events(session, **options)  # type: ignore[arg-type]


async def test_another_tenants_log_is_not_read(log: Logbook) -> None:
    await log.write(2)
    async with log.database.write(await make_tenant(log.database), TESTS) as session:
        assert (await list_events(session)).events == ()


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_tells_its_position(at: datetime, event_id: UUID) -> None:
    position = Position(at, event_id)
    assert Position.of(position.cursor(), "x") == position
