"""The run `incentives.statements`: the first chunk takes in what everybody's pay rests on, the others work it out.

All inputs are of one moment, and are kept before anything is worked out from them: whoever interrupts the run, and
wherever, the statements come out the same. A statement without a total is one that is still to be worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from steward_core.clients.ownership import these
from steward_core.database.bulk import insert_many, update_many
from steward_core.incentives.errors import NobodyToPay, PaidElsewhere, PayRunNotFound
from steward_core.incentives.inputs import commission_inputs, last_revisions
from steward_core.incentives.models import (
    IN_FORCE,
    IN_WORK,
    PayLine,
    PayRun,
    PayRunStatus,
    PaySchemeVersion,
    PayStatement,
)
from steward_core.incentives.months import month_name
from steward_core.incentives.rules import check
from steward_core.incentives.scheme_book import read_version
from steward_core.incentives.schemes import SchemeVersion
from steward_core.incentives.statements import Line
from steward_core.incentives.working import lines_of, read_given
from steward_core.permissions import STATEMENTS_RUN
from steward_core.runs.chunks import forget_size, size_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

PEOPLE_AT_ONCE = 1_000
"""How many statements a chunk usually works out."""
MOST_NAMED = 20


async def make_statements(session: WriteSession, run: Run, tools: RunTools) -> bool:  # noqa: ARG001 - a run kind's signature
    """Take in, or work out, the next part of the pay run that the run names. One that was discarded meanwhile is left
    alone. Raises PayRunNotFound, NobodyToPay, PaidElsewhere, SchemeIncomplete, InputsRefused, SchemeRuleMissing."""
    pay_run = await session.get(PayRun, UUID(run.parameters["pay_run"]), lock=True)
    kept = None if pay_run is None else await session.get(PaySchemeVersion, pay_run.scheme_version_id)
    if pay_run is None or kept is None:
        raise PayRunNotFound
    if pay_run.status != PayRunStatus.COMPUTING:
        return True
    version = read_version(kept)
    if not run.position:
        run.total = await _take_in(session, pay_run, version)
        run.position = {"taken": True}
        forget_size(run)
        return False
    run.done += await _work_out(session, pay_run, version, size_of(run, PEOPLE_AT_ONCE))
    if run.done < run.total:
        return False
    await _finish(session, pay_run)
    run.counts = {"people": pay_run.people, "total": pay_run.total}
    return True


STATEMENTS = declare_run_kind("incentives.statements", "薪酬核算", "Pay statements", STATEMENTS_RUN, make_statements)


async def _take_in(session: WriteSession, pay_run: PayRun, version: SchemeVersion) -> int:
    """Keep everybody's inputs; answers how many people there are."""
    month = pay_run.month
    taken = await commission_inputs(session, pay_run.scheme_id, version.scheme, month, previous_run=pay_run.previous_id)
    if not taken:
        raise NobodyToPay(month=month_name(month))
    check(version, [one.given.month for one in taken])
    people = [one.person_id for one in taken]
    await _refuse_paid_elsewhere(session, pay_run, people)
    last = await last_revisions(session, people, month)
    count = len(taken)
    await insert_many(
        session,
        PayStatement,
        {
            "id": [new_id() for _ in taken],
            "run_id": [pay_run.id] * count,
            "scheme_id": [pay_run.scheme_id] * count,
            "person_id": people,
            "unit_id": [one.unit_id for one in taken],
            "role": [one.role.value for one in taken],
            "month": [month] * count,
            "revision": [last.get(one, 0) + 1 for one in people],
            "given": [one.given.as_document() for one in taken],
            "scheme_version": [version.number] * count,
            "rule_version": [version.rule_version] * count,
        },
    )
    return count


async def _refuse_paid_elsewhere(session: WriteSession, pay_run: PayRun, people: Sequence[UUID]) -> None:
    """Raise PaidElsewhere naming who has a statement of the month by another scheme, in work or in force."""
    twice = await session.rows(
        select(PayStatement.person_id, User.name)
        .join(PayRun, PayRun.id == PayStatement.run_id)
        .join(User, User.id == PayStatement.person_id)
        .where(
            session.within(PayStatement),
            session.within(PayRun),
            session.within(User),
            PayStatement.month == pay_run.month,
            PayStatement.person_id == these(people),
            PayStatement.scheme_id != pay_run.scheme_id,
            PayRun.status.in_((*IN_WORK, *IN_FORCE)),
        )
        .order_by(PayStatement.person_id)
    )
    if twice:
        raise PaidElsewhere(
            count=len(twice),
            month=month_name(pay_run.month),
            problems=[
                FieldProblem((str(person),), "paid", Bilingual(f"{name}：已有薪酬单。", f"{name} has a statement."))
                for person, name in twice[:MOST_NAMED]
            ],
        )


async def _work_out(session: WriteSession, pay_run: PayRun, version: SchemeVersion, size: int) -> int:
    """Work out the next statements; answers how many."""
    rows = await session.rows(
        select(PayStatement.id, PayStatement.given)
        .where(session.within(PayStatement), PayStatement.run_id == pay_run.id, PayStatement.total.is_(None))
        .order_by(PayStatement.id)
        .limit(size)
    )
    statements = [row[0] for row in rows]
    made = lines_of(version, [read_given(row[1]) for row in rows])
    await insert_many(session, PayLine, _columns(statements, made))
    await update_many(
        session,
        PayStatement,
        {"id": statements},
        {"total": [sum(line.fen for line in lines) for lines in made]},
    )
    return len(statements)


def _columns(statements: Sequence[UUID], made: Sequence[Sequence[Line]]) -> dict[str, list[object]]:
    placed = [
        (statement, position, line)
        for statement, lines in zip(statements, made, strict=True)
        for position, line in enumerate(lines, 1)
    ]
    return {
        "id": [new_id() for _ in placed],
        "statement_id": [one[0] for one in placed],
        "position": [one[1] for one in placed],
        "rule": [one[2].rule for one in placed],
        "title_zh": [one[2].title.zh for one in placed],
        "title_en": [one[2].title.en for one in placed],
        "inputs": [dict(one[2].inputs) for one in placed],
        "formula_zh": [one[2].formula.zh for one in placed],
        "formula_en": [one[2].formula.en for one in placed],
        "fen": [one[2].fen for one in placed],
    }


async def _finish(session: WriteSession, pay_run: PayRun) -> None:
    """All statements are there: the run is a draft, with its sums."""
    (sums,) = await session.rows(
        select(func.count(), func.coalesce(func.sum(PayStatement.total), 0)).where(
            session.within(PayStatement), PayStatement.run_id == pay_run.id
        )
    )
    pay_run.people, pay_run.total = sums[0], int(sums[1])
    pay_run.status = PayRunStatus.DRAFT
    await record(
        session,
        "incentives.statements",
        Subject("pay_run", pay_run.id),
        after={"people": pay_run.people, "total": pay_run.total},
    )
