"""The way of a plan: submitted, approved or sent back, executed, its results submitted and approved.

A supervisor decides through the approval; the plan is told in the same transaction. Whoever holds both rows takes the
approval before the plan.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, literal, literal_column, or_, select, update

from steward_core.approvals import service as approvals
from steward_core.approvals.conditions import FieldKind
from steward_core.approvals.subjects import (
    ApprovalSubject,
    Found,
    Settle,
    Settled,
    by_supervisor,
    declare_subject,
)
from steward_core.database.bulk import insert_many
from steward_core.permissions import PLANS_APPROVE, PLANS_EDIT
from steward_core.plans.errors import PlanNotFound
from steward_core.plans.models import ActionStatus, PlanAction, PlanGround, PlanTransition, VisitPlan
from steward_core.plans.moving import doer, keep, moved, plan_in_reach, plan_to_change, pure, require_unsealed
from steward_core.visits.errors import PlanStateForbids
from steward_core.visits.models import Visit
from steward_core.visits.plan_states import (
    NEXT,
    Doer,
    PlanCommand,
    PlanState,
    PlanStep,
    move,
    override,
    refusal,
)
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

PLAN, RESULTS = "visit_plan", "visit_plan_results"
"""The subjects of approvals."""
_UNSAID = "未说明原因 / no reason given"
_EXPIRED = "审批超时 / the approval ran out of time"


@command("plans.submit", "提交计划", "Submit a plan", permission=PLANS_EDIT)
async def submit(
    session: WriteSession, plan_id: UUID, *, today: date, reason: str = "", expected_version: int | None = None
) -> VisitPlan:
    """Submit one's own plan for approval; `reason` is a word to the supervisor. It cannot be edited until it is decided
    or withdrawn. Raises PlanNotFound, PlanChanged, PlanClosed, what the plan's rules refuse, and what approvals raise.
    """
    return await _submit(session, plan_id, PLAN, PlanCommand.SUBMIT, today, reason, expected_version)


@command("plans.results.submit", "提交计划结果", "Submit a plan's results", permission=PLANS_EDIT)
async def submit_results(
    session: WriteSession, plan_id: UUID, *, today: date, reason: str = "", expected_version: int | None = None
) -> VisitPlan:
    """Submit what became of one's plan; what is still open is carried over by the next month. Raises likewise."""
    return await _submit(session, plan_id, RESULTS, PlanCommand.SUBMIT_RESULTS, today, reason, expected_version)


async def _submit(  # noqa: PLR0917 - the two commands' own parameters
    session: WriteSession,
    plan_id: UUID,
    subject: str,
    what: PlanCommand,
    today: date,
    reason: str,
    expected_version: int | None,
) -> VisitPlan:
    row = await plan_to_change(session, plan_id, today=today, permission=PLANS_EDIT, expected_version=expected_version)
    await moved(session, row, what, await doer(session, row.owner_id, today), today=today, reason=reason or None)
    await session.flush()
    row.approval_id = (await approvals.start(session, subject, row.id, reason=reason, today=today)).id
    return row


@command("plans.withdraw", "撤回提交", "Withdraw a plan or its results", permission=PLANS_EDIT)
async def withdraw(session: WriteSession, plan_id: UUID, *, today: date, reason: str = "") -> VisitPlan:
    """Take back one's plan, or its results, before they are decided. Raises PlanNotFound, PlanClosed, and what the
    plan's rules refuse."""
    row = await plan_in_reach(session, plan_id, today=today, permission=PLANS_EDIT)
    require_unsealed(row)
    what = PlanCommand.WITHDRAW_RESULTS if row.state == PlanState.RESULTS_SUBMITTED else PlanCommand.WITHDRAW
    refused = refusal(pure(row), what, await doer(session, row.owner_id, today), today=today)
    if refused is not None:
        raise refused
    if row.approval_id is None:
        raise PlanNotFound
    await approvals.withdraw(session, row.approval_id, reason=reason, today=today)
    await session.refresh(row)
    return row


