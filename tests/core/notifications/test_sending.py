"""What is due goes out once, to whom it should, when it should, in the person's language."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update

from steward_core.notifications import sending
from steward_core.notifications.channels import SENDERS
from steward_core.notifications.jobs import send_due
from steward_core.notifications.models import Notice, NoticeDelivery, QuietHours
from steward_core.notifications.rules import clock
from steward_core.notifications.senders import EmailSender, SenderFailed, register_sender
from steward_core.notifications.sending import sort_due
from steward_core.notifications.service import SEND, mark_notice_read, notify, set_notice_preference, set_quiet_hours
from steward_tenants.database.database import Database
from steward_tenants.errors import TenantSuspended
from steward_tenants.outbox.jobs import JOB_KINDS, JobPlace
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.outbox.performing import perform_due
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.mail import Letter
from steward_tenants.texts import Bilingual
from tests.core.notifications.post import LATE, URL, Post, as_person, deliveries, job_place, kinds
from tests.factories import TESTS, make_tenant, make_user
from tests.turns import HEAD_START

TITLE = Bilingual("合同将到期：华信网络", "A contract will end: Huaxin Networks")


@dataclass
class Mailroom:
    """A tenant, its post, and the place of its job."""

    database: Database
    tenant_id: UUID
    post: Post
    place: JobPlace

    async def person(self, name: str, **values: Any) -> UUID:
        async with self.database.write(self.tenant_id, TESTS) as session:
            return make_user(session, name=name, **{"email": f"{name}@example.test", **values}).id

    async def tell(self, *people: UUID, title: Bilingual = TITLE, body: Bilingual | None = None) -> None:
        async with self.database.write(self.tenant_id, TESTS) as session:
            assert await notify(session, people, LATE, title=title, body=body) == len(people)

    async def send(self) -> bool:
        return await send_due(self.place, {})

    async def ended(self) -> Counter[str]:
        return await deliveries(self.database, self.tenant_id)

    async def quiet(self, person: UUID, zone: str | None = None, *, ended: bool = False) -> None:
        """Quiet hours around this moment, or those that ended a moment ago."""
        minute = int(datetime.now(UTC).timestamp() // 60) % 1440
        starts, ends = ((minute - 60) % 1440, (minute - 5 if ended else minute + 60) % 1440)
        async with self.database.write(self.tenant_id, TESTS) as session:
            session.add(QuietHours(user_id=person, starts=starts, ends=ends, zone=zone))


@pytest_asyncio.fixture
async def room(database: Database) -> AsyncIterator[Mailroom]:
    tenant_id = await make_tenant(database, name="华信公司", time_zone="UTC")
    post = Post()
    with kinds():
        yield Mailroom(database, tenant_id, post, job_place(database, tenant_id, post))


async def test_everybody_gets_one_mail_with_all_their_notices(room: Mailroom) -> None:
    anna, ben = await room.person("anna"), await room.person("ben")
    await room.tell(anna, ben)
    await room.tell(anna, title=Bilingual("第二条", "The second"), body=Bilingual("说明", "More"))
    assert await room.send() is True
    letters = {letter.to: letter for letter in room.post.letters}
    assert sorted(letters) == ["anna@example.test", "ben@example.test"]
    assert letters["ben@example.test"].subject == f"管家：{TITLE.zh} / Steward: {TITLE.en}"
    assert letters["anna@example.test"].subject == "管家：2 条新通知 / Steward: 2 new notices"
    text = letters["anna@example.test"].text
    for part in (TITLE.zh, TITLE.en, "第二条", "The second", "  说明", "  More", "华信公司", URL):
        assert part in text
    assert text.index(TITLE.zh) < text.index("第二条") < text.index(TITLE.en)
    assert await room.ended() == Counter(sent=3)
    assert await room.send() is True
    assert len(room.post.letters) == 2


@pytest.mark.parametrize(("locale", "there", "missing"), [("en", TITLE.en, TITLE.zh), ("zh-CN", TITLE.zh, TITLE.en)])
async def test_mail_speaks_the_persons_language(room: Mailroom, locale: str, there: str, missing: str) -> None:
    await room.tell(await room.person("anna", locale=locale))
    await room.send()
    (letter,) = room.post.letters
    assert there in letter.text
    assert there in letter.subject
    assert missing not in letter.text + letter.subject


async def test_a_title_over_lines_stays_one_line_of_the_head(room: Mailroom) -> None:
    await room.tell(await room.person("anna"), title=Bilingual("甲\r\nBcc: x@example.test", "a\nb" + "c" * 200))
    await room.send()
    (letter,) = room.post.letters
    assert "\n" not in letter.subject
    assert "\r" not in letter.subject
    assert len(letter.subject) <= 120


async def test_who_left_has_no_address_or_read_it_gets_no_mail(room: Mailroom) -> None:
    gone, silent, reader = await room.person("gone"), await room.person("silent", email=None), await room.person("r")
    await room.tell(gone, silent, reader)
    async with room.database.write(room.tenant_id, TESTS) as session:
        left = UserStatus.DISABLED.value
        await session.execute(update(User).where(session.within(User), User.id == gone).values(status=left))
    async with room.database.write(room.tenant_id, as_person(reader)) as session:
        mine = select(NoticeDelivery.notice_id).where(session.within(NoticeDelivery), NoticeDelivery.user_id == reader)
        await mark_notice_read(session, await session.scalar(mine))
    assert await room.send() is True
    assert room.post.letters == []
    assert await room.ended() == Counter(dropped=3)


async def test_quiet_hours_collect_mails_until_they_end(room: Mailroom) -> None:
    anna, ben, carl = [await room.person(name) for name in ("anna", "ben", "carl")]
    await room.quiet(anna)
    await room.quiet(ben)
    await room.quiet(carl, ended=True)
    for number in range(3):
        await room.tell(anna, ben, carl, title=Bilingual(f"第{number}条", f"Number {number}"))
        assert await room.send() is True
    assert [letter.to for letter in room.post.letters] == ["carl@example.test"] * 3
    assert await room.ended() == Counter(waiting=6, sent=3)
    async with room.database.read(room.tenant_id, TESTS) as session:
        dues = set(
            await session.scalars(
                select(NoticeDelivery.due).where(session.within(NoticeDelivery), NoticeDelivery.status == "waiting")
            )
        )
        planned = await session.scalars(
            select(OutboxJob.due).where(session.within(OutboxJob), OutboxJob.unique_key.is_not(None))
        )
    assert set(planned) == dues
    assert len(planned) == 1
    (end,) = dues
    assert timedelta(minutes=58) < end - datetime.now(UTC) <= timedelta(minutes=60)
    await _pass_quiet_hours(room)
    assert await room.send() is True
    assert Counter(letter.to for letter in room.post.letters[3:]) == Counter(
        {"anna@example.test": 1, "ben@example.test": 1}
    )
    assert all(f"第{number}条" in room.post.letters[-1].text for number in range(3))
    assert await room.ended() == Counter(sent=9)


async def _pass_quiet_hours(room: Mailroom) -> None:
    async with room.database.write(room.tenant_id, TESTS) as session:
        await session.execute(
            update(NoticeDelivery).where(session.within(NoticeDelivery)).values(due=func.now() - timedelta(seconds=1))
        )
        await session.execute(
            update(QuietHours)
            .where(session.within(QuietHours))
            .values(starts=(QuietHours.starts + 180) % 1440, ends=(QuietHours.ends + 180) % 1440)
        )


def hours(starts_in: int, ends_in: int) -> dict[str, str]:
    """Quiet hours in minutes from now."""
    minute = int(datetime.now(UTC).timestamp() // 60)
    return {"starts": clock(minute + starts_in), "ends": clock(minute + ends_in)}


@pytest.mark.parametrize(("given", "put_off"), [(None, None), ((60, 120), None), ((-60, 30), 30), ((-60, 300), 300)])
async def test_new_quiet_hours_hold_for_mails_that_the_old_ones_put_off(
    room: Mailroom, given: tuple[int, int] | None, put_off: int | None
) -> None:
    anna, ben = [await room.person(name) for name in ("anna", "ben")]
    for person in (anna, ben):
        await room.quiet(person)
        await room.tell(person)
    await room.send()
    assert room.post.letters == []
    async with room.database.write(room.tenant_id, as_person(anna)) as session:
        await set_quiet_hours(session, **({} if given is None else hours(*given)))
    await perform_due(room.database, room.tenant_id, room.place.tools)
    assert [letter.to for letter in room.post.letters] == ([] if put_off else ["anna@example.test"])
    async with room.database.read(room.tenant_id, TESTS) as session:
        dues = dict(
            tuple(row)
            for row in await session.rows(
                select(NoticeDelivery.user_id, NoticeDelivery.due).where(
                    session.within(NoticeDelivery), NoticeDelivery.status == "waiting"
                )
            )
        )
        planned = await session.scalars(
            select(OutboxJob.due).where(session.within(OutboxJob), OutboxJob.status == "waiting")
        )
    now = datetime.now(UTC)
    assert timedelta(minutes=55) < dues.pop(ben) - now <= timedelta(minutes=60), "others' stay where they are"
    if put_off is None:
        assert dues == {}
    else:
        assert timedelta(minutes=put_off - 5) < dues[anna] - now <= timedelta(minutes=put_off)
        assert dues[anna] in planned


async def test_quiet_hours_that_hold_nothing_back_write_no_job(room: Mailroom) -> None:
    anna = await room.person("anna")
    async with room.database.write(room.tenant_id, as_person(anna)) as session:
        await set_quiet_hours(session, starts="22:00", ends="08:00")
        await set_quiet_hours(session)
        assert await session.find(OutboxJob) is None


@pytest.mark.parametrize("anna_first", [False, True])
async def test_who_changes_quiet_hours_while_mails_are_put_off_is_not_kept_waiting(
    room: Mailroom, monkeypatch: pytest.MonkeyPatch, *, anna_first: bool
) -> None:
    anna = await room.person("anna")
    await room.quiet(anna)
    await room.tell(anna)
    tasks: list[asyncio.Task[None]] = []

    async def change() -> None:
        async with room.database.write(room.tenant_id, as_person(anna)) as session:
            await set_quiet_hours(session)

    known = sending._changed_since if anna_first else sending._postpone

    async def meanwhile(*given: Any) -> Any:
        """Anna's command comes before the hours are looked at again, or while they are held."""
        if anna_first:
            await change()
            return await known(*given)
        done = await known(*given)
        tasks.append(asyncio.create_task(change()))
        await asyncio.sleep(HEAD_START)
        return done

    monkeypatch.setattr(sending, known.__name__, meanwhile)
    await room.send()
    monkeypatch.undo()
    await asyncio.gather(*tasks)
    await perform_due(room.database, room.tenant_id, room.place.tools)
    assert await room.ended() == Counter(sent=1)


