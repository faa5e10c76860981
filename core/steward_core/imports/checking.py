"""The dry run of an import: every row parsed, resolved and compared; nothing of them written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from steward_core.imports.batches import SHOWN_PROBLEMS, Step, step_of
from steward_core.imports.effects import as_stored, count_effects, forget, refuse_later, refused_rows, write_findings
from steward_core.imports.error_workbook import write_error_workbook
from steward_core.imports.models import ImportStatus
from steward_core.imports.opened import Opened, local_copy, next_rows
from steward_core.imports.plans import ImportRow
from steward_core.imports.trees import tree_problems
from steward_core.imports.work import REFUSED, WARNED
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools
from steward_tenants.database.session import WriteSession

LASTING = ("confidence", "mapping")
"""What a batch knows of its mapping, whatever the check finds."""
BEFORE = frozenset({ImportStatus.UPLOADED, ImportStatus.CHECKED, ImportStatus.FAILED})


async def advance_check(session: WriteSession, run: Run, tools: RunTools) -> bool:
    """Check the next rows. A check that was interrupted begins anew."""
    step = await step_of(session, run, tools, status=ImportStatus.CHECKING, expected=BEFORE.__contains__)
    opened, plan, work = await step.opened(again=False)
    if opened.row == 0:
        await forget(session, step.batch.id)
        run.counts, run.position, run.done = {}, {}, 0
        step.batch.counts = {name: step.batch.counts[name] for name in LASTING if name in step.batch.counts}
    rows = await next_rows(opened, plan, work.keys, size=step.size())
    await work.resolve(rows)
    _keep_parents(opened, rows)
    await write_findings(session, step.batch.id, rows)
    _count(step, rows)
    run.position = {"row": opened.row}
    run.done += len(rows)
    run.total = max(run.total, run.done)
    if opened.over:
        await _finish(step, opened)
    return opened.over


def _keep_parents(opened: Opened, rows: Sequence[ImportRow]) -> None:
    for row in rows:
        parent = row.parent_code
        if parent is not None:
            opened.parents[row.number] = (_own_code(row), parent, row.outcome)


def _own_code(row: ImportRow) -> str | None:
    code = row.values.get("code")
    return code if code is not None or row.known is None else row.known["code"]


def _count(step: Step, rows: Sequence[ImportRow]) -> None:
    counts: dict[str, int] = {"rows": len(rows)}
    for row in rows:
        counts[row.outcome] = counts.get(row.outcome, 0) + 1
        if row.warnings:
            counts["warnings"] = counts.get("warnings", 0) + 1
    step.count(**counts)
    problems: list[Any] = list(step.batch.counts.get("problems", []))
    for row in rows:
        for one in (*row.problems, *row.warnings):
            if len(problems) >= SHOWN_PROBLEMS:
                break
            warning = {"warning": True} if one in row.warnings else {}
            problems.append({"row": row.number, **as_stored(one), **warning})
    step.batch.counts = {**step.batch.counts, "problems": problems}


async def _finish(step: Step, opened: Opened) -> None:
    """The second pass over parents, the error workbook, and the batch's figures."""
    session, run, batch = step.session, step.run, step.batch
    await _check_tree(step, opened)
    found = await count_effects(session, batch.id)
    listed = found.get(REFUSED, 0) + found.get(WARNED, 0)
    if listed:
        path = await local_copy(step.tools, session.tenant_id, batch.file_id)
        batch.error_file_id = await write_error_workbook(session, step.tools.files, batch, path, rows=listed)
    else:
        batch.error_file_id = None
    run.total = run.done
    batch.encoding = opened.table.encoding
    batch.counts = {"problems": [], **batch.counts, **run.counts}
    batch.status, batch.finished_at = ImportStatus.CHECKED.value, datetime.now(UTC)
    step.let_go()


async def _check_tree(step: Step, opened: Opened) -> None:
    """Refuse rows whose parent is nowhere, or that would stand below themselves; those that hang on them as well."""
    parents = dict(opened.parents)
    if not parents:
        return
    codes = set(opened.codes)
    known = await count_effects(step.session, step.batch.id)
    refused = await _refused_codes(step, opened) if known.get(REFUSED) else set()
    wrong: dict[int, Any] = {}
    while True:
        found = await tree_problems(step.session, parents, codes, refused, step.today)
        if not found:
            break
        wrong |= found
        for number in found:
            own = parents.pop(number)[0]
            if own is not None:
                refused.add(own)
    if not wrong:
        return
    await refuse_later(step.session, step.batch.id, wrong)
    counts = {**step.run.counts}
    for number in wrong:
        before = opened.parents[number][2]
        counts[before] = counts.get(before, 0) - 1
        counts[REFUSED] = counts.get(REFUSED, 0) + 1
    step.run.counts = counts
    problems = list(step.batch.counts.get("problems", []))
    problems += [{"row": number, **as_stored(one)} for number, one in sorted(wrong.items())]
    step.batch.counts = {**step.batch.counts, "problems": problems[:SHOWN_PROBLEMS]}


async def _refused_codes(step: Step, opened: Opened) -> set[str]:
    """The codes of rows that are refused already."""
    numbers = await refused_rows(step.session, step.batch.id)
    return {key for key, number in opened.codes.items() if number in numbers}
