"""One's own notices through the API: marked as read, and how they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from steward_core.notifications.errors import NoticeNotFound
from steward_core.notifications.models import Notice, NoticePreference, QuietHours
from steward_core.notifications.service import notify
from steward_graphql.functions.all import functions
from steward_tenants.errors import InvalidInput
from steward_tenants.texts import Bilingual
from tests.core.notifications.post import LATE, kinds
from tests.factories import TESTS
from tests.gql.functions.shown import shown
from tests.gql.mutations.place import Place


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    with kinds():
        yield


async def test_notices_are_marked_as_read_by_their_person(place: Place) -> None:
    async with place.database.write(place.tenant_id, TESTS) as session:
        for _ in range(3):
            people = [place.manager.id, place.boss.id]
            assert await notify(session, people, LATE, title=Bilingual("逾期", "Late")) == 2
    first, *_ = await place.rows(Notice, Notice.user_id == place.manager.id)
    manager = place.as_manager
    assert await place.ask("markNoticeRead", manager, noticeId=str(first.id)) == {"notice": first.id}
    with pytest.raises(NoticeNotFound):
        await place.ask("markNoticeRead", noticeId=str(first.id))
    assert await place.ask("markAllNoticesRead", manager) == {"notices": 2}
    assert len(await place.rows(Notice, Notice.read_at.is_(None))) == 3
    assert {"notices.read", "notices.read_all"} <= set(await place.actions())


async def test_preferences_and_quiet_hours(place: Place) -> None:
    given: dict[str, Any] = {"kind": LATE, "channel": "email"}
    assert await place.ask("setNoticePreference", **given, wanted=False) == {"done": True}
    (wish,) = await place.rows(NoticePreference)
    assert (wish.user_id, wish.wanted) == (place.boss.id, False)
    hours: dict[str, Any] = {"starts": "22:00", "ends": "08:00", "timeZone": "Asia/Urumqi"}
    assert await place.ask("setQuietHours", **hours) == {"done": True}
    (one,) = [one for one in functions() if one.name == "noticePreferences"]
    async with place.database.read(place.tenant_id, place.as_boss) as session:
        answer = shown(one.result, await one.call(session, place.asked()))
    (late,) = [kind for kind in answer["kinds"] if kind["kind"] == LATE]
    channels = {each["channel"]: (each["wanted"], each["chosen"]) for each in late["channels"]}
    assert channels == {"email": (False, True), "webhook": (False, False)}
    assert answer["quietHours"] == hours
    await place.ask("setNoticePreference", **given, wanted=None)
    await place.ask("setQuietHours")
    assert await place.rows(NoticePreference) == []
    assert await place.rows(QuietHours) == []
    wrongs: list[dict[str, Any]] = [{"starts": "25:00", "ends": "08:00"}, {**hours, "timeZone": "Nowhere"}]
    for wrong in wrongs:
        with pytest.raises(InvalidInput):
            await place.ask("setQuietHours", **wrong)
