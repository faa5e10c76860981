"""Telling people: who gets a notice, how often, and what they say about theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import event, func, select, update
from sqlalchemy.engine import Engine

from steward_core.inbox.items import InboxKind
from steward_core.inbox.queries import inbox_counts, inbox_fingerprint, inbox_of
from steward_core.notifications.errors import NoticeNotFound
from steward_core.notifications.models import Notice, NoticeDelivery
from steward_core.notifications.queries import notices_of, preferences_of, quiet_hours_of
from steward_core.notifications.rules import EMAIL, declare_notice
from steward_core.notifications.service import (
    SEND,
    Message,
    forget_old_notices,
    mark_all_notices_read,
    mark_notice_read,
    notify,
    notify_many,
    set_notice_preference,
    set_quiet_hours,
    told_hours,
)
from steward_core.notifications.settings import KEPT_DAYS
from steward_tenants.audit.service import Subject
from steward_tenants.configuration.models import TenantSetting
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.people.models import User, UserStatus
from steward_tenants.privacy.subjects import SOURCES
from steward_tenants.texts import Bilingual
from tests.core.factories import make_client
from tests.core.notifications.post import LATE, QUIET_KIND, as_person, deliveries, kinds
from tests.factories import TESTS, make_tenant, make_user
from tests.turns import meanwhile

TITLE = Bilingual("合同将到期", "A contract will end")
TODAY = date(2026, 11, 22)


@dataclass
class Office:
    """A tenant with three people."""

    tenant_id: UUID
    anna: UUID
    ben: UUID
    gone: UUID


@pytest_asyncio.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        anna, ben = (make_user(session, email=f"{name}@example.test") for name in ("anna", "ben"))
        gone = make_user(session, status=UserStatus.DISABLED)
    with kinds():
        yield Office(tenant_id, anna.id, ben.id, gone.id)


async def tell(database: Database, office: Office, *people: UUID, kind: str = LATE, key: str | None = None) -> int:
    async with database.write(office.tenant_id, TESTS) as session:
        return await notify(session, people, kind, title=TITLE, key=key)


async def test_each_active_person_is_told_once(database: Database, office: Office) -> None:
    other = await make_tenant(database)
    async with database.write(other, TESTS) as session:
        stranger = make_user(session)
    people = (office.anna, office.anna, office.ben, office.gone, stranger.id, new_id())
    assert await tell(database, office, *people) == 2
    assert await tell(database, office) == 0
    async with database.read(office.tenant_id, as_person(office.anna)) as session:
        (notice,) = await notices_of(session)
        assert (notice.title_zh, notice.title_en, notice.read_at) == (*TITLE, None)
        jobs = await session.scalar(select(func.count()).where(session.within(OutboxJob), OutboxJob.kind == SEND))
    assert jobs == 1
    assert await deliveries(database, office.tenant_id) == Counter(waiting=2)


async def test_a_key_reaches_a_person_once(database: Database, office: Office) -> None:
    assert await tell(database, office, office.anna, key="a") == 1
    assert await tell(database, office, office.anna, office.ben, key="a") == 1
    assert await tell(database, office, office.anna, key="b") == 1
    assert await tell(database, office, office.anna, kind=QUIET_KIND, key="b") == 1
    assert await tell(database, office, office.anna, office.anna) == 1
    assert await tell(database, office, office.anna) == 1
    assert await deliveries(database, office.tenant_id) == Counter(waiting=5)


async def test_many_are_told_each_their_own_in_a_handful_of_statements(database: Database, office: Office) -> None:
    other, subject = await make_tenant(database), Subject("client", new_id())
    async with database.write(office.tenant_id, TESTS) as session:
        people = [make_user(session).id for _ in range(500)]
    async with database.write(other, TESTS) as session:
        stranger = make_user(session).id
    async with database.write(office.tenant_id, as_person(people[0])) as session:
        await set_notice_preference(session, LATE, EMAIL, wanted=False)
    messages = [
        Message(person, Bilingual(f"第{number}条" + "长" * 300, f"Number {number}"), key=f"k{number}")
        for number, person in enumerate((*people, office.gone, stranger, new_id()))
    ]
    messages.append(Message(people[1], TITLE, Bilingual("二", "two" * 2000), subject))
    messages.append(messages[2])
    seen: list[str] = []

    def count(*arguments: Any) -> None:
        seen.append(arguments[2])

    async with database.write(office.tenant_id, TESTS) as session:
        assert await notify_many(session, LATE, []) == 0
        event.listen(Engine, "before_cursor_execute", count)
        try:
            assert await notify_many(session, LATE, messages) == 501
        finally:
            event.remove(Engine, "before_cursor_execute", count)
    assert len(seen) == 3, "notices, deliveries, the job"
    async with database.write(office.tenant_id, TESTS) as session:
        assert await notify_many(session, LATE, messages) == 1, "only what has no key comes again"
    assert await deliveries(database, office.tenant_id) == Counter(waiting=501)
    async with database.read(office.tenant_id, as_person(people[1])) as reading:
        again, plain, mine = await notices_of(reading)
    assert (mine.title_en, mine.key, mine.body_zh, mine.subject_kind) == ("Number 1", "k1", None, None)
    assert (mine.title_zh[:3], len(mine.title_zh)) == ("第1条", 300)
    for one in (plain, again):
        assert (one.title_zh, one.key, one.body_zh) == (TITLE.zh, None, "二")
        assert (one.subject_kind, one.subject_id, len(one.body_en or "")) == ("client", subject.id, 4000)
    with pytest.raises(KeyError):
        async with database.write(office.tenant_id, TESTS) as session:
            await notify_many(session, "tests.unknown", messages)


async def test_two_who_tell_the_same_at_once_tell_it_once(database: Database, office: Office) -> None:
    messages = [Message(person, TITLE, key="a") for person in (office.anna, office.ben)]

    async def tell_all(session: WriteSession) -> None:
        await notify_many(session, LATE, messages)

    assert await meanwhile(database, office.tenant_id, TESTS, tell_all, tell_all) is None
    assert await deliveries(database, office.tenant_id) == Counter(waiting=2)


async def test_texts_are_kept_within_bounds_and_the_subject_stands(database: Database, office: Office) -> None:
    client_id = new_id()
    async with database.write(office.tenant_id, TESTS) as session:
        long = Bilingual("长" * 400, "l" * 400)
        about = Subject("client", client_id)
        await notify(session, [office.anna], LATE, title=long, body=Bilingual("一", "one"), subject=about)
    async with database.read(office.tenant_id, as_person(office.anna)) as session:
        (notice,) = await notices_of(session)
    assert len(notice.title_zh) == len(notice.title_en) == 300
    assert (notice.body_zh, notice.body_en) == ("一", "one")
    assert (notice.subject_kind, notice.subject_id) == ("client", client_id)


async def test_a_kind_must_be_declared_once(database: Database, office: Office) -> None:
    with pytest.raises(KeyError):
        await tell(database, office, office.anna, kind="tests.unknown")
    with pytest.raises(ValueError, match="twice"):
        declare_notice(LATE, "逾期", "Late")
    with pytest.raises(ValueError, match="no key"):
        declare_notice("Tests Late", "逾期", "Late")


async def test_preferences_decide_by_which_channel_it_goes(database: Database, office: Office) -> None:
    anna, ben = as_person(office.anna), as_person(office.ben)
    async with database.write(office.tenant_id, anna) as session:
        await set_notice_preference(session, LATE, EMAIL, wanted=False)
    async with database.write(office.tenant_id, ben) as session:
        await set_notice_preference(session, QUIET_KIND, EMAIL, wanted=True)
    for kind in (LATE, QUIET_KIND):
        assert await tell(database, office, office.anna, office.ben, kind=kind) == 2
    async with database.read(office.tenant_id, TESTS) as session:
        waiting = await session.scalars(select(NoticeDelivery.user_id).where(session.within(NoticeDelivery)))
    assert list(waiting) == [office.ben, office.ben]
    async with database.write(office.tenant_id, anna) as session:
        states = {one.kind.key: one for one in await preferences_of(session)}
        assert (states[LATE].channels[EMAIL], states[LATE].chosen) == (False, frozenset({EMAIL}))
        assert (states[QUIET_KIND].channels[EMAIL], states[QUIET_KIND].chosen) == (False, frozenset())
        await set_notice_preference(session, LATE, EMAIL, wanted=None)
        states = {one.kind.key: one for one in await preferences_of(session)}
        assert (states[LATE].channels[EMAIL], states[LATE].chosen) == (True, frozenset())
    async with database.write(office.tenant_id, ben) as session:
        await set_notice_preference(session, QUIET_KIND, EMAIL, wanted=None)
    assert await deliveries(database, office.tenant_id) == Counter(waiting=1, dropped=1)


@pytest.mark.parametrize(("kind", "channel", "path"), [("x.y", EMAIL, "kind"), (LATE, "pigeon", "channel")])
async def test_unknown_kinds_and_channels_are_refused(
    database: Database, office: Office, kind: str, channel: str, path: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        async with database.write(office.tenant_id, as_person(office.anna)) as session:
            await set_notice_preference(session, kind, channel, wanted=True)
    assert refused.value.problems[0].path == (path,)


async def test_quiet_hours_are_set_changed_and_taken_back(database: Database, office: Office) -> None:
    async with database.write(office.tenant_id, as_person(office.anna)) as session:
        await set_quiet_hours(session, starts="22:00", ends="08:30")
        await set_quiet_hours(session, starts="23:15", ends="07:00", time_zone="Europe/Berlin")
        hours = await quiet_hours_of(session)
        assert hours is not None
        assert told_hours(hours) == {"starts": "23:15", "ends": "07:00", "zone": "Europe/Berlin"}
    async with database.write(office.tenant_id, as_person(office.anna)) as session:
        await set_quiet_hours(session)
        assert await quiet_hours_of(session) is None


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"starts": "22:00"}, "ends"),
        ({"ends": "22:00"}, "starts"),
        ({"starts": "22:00", "ends": "22:00"}, "ends"),
        ({"starts": "24:00", "ends": "08:00"}, "starts"),
        ({"starts": "9:00", "ends": "10:00"}, "starts"),
        ({"starts": "22:00", "ends": "８:00"}, "ends"),
        ({"starts": "22:00", "ends": "08:00", "time_zone": "Mars/Base"}, "time_zone"),
    ],
)
async def test_odd_quiet_hours_are_refused(
    database: Database, office: Office, given: dict[str, str], path: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        async with database.write(office.tenant_id, as_person(office.anna)) as session:
            await set_quiet_hours(session, **given)
    assert refused.value.problems[0].path == (path,)


async def test_notices_stand_in_the_inbox_until_they_are_read(database: Database, office: Office) -> None:
    anna = as_person(office.anna)
    async with database.write(office.tenant_id, TESTS) as session:
        client = make_client(session)
        await session.flush()
        await notify(session, [office.anna], LATE, title=TITLE, subject=Subject("client", client.id))
    await tell(database, office, office.anna, office.ben)
    async with database.write(office.tenant_id, anna) as session:
        later, first = await inbox_of(session, today=TODAY)
        assert (first.kind, first.title, first.client_id, first.unread) == (InboxKind.NOTICE, TITLE, client.id, True)
        assert (later.client_id, later.count) == (None, 1)
        assert (await inbox_counts(session, today=TODAY))[InboxKind.NOTICE] == 2
        before = await inbox_fingerprint(session, today=TODAY)
        assert first.id is not None
        notice = await mark_notice_read(session, first.id)
        assert notice.read_at is not None
        assert (await mark_notice_read(session, first.id)).read_at == notice.read_at
        assert await inbox_fingerprint(session, today=TODAY) != before
        assert [item.unread for item in await inbox_of(session, today=TODAY)] == [True, False]
        assert (await inbox_counts(session, today=TODAY))[InboxKind.NOTICE] == 1
        assert [one.id for one in await notices_of(session, unread=True)] == [later.id]
        assert [one.id for one in await notices_of(session, after=later.id)] == [first.id]
        assert await mark_all_notices_read(session) == 1
        assert await mark_all_notices_read(session) == 0
    async with database.read(office.tenant_id, as_person(office.ben)) as session:
        assert (await inbox_counts(session, today=TODAY))[InboxKind.NOTICE] == 1


async def test_nobody_reads_or_marks_anothers_notices(database: Database, office: Office) -> None:
    await tell(database, office, office.anna)
    async with database.read(office.tenant_id, TESTS) as session:
        (notice_id,) = await session.scalars(select(Notice.id).where(session.within(Notice)))
        assert await inbox_of(session, today=TODAY) == []
    with pytest.raises(NoticeNotFound):
        async with database.write(office.tenant_id, as_person(office.ben)) as session:
            await mark_notice_read(session, notice_id)
    with pytest.raises(Forbidden):
        async with database.write(office.tenant_id, TESTS) as session:
            await mark_all_notices_read(session)
    async with database.read(office.tenant_id, as_person(office.ben)) as session:
        assert await notices_of(session) == []
        with pytest.raises(InvalidInput):
            await notices_of(session, limit=0)


async def test_notices_are_forgotten_after_their_time(database: Database, office: Office) -> None:
    for age in (1, 100, 181):
        await tell(database, office, office.anna, key=f"age.{age}")
        async with database.write(office.tenant_id, TESTS) as session:
            await session.execute(
                update(Notice)
                .where(session.within(Notice), Notice.key == f"age.{age}")
                .values(created_at=datetime.now(UTC) - timedelta(days=age))
            )
    async with database.write(office.tenant_id, TESTS) as session:
        assert await forget_old_notices(session) == 1
        session.add(TenantSetting(key=KEPT_DAYS.key, value=30, changed_by=TESTS.id))
        await session.flush()
        assert await forget_old_notices(session) == 1
        assert await forget_old_notices(session) == 0
    assert await deliveries(database, office.tenant_id) == Counter(waiting=1)


async def test_notices_are_in_a_persons_copy_and_go_with_the_person(database: Database, office: Office) -> None:
    await tell(database, office, office.anna, office.ben)
    async with database.write(office.tenant_id, as_person(office.anna)) as session:
        await set_quiet_hours(session, starts="22:00", ends="08:00")
    source = SOURCES["notices"]
    assert source.erase is not None
    async with database.write(office.tenant_id, TESTS) as session:
        anna = await session.get(User, office.anna)
        assert anna is not None
        assert [row["title_zh"] for row in await source.collect(session, anna)] == [TITLE.zh]
        await source.erase(session, anna)
        assert await source.collect(session, anna) == []
    assert await deliveries(database, office.tenant_id) == Counter(waiting=1)
