"""Visits from plan to end: what is kept, what is refused, what follows."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.followers import let_follow
from steward_core.clients.models import Client
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.promises.models import PromiseClock, ServiceRequest
from steward_core.visits.check_in import Verdict
from steward_core.visits.checklists import CHECKLISTS, Checklists, Stage
from steward_core.visits.models import Visit, VisitStatus
from steward_core.visits.service import cancel_visit, change_visit, tick_item
from steward_core.visits.visit_errors import (
    CheckInRefused,
    CorrectionNeedsReason,
    NothingToTick,
    VisitChanged,
    VisitNotFound,
    VisitOfAnother,
    VisitStateForbids,
    VisitThere,
)
from steward_tenants.audit.models import AuditEvent
from steward_tenants.configuration.models import TenantSetting
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import InvalidInput, StewardError
from tests.core.factories import make_client, make_contact
from tests.core.visits.carried_out import RIGHTS, TEN, TODAY, a_place, begun, ended, planned, recorded
from tests.factories import TESTS, actor_with, make_user

REPORT: dict[str, Any] = {
    "topics": "扩容",
    "needs": ["mobile_office", "basic_communication"],
    "needs_text": "需要两条专线",
    "wishes": ["希望提前安装", "希望提前安装"],
    "complaints": ["上月账单有误\n请核对"],
    "summary": "客户有意续约",
    "next_step": "送方案",
    "next_due_on": date(2025, 11, 6),
    "intention": 4,
}


def problem_fields(error: StewardError) -> set[str]:
    """The fields that an error names."""
    return {problem.path[0] for problem in error.problems}


async def test_a_visit_from_plan_to_end(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await planned(session, place, fields={"aim": "续约", "origin": "referral"})
        assert (visit.status, visit.owner_id, visit.version) == ("prepared", place.manager.id, 1)
        assert [one["key"] for one in visit.before["items"]][:2] == ["aim", "last_conversations"]
        await tick_item(session, visit.id, stage=Stage.BEFORE, item="aim", note="谈续约", today=TODAY)
        await begun(session, visit)
        assert (visit.status, visit.verdict, visit.metres, visit.day) == ("under_way", Verdict.ACCEPTED, 0, TODAY)
        assert visit.check_in["lines"][0]["zh"].startswith("距客户 0 米")
        await ended(session, visit, fields={**REPORT, "contact_ids": [place.contact.id]})
    async with database.read(place.tenant, place.visitor) as reading:
        found = await reading.find(Visit, Visit.id == visit.id)
        assert found is not None
        assert found.status == VisitStatus.DONE
        assert found.ended_at == TEN + timedelta(minutes=30)
        assert found.before["items"][0] == {"key": "aim", "zh": "明确走访目的", "en": "Aim of the visit", "done": True,
                                            "note": "谈续约"}  # fmt: skip
        assert (found.needs, found.wishes) == (["mobile_office", "basic_communication"], ["希望提前安装"])
        requests = await reading.scalars(
            select(ServiceRequest)
            .where(reading.within(ServiceRequest), ServiceRequest.visit_id == visit.id)
            .order_by(ServiceRequest.kind)
        )
        assert [(one.kind, one.title, one.owner_id) for one in requests] == [
            ("complaint", "上月账单有误", place.manager.id),
            ("wish", "希望提前安装", place.manager.id),
        ]
        clocks = await reading.scalars(
            select(PromiseClock.subject_id).where(
                reading.within(PromiseClock), PromiseClock.subject == "visit", PromiseClock.subject_id == visit.id
            )
        )
        assert clocks
        client = await reading.find(Client, Client.id == place.client.id)
        assert client is not None
        assert client.last_activity_on == TODAY
        changes = await reading.scalars(
            select(AuditEvent.changes).where(reading.within(AuditEvent), AuditEvent.subject_id == visit.id)
        )
        assert len(changes) == 4
        assert "专线" not in str(changes)


@pytest.mark.parametrize(
    ("values", "verdict", "metres"),
    [
        ({}, Verdict.ACCEPTED, 0),
        ({"latitude": Decimal("30.26")}, Verdict.FLAGGED, 1112),
        ({"latitude": None, "longitude": None}, Verdict.FLAGGED, None),
        ({"device_time": TEN - timedelta(hours=30)}, Verdict.FLAGGED, 0),
    ],
)
async def test_a_flagged_check_in_is_kept(
    database: Database, values: Any, verdict: Verdict, metres: int | None
) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await begun(session, await planned(session, place), **values)
        assert (visit.verdict, visit.metres, visit.status) == (verdict, metres, "under_way")


async def test_the_devices_clock_is_put_right(database: Database) -> None:
    """The device is a day off by half of its limit: the day is the server's."""
    place = await a_place(database)
    ahead = timedelta(hours=20)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await planned(session, place)
        await begun(session, visit, device_time=TEN + ahead, device_sent_at=TEN + ahead)
        assert (visit.began_at, visit.device_began_at, visit.day) == (TEN, TEN + ahead, TODAY)
        assert visit.verdict == Verdict.FLAGGED
        assert visit.check_in["clock_seconds"] == ahead.total_seconds()


