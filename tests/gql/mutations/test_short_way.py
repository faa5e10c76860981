"""A note is written in one statement, or by its command: both ways leave the same, and tell the same."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import inspect, select, update

from steward_core import permissions as c
from steward_core.clients.models import Client, ClientNote, ClientStatus
from steward_graphql.compiler.plan import Execution, Plan
from steward_graphql.execution import mutating
from steward_graphql.execution.engine import Engine, Request
from steward_graphql.execution.run import Run
from steward_graphql.execution.short_way import NotAtOnce
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.errors import QueryTimeout
from steward_tenants.database.pipeline import Rows
from steward_tenants.directory.models import Doorbell, TenantStatus
from steward_tenants.errors import TenantSuspended
from tests.core.factories import make_client
from tests.factories import TESTS, make_member
from tests.gql.mutations.place import Place
from tests.signin.people import set_tenant

TEXT = """mutation Write($input: WriteNoteInput!) { writeNote(input: $input) {
  note { id body pinned version author { name } client { name noteCount } }
  userErrors { code path messageZh messageEn remedy }
} }"""
OWN = """mutation Own($input: WriteNoteInput!) { writeNote(input: $input) {
  note { ...Told told: __typename pinned editedAt } userErrors { code path messageZh messageEn remedy }
} }
fragment Told on ClientNote { id body text: body version }"""
"""Of a note no more than its own columns."""
ODD = ("\0", "\u200b", "\x1b[0m", "\t\t", "é", "\u200b", "'; drop", "\r\n", "$1", "{}", "\ufeff", "𠮷", "\ud800", "�")


@pytest_asyncio.fixture(loop_scope="session")
async def engine(database: Database) -> AsyncIterator[Engine]:
    """An engine of the test's own."""
    made = Engine(database, connections=2)
    yield made
    await made.close()


def refuse_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every mutation go the ordinary way."""

    def refused(*_: Any) -> None:
        raise NotAtOnce

    monkeypatch.setattr(mutating, "ShortWay", refused)


async def write(
    engine: Engine, place: Place, actor: Actor | None = None, *, text: str = TEXT, **given: Any
) -> dict[str, Any]:
    """What the mutation answers to somebody: to the manager unless said otherwise."""
    caller = place.asked(actor or place.as_manager).caller
    request = Request(text, None, {"input": {"clientId": str(place.client_id), **given}})
    found: dict[str, Any] = json.loads((await engine.execute(request, caller, request_id="the-request")).body)
    return found


def columns(row: Any, *but: str) -> dict[str, Any]:
    return {one.key: getattr(row, one.key) for one in inspect(type(row)).column_attrs if one.key not in but}


async def left(place: Place) -> dict[str, Any]:
    """Everything that writing notes leaves, in order, with ids and moments told by their places."""
    notes, events = await place.rows(ClientNote), await place.rows(AuditEvent, AuditEvent.action.like("clients.note.%"))
    notes.sort(key=lambda one: one.id)
    events.sort(key=lambda one: one.id)
    numbers = {one.id: number for number, one in enumerate(notes)}
    async with place.database.directory() as directory:
        rung = await directory.rows(
            select(Doorbell.queue, Doorbell.job_id).where(Doorbell.tenant_id == place.tenant_id)
        )
    bells = {job: queue for queue, job in rung}
    assert all(abs(note.created_at - event.at).total_seconds() < 1 for note, event in zip(notes, events, strict=True))
    return {
        "notes": [columns(one, "id", "created_at") for one in notes],
        "events": [{**columns(one, "id", "at", "subject_id"), "about": numbers[one.subject_id]} for one in events],
        "bells": [bells[one.id] for one in events],
        "clients": [columns(one) for one in sorted(await place.rows(Client), key=lambda one: one.id)],
    }


def answered(found: dict[str, Any]) -> dict[str, Any]:
    """An answer without the id of what was made."""
    note = ((found.get("data") or {}).get("writeNote") or {}).get("note")
    if note:
        UUID(note.pop("id"))
    return found


def at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the writes over pipelines that did something."""
    done: list[int] = []
    write_piped = engine.pipelines.write

    async def counted(*given: Any) -> list[Rows]:
        rows = await write_piped(*given)
        done.append(len(rows[0]))
        return rows

    monkeypatch.setattr(engine.pipelines, "write", counted)
    return done


