"""Pay runs: asked for, discarded, submitted, approved. The statements are made by the run (`runner`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, and_, column, func, or_, select, true, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB

from steward_core.approvals.conditions import FieldKind
from steward_core.approvals.service import of_subject, start, withdraw
from steward_core.approvals.state import Status
from steward_core.approvals.subjects import ApprovalSubject, Found, Settled, declare_subject
from steward_core.incentives.errors import (
    MonthNotOver,
    NobodyToPay,
    OwnPayRun,
    PayRunExists,
    PayRunNotFound,
    PayRunNotOpen,
    PayRunOutdated,
    PaySchemeClosed,
)
from steward_core.incentives.inputs import members_of
from steward_core.incentives.models import (
    IN_FORCE,
    IN_WORK,
    PayCorrection,
    PayRun,
    PayRunStatus,
    PayScheme,
    PayStatement,
    SchemeStatus,
)
from steward_core.incentives.months import first_of, later_month, month_name
from steward_core.incentives.reach import run_in_reach, scheme_in_reach
from steward_core.incentives.rules import check
from steward_core.incentives.runner import STATEMENTS
from steward_core.incentives.scheme_book import read_version, version_in_force
from steward_core.incentives.statements import ROLES, PersonMonth
from steward_core.incentives.wording import body
from steward_core.notifications.rules import declare_notice
from steward_core.notifications.service import Message, notify_many
from steward_core.permissions import STATEMENTS_RUN
from steward_core.runs.models import Run
from steward_core.runs.service import request_run
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.texts import Bilingual

PUBLISHED_NOTICE = declare_notice("incentives.published", "薪酬单已公布", "A pay statement was published")
_TITLE = Bilingual("薪酬核算审批", "Approval of pay runs")


@command("incentives.run.request", "发起薪酬核算", "Ask for a pay run", permission=STATEMENTS_RUN)
async def request_pay_run(
    session: WriteSession, scheme_id: UUID, month: date, *, today: date, reason: str | None = None
) -> tuple[PayRun, Run]:
    """The statements of a scheme's people for a month that is over, and the run that makes them.

    Where the month was approved already this is its next revision, for a `reason`; what was approved stays in force
    until the revision is approved too. Raises PaySchemeNotFound, PaySchemeClosed, InvalidInput, MonthNotOver,
    PayRunExists, NoSchemeInForce, SchemeIncomplete naming what the company must set, NobodyToPay.
    """
    scheme = await scheme_in_reach(session, scheme_id, STATEMENTS_RUN, today)
    if scheme.status != SchemeStatus.ACTIVE:
        raise PaySchemeClosed
    if later_month(first_of("month", month)) > today:
        raise MonthNotOver(month=month_name(month))
    await take_turn(session, _turn(scheme.id, month))
    known = await revisions(session, scheme.id, month)
    previous = await _previous(known, month, reason)
    kept = await version_in_force(session, scheme.id, month)
    members = await members_of(session, scheme.id, month)
    if not members:
        raise NobodyToPay(month=month_name(month))
    check(read_version(kept), [_one_of(role, month, members[0].person_id) for role in {one.role for one in members}])
    pay_run = PayRun(
        id=new_id(),
        scheme_id=scheme.id,
        scheme_version_id=kept.id,
        unit_id=scheme.unit_id,
        month=month,
        revision=known[0].revision + 1 if known else 1,
        status=PayRunStatus.COMPUTING,
        people=0,
        total=0,
        previous_id=previous,
        reason=None if reason is None else body("reason", reason),
        requested_by=session.actor.id,
    )
    session.add(pay_run)
    await session.flush()
    run = await request_run(
        session,
        STATEMENTS.key,
        period=month_name(month),
        subject=str(pay_run.id),
        parameters={"pay_run": str(pay_run.id)},
    )
    await record(
        session,
        "incentives.run.request",
        Subject("pay_run", pay_run.id),
        after={
            "scheme": scheme.key,
            "month": month,
            "revision": pay_run.revision,
            "version": kept.number,
            "previous_id": previous,
        },
        reason=pay_run.reason,
    )
    return pay_run, run


@command("incentives.run.discard", "作废薪酬核算草稿", "Discard a draft of a pay run", permission=STATEMENTS_RUN)
async def discard_pay_run(session: WriteSession, run_id: UUID, *, today: date, reason: str | None = None) -> PayRun:
    """Throw a draft away, or a run that is still being made; its statements stay as evidence and nobody is paid by
    them. Raises PayRunNotFound, PayRunNotOpen."""
    pay_run = await _held(session, run_id, today)
    if pay_run.status not in (PayRunStatus.COMPUTING, PayRunStatus.DRAFT):
        raise PayRunNotOpen(status=pay_run.status)
    before = pay_run.status
    pay_run.status = PayRunStatus.DISCARDED
    await _record_status(session, "incentives.run.discard", pay_run, before, reason)
    return pay_run


@command("incentives.run.submit", "提交薪酬核算审批", "Submit a pay run for approval", permission=STATEMENTS_RUN)
async def submit_pay_run(session: WriteSession, run_id: UUID, *, today: date, reason: str = "") -> PayRun:
    """Ask somebody else for a yes to a draft. Raises PayRunNotFound, PayRunNotOpen, PayRunOutdated, and what
    `approvals.service.start` raises."""
    pay_run = await _held(session, run_id, today)
    if pay_run.status != PayRunStatus.DRAFT:
        raise PayRunNotOpen(status=pay_run.status)
    await _require_corrections(session, pay_run)
    pay_run.status, pay_run.submitted_by = PayRunStatus.APPROVING, session.actor.id
    await session.flush()
    await start(session, PAY_RUN.key, pay_run.id, reason=reason, today=today)
    await _record_status(session, "incentives.run.submit", pay_run, PayRunStatus.DRAFT, reason or None)
    return pay_run


@command("incentives.run.recall", "撤回薪酬核算审批", "Take a pay run back from approval", permission=STATEMENTS_RUN)
async def recall_pay_run(session: WriteSession, run_id: UUID, *, today: date, reason: str = "") -> PayRun:
    """Make a draft again of what was submitted; only who submitted it can. Raises PayRunNotFound, PayRunNotOpen, and
    what `approvals.service.withdraw` raises."""
    # Locked by nobody here: whoever decides meanwhile holds the approval first and the run then.
    pay_run = await run_in_reach(session, run_id, STATEMENTS_RUN, today)
    approval = await of_subject(session, PAY_RUN.key, pay_run.id)
    if pay_run.status != PayRunStatus.APPROVING or approval is None or approval.status != Status.RUNNING:
        raise PayRunNotOpen(status=pay_run.status)
    await withdraw(session, approval.id, reason=reason)
    await session.refresh(pay_run)
    return pay_run


async def revisions(session: TenantSession, scheme_id: UUID, month: date) -> list[PayRun]:
    """All runs of a scheme for a month, the latest first."""
    return list(
        await session.scalars(
            select(PayRun)
            .where(session.within(PayRun), PayRun.scheme_id == scheme_id, PayRun.month == month)
            .order_by(PayRun.revision.desc())
        )
    )


async def _previous(known: Sequence[PayRun], month: date, reason: str | None) -> UUID | None:
    """The approved run that a new one takes the place of. Raises PayRunExists, InvalidInput."""
    for one in known:
        if one.status in IN_WORK or (one.status in IN_FORCE and reason is None):
            raise PayRunExists(month=month_name(month), revision=one.revision, status=one.status)
    return next((one.id for one in known if one.status in IN_FORCE), None)


def _one_of(role: str, month: date, person: UUID) -> PersonMonth:
    """Anybody of a role, to see whether the scheme has all that such people's pay takes."""
    return PersonMonth(person, month, ROLES[role], team_revenue=0, department_revenue=0)


