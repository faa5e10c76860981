"""What became of rows, written down: the trail of an import, and what its undo works from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from steward_core.database.bulk import insert_many, update_many
from steward_core.imports.models import ImportEffect
from steward_core.imports.plans import ImportRow
from steward_core.imports.work import REFUSED, WARNED, table_of
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem

LONGEST_PROBLEM = 500


def as_stored(problem: FieldProblem) -> dict[str, Any]:
    """A problem as JSON."""
    return {
        "path": [part[:100] for part in problem.path],
        "code": problem.code,
        "zh-CN": problem.message.zh[:LONGEST_PROBLEM],
        "en": problem.message.en[:LONGEST_PROBLEM],
    }


def _problems(row: ImportRow) -> list[dict[str, Any]] | None:
    listed = [as_stored(one) for one in row.problems]
    listed += [{**as_stored(one), "warning": True} for one in row.warnings]
    return listed or None


async def write_effects(session: WriteSession, batch_id: UUID, rows: Sequence[ImportRow]) -> None:
    """Write down what became of rows."""
    if not rows:
        return
    columns: dict[str, list[Any]] = {
        "batch_id": [batch_id] * len(rows),
        "row_number": [row.number for row in rows],
        "outcome": [row.outcome for row in rows],
    }
    optional: dict[str, list[Any]] = {
        "row_id": [row.row_id for row in rows],
        "before": [row.before for row in rows],
        "after_version": [row.after_version for row in rows],
        "problems": [_problems(row) for row in rows],
        "values": [row.extra for row in rows],
    }
    columns |= {name: values for name, values in optional.items() if any(value is not None for value in values)}
    await insert_many(session, ImportEffect, columns)


async def write_findings(session: WriteSession, batch_id: UUID, rows: Iterable[ImportRow]) -> None:
    """Write down what a check found: refused rows, and good ones with warnings."""
    found = []
    for row in rows:
        if row.outcome == REFUSED or row.warnings:
            outcome = REFUSED if row.outcome == REFUSED else WARNED
            found.append(ImportRow(row.number, {}, row.problems, row.warnings, outcome))
    await write_effects(session, batch_id, found)


async def forget(session: WriteSession, batch_id: UUID, *outcomes: str) -> None:
    """Remove a batch's effects (of these outcomes, where named)."""
    statement = delete(ImportEffect).where(session.within(ImportEffect), ImportEffect.batch_id == batch_id)
    if outcomes:
        statement = statement.where(ImportEffect.outcome.in_(outcomes))
    await session.execute(statement.execution_options(synchronize_session=False))


async def outcomes_between(session: TenantSession, batch_id: UUID, first: int, last: int) -> dict[int, str]:
    """What is written down of rows from `first` to `last`, by row number."""
    rows = await session.rows(
        select(ImportEffect.row_number, ImportEffect.outcome).where(
            session.within(ImportEffect),
            ImportEffect.batch_id == batch_id,
            ImportEffect.row_number.between(first, last),
        )
    )
    return {row[0]: row[1] for row in rows}


async def refuse_later(session: WriteSession, batch_id: UUID, problems: dict[int, FieldProblem]) -> None:
    """Refuse rows that a check had passed, or had something else against."""
    if not problems:
        return
    numbers = sorted(problems)
    known = await outcomes_between(session, batch_id, numbers[0], numbers[-1])
    again = [number for number in numbers if number in known]
    if again:
        await update_many(
            session,
            ImportEffect,
            {"batch_id": [batch_id] * len(again), "row_number": again},
            {"problems": [[as_stored(problems[number])] for number in again]},
            also={"outcome": REFUSED},
        )
    new = [ImportRow(number, {}, [problems[number]], [], REFUSED) for number in numbers if number not in known]
    await write_effects(session, batch_id, new)


async def warn_of(session: WriteSession, batch_id: UUID, problems: dict[int, FieldProblem]) -> None:
    """Note warnings on rows that are written already."""
    numbers = sorted(problems)
    await update_many(
        session,
        ImportEffect,
        {"batch_id": [batch_id] * len(numbers), "row_number": numbers},
        {"problems": [[{**as_stored(problems[number]), "warning": True}] for number in numbers]},
    )


async def next_effects(session: TenantSession, batch_id: UUID, after: int, limit: int, *outcomes: str) -> Sequence[Any]:
    """The effects of these outcomes after a row number, in order."""
    return await session.rows(
        select(table_of(ImportEffect))
        .where(
            session.within(ImportEffect),
            ImportEffect.batch_id == batch_id,
            ImportEffect.row_number > after,
            ImportEffect.outcome.in_(outcomes),
        )
        .order_by(ImportEffect.row_number)
        .limit(limit)
    )


async def count_effects(session: TenantSession, batch_id: UUID) -> dict[str, int]:
    """How many effects of each outcome a batch has."""
    rows = await session.rows(
        select(ImportEffect.outcome, func.count())
        .where(session.within(ImportEffect), ImportEffect.batch_id == batch_id)
        .group_by(ImportEffect.outcome)
    )
    return {row[0]: row[1] for row in rows}


async def refused_rows(session: TenantSession, batch_id: UUID) -> frozenset[int]:
    """The numbers of all refused rows."""
    return frozenset(
        await session.scalars(
            select(ImportEffect.row_number).where(
                session.within(ImportEffect), ImportEffect.batch_id == batch_id, ImportEffect.outcome == REFUSED
            )
        )
    )
