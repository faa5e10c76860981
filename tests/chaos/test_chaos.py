"""Processes and servers are killed at random while work goes on: nothing is lost, nothing is done twice, and all of it
is done soon after the last of them is back. A run is made from a seed; a failure names it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.chaos.kills import VICTIMS, Killer
from tests.chaos.place import Place
from tests.chaos.verdict import finished, judge
from tests.chaos.work import prepare

SEED = int(os.environ.get("STEWARD_CHAOS_SEED", "20261122"))
LONGEST_PAUSE = 1.6
"""Seconds between the work that is asked for and the next kill."""


async def chaos(folder: Path, count: int, seed: int) -> None:
    """Kill `count` things, and judge what came of the work."""
    place = Place(folder)
    try:
        work = await prepare(place, seed)
        killer = Killer(place, seed)
        place.keep()
        work.caller.start()
        assert await place.until(lambda: len(work.caller.answers) > 0), "the API does not answer"
        begun = time.monotonic()
        for victim in killer.plan(count):
            await work.breath()
            await work.step()
            await place.pause(killer.random.uniform(0.0, LONGEST_PAUSE))
            await killer.kill(victim)
        killing = time.monotonic() - begun
        took = await finished(work)
        await judge(work)
        print(
            f"seed {seed}: {killer.done} in {killing:.0f} s, all done {took:.1f} s later; "
            f"{len(work.imports)} imports, {len(work.owners)} looks, {len(work.gradings)} gradings, "
            f"{len(work.months)} months, "
            f"{len(work.caller.answers)} notes in {work.caller.tries} calls"
        )
    except BaseException:
        print(f"seed {seed}\n{place.logs()}")
        raise
    finally:
        await place.database.dispose()
        place.end()


async def test_chaos(tmp_path: Path) -> None:
    await chaos(tmp_path, len(VICTIMS) // 2, SEED)


@pytest.mark.full
async def test_chaos_in_full(tmp_path: Path) -> None:
    await chaos(tmp_path, int(os.environ.get("STEWARD_CHAOS_KILLS", "300")), SEED)
