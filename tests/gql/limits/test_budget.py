"""Points in a minute, counted over processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import pytest_asyncio

from steward_graphql.limits.budget import REFUSAL_SECONDS, REFUSED_AT_ONCE, Budget
from steward_graphql.limits.errors import BudgetSpent
from steward_tenants.signin.caller import Caller
from steward_tenants.valkey import Valkey
from tests.cluster import Addresses
from tests.factories import actor_with


def a_caller() -> Caller:
    return Caller(uuid4(), actor_with(), None, datetime(2099, 1, 1, tzinfo=UTC))


class Clock:
    """A minute that ends when a test says so."""

    def __init__(self) -> None:
        self.now = 1_700_000_040.0

    def __call__(self) -> float:
        return self.now


class Counting(Valkey):
    """A Valkey that counts the questions."""

    asked = 0

    async def add(self, key: str, amount: int, seconds: int) -> int:
        self.asked += 1
        return await super().add(key, amount, seconds)


@pytest_asyncio.fixture
async def valkey(addresses: Addresses) -> AsyncIterator[Valkey]:
    valkey: Valkey = Valkey(addresses.redis_url)
    yield valkey
    await valkey.close()


async def spend_all(budgets: list[Budget], caller: Caller) -> int:
    """Points that could be spent before both refused."""
    spent, refusals = 0, 0
    while refusals < len(budgets):
        try:
            await budgets[0].spend(caller, 10)
            spent, refusals = spent + 10, 0
        except BudgetSpent:
            refusals += 1
        budgets = budgets[1:] + budgets[:1]
    return spent


async def test_two_processes_share_one_budget(valkey: Valkey) -> None:
    clock, caller = Clock(), a_caller()
    one, other = Budget(valkey, 1_000, clock=clock), Budget(valkey, 1_000, clock=clock)
    assert await spend_all([one, other], caller) == 1_000
    clock.now += 60
    assert await spend_all([one, one, one, other], caller) == 1_000
    with pytest.raises(BudgetSpent) as refused:
        await other.spend(caller, 1)
    assert refused.value.headers()["Retry-After"] == "60"
    clock.now += 60
    assert (await one.spend(caller, 10)).remaining == 990


async def test_what_one_process_holds_the_other_lacks(valkey: Valkey) -> None:
    clock, caller = Clock(), a_caller()
    one, other = Budget(valkey, 1_000, clock=clock), Budget(valkey, 1_000, clock=clock)
    await one.spend(caller, 1)
    assert await spend_all([other], caller) == 900


async def test_what_remains_is_told(valkey: Valkey) -> None:
    clock, caller = Clock(), a_caller()
    budget = Budget(valkey, 1_000, clock=clock)
    assert await budget.spend(caller, 30) == (1_000, 970, 60)
    clock.now += 12
    left = await budget.spend(caller, 300)
    assert left == (1_000, 670, 48)
    assert left.headers() == {"X-Budget-Limit": "1000", "X-Budget-Remaining": "670", "X-Budget-Reset": "48"}
    assert left.extension() == {"limit": 1000, "remaining": 670, "resetSeconds": 48}


async def test_a_slice_is_leased_not_every_point(addresses: Addresses) -> None:
    counting = Counting(addresses.redis_url)
    budget, caller = Budget(counting, 1_000, clock=Clock()), a_caller()
    for _ in range(100):
        await budget.spend(caller, 5)
    assert counting.asked == 5
    await counting.close()


async def test_clients_do_not_share(valkey: Valkey) -> None:
    budget, clock = Budget(valkey, 100, clock=Clock()), a_caller()
    await budget.spend(clock, 100)
    assert (await budget.spend(a_caller(), 100)).remaining == 0
    with pytest.raises(BudgetSpent):
        await budget.spend(clock, 1)


async def test_a_request_dearer_than_the_rest_is_refused_and_takes_nothing(valkey: Valkey) -> None:
    budget, caller = Budget(valkey, 100, clock=Clock()), a_caller()
    await budget.spend(caller, 60)
    with pytest.raises(BudgetSpent):
        await budget.spend(caller, 41)
    assert (await budget.spend(caller, 40)).remaining == 0


async def test_without_valkey_the_process_counts_alone() -> None:
    dead: Valkey = Valkey("redis://127.0.0.1:1/0")
    for budget in (Budget(dead, 100, clock=Clock()), Budget(None, 100, clock=Clock())):
        caller = a_caller()
        assert (await budget.spend(caller, 60)).remaining == 40
        with pytest.raises(BudgetSpent):
            await budget.spend(caller, 41)
        assert (await budget.spend(caller, 40)).remaining == 0
        with pytest.raises(BudgetSpent):
            await budget.spend(caller, 1)
    await dead.close()


async def test_the_count_goes_on_alone_when_valkey_dies_in_the_minute(valkey: Valkey) -> None:
    budget, caller = Budget(valkey, 100, clock=Clock()), a_caller()
    await budget.spend(caller, 50)
    budget._valkey = Valkey("redis://127.0.0.1:1/0")
    await budget.spend(caller, 50)
    with pytest.raises(BudgetSpent):
        await budget.spend(caller, 1)
    await budget._valkey.close()


async def test_a_spent_minute_is_not_asked_for_again(addresses: Addresses) -> None:
    counting, clock, caller = Counting(addresses.redis_url), Clock(), a_caller()
    budget = Budget(counting, 1_000, clock=clock)
    assert await spend_all([budget], caller) == 1_000
    asked = counting.asked
    for _ in range(3):
        with pytest.raises(BudgetSpent):
            await budget.spend(caller, 1)
    assert counting.asked == asked
    clock.now += 60
    await budget.spend(caller, 1)
    assert counting.asked == asked + 1
    await counting.close()


async def test_who_keeps_asking_is_refused_at_a_pace(valkey: Valkey) -> None:
    clock, greedy, modest = Clock(), a_caller(), a_caller()
    budget = Budget(valkey, 1_000, clock=clock)
    await spend_all([budget], greedy)
    time = asyncio.get_running_loop().time
    began = time()
    for _ in range(REFUSED_AT_ONCE + 2):
        with pytest.raises(BudgetSpent):
            await budget.spend(greedy, 1)
    assert time() - began >= 2 * REFUSAL_SECONDS
    await budget.spend(modest, 1)
