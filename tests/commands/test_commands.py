"""Commands: authorised, audited, at most once per idempotency key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from steward_tenants.access.permissions import PEOPLE_VIEW, UNITS_MANAGE
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.errors import IdempotencyKeyReused
from steward_tenants.commands.models import IdempotencyRecord
from steward_tenants.commands.service import COMMANDS, KEPT_FOR, NotAudited, command, forget_answers, once
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from tests.factories import TESTS, actor_with, make_tenant

Mark = Callable[..., Awaitable[int]]


@pytest.fixture
def mark() -> Iterator[Mark]:
    """A command that records itself, or does not."""

    @command("tests.mark", "测试", "Test", permission=UNITS_MANAGE)
    async def mark(session: WriteSession, *, audited: bool = True) -> int:
        if audited:
            await record(session, "tests.mark", Subject("test"))
        return int(await session.scalar(select(func.count()).where(session.within(AuditEvent))))

    yield mark
    del COMMANDS["tests.mark"]


async def test_a_command_needs_its_permission(database: Database, mark: Mark) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, actor_with(PEOPLE_VIEW)) as session:
        with pytest.raises(Forbidden) as refused:
            await mark(session)
    assert "管理组织机构" in refused.value.text.zh


async def test_a_command_that_records_nothing_is_undone(database: Database, mark: Mark) -> None:
    tenant_id = await make_tenant(database)
    with pytest.raises(NotAudited):
        async with database.write(tenant_id, actor_with(UNITS_MANAGE)) as session:
            await mark(session, audited=False)


def test_a_key_is_declared_once(mark: Mark) -> None:
    with pytest.raises(ValueError, match="twice"):
        command("tests.mark", "测试", "Test", permission=None)(mark)


async def call(
    database: Database, tenant_id: UUID, actor: Actor, mark: Mark, key: str | None, payload: Any = None
) -> Any:
    async with database.write(tenant_id, actor) as session:
        return await once(session, key, "tests.mark", payload, lambda: mark(session))


async def test_a_repeat_gets_the_first_answer_and_changes_nothing(database: Database, mark: Mark) -> None:
    tenant_id, actor = await make_tenant(database), actor_with(UNITS_MANAGE)
    answers = [await call(database, tenant_id, actor, mark, "order-1", {"b": 1, "a": 2}) for _ in range(2)]
    answers.append(await call(database, tenant_id, actor, mark, "order-1", {"a": 2, "b": 1}))
    assert answers == [1, 1, 1]
    assert await call(database, tenant_id, actor, mark, "order-2") == 2
    assert await call(database, tenant_id, actor, mark, None) == 3
    assert await call(database, tenant_id, actor_with(UNITS_MANAGE), mark, "order-1") == 4


async def test_two_at_once_run_once(database: Database, mark: Mark) -> None:
    tenant_id, actor = await make_tenant(database), actor_with(UNITS_MANAGE)
    answers = await asyncio.gather(*(call(database, tenant_id, actor, mark, "order") for _ in range(6)))
    assert answers == [1] * 6


async def test_a_key_stands_for_one_request(database: Database, mark: Mark) -> None:
    tenant_id, actor = await make_tenant(database), actor_with(UNITS_MANAGE)
    await call(database, tenant_id, actor, mark, "order", {"a": 1})
    with pytest.raises(IdempotencyKeyReused):
        await call(database, tenant_id, actor, mark, "order", {"a": 2})
    with pytest.raises(InvalidInput):
        await call(database, tenant_id, actor, mark, "x" * 201)


async def test_answers_are_forgotten_in_time(database: Database, mark: Mark) -> None:
    tenant_id, actor = await make_tenant(database), actor_with(UNITS_MANAGE)
    for key in ("old", "new"):
        await call(database, tenant_id, actor, mark, key)
    async with database.write(tenant_id, TESTS) as session:
        await session.execute(
            update(IdempotencyRecord)
            .where(session.within(IdempotencyRecord), IdempotencyRecord.key == "old")
            .values(created_at=func.now() - KEPT_FOR - timedelta(seconds=1))
        )
        await forget_answers(session)
        left = await session.scalars(select(IdempotencyRecord.key).where(session.within(IdempotencyRecord)))
    assert left == ["new"]
