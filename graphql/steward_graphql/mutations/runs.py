"""Long work: asked for, and driven for as long as a request may last."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from steward_core.clients import contracts, duplicates, hand_over, pool_idle, search_rebuild
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.queries import run_of
from steward_core.runs.service import RUN_KINDS, drive, request_run
from steward_graphql.declared.scalars import ID, INT, STRING, EnumKind
from steward_graphql.declared.shapes import Argument, Asked, Mutation
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.derive import RUNS_WAIT, all_commands, described, told_of_input
from steward_graphql.mutations.edge import edge
from steward_graphql.mutations.kinds import closed
from steward_graphql.mutations.payloads import payload, row
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import StewardError, invalid
from steward_tenants.texts import Bilingual

log = logging.getLogger(__name__)

MOST_SECONDS = 20
USUAL_SECONDS = 5
"""How long one request may drive a run."""
REQUEST = "runs.request"
ASKED_FOR: Mapping[str, bool] = {
    contracts.RUN_KIND: True,
    hand_over.RUN_KIND: True,
    pool_idle.RUN_KIND: True,
    duplicates.RUN_KIND: False,
    search_rebuild.REBUILD.key: False,
}
"""Kinds of runs that are asked for by themselves, and whether they work for a day (`on`). Runs of imports, gradings,
custom fields and plugins come from mutations of their own, which give them their parameters."""


def run_mutations() -> tuple[Mutation, ...]:
    """All of them."""
    return (_request_run(), _advance_run())


def _kind() -> EnumKind:
    all_commands()
    return closed(
        "RequestableRun",
        "可发起的任务",
        "Long work that is asked for",
        {key: RUN_KINDS[key].title for key in ASKED_FOR},
    )


def _request_run() -> Mutation:
    arguments = (
        given("kind", _kind(), "任务类型", "Kind of run", required=True),
        given("period", STRING, "期间；同一期间只能发起一次", "The period; there is one run for each"),
        given("subject", STRING, "任务对象；再次发起时用以区分", "What tells it from others of its period"),
    )

    async def call(session: WriteSession, asked: Asked, **values: Any) -> Any:
        kind = values["kind"]
        parameters = {"on": asked.today.isoformat()} if ASKED_FOR[kind] else None
        named = {name: values[name] for name in ("period", "subject") if values.get(name) is not None}
        with told_of_input(arguments):
            run = await request_run(session, kind, parameters=parameters, **named)
        await session.flush()
        return payload(_RESULTS, run, values)

    info = all_commands()[REQUEST]
    return Mutation(
        "requestRun",
        described(info.title, RUNS_WAIT),
        call,
        tuple(result.part() for result in _RESULTS),
        arguments,
        info.permission,
        command=REQUEST,
    )


_RESULTS = (row("run", Run, "任务", "The run"),)


class _TimeIsUp(Exception):
    """A run was driven for as long as was asked."""


async def advanced(database: Database, asked: Asked, run_id: UUID, seconds: int) -> Run:
    """The run after it was driven for so many seconds, or to its end, or until it failed: its `error` says why then.
    The chunk under way when the time is over is finished.

    Raises InvalidInput, RunNotFound, Forbidden.
    """
    if not 1 <= seconds <= MOST_SECONDS:
        raise invalid("seconds", "range", f"应为 1 到 {MOST_SECONDS} 秒。", f"Use 1 to {MOST_SECONDS} seconds.")
    until = time.monotonic() + seconds
    actor, begun = asked.caller.actor, False

    def look(_run: Run) -> None:
        nonlocal begun
        begun = True
        if time.monotonic() >= until:
            raise _TimeIsUp

    try:
        return await drive(
            database, asked.tenant_id, actor, run_id, asked.tools, progress=look, request_id=asked.request_id
        )
    except _TimeIsUp:
        return await _seen(database, asked, run_id)
    except Exception as error:
        if isinstance(error, StewardError) and not begun:
            raise
        run = await _seen(database, asked, run_id)
        if run.status != RunStatus.FAILED:
            raise
        log.error("a run failed: %s", type(error).__name__)  # noqa: TRY400 - no texts
        return run


async def _seen(database: Database, asked: Asked, run_id: UUID) -> Run:
    async with database.read(asked.tenant_id, asked.caller.actor, request_id=asked.request_id) as session:
        return await run_of(session, run_id)


def seconds(unless_zh: str, unless_en: str) -> Argument:
    """For how long a run is driven; what happens when it is left out."""
    return given(
        "seconds",
        INT,
        f"最多推进几秒，1 到 {MOST_SECONDS}；{unless_zh}",
        f"Drive it for at most so many seconds, 1 to {MOST_SECONDS}; {unless_en}",
    )


async def _advance(database: Database, asked: Asked, *, run_id: UUID, seconds: int | None = None) -> Run:
    return await advanced(database, asked, run_id, USUAL_SECONDS if seconds is None else seconds)


def _advance_run() -> Mutation:
    return edge(
        "advanceRun",
        Bilingual(
            "手动推进任务若干秒，已完成的部分即时生效；任务本由后台自动执行，后台正在执行时只观察其进度",
            "Drive a run by hand for some seconds; what is done has taken effect. Workers drive runs by themselves;"
            " while one does, the run is only watched",
        ),
        _advance,
        results=_RESULTS,
        arguments=(
            given("run_id", ID, "任务", "The run", required=True),
            seconds(f"默认 {USUAL_SECONDS}", f"{USUAL_SECONDS} when left out"),
        ),
        permission=None,
        cost=500,
    )