async def test_quiet_hours_may_be_of_another_zone(room: Mailroom) -> None:
    anna = await room.person("anna")
    await room.quiet(anna, "Asia/Shanghai")
    await room.tell(anna)
    await room.send()
    assert len(room.post.letters) == 1


async def test_a_refused_address_ends_for_good_and_a_doubtful_one_is_tried_again(room: Mailroom) -> None:
    anna, ben, carl = [await room.person(name) for name in ("anna", "ben", "carl")]
    room.post.refused = {"anna@example.test": 550, "ben@example.test": 451}
    await room.tell(anna, ben, carl)
    with pytest.raises(SenderFailed):
        await room.send()
    assert [letter.to for letter in room.post.letters] == ["carl@example.test"]
    assert await room.ended() == Counter(failed=1, waiting=1, sent=1)
    room.post.refused = {}
    assert await room.send() is True
    assert await room.ended() == Counter(failed=1, sent=2)


async def test_without_a_mail_server_everything_waits(room: Mailroom) -> None:
    await room.tell(await room.person("anna"), await room.person("ben"))
    room.post.down = True
    with pytest.raises(ConnectionRefusedError):
        await room.send()
    assert await room.ended() == Counter(waiting=2)
    room.post.down = False
    assert await room.send() is True
    assert await room.ended() == Counter(sent=2)


