"""Subscriptions over the real engine: each event is for the caller as it stands then."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, MutableMapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import delete, update

from steward_core.permissions import CLIENTS_VIEW, RECORDS_IMPORT
from steward_core.runs.models import Run, RunStatus
from steward_graphql.execution.engine import Engine, Request
from steward_graphql.functions import inbox
from steward_graphql.http import streams
from steward_graphql.http.endpoint import GraphQLEndpoint
from steward_tenants.access.models import RoleAssignment
from steward_tenants.access.queries import actor_of, today
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.people.models import User
from steward_tenants.signin.caller import Caller
from tests.factories import TESTS, actor_with, assign, make_member, make_role, make_tenant
from tests.gql.http.caller import ORIGIN
from tests.gql.http.lines import listening, talking

QUERY = "subscription ($id: ID!) { runProgress(id: $id) { done status } }"
COMPLETE = "event: complete\ndata:\n\n"


@dataclass
class Desk:
    """One person who imports, a run of theirs, and an endpoint that finds out anew who calls."""

    database: Database
    engine: Engine
    tenant_id: UUID
    person: User
    run_id: UUID

    @property
    def endpoint(self) -> GraphQLEndpoint:
        return GraphQLEndpoint(self.engine, self.authenticate, public_origin=ORIGIN)

    @property
    def body(self) -> dict[str, Any]:
        return {"query": QUERY, "variables": {"id": str(self.run_id)}}

    async def authenticate(self, _scope: MutableMapping[str, Any] | None = None) -> Caller:
        async with self.database.read(self.tenant_id, TESTS) as session:
            actor = await actor_of(session, self.person, today("Asia/Shanghai"))
        return Caller(self.tenant_id, actor, self.person.account_id, datetime.now(UTC) + timedelta(hours=1))

    async def goes_on(self, **values: Any) -> None:
        async with self.database.write(self.tenant_id, TESTS) as session:
            await session.execute(update(Run).where(session.within(Run), Run.id == self.run_id).values(**values))

    async def loses_role(self) -> None:
        async with self.database.write(self.tenant_id, TESTS) as session:
            await session.execute(delete(RoleAssignment).where(session.within(RoleAssignment)))


@pytest_asyncio.fixture
async def desk(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A quick one: it looks every 20 ms, and trusts nothing that it found before."""
    monkeypatch.setattr(inbox, "RUN_SECONDS", 0.02)
    monkeypatch.setattr(streams, "FRESH_SECONDS", 0.0)
    tenant_id = await make_tenant(database)
    person = await make_member(database, tenant_id)
    run = Run(
        id=new_id(),
        kind="import.apply",
        subject=str(new_id()),
        requested_by=person.id,
        status=RunStatus.RUNNING,
        total=3,
    )
    async with database.write(tenant_id, TESTS) as session:
        role = make_role(session, (RECORDS_IMPORT, CLIENTS_VIEW))
        await session.flush()
        assign(session, person, role)
        session.add(run)
    engine = Engine(database, connections=1)
    yield Desk(database, engine, tenant_id, person, run.id)
    await engine.close()


def told(answer: Any) -> Any:
    return answer["data"]["runProgress"]


async def test_a_run_is_followed_to_its_end(desk: Desk) -> None:
    async with listening(desk, desk.body) as line:  # type: ignore[arg-type]
        assert told(await line.answer()) == {"done": "0", "status": "RUNNING"}
        await desk.goes_on(done=2)
        assert told(await line.answer()) == {"done": "2", "status": "RUNNING"}
        await desk.goes_on(done=3, status="done")
        assert told(await line.answer()) == {"done": "3", "status": "DONE"}
        assert await line.event() == COMPLETE


async def test_who_loses_the_role_sees_nothing_more_by_events(desk: Desk) -> None:
    async with listening(desk, desk.body) as line:  # type: ignore[arg-type]
        assert told(await line.answer())["done"] == "0"
        await desk.loses_role()
        await desk.goes_on(done=2)
        event = await line.event()
        if event != COMPLETE:
            assert json.loads(event.removeprefix("event: next\ndata: "))["errors"][0]["extensions"]["code"] == (
                "access_changed"
            )
            assert await line.event() == COMPLETE


async def test_who_loses_the_role_sees_nothing_more_by_socket(desk: Desk) -> None:
    async with talking(desk) as line:  # type: ignore[arg-type]
        await line.begin()
        await line.tell(id="1", type="subscribe", payload=desk.body)
        assert told((await line.heard())["payload"])["done"] == "0"
        await desk.loses_role()
        await desk.goes_on(done=2)
        message = await line.next()
        assert message["type"] == "websocket.close" or json.loads(message["text"])["type"] == "complete"


async def test_each_event_shows_what_the_caller_reaches_then(desk: Desk) -> None:
    """Whoever is verified anew with less is shown less, whatever the subscription itself goes by."""
    callers = [await desk.authenticate()]
    callers.append(replace(callers[0], actor=actor_with(CLIENTS_VIEW, user=desk.person)))

    async def recheck() -> Caller:
        return callers.pop(0)

    request = Request(QUERY, None, {"id": str(desk.run_id)})
    changes = desk.engine.subscribe(request, callers[0], recheck=recheck)
    assert told(json.loads(await anext(changes)))["done"] == "0"
    await desk.goes_on(done=1)
    assert told(json.loads(await anext(changes))) is None
    await changes.aclose()  # type: ignore[attr-defined]