@command("plans.start", "开始执行计划", "Start executing a plan", permission=PLANS_EDIT)
async def start(session: WriteSession, plan_id: UUID, *, today: date, expected_version: int | None = None) -> VisitPlan:
    """Begin with one's approved plan when its month has begun. Raises PlanNotFound, PlanChanged, PlanClosed, and what
    the plan's rules refuse."""
    row = await plan_to_change(session, plan_id, today=today, permission=PLANS_EDIT, expected_version=expected_version)
    await moved(session, row, PlanCommand.START, await doer(session, row.owner_id, today), today=today)
    return row


@command("plans.let_through", "放行月结", "Let the month close without a plan's results", permission=PLANS_APPROVE)
async def let_through(session: WriteSession, plan_id: UUID, *, reason: str, today: date) -> VisitPlan:
    """A supervisor lets the month close although this plan's results are not approved; it counts while the plan stays
    as it is. Raises PlanNotFound, PlanClosed, and what the plan's rules refuse."""
    row = await plan_to_change(session, plan_id, today=today, permission=PLANS_APPROVE)
    step = override(pure(row), await doer(session, row.owner_id, today), at=clock_now(), reason=reason)
    row.let_through = step.after.value
    await keep(session, row, step)
    return row


async def start_due(session: WriteSession, month: date, *, today: date) -> int:
    """The platform starts every approved plan of a month that has begun; answers how many. One statement for all."""
    if today < month:
        return 0
    started = (
        update(VisitPlan)
        .where(
            session.within(VisitPlan),
            VisitPlan.month == month,
            VisitPlan.state == PlanState.APPROVED,
            VisitPlan.closed_at.is_(None),
        )
        .values(state=PlanState.IN_EXECUTION, let_through=None, version=VisitPlan.version + 1)
        .returning(VisitPlan.id)
        .execution_options(synchronize_session=False)
    )
    ids = list(await session.scalars(started))
    if ids:
        await insert_many(
            session,
            PlanTransition,
            {
                "id": [new_id() for _ in ids],
                "plan_id": ids,
                "what": [PlanCommand.START.value] * len(ids),
                "before": [PlanState.APPROVED.value] * len(ids),
                "after": [PlanState.IN_EXECUTION.value] * len(ids),
            },
        )
        await record(session, "plans.start", Subject("visit_plan"), after={"started": len(ids)})
    return len(ids)


async def _find(what: Bilingual, session: TenantSession, plan_id: UUID) -> Found:
    row = await session.get(VisitPlan, plan_id)
    if row is None:
        raise PlanNotFound
    name = await session.scalar(select(User.name).where(session.within(User), User.id == row.owner_id))
    actions = await session.scalar(
        select(func.count()).where(session.within(PlanAction), PlanAction.plan_id == plan_id)
    )
    concerned = frozenset() if row.submitted_by is None else frozenset({row.submitted_by})
    return Found(
        f"{name} {row.month:%Y-%m} {what.zh}",
        row.owner_id,
        row.unit_id,
        {"actions": actions, "carried_out": row.carried_out},
        concerned=concerned,
    )


_TOLD = {
    PLAN: (PlanCommand.APPROVE, PlanCommand.REJECT, PlanCommand.WITHDRAW),
    RESULTS: (PlanCommand.APPROVE_RESULTS, PlanCommand.REJECT_RESULTS, PlanCommand.WITHDRAW_RESULTS),
}


def _settler(subject: str) -> Settle:
    """What tells a plan of its approval; nobody decides on a plan of their own even if a definition let them."""
    approve, reject, take_back = _TOLD[subject]

    async def settle(session: WriteSession, plan_id: UUID, settled: Settled, by: UUID | None, reason: str) -> None:
        row = await session.get(VisitPlan, plan_id, lock=True)
        if row is None:
            raise PlanNotFound
        if row.closed_at is not None and settled in (Settled.WITHDRAWN, Settled.EXPIRED):
            return  # the month closed without a decision: the plan stays as it was let through
        require_unsealed(row)
        if settled is Settled.WITHDRAWN:
            await _taken_back(session, row, take_back, by, reason)
            return
        what = approve if settled is Settled.APPROVED else reject
        said = reason.strip() or None
        if what is reject and said is None:
            said = _EXPIRED if settled is Settled.EXPIRED else _UNSAID
        await _decided(session, row, what, by, said)
        row.decided_by, row.decided_at, row.reason = by, clock_now(), said

    return settle


