"""Runs of several stages: each stage keeps its own place, and nothing of one leaks into the next."""

from __future__ import annotations

from pathlib import Path

from steward_core.months.stages import Stage, advance_stages
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.files.store import LocalFileStore
from tests.factories import TESTS, make_tenant


def counting(key: str, to: int, seen: list[str]) -> Stage:
    async def advance(_session: WriteSession, run: Run, _tools: RunTools) -> bool:
        at: int = run.position.get("at", 0) + 1
        seen.append(f"{key}{at}")
        run.position = {"at": at}
        run.counts = {key: at}
        return at == to

    return Stage(key, advance)


async def test_each_stage_has_its_own_place(database: Database, tmp_path: Path) -> None:
    seen: list[str] = []
    stages = [counting("a", 2, seen), counting("b", 1, seen), counting("c", 3, seen)]
    run, tools = Run(kind="test", position={}, counts={}), RunTools(LocalFileStore(tmp_path))
    async with database.write(await make_tenant(database), TESTS) as session:
        chunks = 1
        while not await advance_stages(session, run, tools, stages):
            chunks += 1
    assert seen == ["a1", "a2", "b1", "c1", "c2", "c3"]
    assert chunks == 6
    assert run.counts == {"a": 2, "b": 1, "c": 3, "stage": "c"}


async def test_the_place_survives_as_json(database: Database, tmp_path: Path) -> None:
    """Whatever is known between two chunks stands in the run."""
    seen: list[str] = []
    tools = RunTools(LocalFileStore(tmp_path))
    position: dict[str, object] = {}
    counts: dict[str, object] = {}
    async with database.write(await make_tenant(database), TESTS) as session:
        for _ in range(6):
            run = Run(kind="test", position=position, counts=counts)
            over = await advance_stages(session, run, tools, [counting("a", 3, seen), counting("b", 3, seen)])
            position, counts = run.position, run.counts
    assert over
    assert seen == ["a1", "a2", "a3", "b1", "b2", "b3"]
