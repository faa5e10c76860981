"""Older rows and a field's new definition: filling and emptying the index by runs, counting values that no longer fit.

Whoever saves rows shares a lock for the length of the transaction; a run takes it once before its first rows, so that
every row is either saved by the new switch or seen by the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CursorResult,
    Date,
    DateTime,
    Numeric,
    and_,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from steward_core.clients.models import Client, Contact
from steward_core.custom_fields.index import entries_of_custom, path_of, write_index
from steward_core.custom_fields.models import CustomField, FieldIndexEntry, FieldType
from steward_core.custom_fields.rules import ValueRules
from steward_core.forms.models import FormRecord
from steward_core.permissions import CUSTOM_FIELDS_MANAGE
from steward_core.runs.chunks import size_of
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import RunTools, declare_run_kind, request_run
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.database.tables import TenantTable

INDEXING = "custom_fields.index"
CHUNK = 2000
FIRST_ID = UUID(int=0)


@dataclass(frozen=True)
class Target:
    """Where a target's rows are: a table with `id` and `custom`."""

    table: type[TenantTable]


TARGET_TABLES: dict[str, Target] = {"client": Target(Client), "contact": Target(Contact)}
"""Domains above add theirs by `declare_target`."""


def declare_target(target: str, table: type[TenantTable]) -> None:
    """Say where rows of a target are; a target stands once."""
    if target in TARGET_TABLES:
        raise ValueError(f"target {target} is declared twice")
    TARGET_TABLES[target] = Target(table)


def writers(target: str) -> str:
    """The topic that transactions share while they save rows of a target."""
    return f"custom_fields.rows/{target}"


def _rows(session: TenantSession, target: str) -> tuple[Any, ColumnElement[bool]] | None:
    """The target's table and which of its rows belong to it; None while there are no such rows."""
    if target.startswith("form:"):
        form = target.removeprefix("form:")
        return FormRecord, and_(session.within(FormRecord), FormRecord.form == form)
    known = TARGET_TABLES.get(target)
    return None if known is None else (known.table, session.within(known.table))


async def restart_indexing(session: WriteSession, field: CustomField) -> Run:
    """Ask for a run that brings the index in line with a field whose switch is about to be turned; earlier runs of
    the field that are not over are stopped."""
    await session.execute(
        update(Run)
        .where(
            session.within(Run),
            Run.kind == INDEXING,
            Run.subject == str(field.id),
            Run.status.in_([RunStatus.WAITING, RunStatus.RUNNING, RunStatus.FAILED]),
        )
        .values(status=RunStatus.CANCELLED, finished_at=datetime.now(UTC), version=Run.version + 1)
        .execution_options(synchronize_session=False)
    )
    return await request_run(
        session,
        INDEXING,
        period=f"v{field.version}",
        subject=str(field.id),
        parameters={"field": str(field.id), "fill": not field.filterable},
    )


async def advance_indexing(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """Index, or take out of the index, the next rows' values of one field."""
    field = await session.get(CustomField, UUID(run.parameters["field"]))
    if field is not None and not run.position:
        await take_turn(session, writers(field.target))
    field = await session.get(CustomField, UUID(run.parameters["field"]), lock=True)
    if field is None or field.filterable is not run.parameters["fill"]:
        return True
    if field.filterable:
        return await _fill(session, run, field)
    return await _empty(session, run, field)


async def _fill(session: WriteSession, run: Run, field: CustomField) -> bool:
    where = _rows(session, field.target)
    found: list[Any] = []
    at_once = size_of(run, CHUNK)
    if where is not None:
        table, mine = where
        if not run.position:
            run.total = await session.scalar(select(func.count()).select_from(table).where(mine))
        after = UUID(run.position.get("after", str(FIRST_ID)))
        found = list(
            await session.rows(
                select(table.id, table.custom[field.key])
                .where(mine, table.id > after)
                .order_by(table.id)
                .limit(at_once)
                .with_for_update(key_share=True)
            )
        )
    entries = [
        entry
        for row_id, value in found
        for entry in entries_of_custom([field], field.target, row_id, {field.key: value})
    ]
    await write_index(
        session, entries, clear=[row_id for row_id, _ in found], fields=[path_of(field.target, field.key)]
    )
    run.done += len(found)
    run.total = max(run.total, run.done)
    run.counts = {"values": run.counts.get("values", 0) + len(entries)}
    if found:
        run.position = {"after": str(found[-1][0])}
    if len(found) == at_once:
        return False
    field.indexed_at = datetime.now(UTC)
    return True


async def _empty(session: WriteSession, run: Run, field: CustomField) -> bool:
    path = path_of(field.target, field.key)
    chosen = (
        select(FieldIndexEntry.row_id)
        .where(session.within(FieldIndexEntry), FieldIndexEntry.field == path)
        .limit(size_of(run, CHUNK))
    )
    removed = cast(
        "CursorResult[Any]",
        await session.execute(
            delete(FieldIndexEntry)
            .where(session.within(FieldIndexEntry), FieldIndexEntry.field == path, FieldIndexEntry.row_id.in_(chosen))
            .execution_options(synchronize_session=False, preserve_rowcount=True)
        ),
    ).rowcount
    run.done += removed
    run.total = run.done
    run.position = {"begun": True}
    run.counts = {"values": run.counts.get("values", 0) + removed}
    return removed == 0


declare_run_kind(INDEXING, "更新自定义字段索引", "Index a custom field", CUSTOM_FIELDS_MANAGE, advance_indexing)


async def count_misfits(session: TenantSession, field: CustomField, rules: ValueRules) -> int:
    """How many stored values of a field lie outside of `rules` (a value that is missing is none)."""
    where = _rows(session, field.target)
    if where is None:
        return 0
    table, mine = where
    outside = _outside(FieldType(field.type), rules, table.custom[field.key])
    if not outside:
        return 0
    counted = select(func.count()).select_from(table).where(mine, or_(*outside))
    return int(await session.scalar(counted))


_SQL_TYPES: Mapping[FieldType, TypeEngine[Any]] = {
    FieldType.INTEGER: BigInteger(),
    FieldType.MONEY: BigInteger(),
    FieldType.DECIMAL: Numeric(),
    FieldType.DATE: Date(),
    FieldType.DATETIME: DateTime(timezone=True),
}


def _outside(kind: FieldType, rules: ValueRules, value: Any) -> list[ColumnElement[bool]]:
    if kind is FieldType.TEXT:
        return [func.char_length(value.astext) > rules.longest]
    options = list(rules.options)
    if kind is FieldType.CHOICE:
        return [value.astext.not_in(options)]
    if kind is FieldType.CHOICES:
        size: Any = func.jsonb_array_length(value)
        known = literal(options, JSONB())
        return [~value.contained_by(known), *_beyond(size, rules)]
    return _beyond(sql_cast(value.astext, _SQL_TYPES[kind]), rules) if kind in _SQL_TYPES else []


def _beyond(value: Any, rules: ValueRules) -> list[ColumnElement[bool]]:
    return [
        *([value < rules.least] if rules.least is not None else []),
        *([value > rules.most] if rules.most is not None else []),
    ]
