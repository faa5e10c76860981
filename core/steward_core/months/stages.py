"""Runs that do several things one after the other, each restartable at any chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steward_core.runs.chunks import forget_size
from steward_core.runs.models import Run
from steward_core.runs.service import Advance, RunTools
from steward_tenants.database.session import WriteSession


@dataclass(frozen=True)
class Stage:
    """One of them: what a run of its own would do. It keeps its own position and counts."""

    key: str
    advance: Advance


async def advance_stages(session: WriteSession, run: Run, tools: RunTools, stages: Sequence[Stage]) -> bool:
    """The next chunk of the stage that the run is at; True when the last stage is over.

    `run.position` holds the stage and that stage's own position, written with the chunk; `run.counts` gathers the
    counts of all stages, and names the stage for people.
    """
    keys = [stage.key for stage in stages]
    at = keys.index(run.position.get("stage", keys[0]))
    counts = run.counts
    run.position = run.position.get("inner", {})
    over = await stages[at].advance(session, run, tools)
    run.counts = {**counts, **run.counts, "stage": keys[at]}
    if not over:
        run.position = {"stage": keys[at], "inner": run.position}
        return False
    forget_size(run)
    last = at == len(stages) - 1
    run.position = {"stage": keys[at if last else at + 1], "inner": {}}
    return last
