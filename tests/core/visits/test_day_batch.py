"""A day without network: sent in order, sent twice, sent after somebody else's change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.promises.models import ServiceRequest
from steward_core.visits.day_batch import Batch, DayAct, DayAnswer, DayCommand, Outcome, submit_day
from steward_core.visits.models import Visit
from steward_core.visits.service import change_visit
from steward_core.visits.visit_errors import VisitChanged
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Forbidden, InvalidInput, StewardError
from tests.core.visits.carried_out import THERE, TODAY, ZONE, Place, a_place, planned
from tests.factories import actor_with

AT_THE_DOOR = {"latitude": THERE[0], "longitude": THERE[1], "accuracy_metres": 20}


async def sent(place: Place, commands: list[DayCommand], **values: Any) -> list[DayAnswer]:
    """What becomes of commands that the manager's device sends now, its clock in order."""
    now = await _now(place)
    batch = Batch(place.database, place.tenant, place.visitor, TODAY, ZONE, now)
    return await submit_day(Batch(**{**vars(batch), **values}), commands)


async def _now(place: Place) -> Any:
    async with place.database.read(place.tenant, place.visitor) as reading:
        return await reading.scalar(select(func.clock_timestamp()))


async def a_day(place: Place, prepared: Visit, version: int) -> list[DayCommand]:
    """Commands of a day: a planned visit, one that was made on the way, one that the server does not take."""
    now, new = await _now(place), new_id()
    begin, end = now - timedelta(hours=3), now - timedelta(hours=2)
    met = {"summary": "谈妥", "wishes": ["早点安装"]}
    stage = {"stage": "during", "item": "needs"}
    return [
        DayCommand("1", DayAct.TICK, prepared.id, version=version, values={"stage": "before", "item": "aim"}),
        DayCommand("2", DayAct.CHECK_IN, prepared.id, version=version, values={"device_time": begin, **AT_THE_DOOR}),
        DayCommand("3", DayAct.TICK, prepared.id, version=version, values=stage),
        DayCommand("4", DayAct.END, prepared.id, version=version, values={"device_time": end, "fields": met}),
        DayCommand("5", DayAct.PLAN, new, place.client.id, values={"day": TODAY, "fields": {"kind": "phone"}}),
        DayCommand("6", DayAct.CHECK_IN, new, values={"device_time": begin}),
        DayCommand("7", DayAct.END, new, values={"device_time": begin - timedelta(hours=1)}),
        DayCommand("8", DayAct.CANCEL, new, values={"reason": "打错"}),
    ]


async def trace(place: Place) -> tuple[Any, ...]:
    """Everything that commands leave behind."""
    async with place.database.read(place.tenant, place.visitor) as reading:
        counted = [
            await reading.scalar(select(func.count()).select_from(table).where(reading.within(table)))
            for table in (Visit, ServiceRequest, AuditEvent)
        ]
        rows = await reading.rows(
            select(Visit.id, Visit.version, Visit.status).where(reading.within(Visit)).order_by(Visit.id)
        )
    return (*counted, *map(tuple, rows))


async def test_a_day_sent_twice_changes_nothing(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        prepared = await planned(session, place)
    commands = await a_day(place, prepared, 1)
    answers = await sent(place, commands)
    assert [one.outcome.value for one in answers] == [*["applied"] * 6, "refused", "applied"]
    assert isinstance(answers[6].error, InvalidInput)
    assert [one.version for one in answers[:4]] == [2, 3, 4, 5]
    before = await trace(place)
    again = await sent(place, commands)
    assert [one.outcome.value for one in (*again[:6], again[7])] == ["repeated"] * 7
    assert again[6].outcome in (Outcome.REFUSED, Outcome.CONFLICT)
    assert [(one.visit_id, one.version) for one in again[:6]] == [(one.visit_id, one.version) for one in answers[:6]]
    assert await trace(place) == before
    assert sorted(row[2] for row in before[3:]) == ["cancelled", "done"]


async def test_a_batch_goes_on_where_it_was_cut_off(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        prepared = await planned(session, place)
    commands = (await a_day(place, prepared, 1))[:4]
    await sent(place, commands[:2])
    answers = await sent(place, commands)
    assert [one.outcome.value for one in answers] == ["repeated", "repeated", "applied", "applied"]


async def test_a_conflicting_edit_is_reported_and_nothing_overwritten(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        prepared = await planned(session, place, fields={"aim": "我的"})
    async with database.write(place.tenant, place.supervisor) as session:
        await change_visit(session, prepared.id, fields={"aim": "主管的"}, today=TODAY)
    commands = [
        DayCommand("1", DayAct.CHANGE, prepared.id, version=1, values={"fields": {"aim": "离线改的"}}),
        *(await a_day(place, prepared, 1))[1:2],
        DayCommand("9", DayAct.CANCEL, prepared.id, values={"reason": "没有版本"}),
    ]
    answers = await sent(place, commands)
    assert [one.outcome for one in answers] == [Outcome.CONFLICT, Outcome.CONFLICT, Outcome.REFUSED]
    error = answers[0].error
    assert isinstance(error, VisitChanged)
    assert [(one.by, one.fields) for one in error.changes] == [("主管", ("aim",))]
    assert answers[0].version == 2
    async with database.read(place.tenant, place.visitor) as reading:
        assert await reading.rows(select(Visit.aim, Visit.status).where(reading.within(Visit))) == [
            ("主管的", "prepared")
        ]
    merged = DayCommand("10", DayAct.CHANGE, prepared.id, version=2, values={"fields": {"aim": "合并"}})
    assert (await sent(place, [merged]))[0].outcome is Outcome.APPLIED


@pytest.mark.parametrize(
    ("act", "values"),
    [
        (DayAct.PLAN, {}),
        (DayAct.PLAN, {"day": TODAY, "reason": "多余"}),
        (DayAct.TICK, {"stage": "never", "item": "aim"}),
        (DayAct.RECORD, {"device_began_at": None}),
    ],
)
async def test_what_a_command_lacks_refuses_it_alone(database: Database, act: DayAct, values: Any) -> None:
    place = await a_place(database)
    row_id = None
    if act is DayAct.TICK:
        async with database.write(place.tenant, place.visitor) as session:
            row_id = (await planned(session, place)).id
    client_id: UUID | None = None if act is DayAct.TICK else place.client.id
    good = DayCommand("good", DayAct.PLAN, None, place.client.id, values={"day": TODAY})
    answers = await sent(place, [DayCommand("bad", act, row_id, client_id, values=values), good])
    assert [one.outcome.value for one in answers] == ["refused", "applied"]
    assert isinstance(answers[0].error, StewardError)


async def test_a_key_stands_for_one_command(database: Database) -> None:
    place = await a_place(database)
    commands = [
        DayCommand("same", DayAct.PLAN, None, place.client.id, values={"day": TODAY}),
        DayCommand("same", DayAct.PLAN, None, place.client.id, values={"day": TODAY + timedelta(days=1)}),
    ]
    assert [one.outcome.value for one in await sent(place, commands)] == ["applied", "refused"]
    with pytest.raises(InvalidInput):
        await sent(place, [])
    with pytest.raises(Forbidden):
        await sent(place, commands, actor=actor_with())
