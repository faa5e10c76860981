"""Rows taken in from memory as an import would take them: demo data, and small sets that come by an API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from steward_core.clients.tree import tree_turn
from steward_core.imports.batches import TURN, require_target, zone_of
from steward_core.imports.opened import CHUNK_ROWS
from steward_core.imports.options import options_of
from steward_core.imports.plans import plan_of_values, repeated
from steward_core.imports.targets import target_of
from steward_core.imports.trees import tie_parents, tree_problems
from steward_core.imports.work import REFUSED
from steward_core.permissions import RECORDS_IMPORT
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput

MOST_PROBLEMS = 100


@dataclass(frozen=True)
class RowsTaken:
    """How many rows were new, changed something, changed nothing; the id of each row that was written, in order."""

    created: int
    updated: int
    unchanged: int
    ids: tuple[UUID | None, ...]


@command("imports.take", "导入数据行", "Take rows in", permission=RECORDS_IMPORT)
async def take_rows(
    session: WriteSession,
    target: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    today: date,
    options: Mapping[str, Any] | None = None,
    zone: str = "",
) -> RowsTaken:
    """Take rows in at once: {field: value}, values as an import reads them (money in yuan) or already of their type.

    A client's `parent` may stand anywhere among the rows. Raises InvalidInput naming every bad field
    (`rows.<n>.<field>`, `n` from 0); then nothing was written.
    """
    known = await target_of(session, target, zone=zone_of(zone))
    require_target(session, known)
    checked = options_of(options or {})
    wanted = {key for row in rows for key in row}
    fields = await known.fields(session, (*wanted, *checked.constants))
    plan = plan_of_values({one.key: one for one in fields}, checked, wanted)
    # Before any row is held: who waits for a turn must hold nothing that another waits for.
    await take_turn(session, TURN)
    if "parent" in wanted:
        await tree_turn(session)
    read = [plan.read_values(number, row) for number, row in enumerate(rows)]
    work = known.make(session, plan, today=today, lock=True)
    seen: dict[tuple[str, str], int] = {}
    for row in read:
        for path, key in (("", work.key_of(row)), ("code", work.unique_of(row))):
            if key is not None and seen.setdefault((path, key), row.number) != row.number:
                row.problems.append(repeated(seen[path, key], path or ()))
    parents: dict[int, tuple[str | None, str, str]] = {}
    for at in range(0, len(read), CHUNK_ROWS):
        await work.resolve(read[at : at + CHUNK_ROWS])
    _refuse([(row.number, one) for row in read for one in row.problems])
    for row in read:
        if row.parent_code is not None:
            parents[row.number] = (row.values.get("code"), row.parent_code, row.outcome)
    if parents:
        codes = {code for row in read if (code := row.values.get("code")) is not None}
        _refuse(sorted((await tree_problems(session, parents, codes, set(), today)).items(), key=lambda one: one[0]))
    for at in range(0, len(read), CHUNK_ROWS):
        await work.apply([row for row in read[at : at + CHUNK_ROWS] if row.outcome != REFUSED])
    ids = {row.number: row.row_id for row in read}
    await tie_parents(
        session, {row_id: one[1] for number, one in parents.items() if (row_id := ids[number]) is not None}
    )
    outcomes = [row.outcome for row in read]
    taken = RowsTaken(
        outcomes.count("created"),
        outcomes.count("updated"),
        outcomes.count("unchanged"),
        tuple(row.row_id for row in read),
    )
    await record(
        session,
        "imports.take",
        Subject("import"),
        after={"target": target, "created": taken.created, "updated": taken.updated, "unchanged": taken.unchanged},
    )
    return taken


def _refuse(problems: Sequence[tuple[int, FieldProblem]]) -> None:
    if problems:
        raise InvalidInput(
            problems=[
                FieldProblem(("rows", str(number), *one.path), one.code, one.message)
                for number, one in problems[:MOST_PROBLEMS]
            ]
        )
