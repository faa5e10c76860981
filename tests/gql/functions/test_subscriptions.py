"""What keeps coming: changes of the inbox, progress of a run; until the caller's rights end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import delete, update

from steward_core.imports.models import ImportBatch, ImportStatus
from steward_core.permissions import CLIENTS_VIEW, RECORDS_IMPORT, REQUESTS_VIEW
from steward_core.promises.service import happened
from steward_core.runs.errors import RunNotFound
from steward_core.runs.models import Run, RunStatus
from steward_graphql.declared.shapes import Asked
from steward_graphql.functions import inbox, promises
from steward_graphql.functions.all import subscriptions
from steward_tenants.access.models import RoleAssignment
from steward_tenants.access.queries import actor_of, today
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.files.models import StoredFile
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.models import SignInSession
from tests.factories import TESTS, assign, make_member, make_role, make_tenant
from tests.gql.functions.shown import shown

ZONE = "Asia/Shanghai"
BY_NAME = {one.name: one for one in subscriptions()}


@dataclass
class Desk:
    """A tenant with one person who imports, signed in."""

    database: Database
    tenant_id: UUID
    person: User
    session_id: UUID
    asked: Asked

    async def write(self, *rows: Any) -> None:
        async with self.database.write(self.tenant_id, TESTS) as session:
            session.add(*rows)

    async def add_import(self) -> UUID:
        file = StoredFile(
            id=new_id(),
            purpose="import",
            name="a.csv",
            media_type="text/csv",
            size=1,
            sha256=b"x",
            owner_id=self.person.id,
        )
        await self.write(file)
        batch = ImportBatch(
            id=new_id(),
            target="client",
            status=ImportStatus.CHECKED,
            file_id=file.id,
            file_name="a.csv",
            columns={},
            created_by=self.person.id,
        )
        await self.write(batch)
        return batch.id

    async def add_run(self, **values: Any) -> UUID:
        run = Run(
            **{
                "id": new_id(),
                "kind": "import.apply",
                "subject": str(new_id()),
                "requested_by": self.person.id,
                **values,
            }
        )
        await self.write(run)
        return run.id

    async def change(self, statement: Any) -> None:
        async with self.database.write(self.tenant_id, TESTS) as session:
            await session.execute(statement(session))


@pytest_asyncio.fixture
async def desk(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A quick desk: it looks every 20 ms."""
    monkeypatch.setattr(inbox, "INBOX_SECONDS", 0.02)
    monkeypatch.setattr(inbox, "RUN_SECONDS", 0.02)
    monkeypatch.setattr(promises, "NEAR_SECONDS", 0.02)
    tenant_id = await make_tenant(database)
    person = await make_member(database, tenant_id)
    later = datetime.now(UTC) + timedelta(hours=1)
    signed_in = SignInSession(
        id=new_id(), subject_id=person.id, account_id=person.account_id, token_digest=new_id().bytes, expires_at=later
    )
    async with database.write(tenant_id, TESTS) as session:
        role = make_role(session, (RECORDS_IMPORT, CLIENTS_VIEW, REQUESTS_VIEW))
        await session.flush()
        assign(session, person, role)
        session.add(signed_in)
    async with database.read(tenant_id, TESTS) as session:
        actor = await actor_of(session, person, today(ZONE), signed_in.id)
    caller = Caller(tenant_id, actor, person.account_id, later, signed_in.id)
    asked = Asked(caller, database, today(ZONE), ZoneInfo(ZONE), "zh-CN", "r-1")
    yield Desk(database, tenant_id, person, signed_in.id, asked)


async def following(changes: AsyncIterator[Any]) -> Any:
    return await asyncio.wait_for(anext(changes), 10)


async def ended(changes: AsyncIterator[Any]) -> bool:
    try:
        await following(changes)
    except StopAsyncIteration:
        return True
    return False


