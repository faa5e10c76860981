"""Applying a checked import, a chunk in a transaction; a second pass ties clients to the parents that rows name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from steward_core.clients.tree import tree_turn
from steward_core.imports.batches import SHOWN_PROBLEMS, TURN, Step, step_of
from steward_core.imports.checking import LASTING
from steward_core.imports.effects import (
    as_stored,
    count_effects,
    forget,
    outcomes_between,
    refused_rows,
    warn_of,
    write_effects,
)
from steward_core.imports.error_workbook import write_error_workbook
from steward_core.imports.errors import ChangedSinceCheck, RowsRefused, WrittenMeanwhile
from steward_core.imports.models import ImportEffect, ImportStatus
from steward_core.imports.opened import Opened, local_copy, next_rows
from steward_core.imports.plans import ImportRow
from steward_core.imports.trees import tie_parents, tree_problems
from steward_core.imports.work import CREATED, REFUSED, UPDATED, WARNED
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession

BEFORE = frozenset({ImportStatus.CHECKED, ImportStatus.FAILED})
_ROWS, _TREE = "rows", "tree"


async def advance_apply(session: WriteSession, run: Run, tools: RunTools) -> bool:
    """Write the next rows. What is written down of a row is never written again, so a repetition changes nothing."""
    step = await step_of(session, run, tools, status=ImportStatus.APPLYING, expected=BEFORE.__contains__)
    if not run.position:
        await _begin(step)
    await take_turn(session, TURN)
    opened, plan, work = await step.opened(again=True)
    if run.position.get("phase", _ROWS) == _TREE:
        return await _tie(step, opened)
    size = step.size()
    prepare = work.prepare if step.batch.counts.get(CREATED) else None
    rows = await next_rows(opened, plan, work.keys, prepare=prepare, size=size, ahead=True)
    waiting = await _waiting(step, rows)
    await work.resolve(waiting)
    await _refuse_or_stop(step, waiting)
    try:
        await work.apply([row for row in waiting if row.outcome != REFUSED])
    except IntegrityError as error:
        raise WrittenMeanwhile from error
    for row in waiting:
        if row.parent_code is not None and row.outcome != REFUSED:
            opened.parents[row.number] = (None, row.parent_code, row.outcome)
    await write_effects(session, step.batch.id, waiting)
    counts: dict[str, int] = {}
    for row in waiting:
        counts[row.outcome] = counts.get(row.outcome, 0) + 1
    step.count(**counts)
    run.done = min(run.done + len(rows), run.total)
    phase = _TREE if opened.over and work.ordered and opened.parents else _ROWS
    run.position = {"row": opened.row, "phase": phase, "tied": 0}
    if opened.over and phase == _ROWS:
        await _finish(step)
        return True
    return False


async def _begin(step: Step) -> None:
    """Refuse the whole file where it was asked for whole; forget the check's warnings, which rows bring along."""
    found = await count_effects(step.session, step.batch.id)
    if found.get(REFUSED, 0) and not step.run.parameters.get("skip_bad"):
        raise RowsRefused(count=found[REFUSED])
    await forget(step.session, step.batch.id, WARNED)
    step.run.total = int(step.batch.counts.get("rows", 0))


async def _waiting(step: Step, rows: Sequence[ImportRow]) -> list[ImportRow]:
    """The rows of which nothing is written down yet."""
    if not rows:
        return []
    known = await outcomes_between(step.session, step.batch.id, rows[0].number, rows[-1].number)
    step.count(**{REFUSED: sum(known.get(row.number) == REFUSED for row in rows)})
    return [row for row in rows if row.number not in known]


async def _refuse_or_stop(step: Step, rows: Sequence[ImportRow]) -> None:
    bad = [row for row in rows if row.outcome == REFUSED]
    if bad and not step.run.parameters.get("skip_bad"):
        raise ChangedSinceCheck(row=bad[0].number, count=len(bad), problems=bad[0].problems[:20])


async def _tie(step: Step, opened: Opened) -> bool:
    """Put the next clients under their parents. The tree is looked at whole before the first of them."""
    session, batch = step.session, step.batch
    await tree_turn(session)
    tied, size = int(step.run.position.get("tied", 0)), step.size()
    refused = await refused_rows(session, batch.id)
    parents = {number: one for number, one in opened.parents.items() if number not in refused}
    if tied == 0:
        await _look_at_tree(step, opened, parents, refused)
    apart = {int(number) for number in step.run.position.get("untied", ())}
    parents = {number: one for number, one in parents.items() if number not in apart}
    numbers = sorted(number for number in parents if number > tied)[:size]
    if numbers:
        rows = await session.rows(
            select(ImportEffect.row_number, ImportEffect.row_id).where(
                session.within(ImportEffect),
                ImportEffect.batch_id == batch.id,
                ImportEffect.row_number.in_(numbers),
                ImportEffect.outcome.in_([CREATED, UPDATED]),
            )
        )
        await tie_parents(session, {row[1]: parents[row[0]][1] for row in rows if row[1] is not None})
        step.run.position = {**step.run.position, "tied": numbers[-1]}
    if len(numbers) < size:
        await _finish(step)
        return True
    return False


async def _look_at_tree(
    step: Step, opened: Opened, parents: dict[int, tuple[str | None, str, str]], refused: frozenset[int]
) -> None:
    """The check saw the tree in order; somebody may have changed it since. Where bad rows are skipped, those that
    cannot be tied stay where they are and are told of. Raises ChangedSinceCheck."""
    own = {number: key for key, number in opened.codes.items()}
    named = {number: (own.get(number), parent, outcome) for number, (_, parent, outcome) in parents.items()}
    gone = {own[number] for number in refused if number in own}
    wrong = await tree_problems(step.session, named, set(opened.codes), gone, step.today)
    if wrong and step.run.parameters.get("skip_bad"):
        await warn_of(step.session, step.batch.id, wrong)
        step.run.position = {**step.run.position, "untied": sorted(wrong)}
        warnings = int(step.batch.counts.get("warnings", 0)) + len(wrong)
        problems = [{"row": number, **as_stored(one), "warning": True} for number, one in sorted(wrong.items())]
        shown = [*step.batch.counts.get("problems", ()), *problems][:SHOWN_PROBLEMS]
        step.batch.counts = {**step.batch.counts, "warnings": warnings, "problems": shown}
    elif wrong:
        first = min(wrong)
        raise ChangedSinceCheck(row=first, count=len(wrong), problems=[wrong[first]])


async def _finish(step: Step) -> None:
    session, run, batch = step.session, step.run, step.batch
    found = await count_effects(session, batch.id)
    if found.get(REFUSED, 0):
        path = await local_copy(step.tools, session.tenant_id, batch.file_id)
        batch.error_file_id = await write_error_workbook(session, step.tools.files, batch, path, rows=found[REFUSED])
    lasting = ("rows", "warnings", "problems", *LASTING)
    kept = {name: batch.counts[name] for name in lasting if name in batch.counts}
    batch.counts = {**kept, **found}
    batch.status, batch.finished_at = ImportStatus.APPLIED.value, datetime.now(UTC)
    run.done = run.total
    step.let_go()
    await record(session, "imports.applied", Subject("import", batch.id), after={"target": batch.target, **found})
