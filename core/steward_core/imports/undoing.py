"""Undoing an import, a chunk in a transaction: what was changed since stays as it is and is reported.

Created rows that nothing hangs on are removed; changed ones get their former values. Facts cannot be removed: new ones
are withdrawn, corrected ones count as before again. A created client with facts of the import is therefore closed, its
codes are free again, so that a corrected file makes a new client.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client, Contact
from steward_core.clients.tree import tree_turn
from steward_core.database.bulk import update_many
from steward_core.imports.batches import TURN, Step, step_of
from steward_core.imports.effects import as_stored, count_effects, next_effects
from steward_core.imports.facts import take_back
from steward_core.imports.hanging import CONTACTS
from steward_core.imports.models import ImportEffect, ImportStatus
from steward_core.imports.take_backs import Former, Taken, take_back_rows
from steward_core.imports.work import CREATED, KEPT, UNCHANGED, UNDONE, UPDATED
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

BEFORE = frozenset({ImportStatus.APPLIED, ImportStatus.APPLYING, ImportStatus.FAILED})


async def advance_undo(session: WriteSession, run: Run, tools: RunTools) -> bool:
    """Undo the next rows."""
    step = await step_of(session, run, tools, status=ImportStatus.UNDOING, expected=BEFORE.__contains__)
    if not run.position:
        found = await count_effects(session, step.batch.id)
        run.total = found.get(CREATED, 0) + found.get(UPDATED, 0)
        run.position = {"row": 0}
    after = int(run.position["row"])
    size = step.size()
    effects = await next_effects(session, step.batch.id, after, size, CREATED, UPDATED)
    over = len(effects) < size
    await take_turn(session, TURN)
    if step.target.table is Client:
        await tree_turn(session)
    await _undo(step, effects)
    if effects:
        run.position = {**run.position, "row": effects[-1].row_number}
    run.done = min(run.done + len(effects), run.total)
    if over:
        await _finish(step)
    return over


async def _undo(step: Step, effects: Sequence[Any]) -> None:
    session = step.session
    kept: dict[int, FieldProblem] = {}
    closed = 0
    await _undo_facts(session, effects, kept)
    contacts = [one for one in effects if one.values and one.values.get("contact")]
    formers = [
        Former(one.row_number, UUID(one.values["contact"][0]), *one.values["contact"][1:])
        for one in contacts
        if one.values["contact"][1] != UNCHANGED
    ]
    taken = await take_back_rows(step, CONTACTS.table, formers)
    kept |= taken.kept
    if step.target.table is not None:
        own = [
            Former(one.row_number, one.row_id, one.outcome, one.after_version, one.before)
            for one in effects
            if one.row_id is not None and (one.outcome == CREATED or one.before is not None)
        ]
        taken_own: Taken = await take_back_rows(step, step.target.table, own)
        kept |= taken_own.kept
        closed = taken_own.closed
    await _step_up(session, [one for one in effects if one.row_number not in kept])
    await _note(session, step.batch.id, effects, kept)
    step.count(undone=len(effects) - len(kept), kept=len(kept), closed=closed)


async def _step_up(session: WriteSession, effects: Sequence[Any]) -> None:
    """Who was a client's main contact before the import is it again, unless somebody said otherwise since."""
    former = [one for effect in effects if effect.values for one in effect.values.get("stepped_down", ())]
    if not former:
        return
    other = aliased(Contact)
    has_main = (
        select(other.id)
        .where(session.within(other), other.client_id == Contact.client_id, other.main)
        .correlate(Contact)
        .exists()
    )
    await update_many(
        session,
        Contact,
        {"id": [UUID(one[0]) for one in former], "version": [one[1] for one in former]},
        {},
        ~has_main,
        Contact.left_on.is_(None),
        also={"main": True, "version": Contact.version + 1, "updated_at": func.now()},
    )


async def _undo_facts(session: WriteSession, effects: Sequence[Any], kept: dict[int, FieldProblem]) -> None:
    stored = [fact for one in effects if one.values for fact in one.values.get("facts", ())]
    changed = await take_back(session, stored)
    if not changed:
        return
    for one in effects:
        facts = (one.values or {}).get("facts", ())
        if any((UUID(f[0]), f[1], datetime.fromisoformat(f[2]).date(), f[3]) in changed for f in facts):
            text = Bilingual("指标在导入后又有更正，予以保留。", "A figure was corrected since and stays.")
            kept[one.row_number] = FieldProblem(("fact",), "changed_since", text)


async def _note(session: WriteSession, batch_id: UUID, effects: Sequence[Any], kept: dict[int, FieldProblem]) -> None:
    numbers = [one.row_number for one in effects]
    if not numbers:
        return
    await update_many(
        session,
        ImportEffect,
        {"batch_id": [batch_id] * len(numbers), "row_number": numbers},
        {
            "outcome": [KEPT if number in kept else UNDONE for number in numbers],
            "problems": [[as_stored(kept[number])] if number in kept else None for number in numbers],
        },
    )


async def _finish(step: Step) -> None:
    session, batch = step.session, step.batch
    counts = {name: step.run.counts.get(name, 0) for name in ("undone", "kept", "closed")}
    batch.counts = {**batch.counts, **counts}
    batch.status, batch.undone_at = ImportStatus.UNDONE.value, datetime.now(UTC)
    step.run.done = step.run.total
    step.let_go()
    await record(session, "imports.undone", Subject("import", batch.id), after=counts)