def _turn(scheme_id: UUID, month: date) -> str:
    return f"pay/{scheme_id}/{month}"


async def _held(session: WriteSession, run_id: UUID, today: date) -> PayRun:
    """The run, locked, after the turn of its scheme and month."""
    known = await run_in_reach(session, run_id, STATEMENTS_RUN, today)
    await take_turn(session, _turn(known.scheme_id, known.month))
    return await run_in_reach(session, run_id, STATEMENTS_RUN, today, lock=True)


async def _record_status(session: WriteSession, action: str, pay_run: PayRun, before: str, reason: str | None) -> None:
    await record(
        session,
        action,
        Subject("pay_run", pay_run.id),
        before={"status": str(before)},
        after={"status": str(pay_run.status)},
        reason=reason,
    )


async def _find(session: TenantSession, run_id: UUID) -> Found:
    pay_run = await session.get(PayRun, run_id)
    scheme = None if pay_run is None else await session.get(PayScheme, pay_run.scheme_id)
    if pay_run is None or scheme is None:
        raise PayRunNotFound
    # Whoever sees the approval sees its title: what is paid in all is payroll's.
    return Found(
        title=f"{scheme.title_zh} {month_name(pay_run.month)}（{pay_run.people} 人）",
        owner_id=pay_run.requested_by,
        unit_id=pay_run.unit_id,
        values={
            "total": pay_run.total,
            "people": pay_run.people,
            "revision": pay_run.revision,
            "month": pay_run.month,
            "scheme": scheme.key,
        },
        concerned=frozenset({pay_run.requested_by}),
    )


async def _settle(session: WriteSession, run_id: UUID, settled: Settled, by: UUID | None, reason: str) -> None:
    """What an approval's outcome does to the run: a yes publishes its statements, all else makes it a draft again."""
    pay_run = await session.get(PayRun, run_id, lock=True)
    if pay_run is None:
        raise PayRunNotFound
    if pay_run.status != PayRunStatus.APPROVING:
        raise PayRunNotOpen(status=pay_run.status)
    if settled is not Settled.APPROVED:
        pay_run.status = PayRunStatus.DRAFT
        await _record_status(session, f"incentives.run.{settled}", pay_run, PayRunStatus.APPROVING, reason or None)
        return
    if by is None or by in (pay_run.requested_by, pay_run.submitted_by):
        raise OwnPayRun
    await _publish(session, pay_run, by, reason)


