"""Replaying a pay run: what its statements were given must give their lines again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.clients.ownership import these
from steward_core.incentives.errors import PayRunNotFound
from steward_core.incentives.models import PayLine, PaySchemeVersion, PayStatement
from steward_core.incentives.reach import run_in_reach
from steward_core.incentives.scheme_book import read_version
from steward_core.incentives.schemes import SchemeVersion
from steward_core.incentives.statements import Line
from steward_core.incentives.working import lines_of, read_given
from steward_core.permissions import STATEMENTS_VIEW
from steward_tenants.database.session import TenantSession

AT_ONCE = 2_000


@dataclass(frozen=True)
class PayDifference:
    """A statement that came out otherwise: the lines (rule and fen) and formulas as stored, and as replayed."""

    statement_id: UUID
    person_id: UUID
    stored: Sequence[Any]
    replayed: Sequence[Any]


@dataclass(frozen=True)
class PayReplay:
    """How many statements were replayed, their sum in fen, and every difference."""

    run_id: UUID
    scheme_version: int
    rule_version: int
    checked: int
    total: int
    differences: tuple[PayDifference, ...]

    @property
    def same(self) -> bool:
        """Whether every statement came out as stored."""
        return not self.differences


async def replay_pay_run(session: TenantSession, run_id: UUID, *, today: date) -> PayReplay:
    """Work out every statement of a run again from what is stored with it, and compare lines, formulas and sums.

    Raises Forbidden, PayRunNotFound, SchemeRuleMissing.
    """
    pay_run = await run_in_reach(session, run_id, STATEMENTS_VIEW, today)
    kept = await session.get(PaySchemeVersion, pay_run.scheme_version_id)
    if kept is None:
        raise PayRunNotFound
    version = read_version(kept)
    differences: list[PayDifference] = []
    checked, total, last = 0, 0, None
    while True:
        statement = (
            select(PayStatement.id, PayStatement.person_id, PayStatement.given, PayStatement.total)
            .where(session.within(PayStatement), PayStatement.run_id == pay_run.id, PayStatement.total.is_not(None))
            .order_by(PayStatement.id)
            .limit(AT_ONCE)
        )
        rows = await session.rows(statement if last is None else statement.where(PayStatement.id > last))
        differences += await _compared(session, version, rows)
        checked += len(rows)
        total += sum(row[3] for row in rows)
        if len(rows) < AT_ONCE:
            return PayReplay(pay_run.id, version.number, version.rule_version, checked, total, tuple(differences))
        last = rows[-1][0]


async def _compared(session: TenantSession, version: SchemeVersion, rows: Sequence[Any]) -> list[PayDifference]:
    stored: defaultdict[UUID, list[Any]] = defaultdict(list)
    for statement_id, *line in await session.rows(
        select(PayLine.statement_id, PayLine.rule, PayLine.fen, PayLine.formula_zh, PayLine.formula_en, PayLine.inputs)
        .where(session.within(PayLine), PayLine.statement_id == these([row[0] for row in rows]))
        .order_by(PayLine.statement_id, PayLine.position)
    ):
        stored[statement_id].append(line)
    made = lines_of(version, [read_given(row[2]) for row in rows])
    found = []
    for (statement_id, person_id, _, total), lines in zip(rows, made, strict=True):
        replayed = [_plain(line) for line in lines]
        if replayed != stored[statement_id] or sum(line.fen for line in lines) != total:
            found.append(PayDifference(statement_id, person_id, stored[statement_id], replayed))
    return found


def _plain(line: Line) -> list[Any]:
    return [line.rule, line.fen, line.formula.zh, line.formula.en, dict(line.inputs)]
