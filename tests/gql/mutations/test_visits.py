"""Visits over GraphQL: a day's commands, single ones with their conflicts, the sheet and the export."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from steward_core.permissions import CLIENTS_EXPORT, CLIENTS_VIEW, VISITS_EDIT, VISITS_VIEW
from steward_core.visits.models import Visit
from steward_core.visits.visit_errors import VisitChanged
from steward_graphql.declared.shapes import ObjectShape
from steward_graphql.functions.visits import FUNCTIONS
from steward_tenants.database.actor import Actor
from steward_tenants.errors import InvalidInput
from tests.gql.mutations.asking import TODAY
from tests.gql.mutations.place import Place

NOW = datetime.now(UTC)


def moment(minutes: int) -> str:
    """So many minutes ago."""
    return (NOW - timedelta(minutes=minutes)).isoformat()


def visitor(place: Place) -> Actor:
    """The manager on visits."""
    return place.as_manager_with(CLIENTS_VIEW, VISITS_VIEW, VISITS_EDIT, CLIENTS_EXPORT)


async def test_a_day_is_submitted_twice(place: Place) -> None:
    client, visit = str(place.client_id), str(uuid4())
    items: list[dict[str, Any]] = [
        {"key": "1", "act": "PLAN", "clientId": client, "visitId": visit, "day": f"{TODAY}", "fields": {"aim": "续约"}},
        {"key": "2", "act": "TICK", "visitId": visit, "stage": "BEFORE", "item": "route"},
        {"key": "3", "act": "CHECK_IN", "visitId": visit, "deviceTime": moment(90), "latitude": "30.25"},
        {"key": "4", "act": "CHECK_IN", "visitId": visit, "deviceTime": moment(90)},
        {
            "key": "5",
            "act": "END",
            "visitId": visit,
            "deviceTime": moment(60),
            "fields": {"needs": ["MOBILE_OFFICE"], "wishes": ["早装"], "intention": 5},
        },
        {"key": "6", "act": "CHANGE", "visitId": str(uuid4()), "version": 1, "fields": {"summary": "没有"}},
    ]
    given = {"sentAt": NOW.isoformat(), "items": items}
    first = (await place.ask("submitDay", visitor(place), **given))["answers"]
    assert [one["outcome"] for one in first] == ["applied", "applied", "refused", "applied", "applied", "refused"]
    assert first[2]["userErrors"][0]["path"] == ["items", "2", "longitude"]
    assert first[5]["userErrors"][0]["code"] == "visit_not_found"
    second = (await place.ask("submitDay", visitor(place), **given))["answers"]
    assert [second[number]["outcome"] for number in (0, 1, 3, 4)] == ["repeated"] * 4
    (row,) = await place.rows(Visit)
    assert (str(row.id), row.status, row.needs, row.version) == (visit, "done", ["mobile_office"], first[4]["version"])


async def test_single_commands_and_a_conflict(place: Place) -> None:
    planned = await place.ask("planVisit", visitor(place), clientId=str(place.client_id), day=f"{TODAY}")
    one: dict[str, Any] = {"visitId": str(planned["visit"])}
    await place.ask("changeVisit", **one, fields={"aim": "主管的"})
    with pytest.raises(VisitChanged) as conflict:
        await place.ask("changeVisit", visitor(place), **one, fields={"aim": "我的"}, version=1)
    assert [problem.path for problem in conflict.value.problems] == [("fields", "aim")]
    with pytest.raises(InvalidInput) as wrong:
        await place.ask("changeVisit", visitor(place), **one, fields={"summary": "太早"})
    assert [problem.path for problem in wrong.value.problems] == [("fields", "summary")]
    sent = {"deviceSentAt": moment(0), "deviceTime": moment(0)}
    await place.ask("checkIn", visitor(place), **one, **sent, latitude="30.25", longitude="120.15", version=2)
    await place.ask("endVisit", visitor(place), **one, **sent, fields={"summary": "谈妥"})
    (row,) = await place.rows(Visit)
    assert (row.status, row.aim, row.summary) == ("done", "主管的", "谈妥")
    answer = await place.ask(
        "exportVisits", visitor(place), first=f"{row.day}", last=f"{row.day}", statuses=["DONE"], format="CSV"
    )
    assert answer["rows"] == 1


async def test_the_tenants_own_fields_come_with_every_command(place: Place) -> None:
    titles = {"titleZh": "人数", "titleEn": "Guests", "filterable": True}
    await place.ask("createCustomField", target="visit", key="guests", kind="INTEGER", values=titles)
    client, visit = str(place.client_id), str(uuid4())
    day = [
        {"key": key, "act": "PLAN", "clientId": client, "visitId": given, "day": f"{TODAY}", "fields": {"custom": own}}
        for key, given, own in (("1", visit, {"guests": 3}), ("2", str(uuid4()), {"guests": "许多"}))
    ]
    answers = (await place.ask("submitDay", visitor(place), sentAt=NOW.isoformat(), items=day))["answers"]
    assert [one["outcome"] for one in answers] == ["applied", "refused"]
    assert answers[1]["userErrors"][0]["path"] == ["items", "1", "fields", "custom", "guests"]
    one = {"visitId": visit, "fields": {"custom": {"guests": 4}}}
    await place.ask("changeVisit", visitor(place), **one)
    (row,) = await place.rows(Visit)
    assert row.custom == {"guests": 4}
    with pytest.raises(VisitChanged) as conflict:
        await place.ask("changeVisit", visitor(place), **one, version=1)
    assert [problem.path for problem in conflict.value.problems] == [("fields", "custom", "guests")]


async def test_the_functions_answer_in_their_shapes(place: Place) -> None:
    await place.ask("planVisit", visitor(place), clientId=str(place.client_id), day=f"{TODAY}")
    functions = {one.name: one for one in FUNCTIONS}
    who = place.asked(visitor(place))
    async with place.database.read(place.tenant_id, visitor(place)) as session:
        sheet = await functions["daySheet"].call(session, who)
        known = await functions["visitPreparation"].call(session, who, client_id=place.client_id)
        quotas = await functions["visitQuotas"].call(session, who, owner_ids=[place.manager.id])
        lists = await functions["visitChecklists"].call(session, who)
    shape = functions["daySheet"].result
    assert isinstance(shape, ObjectShape)
    shown = {part.name: part.of(sheet) for part in shape.parts}
    assert (shown["morningMeeting"], [stop.client_id for stop in shown["stops"]]) == ("08:45", [place.client_id])
    assert (known.client_name, known.requests) == ("恒达商贸", ())
    assert [one.visits for one in quotas] == [0]
    assert lists.after[0].key == "thanks"