async def _publish(session: WriteSession, pay_run: PayRun, by: UUID, reason: str) -> None:
    await _pay_corrections(session, pay_run)
    if pay_run.previous_id is not None:
        await session.execute(
            update(PayRun)
            .where(session.within(PayRun), PayRun.id == pay_run.previous_id)
            .values(status=PayRunStatus.SUPERSEDED.value, version=PayRun.version + 1)
            .execution_options(synchronize_session=False)
        )
    pay_run.status, pay_run.approved_by, pay_run.approved_at = PayRunStatus.APPROVED, by, clock_now()
    await _record_status(session, "incentives.run.approve", pay_run, PayRunStatus.APPROVING, reason or None)
    month = month_name(pay_run.month)
    title = Bilingual(f"{month} 的薪酬单已公布", f"Your pay statement of {month} is there")
    rows = await session.rows(
        select(PayStatement.person_id, PayStatement.id).where(
            session.within(PayStatement), PayStatement.run_id == pay_run.id
        )
    )
    await notify_many(
        session,
        PUBLISHED_NOTICE.key,
        [Message(row[0], title, None, Subject("pay_statement", row[1]), str(row[1])) for row in rows],
    )


def _corrections_of(session: TenantSession, pay_run: PayRun) -> Any:
    """The ids of the corrections that stand in a run's statements."""
    held = func.jsonb_array_elements(PayStatement.given["corrections"]).table_valued(
        column("value", JSONB), name="held"
    )
    found: Any = (
        select(sql_cast(held.c.value["id"].astext, Uuid()))
        .select_from(PayStatement)
        .join(held, true())
        .where(session.within(PayStatement), PayStatement.run_id == pay_run.id)
    )
    return found


def _payable(pay_run: PayRun) -> Any:
    """The condition that a correction may be paid by a run: nobody has paid it, or the run that it takes the place
    of."""
    unpaid: Any = PayCorrection.paid_run_id.is_(None)
    if pay_run.previous_id is not None:
        unpaid = or_(unpaid, PayCorrection.paid_run_id == pay_run.previous_id)
    return and_(unpaid, PayCorrection.withdrawn_at.is_(None))


async def _require_corrections(session: WriteSession, pay_run: PayRun) -> None:
    """Raise PayRunOutdated where a correction in the draft was paid elsewhere, or taken back."""
    gone: int = await session.scalar(
        select(func.count())
        .select_from(PayCorrection)
        .where(
            session.within(PayCorrection),
            PayCorrection.id.in_(_corrections_of(session, pay_run)),
            ~_payable(pay_run),
        )
    )
    if gone:
        raise PayRunOutdated(count=gone)


async def _pay_corrections(session: WriteSession, pay_run: PayRun) -> None:
    """Have the run be the one that pays the corrections in its statements; what only the run before it paid is owed
    again. Raises PayRunOutdated."""
    wanted = _corrections_of(session, pay_run)
    if pay_run.previous_id is not None:
        await session.execute(
            update(PayCorrection)
            .where(
                session.within(PayCorrection),
                PayCorrection.paid_run_id == pay_run.previous_id,
                PayCorrection.id.not_in(wanted),
            )
            .values(paid_run_id=None, version=PayCorrection.version + 1)
            .execution_options(synchronize_session=False)
        )
    held = await session.scalars(
        select(PayCorrection.id)
        .where(session.within(PayCorrection), PayCorrection.id.in_(wanted))
        .order_by(PayCorrection.id)
        .with_for_update()
    )
    if not held:
        return
    await _require_corrections(session, pay_run)
    await session.execute(
        update(PayCorrection)
        .where(session.within(PayCorrection), PayCorrection.id.in_(wanted))
        .values(paid_run_id=pay_run.id, version=PayCorrection.version + 1)
        .execution_options(synchronize_session=False)
    )


PAY_RUN = declare_subject(
    ApprovalSubject(
        "pay_run",
        _TITLE,
        {
            "total": FieldKind.NUMBER,
            "people": FieldKind.NUMBER,
            "revision": FieldKind.NUMBER,
            "month": FieldKind.DATE,
            "scheme": FieldKind.TEXT,
        },
        _find,
        _settle,
    ),
    default={
        "key": "pay_run",
        "version": 1,
        "subject": "pay_run",
        "title": _TITLE._asdict(),
        "steps": [
            {
                "key": "payroll",
                "title": {"zh": "薪酬复核", "en": "Second payroll officer"},
                "kind": "any",
                "approvers": [{"by": "role", "role": "payroll_officer"}],
                "empty": "to_admin",
            }
        ],
    },
)
