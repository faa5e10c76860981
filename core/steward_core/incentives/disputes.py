"""Disputes: what people say against a line of their own statement, and what payroll answers."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from steward_core.incentives.corrections import enter_correction
from steward_core.incentives.errors import (
    DisputeDecided,
    DisputeExists,
    DisputeNotFound,
    DisputeTooLate,
    OwnPay,
    PayLineNotFound,
)
from steward_core.incentives.models import DisputeStatus, PayDispute, PayLine, PayRun, PayStatement
from steward_core.incentives.reach import own_and_published, statement_of_payroll
from steward_core.incentives.settings import DISPUTE_DAYS
from steward_core.incentives.wording import body
from steward_core.notifications.rules import declare_notice
from steward_core.notifications.service import notify
from steward_core.permissions import STATEMENTS_APPROVE, STATEMENTS_VIEW
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

ANSWERED = declare_notice("incentives.dispute_answered", "薪酬异议已答复", "A dispute about pay was answered")


@command("incentives.dispute.raise", "对薪酬单提出异议", "Dispute a line of pay", permission=STATEMENTS_VIEW)
async def raise_dispute(session: WriteSession, line_id: UUID, text: str) -> PayDispute:
    """Object to a line of the own statement, within the days that the tenant allows after its approval.

    Raises PayLineNotFound, DisputeTooLate, DisputeExists, InvalidInput.
    """
    line = await session.get(PayLine, line_id)
    statement = None
    if line is not None:
        statement = await session.find(
            PayStatement, PayStatement.id == line.statement_id, own_and_published(session, PayStatement)
        )
    run = None if statement is None else await session.get(PayRun, statement.run_id)
    if line is None or statement is None or run is None or run.approved_at is None:
        raise PayLineNotFound
    days = await get_setting(session, DISPUTE_DAYS)
    if clock_now() > run.approved_at + timedelta(days=days):
        raise DisputeTooLate(days=days)
    dispute = PayDispute(
        id=new_id(),
        line_id=line.id,
        statement_id=statement.id,
        text=body("text", text),
        status=DisputeStatus.OPEN,
        raised_by=session.actor.id,
    )
    try:
        async with session.savepoint():
            session.add(dispute)
            await session.flush()
    except IntegrityError:
        raise DisputeExists from None
    await record(
        session,
        "incentives.dispute.raise",
        Subject("pay_dispute", dispute.id),
        after={"line_id": line.id, "statement_id": statement.id},
        reason=dispute.text,
    )
    return dispute


@command("incentives.dispute.withdraw", "撤回薪酬异议", "Take a dispute about pay back", permission=STATEMENTS_VIEW)
async def withdraw_dispute(session: WriteSession, dispute_id: UUID) -> PayDispute:
    """Take an own open dispute back. Raises DisputeNotFound, DisputeDecided."""
    dispute = await session.find(
        PayDispute, PayDispute.id == dispute_id, PayDispute.raised_by == session.actor.id, lock=True
    )
    if dispute is None:
        raise DisputeNotFound
    _require_open(dispute)
    dispute.status = DisputeStatus.WITHDRAWN
    await _record_end(session, "incentives.dispute.withdraw", dispute)
    return dispute


@command("incentives.dispute.decide", "答复薪酬异议", "Answer a dispute about pay", permission=STATEMENTS_APPROVE)
async def decide_dispute(
    session: WriteSession,
    dispute_id: UUID,
    *,
    accepted: bool,
    answer: str,
    today: date,
    correction_fen: int | None = None,
    month: date | None = None,
) -> PayDispute:
    """Accept a dispute or reject it, with an answer. An accepted one may be mended at once: `correction_fen` becomes a
    correction (see `add_correction`); otherwise by a new revision of the run.

    Raises DisputeNotFound, DisputeDecided, OwnPay, InvalidInput.
    """
    known = await session.get(PayDispute, dispute_id, lock=True)
    if known is None:
        raise DisputeNotFound
    statement = await statement_of_payroll(session, known.statement_id, STATEMENTS_APPROVE, today)
    if statement.person_id == session.actor.id:
        raise OwnPay
    _require_open(known)
    if correction_fen is not None and not accepted:
        raise invalid("correction_fen", "unexpected", "驳回异议时不得更正。", "A rejected dispute corrects nothing.")
    known.status = DisputeStatus.ACCEPTED if accepted else DisputeStatus.REJECTED
    known.answer = body("answer", answer)
    known.decided_by, known.decided_at = session.actor.id, clock_now()
    if correction_fen is not None:
        await enter_correction(session, statement, correction_fen, known.answer, month=month, dispute_id=known.id)
    await _record_end(session, "incentives.dispute.decide", known)
    outcome = Bilingual("已采纳", "accepted") if accepted else Bilingual("未采纳", "rejected")
    await notify(
        session,
        [known.raised_by],
        ANSWERED.key,
        title=Bilingual(f"您的薪酬异议{outcome.zh}", f"Your dispute about pay was {outcome.en}"),
        subject=Subject("pay_statement", statement.id),
        key=str(known.id),
    )
    return known


def _require_open(dispute: PayDispute) -> None:
    if dispute.status != DisputeStatus.OPEN:
        raise DisputeDecided(status=dispute.status)


async def _record_end(session: WriteSession, action: str, dispute: PayDispute) -> None:
    await record(
        session,
        action,
        Subject("pay_dispute", dispute.id),
        before={"status": DisputeStatus.OPEN.value},
        after={"status": str(dispute.status)},
        reason=dispute.answer,
    )