async def test_a_refused_check_in_says_why(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await planned(session, place)
        with pytest.raises(CheckInRefused) as refused:
            await begun(session, visit, device_time=TEN - timedelta(days=8))
        assert "请由主管补登" in str([problem.message.zh for problem in refused.value.problems])
        with pytest.raises(InvalidInput) as wrong:
            await begun(session, visit, latitude=Decimal(91), longitude=None)
        assert problem_fields(wrong.value) == {"latitude", "longitude"}
        assert visit.status == "prepared"


async def test_only_the_visitor_checks_in_but_a_supervisor_records(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.supervisor) as session:
        visit = await planned(session, place, owner_id=place.manager.id)
        with pytest.raises(VisitOfAnother):
            await begun(session, visit)
        done = await recorded(
            session, place.client.id, visit_id=visit.id, latitude=None, longitude=None, fields={"summary": "补登"}
        )
        assert done.id == visit.id
        assert (done.owner_id, done.status, done.verdict) == (place.manager.id, "done", Verdict.FLAGGED)
    other = actor_with(*RIGHTS, scope=Scope.OWN)
    async with database.write(place.tenant, other) as session:
        with pytest.raises(VisitNotFound):
            await cancel_visit(session, visit.id, reason="不是我的", today=TODAY)


async def test_a_phone_call_asks_for_no_place(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        call = await recorded(session, place.client.id, fields={"kind": "phone"}, latitude=None, longitude=None)
        assert call.verdict == Verdict.ACCEPTED
        assert "定位" not in str(call.check_in)


async def test_what_is_wrong_is_named_at_once(database: Database) -> None:
    place = await a_place(database)
    wrong = {
        "needs": ["luxury"],
        "intention": 6,
        "next_step": "送方案",
        "contact_ids": [new_id()],
        "day": TODAY,
        "wishes": "一条",
    }
    async with database.write(place.tenant, place.visitor) as session:
        with pytest.raises(InvalidInput) as refused:
            await recorded(session, place.client.id, fields=wrong)
    assert problem_fields(refused.value) >= {"needs", "intention", "next_due_on", "day", "wishes"}
    async with database.write(place.tenant, TESTS) as session:
        stranger = make_contact(session, make_client(session).id)
    async with database.write(place.tenant, place.visitor) as session:
        with pytest.raises(InvalidInput) as refused:
            await recorded(session, place.client.id, fields={"contact_ids": [stranger.id]})
        assert problem_fields(refused.value) == {"contact_ids"}
        with pytest.raises(InvalidInput):
            await recorded(session, place.client.id, device_ended_at=TEN - timedelta(minutes=1))
        with pytest.raises(InvalidInput) as refused:
            await planned(session, place, owner_id=place.head.id)
        assert problem_fields(refused.value) == {"owner_id"}


async def test_states_take_their_commands_only(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await planned(session, place)
        with pytest.raises(VisitStateForbids):
            await ended(session, visit)
        with pytest.raises(InvalidInput):
            await change_visit(session, visit.id, fields={"summary": "太早"}, today=TODAY)
        await change_visit(session, visit.id, fields={"day": TODAY + timedelta(days=2)}, today=TODAY)
        with pytest.raises(InvalidInput):
            await cancel_visit(session, visit.id, reason=" ", today=TODAY)
        await cancel_visit(session, visit.id, reason="客户外出", today=TODAY)
        assert (visit.status, visit.reason) == ("cancelled", "客户外出")
        for refused in (begun, ended):
            with pytest.raises(VisitStateForbids):
                await refused(session, visit)
        with pytest.raises(VisitThere):
            await planned(session, place, visit_id=visit.id)
        with pytest.raises(NothingToTick):
            await tick_item(session, (await planned(session, place)).id, stage=Stage.AFTER, item="none", today=TODAY)


async def test_a_done_visit_ticks_its_action(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, TESTS) as session:
        plan = VisitPlan(id=new_id(), owner_id=place.manager.id, month=TODAY.replace(day=1), state="in_execution")
        session.add(plan)
        await session.flush()
        action = PlanAction(
            id=new_id(), plan_id=plan.id, client_id=place.client.id, source="test", due_on=TODAY, visits=[TODAY]
        )
        session.add(action)
    async with database.write(place.tenant, place.visitor) as session:
        with pytest.raises(InvalidInput) as refused:
            await recorded(session, place.client.id, action_id=new_id())
        assert problem_fields(refused.value) == {"action_id"}
        await recorded(session, place.client.id, action_id=action.id)
    async with database.read(place.tenant, place.visitor) as reading:
        ticked = await reading.find(PlanAction, PlanAction.id == action.id)
        assert ticked is not None
        assert (ticked.status, ticked.visited, ticked.done_on) == ("done", 1, TODAY)


async def test_a_done_visit_changes_on_its_day_or_with_a_reason(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await recorded(session, place.client.id, fields={"summary": "初稿", "wishes": ["早装"]})
        await change_visit(session, visit.id, fields={"summary": "定稿"}, today=TODAY)
        tomorrow = TODAY + timedelta(days=1)
        with pytest.raises(CorrectionNeedsReason):
            await change_visit(session, visit.id, fields={"summary": "再改"}, today=tomorrow)
        fields = {"summary": "更正", "wishes": ["早装", "多装一条"]}
        await change_visit(session, visit.id, fields=fields, today=tomorrow, reason="写错日期")
        assert visit.summary == "更正"
        titles = await session.scalars(
            select(ServiceRequest.title)
            .where(session.within(ServiceRequest), ServiceRequest.visit_id == visit.id)
            .order_by(ServiceRequest.title)
        )
        assert titles == ["多装一条", "早装"]
        reasons = await session.scalars(
            select(AuditEvent.reason).where(session.within(AuditEvent), AuditEvent.action == "visits.change")
        )
        assert sorted(str(one) for one in reasons) == ["None", "写错日期"]


async def test_a_conflict_names_what_changed_and_by_whom(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await recorded(session, place.client.id, fields={"summary": "初稿"})
        read = visit.version
    async with database.write(place.tenant, place.supervisor) as session:
        await change_visit(session, visit.id, fields={"summary": "主管改", "intention": 2}, today=TODAY)
    async with database.write(place.tenant, place.visitor) as session:
        with pytest.raises(VisitChanged) as conflict:
            await change_visit(session, visit.id, fields={"summary": "我改"}, today=TODAY, expected_version=read)
    (change,) = conflict.value.changes
    assert (change.by, change.fields, conflict.value.version) == ("主管", ("intention", "summary"), read + 1)
    assert "主管" in conflict.value.text.zh
    assert problem_fields(conflict.value) == {"intention", "summary"}
    async with database.read(place.tenant, place.visitor) as reading:
        assert await reading.scalar(select(Visit.summary).where(reading.within(Visit))) == "主管改"


async def test_checklists_are_the_tenants(database: Database) -> None:
    place = await a_place(database)
    own = Checklists.model_validate({"before": [{"key": "gift", "zh": "小礼品", "en": "Gift"}]})
    async with database.write(place.tenant, TESTS) as session:
        value = CHECKLISTS.adapter.dump_python(own, mode="json")
        session.add(TenantSetting(key=CHECKLISTS.key, value=value, changed_by=TESTS.id))
    async with database.write(place.tenant, place.visitor) as session:
        visit = await planned(session, place)
        assert [one["key"] for one in visit.before["items"]] == ["gift"]
        assert visit.after["items"][0]["key"] == "thanks"


async def test_visits_to_come_follow_their_client(database: Database) -> None:
    place = await a_place(database)

    async def after(session: WriteSession, owner_id: UUID | None) -> dict[UUID, Visit]:
        client = await session.find(Client, Client.id == place.client.id)
        assert client is not None
        client.owner_id = owner_id
        await session.flush()
        await let_follow(session, [client.id])
        rows = await session.scalars(
            select(Visit).where(session.within(Visit)).execution_options(populate_existing=True)
        )
        return {row.id: row for row in rows}

    async with database.write(place.tenant, place.visitor) as session:
        to_come, under_way = await planned(session, place), await begun(session, await planned(session, place))
    async with database.write(place.tenant, TESTS) as session:
        heir = make_user(session)
        await session.flush()
        rows = await after(session, heir.id)
        assert rows[to_come.id].owner_id == heir.id
        assert rows[under_way.id].owner_id == place.manager.id
        rows = await after(session, None)
        assert (rows[to_come.id].status, rows[to_come.id].owner_id) == ("cancelled", heir.id)
    async with database.write(place.tenant, place.visitor) as session:
        await ended(session, under_way)