async def test_the_inbox_tells_what_is_new(desk: Desk) -> None:
    subscription = BY_NAME["inbox"]
    changes = subscription.changes(desk.asked)
    first = shown(subscription.result, await following(changes))
    assert first["items"] == []
    assert {line["kind"]: line["count"] for line in first["counts"]}["import_waiting"] == 0
    for place in (1, 2):
        batch = await desk.add_import()
        change = shown(subscription.result, await following(changes))
        assert [item["id"] for item in change["items"]] == [batch]
        assert {line["kind"]: line["count"] for line in change["counts"]}["import_waiting"] == place
    await desk.change(lambda session: update(ImportBatch).where(session.within(ImportBatch)).values(status="applied"))
    gone = shown(subscription.result, await following(changes))
    assert gone["items"] == []
    assert {line["kind"]: line["count"] for line in gone["counts"]}["import_waiting"] == 0
    await changes.aclose()


ENDS: dict[str, Callable[[Desk], Callable[[Any], Any]]] = {
    "session revoked": lambda _: (
        lambda session: update(SignInSession).where(session.within(SignInSession)).values(revoked_at=datetime.now(UTC))
    ),
    "session idle": lambda _: (
        lambda session: (
            update(SignInSession)
            .where(session.within(SignInSession))
            .values(last_seen_at=datetime.now(UTC) - timedelta(days=2))
        )
    ),
    "person disabled": lambda desk: (
        lambda session: (
            update(User).where(session.within(User), User.id == desk.person.id).values(status=UserStatus.DISABLED.value)
        )
    ),
    "role taken": lambda _: lambda session: delete(RoleAssignment).where(session.within(RoleAssignment)),
}


@pytest.mark.parametrize("why", sorted(ENDS))
@pytest.mark.parametrize("name", ["inbox", "runProgress"])
async def test_it_ends_with_the_callers_rights(desk: Desk, name: str, why: str) -> None:
    arguments = {"id": await desk.add_run(status=RunStatus.RUNNING)} if name == "runProgress" else {}
    changes = BY_NAME[name].changes(desk.asked, **arguments)
    await following(changes)
    await desk.change(ENDS[why](desk))
    assert await ended(changes)


async def test_it_ends_when_the_credentials_expire(desk: Desk) -> None:
    caller = replace(desk.asked.caller, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert await ended(BY_NAME["inbox"].changes(replace(desk.asked, caller=caller)))


async def test_a_run_is_told_until_it_is_over(desk: Desk) -> None:
    run_id = await desk.add_run(status=RunStatus.RUNNING, total=3)
    changes = BY_NAME["runProgress"].changes(desk.asked, id=run_id)
    assert await following(changes) == run_id
    for values in ({"done": 1}, {"done": 3, "status": "done"}):
        await desk.change(lambda session, v=values: update(Run).where(session.within(Run)).values(**v))
        assert await following(changes) == run_id
    assert await ended(changes)


async def test_a_run_of_somebody_else_is_not_found(desk: Desk) -> None:
    theirs = await desk.add_run(requested_by=new_id(), kind="clients.duplicates")
    for run_id in (theirs, new_id()):
        with pytest.raises(RunNotFound):
            await following(BY_NAME["runProgress"].changes(desk.asked, id=run_id))


async def test_the_inbox_as_a_function(desk: Desk) -> None:
    batch = await desk.add_import()
    (function,) = inbox.FUNCTIONS
    async with desk.database.read(desk.tenant_id, desk.asked.caller.actor) as session:
        told = shown(function.result, await function.call(session, desk.asked))
        none = shown(function.result, await function.call(session, desk.asked, kinds=["duplicates"], first=1))
    assert [item["id"] for item in told["items"]] == [batch]
    assert none["items"] == []


async def test_what_comes_near_its_limit_is_told_once(desk: Desk) -> None:
    """Engineering is to be contacted in ten minutes: near from the start; a leg's two days are not."""
    changes = BY_NAME["promisesNearLimit"].changes(desk.asked, minutes=30)
    for _ in range(2):
        subject_id = new_id()
        async with desk.database.write(desk.tenant_id, TESTS) as session:
            for trigger in ("leg_opened", "fault_reported"):
                clocks = await happened(
                    session,
                    trigger,
                    at=datetime.now(UTC),
                    subject="thing",
                    subject_id=subject_id,
                    client_id=None,
                    owner_id=desk.person.id,
                    unit_id=None,
                )
        assert await following(changes) == clocks[0].id
    await desk.change(ENDS["role taken"](desk))
    assert await ended(changes)