async def test_after_three_days_nobody_is_told_any_more(room: Mailroom) -> None:
    await room.tell(await room.person("anna"))
    async with room.database.write(room.tenant_id, TESTS) as session:
        old = datetime.now(UTC) - timedelta(days=3, minutes=1)
        await session.execute(update(Notice).where(session.within(Notice)).values(created_at=old))
    assert await room.send() is True
    assert room.post.letters == []
    assert await room.ended() == Counter(failed=1)


async def test_two_at_once_send_nothing_twice(room: Mailroom) -> None:
    people = [await room.person(f"p{number}") for number in range(8)]
    await room.tell(*people)
    await room.tell(*people)
    await asyncio.gather(*(room.send() for _ in range(4)))
    assert Counter(letter.to for letter in room.post.letters) == Counter(
        {f"p{number}@example.test": 1 for number in range(8)}
    )
    assert await room.ended() == Counter(sent=16)


@pytest.mark.parametrize("more", [False, True])
async def test_a_mail_that_was_taken_and_not_noted_comes_again_under_the_same_id(room: Mailroom, *, more: bool) -> None:
    class Dies(Post):
        async def send(self, letter: Letter) -> None:
            await super().send(letter)
            raise asyncio.CancelledError

    anna = await room.person("anna")
    await room.tell(anna)
    await room.tell(anna)
    taken = Dies(room.post.letters)
    with pytest.raises(asyncio.CancelledError):
        await send_due(job_place(room.database, room.tenant_id, taken), {})
    assert await room.ended() == Counter(waiting=2)
    if more:
        await room.tell(anna)
    assert await room.send() is True
    assert await room.ended() == Counter(sent=3 if more else 2)
    first, second = room.post.letters
    assert first.key
    assert (first.key == second.key) is not more, "a mail that tells of more is another one"


