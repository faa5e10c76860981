"""The hourly round of the platform: it begins at once, survives what fails, and stops when told to."""

from __future__ import annotations

import asyncio

import pytest

from steward_server import upkeep
from steward_tenants.database.database import Database


async def test_a_round_that_fails_is_followed_by_the_next(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []
    stop = asyncio.Event()

    async def keep_up(given: Database) -> None:
        assert given is database
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise RuntimeError
        stop.set()

    monkeypatch.setattr(upkeep, "keep_up_platform", keep_up)
    monkeypatch.setattr(upkeep, "EVERY_SECONDS", 0.01)
    async with asyncio.timeout(20):
        await upkeep.run(database, stop)
    assert rounds == [0, 1]
