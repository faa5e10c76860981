"""Recording: with the command or not at all, without secrets, and never changed afterwards."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.service import SECRET, Subject, record, record_blocking
from steward_tenants.commands.service import COMMANDS, NotAudited, command
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.organisation.models import OrgUnit
from tests.audit.logbook import Logbook
from tests.factories import TESTS, make_unit


@pytest.fixture(autouse=True)
async def forget_commands() -> AsyncIterator[None]:
    """Commands declared here are not the product's."""
    known = dict(COMMANDS)
    yield
    COMMANDS.clear()
    COMMANDS.update(known)


async def events_of(log: Logbook) -> list[AuditEvent]:
    async with log.database.read(log.tenant_id, TESTS) as session:
        return list(
            await session.scalars(
                select(AuditEvent).where(session.within(AuditEvent)).order_by(AuditEvent.at, AuditEvent.id)
            )
        )


async def test_an_event_says_who_did_what_to_what_when_and_in_which_request(log: Logbook) -> None:
    actor = Actor(ActorKind.USER, new_id(), "王芳")
    subject = Subject("unit", new_id())
    async with log.database.write(log.tenant_id, actor, request_id="r-7") as session:
        await record(
            session,
            "units.rename",
            subject,
            before={"name": "一部", "code": "A"},
            after={"name": "二部", "code": "A"},
            reason="改组",
        )
        now = await session.scalar(text("select now()"))
    (event,) = await events_of(log)
    assert (event.actor_kind, event.actor_id, event.actor_label) == ("user", actor.id, "")
    assert (event.action, event.subject_kind, event.subject_id) == ("units.rename", "unit", subject.id)
    assert (event.tenant_id, event.at, event.request_id, event.reason) == (log.tenant_id, now, "r-7", "改组")
    assert event.changes == {"name": ["一部", "二部"]}


async def test_secrets_are_masked_and_personal_values_become_digests(log: Logbook) -> None:
    async with log.database.write(log.tenant_id, TESTS) as session:
        await record(
            session,
            "people.user.update",
            Subject("user", new_id()),
            before={"password": "Geheim-1", "phone": "13800138000", "identity": None, "token": None},
            after={"password": "Geheim-2", "phone": "13900139000", "identity": "110101199003070000", "token": "t0"},
            secret=("password", "token"),
            personal=("phone", "identity"),
        )
    (event,) = await events_of(log)
    assert event.changes["password"] == [SECRET, SECRET]
    assert event.changes["token"] == [None, SECRET]
    before, after = event.changes["phone"]
    assert re.fullmatch("[0-9a-f]{32}", before)
    assert after == log.database.vault.digest("13900139000", "audit/phone") != before
    assert event.changes["identity"][0] is None
    stored = repr(event.changes)
    for value in ("Geheim", "138001", "139001", "110101", "t0"):
        assert value not in stored


async def test_values_of_every_kind_are_recorded(log: Logbook) -> None:
    values: dict[str, Any] = {
        "id": UUID(int=1),
        "day": date(2026, 11, 1),
        "time": time(8, 45),
        "span": timedelta(hours=1),
        "fee": Decimal("12.50"),
        "set": {"b", "a"},
        "nested": {"ids": [UUID(int=2)]},
        "odd": "a\0b\ud800",
        "yes": True,
    }
    async with log.database.write(log.tenant_id, TESTS) as session:
        await record(session, "test.kinds", Subject("thing"), after=values, reason="nul\0")
    (event,) = await events_of(log)
    changes = {name: pair[1] for name, pair in event.changes.items()}
    assert changes["set"] == ["a", "b"]
    assert changes["fee"] == "12.50"
    assert changes["day"] == "2026-11-01"
    assert changes["nested"] == {"ids": [str(UUID(int=2))]}
    assert changes["odd"] == "a\ufffdb?"
    assert event.reason == "nul\ufffd"


async def test_a_command_and_its_event_commit_together(log: Logbook) -> None:
    async with log.database.write(log.tenant_id, TESTS) as session:
        make_unit(session)
        await record(session, "units.create", Subject("unit"))
    assert len(await events_of(log)) == 1
    assert len(await log.doorbells()) == 1


async def test_a_command_and_its_event_are_undone_together(log: Logbook) -> None:
    async def fail() -> None:
        async with log.database.write(log.tenant_id, TESTS) as session:
            make_unit(session)
            await record(session, "units.create", Subject("unit"))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await events_of(log) == []
    assert await log.doorbells() == set()
    async with log.database.read(log.tenant_id, TESTS) as session:
        assert await session.find(OrgUnit) is None