async def _decided(session: WriteSession, row: VisitPlan, what: PlanCommand, by: UUID | None, said: str | None) -> None:
    before = pure(row)
    if by is not None:  # the approval knows who may decide; the rules still refuse whose own plan it is
        await moved(session, row, what, Doer(by, supervises=True), today=row.month, reason=said)
        return
    if before.state not in NEXT[what]:
        raise PlanStateForbids(state=before.state.title, command=what.title)
    after = NEXT[what][before.state]
    assert after is not None
    row.state, row.let_through = after.value, None
    await keep(session, row, PlanStep(row.id, what, before.state, after, None, clock_now(), said))


async def _taken_back(session: WriteSession, row: VisitPlan, what: PlanCommand, by: UUID | None, reason: str) -> None:
    """The owner, or whoever takes the approval back in their place."""
    after, step = move(pure(row), what, Doer(row.owner_id), at=clock_now(), today=row.month)
    row.state, row.submitted_by, row.submitted_from, row.let_through = after.state.value, None, None, None
    said = reason.strip() or None
    await keep(session, row, PlanStep(row.id, what, step.before, step.after, by, step.at, said))


_FIELDS = {"actions": FieldKind.NUMBER, "carried_out": FieldKind.NUMBER}
for _key, _title in (
    (PLAN, Bilingual("服务计划", "Service plan")),
    (RESULTS, Bilingual("服务计划结果", "Results of a service plan")),
):
    declare_subject(
        ApprovalSubject(_key, _title, _FIELDS, partial(_find, _title), _settler(_key)),
        default=by_supervisor(_key, _title),
    )


async def tick_visit(session: WriteSession, visit: Visit) -> None:
    """A done visit counts at the action that it serves (`visit.action_id`), and at the client's open cadence action: a
    visit is a visit, whatever it was made for. An action is done when all its visits are; otherwise its next visit's
    day comes up. Plans of closed months stay as they are."""
    plan: Any = Reference(VisitPlan)
    ground: Any = Reference(PlanGround)
    open_one: Any = Reference(PlanAction)
    cadence = (
        select(open_one.id)
        .join_from(open_one, ground, and_(session.within(ground), ground.id == open_one.ground_id))
        .where(
            session.within(open_one),
            open_one.client_id == visit.client_id,
            open_one.status == literal_column("'open'"),
            ground.interval_zh.is_not(None),
        )
        .order_by(open_one.due_on, open_one.id)
        .limit(1)
        .scalar_subquery()
    )
    served = or_(PlanAction.id == cadence, PlanAction.id == visit.action_id)
    finished = PlanAction.visited + 1 >= func.cardinality(PlanAction.visits)
    ticked = await session.scalars(
        update(PlanAction)
        .where(
            session.within(PlanAction),
            served,
            PlanAction.client_id == visit.client_id,
            PlanAction.status == ActionStatus.OPEN,
            PlanAction.plan_id == plan.id,
            session.within(plan),
            plan.closed_at.is_(None),
        )
        .values(
            visited=PlanAction.visited + 1,
            status=case((finished, ActionStatus.DONE), else_=PlanAction.status),
            done_on=case((finished, literal(visit.day))),
            planned_on=case((finished, PlanAction.planned_on), else_=PlanAction.days[PlanAction.visited + 2]),
            place_on_day=case((finished, PlanAction.place_on_day)),
            version=PlanAction.version + 1,
        )
        .returning(PlanAction.id)
        .execution_options(synchronize_session=False)
    )
    if ticked:
        named = [str(action) for action in sorted(ticked)]
        await record(session, "plans.tick", Subject("visit", visit.id), after={"actions": named})
