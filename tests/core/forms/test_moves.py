"""Places that one record takes, and the ways between a record's states."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from steward_core.forms.errors import DecidedByAnother, MoveRefused, RecordNotEditable, SlotTaken
from steward_core.forms.queries import revisions_of
from steward_core.forms.service import move_record, save_draft, save_record
from steward_core.permissions import FORMS_EDIT, FORMS_VIEW
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput
from tests.core.forms.test_service import events_of
from tests.core.forms.workshop import TODAY, Place
from tests.factories import actor_with

ANNA, BEN = actor_with(FORMS_EDIT, FORMS_VIEW), actor_with(FORMS_EDIT, FORMS_VIEW)
CARD, MONTH, BRAND, WISH = (f"workshop.{key}" for key in ("card", "month", "brand", "wish"))


async def test_slots_of_each_sort(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        card = await save_record(session, CARD, place.client_id, {"note": "一"}, today=TODAY)
        assert card.slot == ""
        with pytest.raises(SlotTaken) as caught:
            await save_record(session, CARD, place.client_id, {"note": "二"}, today=TODAY)
        assert caught.value.values["id"] == card.id
        assert "设备卡" in caught.value.text.zh
        assert "Card" in caught.value.text.en
        with pytest.raises(InvalidInput, match="invalid_input"):
            await save_record(session, MONTH, place.client_id, {"sales": 1}, today=TODAY)
        for bad in ("2026-13", "2026Q5", "26", "2026-1", "2026-11-05", "２０２６"):
            with pytest.raises(InvalidInput):
                await save_record(session, MONTH, place.client_id, {"sales": 1}, today=TODAY, period=bad)
        for good in ("2026-11", "2026Q4", "2026H2", "2026"):
            month = await save_record(session, MONTH, place.client_id, {"sales": 1}, today=TODAY, period=good)
            assert (month.slot, month.period) == (good, good)
        with pytest.raises(SlotTaken):
            await save_record(session, MONTH, place.client_id, {"sales": 2}, today=TODAY, period="2026Q4")
        red = await save_record(session, BRAND, place.client_id, {"brand": "红河"}, today=TODAY)
        blue = await save_record(session, BRAND, place.client_id, {"brand": "蓝海"}, today=TODAY)
        assert (red.slot, blue.slot, blue.title) == ("红河", "蓝海", "蓝海")
        with pytest.raises(SlotTaken):
            await save_record(session, BRAND, place.client_id, {"brand": "红河"}, today=TODAY, record_id=blue.id)
        first = await save_draft(session, BRAND, place.client_id, {}, today=TODAY)
        second = await save_draft(session, BRAND, place.client_id, {}, today=TODAY)
        assert (first.slot, second.slot) == (None, None)


async def test_two_firsts_at_once_one_is_told(database: Database, place: Place) -> None:
    async def create(note: str) -> UUID:
        async with database.write(place.tenant_id, ANNA) as session:
            saved = await save_record(session, CARD, place.client_id, {"note": note}, today=TODAY)
            await asyncio.sleep(0.05)
        return saved.id

    outcomes = await asyncio.gather(create("甲"), create("乙"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["SlotTaken", "UUID"]


async def test_whoever_filled_it_in_between_does_not_decide_either(database: Database, place: Place) -> None:
    """Rejecting is no filling in: who rejected may approve what came back."""
    carl = actor_with(FORMS_EDIT, FORMS_VIEW)
    async with database.write(place.tenant_id, ANNA) as session:
        wish = await save_record(session, WISH, place.client_id, {"reason": "甲"}, today=TODAY, state="submitted")
    for editor, reason in ((carl, "乙"), (ANNA, "丙")):
        async with database.write(place.tenant_id, BEN) as session:
            await move_record(session, wish.id, "reject", today=TODAY, reason="不全")
        async with database.write(place.tenant_id, editor) as session:
            await save_record(
                session, WISH, place.client_id, {"reason": reason}, today=TODAY, record_id=wish.id, state="submitted"
            )
    async with database.write(place.tenant_id, carl) as session:
        with pytest.raises(DecidedByAnother):
            await move_record(session, wish.id, "approve", today=TODAY)
    async with database.write(place.tenant_id, BEN) as session:
        assert (await move_record(session, wish.id, "approve", today=TODAY)).state == "approved"


async def test_somebody_else_decides(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        wish = await save_record(session, WISH, place.client_id, {"reason": "老客户"}, today=TODAY, state="submitted")
        assert wish.state == "submitted"
        with pytest.raises(RecordNotEditable):
            await save_record(session, WISH, place.client_id, {"reason": "改"}, today=TODAY, record_id=wish.id)
        with pytest.raises(DecidedByAnother):
            await move_record(session, wish.id, "approve", today=TODAY)
        with pytest.raises(MoveRefused) as caught:
            await move_record(session, wish.id, "file", today=TODAY)
        assert "approve" in caught.value.advice.en
        assert "批准" in caught.value.advice.zh
    async with database.write(place.tenant_id, BEN) as session:
        with pytest.raises(InvalidInput):
            await move_record(session, wish.id, "reject", today=TODAY, reason="  ")
        await move_record(session, wish.id, "reject", today=TODAY, reason="理由不足", expected_version=1)
    async with database.write(place.tenant_id, ANNA) as session:
        await save_draft(session, WISH, place.client_id, {}, today=TODAY, record_id=wish.id)
        with pytest.raises(InvalidInput):
            await move_record(session, wish.id, "resubmit", today=TODAY)
        await save_draft(session, WISH, place.client_id, {"reason": "合同将到期"}, today=TODAY, record_id=wish.id)
        await move_record(session, wish.id, "resubmit", today=TODAY)
    async with database.write(place.tenant_id, BEN) as session:
        done = await move_record(session, wish.id, "approve", today=TODAY)
        assert done.state == "approved"
        causes = [one.cause for one in await revisions_of(session, wish.id, today=TODAY)]
        assert causes == ["move:approve", "move:resubmit", "save", "save", "move:reject"]
        assert (await events_of(session, wish.id))[1].reason == "理由不足"


async def test_a_plain_save_of_what_needs_approval_stays_a_draft(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        wish = await save_record(session, WISH, place.client_id, {"reason": "老客户"}, today=TODAY)
        assert wish.state == "draft"
        with pytest.raises(MoveRefused):
            await save_record(session, WISH, place.client_id, {"reason": "x"}, today=TODAY, state="approved")


async def test_withdrawing_and_restoring(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        card = await save_record(session, CARD, place.client_id, {"note": "一"}, today=TODAY)
        with pytest.raises(InvalidInput):
            await move_record(session, card.id, "withdraw", today=TODAY)
        await move_record(session, card.id, "withdraw", today=TODAY, reason="填错客户")
        with pytest.raises(RecordNotEditable):
            await save_record(session, CARD, place.client_id, {"note": "二"}, today=TODAY, record_id=card.id)
        again = await move_record(session, card.id, "restore", today=TODAY, reason="确认无误")
        assert (again.state, again.document) == ("filed", {"note": "一"})