async def test_an_event_that_cannot_be_written_undoes_the_command(log: Logbook) -> None:
    async def act() -> None:
        async with log.database.write(log.tenant_id, TESTS) as session:
            make_unit(session)
            await record(session, "units.create", Subject("unit"), after={"value": object()})

    with pytest.raises(Exception, match="not JSON serializable"):
        await act()
    async with log.database.read(log.tenant_id, TESTS) as session:
        assert await session.find(OrgUnit) is None


async def test_a_command_that_records_nothing_is_undone(log: Logbook) -> None:
    @command("test.silent", "无审计", "Silent", permission=None)
    async def silent(session: WriteSession) -> None:
        make_unit(session)
        await session.flush()

    async def run() -> None:
        async with log.database.write(log.tenant_id, TESTS) as session:
            await silent(session)

    with pytest.raises(NotAudited):
        await run()
    async with log.database.read(log.tenant_id, TESTS) as session:
        assert await session.find(OrgUnit) is None


async def test_an_earlier_commands_event_does_not_stand_for_a_later_one(log: Logbook) -> None:
    @command("test.loud", "有审计", "Loud", permission=None)
    async def loud(session: WriteSession) -> None:
        await record(session, "test.loud", Subject("thing"))

    @command("test.quiet", "无审计", "Quiet", permission=None)
    async def quiet(session: WriteSession) -> None:
        """Does nothing."""

    async def run() -> None:
        async with log.database.write(log.tenant_id, TESTS) as session:
            await loud(session)
            await quiet(session)

    with pytest.raises(NotAudited):
        await run()
    assert await events_of(log) == []


async def test_code_that_cannot_await_records_alike(log: Logbook) -> None:
    with log.database.blocking(log.tenant_id, TESTS, request_id="r-8") as session:
        record_blocking(session, "oauth.token", Subject("api_client"), after={"secret": "s"}, secret=("secret",))
    (event,) = await events_of(log)
    assert (event.action, event.request_id, event.changes) == ("oauth.token", "r-8", {"secret": [None, SECRET]})
    outcome = await log.seal()
    assert outcome.events == 1


@pytest.mark.unwatched("what an injected statement would try")
@pytest.mark.parametrize(
    "statement",
    [
        "update app.audit_event set action = 'x'",
        "delete from app.audit_event",
        "truncate app.audit_event",
        "update app.audit_seal set batch = 9",
        "delete from app.audit_seal",
        "truncate app.audit_seal",
        "update directory.doorbell set queue = 'x'",
        "delete from directory.doorbell",
        "truncate directory.doorbell",
        "select from directory.doorbell",
        "select from directory.audit_anchor",
        "delete from directory.audit_anchor",
        "insert into directory.audit_anchor values (gen_random_uuid(), 1, '', 1, now())",
        "drop table app.audit_event",
        "alter table app.audit_event disable row level security",
        "select steward.drop_audit_partitions(200)",
        "select steward.extend_audit_partitions(current_date, 1)",
    ],
)
async def test_the_applications_role_can_only_append(log: Logbook, statement: str) -> None:
    await log.batches(1)
    async with log.database.write(log.tenant_id, TESTS) as session:
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            await session.execute(text(statement))
    assert len(await events_of(log)) == 3


@pytest.mark.unwatched("what an injected statement would try")
async def test_no_partition_can_be_reached_past_its_parent(log: Logbook) -> None:
    await log.write()
    partition = f"app.audit_event_{(await events_of(log))[0].at:%Y%m}"
    for statement in (f"delete from {partition}", f"select from {partition}", f"truncate {partition}"):
        async with log.database.write(log.tenant_id, TESTS) as session:
            with pytest.raises(ProgrammingError, match="permission denied"):
                await session.execute(text(statement))


@pytest.mark.parametrize("table", ["audit_anchor", "platform_event"])
async def test_the_directorys_role_cannot_change_anchors_or_platform_events(database: Database, table: str) -> None:
    for statement in (f"update directory.{table} set tenant_id = null", f"delete from directory.{table}"):
        async with database.directory() as directory:
            with pytest.raises(ProgrammingError, match="permission denied"):
                await directory.execute(text(statement))


@pytest.mark.unwatched("what an injected statement would try")
async def test_no_bell_rings_for_another_tenant(log: Logbook) -> None:
    async with log.database.write(log.tenant_id, TESTS) as session:
        with pytest.raises(ProgrammingError, match="row-level security"):
            await session.execute(
                text(
                    "insert into directory.doorbell (queue, tenant_id, job_id)"
                    " values ('audit', gen_random_uuid(), gen_random_uuid())"
                )
            )
