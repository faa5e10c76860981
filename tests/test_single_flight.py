"""Look-ups that many ask for at once."""

from __future__ import annotations

import asyncio

import pytest

from steward_tenants.single_flight import SingleFlight


class Refusal(Exception):
    pass


class LookUp:
    """Counts its calls, and waits until it is let go."""

    def __init__(self) -> None:
        self.calls = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.calls += 1
        await self.gate.wait()
        return self.calls


async def test_those_who_ask_together_get_one_answer() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    look_up = LookUp()
    asking = [asyncio.create_task(flights.run("a", look_up)) for _ in range(5)]
    await asyncio.sleep(0)
    look_up.gate.set()
    assert await asyncio.gather(*asking) == [1] * 5
    assert await flights.run("a", look_up) == 2, "a later question is asked anew"


async def test_keys_do_not_wait_for_each_other() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    slow, quick = LookUp(), LookUp()
    quick.gate.set()
    waiting = asyncio.create_task(flights.run("slow", slow))
    assert await flights.run("quick", quick) == 1
    slow.gate.set()
    assert await waiting == 1


async def test_one_who_goes_away_takes_nobody_along() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    look_up = LookUp()
    first, second = (asyncio.create_task(flights.run("a", look_up)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    look_up.gate.set()
    assert await second == 1


async def test_an_error_reaches_all_and_is_not_kept() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    answers = [Refusal(), 7]

    async def look_up() -> int:
        await asyncio.sleep(0)
        answer = answers.pop(0)
        if isinstance(answer, Refusal):
            raise answer
        assert isinstance(answer, int)
        return answer

    found = await asyncio.gather(*(flights.run("a", look_up) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [Refusal] * 3
    assert await flights.run("a", look_up) == 7
