"""Corrections of what was published: a line of the person's next statement, never a change of the one before."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.incentives.errors import CorrectionNotFound, CorrectionTaken, OwnPay, PayRunNotOpen
from steward_core.incentives.models import IN_WORK, PUBLISHED, PayCorrection, PayRun, PayStatement
from steward_core.incentives.months import first_of, later_month
from steward_core.incentives.reach import statement_of_payroll
from steward_core.incentives.wording import body
from steward_core.permissions import STATEMENTS_RUN
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import invalid

MOST = 10**13


@command("incentives.correction.add", "登记薪酬更正", "Enter a correction of pay", permission=STATEMENTS_RUN)
async def add_correction(
    session: WriteSession,
    statement_id: UUID,
    fen: int,
    reason: str,
    *,
    today: date,
    month: date | None = None,
) -> PayCorrection:
    """What a published statement paid too little (below zero: too much). It becomes a line of the person's first
    statement of `month` (default: the month after) or later that is worked out from now on.

    Raises PayStatementNotFound, PayRunNotOpen, OwnPay, InvalidInput.
    """
    statement = await statement_of_payroll(session, statement_id, STATEMENTS_RUN, today)
    return await enter_correction(session, statement, fen, reason, month=month)


async def enter_correction(
    session: WriteSession,
    statement: PayStatement,
    fen: int,
    reason: str,
    *,
    month: date | None = None,
    dispute_id: UUID | None = None,
) -> PayCorrection:
    """`add_correction` of a statement that is known to be in reach."""
    if statement.person_id == session.actor.id:
        raise OwnPay
    status: Any = await session.scalar(
        select(PayRun.status).where(session.within(PayRun), PayRun.id == statement.run_id)
    )
    if status not in PUBLISHED:
        raise PayRunNotOpen(status=status)
    if fen == 0 or abs(fen) > MOST:
        raise invalid("fen", "range", "金额（分）不能为 0 或过大。", "The amount in fen is neither 0 nor that large.")
    into = later_month(statement.month) if month is None else first_of("month", month)
    if into < statement.month:
        raise invalid("month", "range", "不能列入更早的月份。", "It cannot go into an earlier month.")
    correction = PayCorrection(
        id=new_id(),
        person_id=statement.person_id,
        statement_id=statement.id,
        dispute_id=dispute_id,
        month=into,
        fen=fen,
        reason=body("reason", reason),
        made_by=session.actor.id,
    )
    session.add(correction)
    await record(
        session,
        "incentives.correction.add",
        Subject("pay_correction", correction.id),
        after={"statement_id": statement.id, "month": into, "fen": fen, "dispute_id": dispute_id},
        reason=correction.reason,
    )
    return correction


@command("incentives.correction.withdraw", "撤销薪酬更正", "Take a correction of pay back", permission=STATEMENTS_RUN)
async def withdraw_correction(
    session: WriteSession, correction_id: UUID, *, today: date, reason: str | None = None
) -> PayCorrection:
    """Take a correction back that stands in no statement yet. Raises CorrectionNotFound, CorrectionTaken, OwnPay."""
    correction = await session.get(PayCorrection, correction_id, lock=True)
    if correction is None:
        raise CorrectionNotFound
    await statement_of_payroll(session, correction.statement_id, STATEMENTS_RUN, today)
    if correction.person_id == session.actor.id:
        raise OwnPay
    taken = correction.paid_run_id is not None or correction.withdrawn_at is not None
    if taken or await _in_draft(session, correction):
        raise CorrectionTaken
    correction.withdrawn_at = clock_now()
    await record(
        session,
        "incentives.correction.withdraw",
        Subject("pay_correction", correction.id),
        before={"fen": correction.fen, "month": correction.month},
        reason=reason,
    )
    return correction


async def _in_draft(session: TenantSession, correction: PayCorrection) -> bool:
    held = await session.scalar(
        select(PayStatement.id)
        .join(PayRun, PayRun.id == PayStatement.run_id)
        .where(
            session.within(PayStatement),
            session.within(PayRun),
            PayStatement.person_id == correction.person_id,
            PayRun.status.in_(IN_WORK),
            PayStatement.given.contains({"corrections": [{"id": str(correction.id)}]}),
        )
        .limit(1)
    )
    return held is not None
