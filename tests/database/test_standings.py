"""What a process knows of tenants' statuses: asked for together, ahead of time, and never trusted for longer than it may."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from uuid import UUID, uuid4

import pytest

from steward_tenants.database import standings
from steward_tenants.database.standings import AGAIN_SECONDS, STATUS_SECONDS, TenantStandings
from steward_tenants.directory.models import TenantStatus
from steward_tenants.errors import TenantNotFound

ACTIVE, SUSPENDED = TenantStatus.ACTIVE, TenantStatus.SUSPENDED


class Directory:
    """Tenants with their statuses; what was asked, and a gate before the answer."""

    def __init__(self, *tenants: UUID) -> None:
        self.statuses = dict.fromkeys(tenants, ACTIVE)
        self.questions: list[frozenset[UUID]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False

    async def ask(self, asked: Collection[UUID]) -> dict[UUID, tuple[TenantStatus, str]]:
        self.questions.append(frozenset(asked))
        found = {one: (self.statuses[one], "Asia/Shanghai") for one in asked if one in self.statuses}
        if self.broken:
            raise ConnectionError("gone")
        await self.open.wait()
        return found


async def test_all_who_ask_at_the_same_moment_are_one_question() -> None:
    tenants = [uuid4() for _ in range(50)]
    directory = Directory(*tenants)
    known = TenantStandings(directory.ask)
    found = await asyncio.gather(*(known.of(one) for one in tenants * 2))
    assert {one.status for one in found} == {ACTIVE}
    assert {one.time_zone for one in found} == {"Asia/Shanghai"}
    assert directory.questions == [frozenset(tenants)]
    await asyncio.gather(*(known.of(one) for one in tenants))
    assert len(directory.questions) == 1


async def test_those_in_use_are_asked_for_ahead_in_one_question() -> None:
    tenants = [uuid4() for _ in range(20)]
    directory = Directory(*tenants)
    known = TenantStandings(directory.ask)
    await asyncio.gather(*(known.of(one) for one in tenants))
    async with asyncio.timeout(10):
        until = asyncio.get_running_loop().time() + 3 * STATUS_SECONDS
        while asyncio.get_running_loop().time() < until:
            missing = [one for one in tenants if known.known(one) is None]
            assert not missing, "nobody has to wait"
            await asyncio.sleep(AGAIN_SECONDS / 10)
    assert all(one == frozenset(tenants) for one in directory.questions)
    assert 3 <= len(directory.questions) <= 2 + 3 * STATUS_SECONDS / AGAIN_SECONDS


async def test_what_nobody_uses_is_not_asked_for_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "IN_USE_SECONDS", 0.0)
    used, unused = uuid4(), uuid4()
    directory = Directory(used, unused)
    known = TenantStandings(directory.ask)
    await asyncio.gather(known.of(used), known.of(unused))
    for _ in range(4):
        await asyncio.sleep(AGAIN_SECONDS * 1.1)
        await known.of(used)
        await asyncio.sleep(0.01)
    assert directory.questions[-1] == {used}
    assert known.known(unused) is None


async def test_a_suspension_is_felt_although_it_is_asked_ahead() -> None:
    tenant = uuid4()
    directory = Directory(tenant)
    known = TenantStandings(directory.ask)
    await known.of(tenant)
    directory.statuses[tenant] = SUSPENDED
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while (await known.of(tenant)).status is ACTIVE:
        assert loop.time() - begun < STATUS_SECONDS
        await asyncio.sleep(0.01)


async def test_a_question_that_is_not_answered_extends_no_trust() -> None:
    tenant = uuid4()
    directory = Directory(tenant)
    known = TenantStandings(directory.ask)
    await known.of(tenant)
    directory.open.clear()
    await asyncio.sleep(AGAIN_SECONDS)
    assert known.known(tenant) is not None
    await asyncio.sleep(STATUS_SECONDS - AGAIN_SECONDS)
    assert known.known(tenant) is None
    await asyncio.sleep(AGAIN_SECONDS)
    directory.open.set()
    await asyncio.sleep(0.01)
    assert known.known(tenant) is None, "what was answered late is as old as its question"
    assert (await known.of(tenant)).status is ACTIVE


async def test_an_answer_that_was_overtaken_changes_nothing() -> None:
    tenant = uuid4()
    directory = Directory(tenant)
    known = TenantStandings(directory.ask)
    await known.of(tenant)
    directory.open.clear()
    await asyncio.sleep(AGAIN_SECONDS)
    assert known.known(tenant) is not None  # and asks ahead, which is not answered
    await asyncio.sleep(STATUS_SECONDS - AGAIN_SECONDS)
    slow, directory.open = directory.open, asyncio.Event()
    directory.open.set()
    directory.statuses[tenant] = SUSPENDED
    assert (await known.of(tenant)).status is SUSPENDED
    slow.set()
    await asyncio.sleep(0.01)
    found = known.known(tenant)
    assert found is not None
    assert found.status is SUSPENDED


async def test_the_error_of_a_question_ahead_reaches_who_has_to_ask_again() -> None:
    tenant = uuid4()
    directory = Directory(tenant)
    known = TenantStandings(directory.ask)
    await known.of(tenant)
    directory.broken = True
    await asyncio.sleep(AGAIN_SECONDS)
    assert known.known(tenant) is not None
    await asyncio.sleep(STATUS_SECONDS - AGAIN_SECONDS)
    assert len(directory.questions) == 2
    with pytest.raises(ConnectionError):
        await known.of(tenant)
    directory.broken = False
    assert (await known.of(tenant)).status is ACTIVE


async def test_what_is_forgotten_while_it_is_asked_for_is_asked_for_again() -> None:
    tenant, other = uuid4(), uuid4()
    directory = Directory(tenant, other)
    known = TenantStandings(directory.ask)
    directory.open.clear()
    waiting = [asyncio.ensure_future(known.of(one)) for one in (tenant, other)]
    await asyncio.sleep(0.01)
    directory.statuses[tenant] = SUSPENDED
    known.forget(tenant)
    directory.open.set()
    assert [(await one).status for one in waiting] == [SUSPENDED, ACTIVE]
    assert directory.questions == [{tenant, other}, {tenant}]


async def test_a_tenant_that_is_not_there_is_refused_each_time() -> None:
    tenant = uuid4()
    directory = Directory()
    known = TenantStandings(directory.ask)
    for _ in range(2):
        with pytest.raises(TenantNotFound):
            await known.of(tenant)
    directory.statuses[tenant] = ACTIVE
    assert (await known.of(tenant)).status is ACTIVE