async def test_both_ways_leave_the_same(engine: Engine, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    done = at_once(engine, monkeypatch)
    short = answered(await write(engine, place, body="  下周回访，\r\n带合同 "))
    assert done == [1]
    one = await left(place)
    with monkeypatch.context() as patched:
        refuse_short_way(patched)
        ordinary = answered(await write(engine, place, body="  下周回访，\r\n带合同 "))
    two = await left(place)
    assert done == [1]
    assert short["data"]["writeNote"]["note"]["client"].pop("noteCount") == 1
    assert ordinary["data"]["writeNote"]["note"]["client"].pop("noteCount") == 2
    assert short == ordinary
    assert one["clients"] == two["clients"]
    for kind in ("notes", "events", "bells"):
        first, second = two[kind]
        if kind == "events":
            assert (first.pop("about"), second.pop("about")) == (0, 1)
            assert first["changes"].keys() == {"client_id", "body", "pinned"}
            assert "合同" not in json.dumps(first["changes"], ensure_ascii=False)
        assert first == second


async def _clients(place: Place) -> list[UUID]:
    """Own, of another, merged, of nobody, and none."""
    other = await make_member(place.database, place.tenant_id)
    async with place.database.write(place.tenant_id, TESTS) as session:
        made = [
            make_client(session, name="他人客户", owner_id=other.id, unit_id=place.unit.id),
            make_client(session, name="已并客户", owner_id=place.manager.id, unit_id=place.unit.id),
            make_client(session, name="公海客户", owner_id=None, unit_id=place.unit.id),
        ]
        await session.flush()
        made[1].status, made[1].merged_into_id = ClientStatus.MERGED, place.client_id
    return [place.client_id, *(one.id for one in made), uuid4()]


async def test_both_ways_decide_the_same(engine: Engine, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = random.Random(7)
    clients = await _clients(place)
    actors = [
        place.as_manager,
        place.as_boss,
        place.as_manager_with(c.CLIENTS_VIEW),
        place.as_manager_with(c.CLIENTS_EDIT),
        place.as_manager_with(c.CLIENTS_EDIT, c.CLIENTS_VIEW, scope=Scope.TEAM),
    ]
    bodies = ["", " \n ", "写" * 20_001, "记" * 20_000, *ODD, *(f"甲{odd}乙" for odd in ODD)]
    bodies += ["".join(drawn.choices([*ODD, "文", "a", " ", "\n"], k=12)) for _ in range(12)]
    wrote = 0
    for number, body in enumerate(bodies):
        client = clients[0] if number % 2 else drawn.choice(clients)
        given: dict[str, Any] = {
            "clientId": str(client),
            "body": body,
            **drawn.choice([{}, {}, {"pinned": True}, {"pinned": None}]),
        }
        actor = drawn.choice(actors)
        before = await left(place)
        text = drawn.choice([TEXT, OWN])
        short = answered(await write(engine, place, actor, text=text, **given))
        between = await left(place)
        with monkeypatch.context() as patched:
            refuse_short_way(patched)
            ordinary = answered(await write(engine, place, actor, text=text, **given))
        after = await left(place)
        _same_count(short, ordinary)
        assert short == ordinary, given
        for kind in ("notes", "events", "bells"):
            by_short, by_ordinary = between[kind][len(before[kind]) :], after[kind][len(between[kind]) :]
            for one in (*by_short, *by_ordinary):
                if kind == "events":
                    one.pop("about")
            assert by_short == by_ordinary, given
            wrote += len(by_short)
    assert wrote > 20


def _same_count(*answers: dict[str, Any]) -> None:
    """Take out the number of notes, which the first of two writes changes for the second."""
    for one in answers:
        note = ((one.get("data") or {}).get("writeNote") or {}).get("note")
        if note and note.get("client"):
            note["client"].pop("noteCount")


async def test_what_may_be_seen_but_not_edited_is_not_written_on(engine: Engine, place: Place) -> None:
    (_, foreign, *_) = await _clients(place)
    actor = place.as_manager_with(c.CLIENTS_EDIT)
    seeing = place.as_manager_with(c.CLIENTS_VIEW, scope=Scope.ALL)
    both = Actor(actor.kind, actor.id, actor.label, actor.unit_id, (*actor.grants, *seeing.grants))
    found = await write(engine, place, both, clientId=str(foreign), body="看得见，改不了")
    assert found["data"]["writeNote"]["note"] is None
    assert found["data"]["writeNote"]["userErrors"][0]["code"] == "client_not_found"
    assert await place.rows(ClientNote) == []


@pytest.mark.parametrize(
    ("asked", "statements"),
    [
        ("id body pinned version createdAt editedAt __typename", 1),
        ("a: body b: body", 1),
        ("id authorName", 2),
        ("id client { noteCount }", 2),
    ],
)
async def test_a_row_that_is_asked_for_its_own_columns_is_read_as_it_is_written(
    engine: Engine, place: Place, monkeypatch: pytest.MonkeyPatch, asked: str, statements: int
) -> None:
    sent: list[int] = []
    write_piped = engine.pipelines.write

    async def counted(statements: Any, tenant_id: UUID) -> list[Rows]:
        sent.append(len(statements))
        return await write_piped(statements, tenant_id)

    monkeypatch.setattr(engine.pipelines, "write", counted)
    text = f"mutation One($input: WriteNoteInput!) {{ writeNote(input: $input) {{ note {{ {asked} }} }} }}"
    for body in ("初次", "再次"):
        found = (await write(engine, place, text=text, body=body))["data"]["writeNote"]["note"]
        assert found.get("body", found.get("b", body)) == body
    assert sent == [statements] * 2
    assert len(await place.rows(ClientNote)) == 2


async def test_what_is_written_is_not_told_to_who_may_not_see_it(engine: Engine, place: Place) -> None:
    (_, foreign, *_) = await _clients(place)
    writing = place.as_manager_with(c.CLIENTS_EDIT, scope=Scope.ALL)
    seeing = place.as_manager_with(c.CLIENTS_VIEW)
    both = Actor(writing.kind, writing.id, writing.label, writing.unit_id, (*writing.grants, *seeing.grants))
    found = await write(engine, place, both, text=OWN, clientId=str(foreign), body="写得了，看不见")
    assert found["data"]["writeNote"] == {"note": None, "userErrors": []}
    assert [one.body for one in await place.rows(ClientNote)] == ["写得了，看不见"]


async def test_a_merge_that_is_under_way_is_waited_for(engine: Engine, place: Place) -> None:
    async with place.database.write(place.tenant_id, TESTS) as session:
        await session.execute(
            update(Client)
            .where(session.within(Client), Client.id == place.client_id)
            .values(status=ClientStatus.MERGED, merged_into_id=place.client_id)
        )
        writing = asyncio.create_task(write(engine, place, body="并入之时"))
        await asyncio.sleep(0.2)
        assert not writing.done()
    found = (await writing)["data"]["writeNote"]
    assert (found["note"], found["userErrors"][0]["code"]) == (None, "client_is_merged")
    assert await place.rows(ClientNote) == []


async def test_a_hand_over_that_is_under_way_is_waited_for(engine: Engine, place: Place) -> None:
    other = await make_member(place.database, place.tenant_id)
    async with place.database.write(place.tenant_id, TESTS) as session:
        moved = update(Client).where(session.within(Client), Client.id == place.client_id)
        await session.execute(moved.values(owner_id=other.id))
        writing = asyncio.create_task(write(engine, place, body="移交之时"))
        await asyncio.sleep(0.2)
        assert not writing.done()
    found = (await writing)["data"]["writeNote"]
    assert (found["note"], found["userErrors"][0]["code"]) == (None, "client_not_found")
    assert await place.rows(ClientNote) == []


async def test_a_suspended_tenant_writes_nothing(database: Database, place: Place) -> None:
    await set_tenant(database, place.tenant_id, status=TenantStatus.SUSPENDED)
    other = Database(database.settings)
    engine = Engine(other, connections=2)
    try:
        found = await write(engine, place, body="停用之后")
        assert found["errors"][0]["extensions"]["code"] == "tenant_suspended"
    finally:
        await engine.close()
        await other.dispose()
        await set_tenant(database, place.tenant_id, status=TenantStatus.ACTIVE)
    assert await place.rows(ClientNote) == []


async def test_a_payload_that_cannot_be_read_undoes_the_write(
    engine: Engine, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command goes with the read: when that fails, the ordinary way begins anew, and nothing is written twice."""
    write_piped = engine.pipelines.write

    async def broken(statements: Any, tenant_id: UUID) -> list[Rows]:
        return await write_piped([*statements, (b"select 1/0", [])], tenant_id)

    monkeypatch.setattr(engine.pipelines, "write", broken)
    found = (await write(engine, place, body="只写一次"))["data"]["writeNote"]
    assert found["note"]["body"] == "只写一次"
    assert len(await place.rows(ClientNote)) == 1
    assert len(await place.rows(AuditEvent, AuditEvent.action == "clients.note.write")) == 1


@pytest.mark.parametrize("error", [QueryTimeout(), TimeoutError(), TenantSuspended()])
async def test_what_is_written_is_not_told_as_refused(
    engine: Engine, place: Place, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The note stands once its statement was answered; a second read that fails afterwards changes nothing of it."""
    text = """mutation Twice($input: WriteNoteInput!) { writeNote(input: $input) {
      a: note { body } b: note { body id } userErrors { code } } }"""

    async def late(self: Run, plan: Plan, execution: Execution) -> Rows:
        raise error

    monkeypatch.setattr(Run, "fetch", late)
    found = await write(engine, place, text=text, body="已经写下")
    assert found["data"]["writeNote"] is None
    assert found["errors"][0]["path"] == ["writeNote"]
    assert len(await place.rows(ClientNote)) == 1
    assert len(await place.rows(AuditEvent, AuditEvent.action == "clients.note.write")) == 1


async def test_without_a_field_of_the_row_it_is_written_all_the_same(engine: Engine, place: Place) -> None:
    text = "mutation Only($input: WriteNoteInput!) { writeNote(input: $input) { userErrors { code } } }"
    assert await write(engine, place, text=text, body="无回读") == {"data": {"writeNote": {"userErrors": []}}}
    assert [one.body for one in await place.rows(ClientNote)] == ["无回读"]


async def test_two_in_one_request_are_two(engine: Engine, place: Place) -> None:
    text = """mutation Two($input: WriteNoteInput!) {
      a: writeNote(input: $input) { note { body client { noteCount } } }
      b: writeNote(input: $input) { note { body client { noteCount } } } }"""
    found = (await write(engine, place, text=text, body="两条"))["data"]
    assert [found[key]["note"]["client"]["noteCount"] for key in "ab"] == [1, 2]
    assert len({one.id for one in await place.rows(ClientNote)}) == 2


async def test_cancelled_callers_leave_all_or_nothing(engine: Engine, place: Place) -> None:
    tasks = [asyncio.create_task(write(engine, place, body=f"取消{number}")) for number in range(20)]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0.002)
        if number % 2:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await write(engine, place, body="之后")
    found = await left(place)
    assert len(found["notes"]) == len(found["events"]) == len(found["bells"]) >= 11


async def test_the_record_has_a_request_id_either_way(engine: Engine, place: Place) -> None:
    caller = place.asked(place.as_manager).caller
    for _ in range(2):
        await engine.execute(Request(TEXT, None, {"input": {"clientId": str(place.client_id), "body": "无号"}}), caller)
    events = await place.rows(AuditEvent, AuditEvent.action == "clients.note.write")
    assert all(one.request_id for one in events)


async def test_a_client_that_is_held_keeps_only_its_own_notes_waiting(engine: Engine, place: Place) -> None:
    async with place.database.write(place.tenant_id, TESTS) as session:
        other = make_client(session, unit_id=place.unit.id, owner_id=place.as_manager.id)
    async with place.database.write(place.tenant_id, TESTS) as session:
        await session.execute(
            select(Client.id).where(session.within(Client), Client.id == place.client_id).with_for_update()
        )
        held = asyncio.ensure_future(write(engine, place, body="等待中"))
        await asyncio.sleep(0.05)
        beside = await asyncio.gather(*(write(engine, place, clientId=str(other.id), body="照常") for _ in range(16)))
        assert all(one["data"]["writeNote"]["note"] for one in beside)
        await asyncio.sleep(0.4)  # longer than the short way waits
        assert not held.done()
    assert (await held)["data"]["writeNote"]["note"]["body"] == "等待中"