async def test_mails_that_tell_of_something_else_bear_other_ids(room: Mailroom) -> None:
    people = [await room.person(f"p{number}") for number in range(3)]
    for _ in range(2):
        await room.tell(*people)
        await room.send()
    assert len({letter.key for letter in room.post.letters}) == 6


async def test_a_long_turn_leaves_the_rest_for_the_next(room: Mailroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steward_core.notifications.jobs.TURN_SECONDS", -1.0)
    await room.tell(*[await room.person(f"p{number}") for number in range(3)])
    turns = 1
    while not await room.send():
        turns += 1
    assert turns == 4
    assert len(room.post.letters) == 3


async def test_another_tenants_notices_stay(room: Mailroom, database: Database) -> None:
    other = await make_tenant(database)
    await room.tell(await room.person("anna"))
    place = job_place(database, other, room.post)
    due = await sort_due(place)
    assert (due.now, due.later, due.never) == ([], {}, [])
    assert await send_due(place, {"tenant_id": str(room.tenant_id)}) is True
    assert room.post.letters == []


async def test_a_suspended_tenant_sends_nothing(database: Database) -> None:
    tenant = await make_tenant(database, status="suspended")
    with pytest.raises(TenantSuspended):
        await send_due(job_place(database, tenant, Post()), {})


async def test_other_channels_have_senders_of_their_own(room: Mailroom) -> None:
    class Pigeon(EmailSender):
        channel = "pigeon"

    anna = await room.person("anna")
    register_sender(Pigeon())
    try:
        with pytest.raises(ValueError, match="pigeon"):
            register_sender(Pigeon())
        async with room.database.write(room.tenant_id, as_person(anna)) as session:
            await set_notice_preference(session, LATE, "pigeon", wanted=True)
        await room.tell(anna)
        await room.send()
        assert len(room.post.letters) == 2
        await room.tell(anna)
    finally:
        del SENDERS["pigeon"]
    await room.send()
    assert await room.ended() == Counter(sent=3, dropped=1)


def test_the_job_is_declared() -> None:
    assert JOB_KINDS[SEND].beside is send_due
