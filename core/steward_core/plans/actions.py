"""What a plan holds: its owner moves, drops and adds actions, and records what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from steward_core.clients.models import Client, ClientStatus
from steward_core.permissions import PLANS_EDIT
from steward_core.plans.errors import ActionNotOpen, ClientNotPlanned
from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_core.plans.moving import action_to_change, changed, doer, plan_to_change, state_of
from steward_core.visits.actions import last_of, month_of
from steward_core.visits.plan_states import EDITS, Doer, PlanEdit
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, invalid
from steward_tenants.people.rules import Unacceptable, line_of_text

Values = Mapping[str, object]
LONGEST_TITLE = 200
LONGEST_RESULT = 500
TEMPORARY = "temporary"
GONE = (ClientStatus.CLOSED, ClientStatus.MERGED)


@command("plans.action.move", "调整事项日期", "Move an action to another day", permission=PLANS_EDIT)
async def move_action(
    session: WriteSession, action_id: UUID, *, day: date, today: date, expected_version: int | None = None
) -> PlanAction:
    """Put an action's next visit on another day of its month; a day that is full already takes it all the same. Raises
    ActionNotFound, ActionNotOpen, PlanChanged, PlanClosed, InvalidInput, and what the plan's rules refuse."""
    plan, action = await _open(session, action_id, today, expected_version)
    await changed(session, plan, PlanEdit.CHANGE_ACTIONS, await doer(session, plan.owner_id, today))
    _check_day(plan, day)
    before = action.planned_on
    days = list(action.days or action.visits)
    days[action.visited] = day
    # Later visits stay behind it, in their order.
    days[action.visited :] = sorted(days[action.visited :], key=lambda one: one or last_of(month_of(plan.month)))
    action.days, action.planned_on, action.place_on_day = days, days[action.visited], None
    await _record(session, "plans.action.move", action, {"planned_on": before}, {"planned_on": action.planned_on})
    return action


@command("plans.action.drop", "取消事项", "Drop an action", permission=PLANS_EDIT)
async def drop_action(
    session: WriteSession, action_id: UUID, *, reason: str, today: date, expected_version: int | None = None
) -> PlanAction:
    """Take an action out of a plan, with the reason; it is kept and seen. Raises likewise."""
    plan, action = await _open(session, action_id, today, expected_version)
    await changed(session, plan, PlanEdit.CHANGE_ACTIONS, await doer(session, plan.owner_id, today))
    action.result, action.status = _line("reason", reason, LONGEST_RESULT), ActionStatus.DROPPED
    await _record(session, "plans.action.drop", action, {"status": "open"}, {"status": "dropped"})
    return action


@command("plans.action.add", "增加事项或临时任务", "Add an action or a temporary task", permission=PLANS_EDIT)
async def add_action(
    session: WriteSession,
    plan_id: UUID,
    *,
    client_id: UUID,
    day: date,
    title: str,
    today: date,
    expected_version: int | None = None,
) -> PlanAction:
    """Add something to be done at one of the owner's clients. While the plan can be edited it is planned with it; in an
    approved plan, or one that is executed, it is a temporary task, which a supervisor may add as well.

    Raises PlanNotFound, PlanChanged, PlanClosed, ClientNotPlanned, InvalidInput, and what the plan's rules refuse.
    """
    plan = await plan_to_change(session, plan_id, today=today, permission=PLANS_EDIT, expected_version=expected_version)
    who = await doer(session, plan.owner_id, today)
    edit = _adding(plan, who)
    await changed(session, plan, edit, who)
    _check_day(plan, day)
    client = await session.get(Client, client_id)
    if client is None or client.owner_id != plan.owner_id or client.status in GONE:
        raise ClientNotPlanned
    action_id = new_id()
    action = PlanAction(
        id=action_id,
        plan_id=plan.id,
        client_id=client_id,
        source=f"{TEMPORARY}:{action_id}",
        due_on=day,
        visits=[day],
        visited=0,
        carried=0,
        days=[day],
        planned_on=day,
        temporary=edit is PlanEdit.ADD_TEMPORARY,
        first_visit=False,
        status=ActionStatus.OPEN,
        title=_line("title", title, LONGEST_TITLE),
        added_by=session.actor.id,
        basis={},
    )
    session.add(action)
    after = {"plan": plan.id, "client": client_id, "day": day, "temporary": action.temporary}
    await _record(session, "plans.action.add", action, None, after)
    return action


def _adding(plan: VisitPlan, who: Doer) -> PlanEdit:
    editable = PlanEdit.CHANGE_ACTIONS in EDITS[state_of(plan)]
    return PlanEdit.CHANGE_ACTIONS if editable and who.user_id == plan.owner_id else PlanEdit.ADD_TEMPORARY


@command("plans.result.record", "登记完成情况", "Record what became of an action", permission=PLANS_EDIT)
async def record_result(
    session: WriteSession,
    action_id: UUID,
    *,
    done: bool,
    result: str | None = None,
    done_on: date | None = None,
    today: date,
    expected_version: int | None = None,
) -> PlanAction:
    """Say that an action is done, or why it is not (then it stays open and is carried over). What was said done by
    mistake can be taken back so. Raises likewise."""
    plan, action = await action_to_change(
        session, action_id, today=today, permission=PLANS_EDIT, expected_version=expected_version
    )
    await changed(session, plan, PlanEdit.RECORD_RESULT, await doer(session, plan.owner_id, today))
    if action.status == ActionStatus.DROPPED:
        raise ActionNotOpen
    on = done_on or today
    if done and on > today:
        raise invalid("done_on", "range", "完成日期不能晚于今天。", "It cannot be done after today.")
    before = {"status": action.status, "result": action.result}
    action.result = None if result is None else _line("result", result, LONGEST_RESULT)
    if not done and action.result is None:
        raise invalid("result", "missing", "未完成时请说明原因。", "Say why it is not done.")
    if not done and action.status == ActionStatus.DONE and await _asked_again(session, action):
        raise ActionNotOpen
    action.status, action.done_on = (ActionStatus.DONE, on) if done else (ActionStatus.OPEN, None)
    after = {"status": action.status.value, "result": action.result}
    await _record(session, "plans.result.record", action, before, after)
    return action


async def _asked_again(session: WriteSession, action: PlanAction) -> bool:
    """Whether the same is open at the client in another plan meanwhile."""
    again = PlanAction.id != action.id, PlanAction.client_id == action.client_id, PlanAction.source == action.source
    return await session.find(PlanAction, *again, PlanAction.status == ActionStatus.OPEN) is not None


async def _open(
    session: WriteSession, action_id: UUID, today: date, expected_version: int | None
) -> tuple[VisitPlan, PlanAction]:
    plan, action = await action_to_change(
        session, action_id, today=today, permission=PLANS_EDIT, expected_version=expected_version
    )
    if action.status != ActionStatus.OPEN:
        raise ActionNotOpen
    return plan, action


def _check_day(plan: VisitPlan, day: date) -> None:
    month = month_of(plan.month)
    if not month.start <= day < month.end:
        last = last_of(month)
        raise invalid(
            "day",
            "range",
            f"请选择 {month.start} 至 {last} 之间的日期。",
            f"Choose a day from {month.start} to {last}.",
        )


def _line(field: str, text: str, longest: int) -> str:
    try:
        return line_of_text(text, longest)
    except Unacceptable as refused:
        raise InvalidInput(problems=[FieldProblem((field,), refused.code, refused.message)]) from None


async def _record(session: WriteSession, name: str, action: PlanAction, before: Values | None, after: Values) -> None:
    await record(session, name, Subject("plan_action", action.id), before=before, after=after, reason=action.result)
