"""Sealing the plans of a month that is closed: nothing changes in them any more.

What a plan still waits for (a supervisor let the month close without it) is taken back first, so that nobody is asked
to decide on a plan that cannot change. Approvals are held before plans, as by whoever decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select, update

from steward_core.approvals.ledger import ids
from steward_core.approvals.models import Approval
from steward_core.approvals.service import withdraw_moot
from steward_core.approvals.state import Status
from steward_core.months.queries import done_with
from steward_core.plans.models import VisitPlan
from steward_core.plans.service import PLAN, RESULTS
from steward_core.visits.errors import MonthBlocked
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual

CLOSED = Bilingual("月份已关闭", "The month was closed")


async def seal(session: WriteSession, month: date, *, most: int) -> tuple[int, bool]:
    """Seal at most so many plans of a month; answers how many, and whether all are sealed now. Raises MonthBlocked when
    what is left has neither approved results nor was let through: somebody went on with it meanwhile."""
    unsealed = (session.within(VisitPlan), VisitPlan.month == month, VisitPlan.closed_at.is_(None))
    ready = done_with()
    plans: Sequence[UUID] = await session.scalars(
        select(VisitPlan.id).where(*unsealed, ready).order_by(VisitPlan.id).limit(most)
    )
    if not plans:
        left = await session.scalar(select(func.count()).where(*unsealed))
        if left:
            raise MonthBlocked(count=left)
        return 0, True
    waiting = (
        Approval.subject.in_((PLAN, RESULTS)),
        Approval.subject_id == func.any(ids(plans)),
        Approval.status == Status.RUNNING.value,
    )
    asked = await session.rows(
        select(Approval.id, Approval.subject_id)
        .where(session.within(Approval), *waiting)
        .order_by(Approval.id)
        .with_for_update()
    )
    known = ids([row.id for row in asked])
    held = await session.scalars(
        select(VisitPlan.id)
        .where(*unsealed, ready, VisitPlan.id == func.any(ids(plans)))
        .order_by(VisitPlan.id)
        .with_for_update()
    )
    # What was submitted while nobody held it is left to the next chunk, which takes its approval first.
    since = select(Approval.subject_id).where(session.within(Approval), *waiting, Approval.id != func.all(known))
    late = set(await session.scalars(since))
    sealed = {plan_id for plan_id in held if plan_id not in late}
    await session.execute(
        update(VisitPlan)
        .where(session.within(VisitPlan), VisitPlan.id == func.any(ids(sorted(sealed))))
        .values(closed_at=func.now(), version=VisitPlan.version + 1)
        .execution_options(synchronize_session=False)
    )
    await withdraw_moot(session, [row.id for row in asked if row.subject_id in sealed], CLOSED)
    return len(sealed), False
