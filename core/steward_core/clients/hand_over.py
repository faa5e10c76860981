"""Handing clients over: one or thousands, today or on a day to come, undone before it takes effect or answered after.

Who may hand clients over may give them to anybody who works here, in any unit. What the actor selects by owner, unit or
tier is what the actor reaches; clients named by id must all be reached. Plans wait for each other (`TURN`), so that a
client waits in one scheduled hand-over at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Uuid,
    and_,
    case,
    literal,
    or_,
    select,
)

from steward_core.clients.checks import check_owner, refuse
from steward_core.clients.hand_over_items import (
    Outcome,
    apply_hand_over,
    count_items,
    insert_items,
    item_head,
    person_gone,
    refuse_waiting,
    still_by,
    unit_closed,
    waits_in_hand_over,
)
from steward_core.clients.models import (
    Client,
    ClientStatus,
    HandOver,
    HandOverItem,
    HandOverStatus,
)
from steward_core.clients.ownership import hold_clients, these
from steward_core.clients.ownership_errors import (
    NAMED,
    ClientsOutOfReach,
    HandOverNotApplied,
    HandOverNotFound,
    HandOverOutsideReach,
    HandOverOver,
    NothingToHandOver,
)
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import reason_problem
from steward_core.permissions import CLIENTS_ASSIGN
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_tenants.access.queries import units_below
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, invalid
from steward_tenants.people.rules import line_of_text
from steward_tenants.texts import Bilingual

RUN_KIND = "clients.hand_over"
TURN = "clients.hand_over"
MOST_NAMED = 50_000
"""Clients that one hand-over may name by id; more are selected by owner, unit or tier."""
LATEST = timedelta(days=5 * 366)


class ToUnit(StrEnum):
    """Into which unit the clients go: they keep theirs, or stand in the new owner's (kept, where there is none)."""

    KEEP = "keep"
    OWNERS = "owner"


@dataclass(frozen=True)
class HandOverSelection:
    """Which clients: those named, or those that meet all that is said (at least one thing must be)."""

    client_ids: tuple[UUID, ...] = ()
    owner_id: UUID | None = None
    unit_id: UUID | None = None
    with_units_below: bool = True
    tiers: tuple[str, ...] = ()


@command("clients.hand_over.plan", "移交客户", "Hand clients over", permission=CLIENTS_ASSIGN)
async def plan_hand_over(
    session: WriteSession,
    selection: HandOverSelection,
    to_owner_id: UUID | None,
    *,
    effective_on: date,
    reason: str,
    today: date,
    to_unit: ToUnit = ToUnit.OWNERS,
) -> HandOver:
    """Hand clients over to somebody, or to the public pool (None): today at once, later as scheduled.

    Clients that are with the recipient (and in that unit) already are left out. Raises InvalidInput naming every bad
    field, ClientsOutOfReach, ClientsInHandOver, NothingToHandOver.
    """
    problems = _problems(selection, effective_on, reason, today)
    unit_id = await _recipients_unit(session, to_owner_id, problems)
    refuse(problems)
    await take_turn(session, TURN)
    chosen = _chosen(session, selection, today)
    await hold_clients(session, *chosen)
    if selection.client_ids:
        await refuse_out_of_reach(session, selection.client_ids, today)
    changing = _changing(to_owner_id, unit_id if to_unit is ToUnit.OWNERS else None)
    await refuse_waiting(session, *chosen, changing)
    hand_over = _new(session, effective_on, reason)
    await session.flush()
    target = Client.unit_id if unit_id is None or to_unit is ToUnit.KEEP else literal(unit_id, Uuid())
    items = select(
        *item_head(session, hand_over.id),
        Client.id,
        Client.owner_id,
        Client.unit_id,
        literal(to_owner_id, Uuid()),
        target,
        literal(Outcome.WAITING.value),
    ).where(session.within(Client), *chosen, changing)
    hand_over.clients = await insert_items(session, items)
    if not hand_over.clients:
        raise NothingToHandOver
    await _begin(session, hand_over, "clients.hand_over.plan", {"to_owner_id": to_owner_id}, today)
    return hand_over


@command("clients.hand_over.undo", "撤销客户移交", "Undo a hand-over of clients", permission=CLIENTS_ASSIGN)
async def undo_hand_over(
    session: WriteSession, hand_over_id: UUID, *, today: date, reason: str | None = None
) -> HandOver:
    """Call a scheduled hand-over off. Raises HandOverNotFound, HandOverOutsideReach, HandOverOver."""
    await take_turn(session, TURN)
    hand_over = await _to_decide(session, hand_over_id, today)
    if hand_over.status != HandOverStatus.SCHEDULED:
        raise HandOverOver(status=hand_over.status)
    hand_over.status = HandOverStatus.UNDONE
    hand_over.undone_by, hand_over.undone_at = session.actor.id, datetime.now(UTC)
    await record(
        session,
        "clients.hand_over.undo",
        Subject("hand_over", hand_over.id),
        before={"status": HandOverStatus.SCHEDULED.value},
        after={"status": HandOverStatus.UNDONE.value},
        reason=reason,
    )
    return hand_over


@command("clients.hand_over.reverse", "反向移交客户", "Hand clients back", permission=CLIENTS_ASSIGN)
async def reverse_hand_over(
    session: WriteSession, hand_over_id: UUID, *, effective_on: date, reason: str, today: date
) -> HandOver:
    """Answer a hand-over that has taken effect by an opposite one: its clients go back to whom and where they were.

    Those whose owner was changed since (even to the same), that wait in another hand-over, were merged, or whose former
    owner or unit is gone are listed as skipped. Raises InvalidInput, HandOverNotFound, HandOverOutsideReach,
    HandOverNotApplied, NothingToHandOver.
    """
    refuse(_when_and_why(effective_on, reason, today))
    await take_turn(session, TURN)
    answered = await _to_decide(session, hand_over_id, today)
    if answered.status != HandOverStatus.APPLIED:
        raise HandOverNotApplied(status=answered.status)
    moved = and_(
        session.within(HandOverItem),
        HandOverItem.hand_over_id == answered.id,
        HandOverItem.outcome == Outcome.MOVED.value,
    )
    await hold_clients(session, Client.id.in_(select(HandOverItem.client_id).where(moved)))
    hand_over = _new(session, effective_on, reason)
    await session.flush()
    outcome = case(
        (Client.status == ClientStatus.MERGED.value, Outcome.CLIENT_MERGED.value),
        (~still_by(session, answered.id), Outcome.OWNER_CHANGED.value),
        (waits_in_hand_over(session), Outcome.IN_HAND_OVER.value),
        (person_gone(session, HandOverItem.from_owner_id), Outcome.RECIPIENT_GONE.value),
        (unit_closed(session, HandOverItem.from_unit_id), Outcome.UNIT_CLOSED.value),
        else_=Outcome.WAITING.value,
    )
    items = (
        select(
            *item_head(session, hand_over.id),
            Client.id,
            Client.owner_id,
            Client.unit_id,
            HandOverItem.from_owner_id,
            HandOverItem.from_unit_id,
            outcome,
        )
        .join(HandOverItem, HandOverItem.client_id == Client.id)
        .where(session.within(Client), moved)
    )
    hand_over.clients = await insert_items(session, items)
    hand_over.skipped = await count_items(session, hand_over.id, HandOverItem.outcome != Outcome.WAITING.value)
    if hand_over.skipped == hand_over.clients:
        raise NothingToHandOver
    await _begin(session, hand_over, "clients.hand_over.reverse", {"answers": answered.id}, today)
    return hand_over


@command("clients.hand_over.apply_due", "执行到期的客户移交", "Apply the hand-overs due", permission=CLIENTS_ASSIGN)
async def apply_due_hand_overs(session: WriteSession, today: date, *, at_most: int | None = None) -> int:
    """Let the scheduled hand-overs whose day has come take effect, the earliest first; answers how many were due.

    A client whose owner is not the one that handed it over, and one that was merged, stays where it is. Raises
    InvalidInput when `at_most` is below 1.
    """
    if at_most is not None and at_most < 1:
        raise invalid("at_most", "range", "至少为 1。", "Use 1 or more.")
    await take_turn(session, TURN)
    due = list(
        await session.scalars(
            select(HandOver)
            .where(
                session.within(HandOver),
                HandOver.status == HandOverStatus.SCHEDULED.value,
                HandOver.effective_on <= today,
            )
            .order_by(HandOver.effective_on, HandOver.id)
            .limit(at_most)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )
    for hand_over in due:
        await apply_hand_over(session, hand_over, today)
        after = {"status": hand_over.status, "clients": hand_over.clients, "skipped": hand_over.skipped}
        before = {"status": HandOverStatus.SCHEDULED.value}
        subject = Subject("hand_over", hand_over.id)
        await record(session, "clients.hand_over.apply", subject, before=before, after=after)
    if not due:
        await record(session, "clients.hand_over.apply_due", Subject("hand_over"), after={"due": 0, "on": today})
    return len(due)


async def advance_hand_overs(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """The next due hand-over of a run; its parameters hold the day as `on`."""
    found = await apply_due_hand_overs(session, date.fromisoformat(run.parameters["on"]), at_most=1)
    run.done += found
    run.total = max(run.total, run.done)
    run.counts = {"hand_overs": run.done}
    return not found


declare_run_kind(RUN_KIND, "执行到期的客户移交", "Apply the hand-overs due", CLIENTS_ASSIGN, advance_hand_overs)


async def refuse_out_of_reach(session: WriteSession, client_ids: tuple[UUID, ...], today: date) -> None:
    """Raise ClientsOutOfReach naming the first of these clients that the actor cannot assign."""
    reached = select(Client.id).where(
        session.within(Client),
        Client.id == these(client_ids),
        Client.status != ClientStatus.MERGED.value,
        CLIENT.within_reach(session, CLIENTS_ASSIGN, today),
    )
    missing = sorted(set(client_ids) - set(await session.scalars(reached)))
    if missing:
        raise ClientsOutOfReach(missing[:NAMED], len(missing))


def _problems(selection: HandOverSelection, effective_on: date, reason: str, today: date) -> list[FieldProblem]:
    problems = _when_and_why(effective_on, reason, today)
    filters = selection.owner_id is not None or selection.unit_id is not None or bool(selection.tiers)
    if bool(selection.client_ids) == filters:
        text = Bilingual(
            "请选择客户，或按负责人、机构、等级选择，二者选一。",
            "Name clients, or select them by owner, unit or tier: one of the two.",
        )
        problems.append(FieldProblem(("selection",), "selection", text))
    if len(selection.client_ids) > MOST_NAMED:
        text = Bilingual(f"每次最多列出 {MOST_NAMED} 个客户。", f"Name at most {MOST_NAMED} clients.")
        problems.append(FieldProblem(("selection", "client_ids"), "length", text))
    return problems


def _when_and_why(effective_on: date, reason: str, today: date) -> list[FieldProblem]:
    problem = reason_problem(reason)
    problems = [problem] if problem else []
    if not today <= effective_on <= today + LATEST:
        text = Bilingual("生效日期应为今天起五年以内。", "It takes effect today, or within five years.")
        problems.append(FieldProblem(("effective_on",), "range", text))
    return problems


async def _recipients_unit(session: WriteSession, owner_id: UUID | None, problems: list[FieldProblem]) -> UUID | None:
    refused: list[FieldProblem] = []
    owner = await check_owner(session, owner_id, refused)
    problems += [FieldProblem(("to_owner_id",), problem.code, problem.message) for problem in refused]
    return None if owner is None else owner.unit_id


def _chosen(session: WriteSession, selection: HandOverSelection, today: date) -> list[ColumnElement[bool]]:
    conditions = [
        CLIENT.within_reach(session, CLIENTS_ASSIGN, today),
        Client.status != ClientStatus.MERGED.value,
    ]
    if selection.client_ids:
        conditions.append(Client.id == these(selection.client_ids))
    if selection.owner_id is not None:
        conditions.append(Client.owner_id == selection.owner_id)
    if selection.unit_id is not None:
        below = selection.with_units_below
        inside = Client.unit_id.in_(units_below(session, selection.unit_id, today))
        conditions.append(inside if below else Client.unit_id == selection.unit_id)
    if selection.tiers:
        conditions.append(Client.tier.in_(selection.tiers))
    return conditions


def _changing(owner_id: UUID | None, unit_id: UUID | None) -> ColumnElement[bool]:
    changed = Client.owner_id.is_distinct_from(literal(owner_id, Uuid()))
    return changed if unit_id is None else or_(changed, Client.unit_id.is_distinct_from(literal(unit_id, Uuid())))


def _new(session: WriteSession, effective_on: date, reason: str) -> HandOver:
    hand_over = HandOver(
        id=new_id(),
        status=HandOverStatus.SCHEDULED,
        effective_on=effective_on,
        reason=line_of_text(reason, 500),
        clients=0,
        skipped=0,
        requested_by=session.actor.id,
    )
    session.add(hand_over)
    return hand_over


async def _begin(session: WriteSession, hand_over: HandOver, action: str, more: dict[str, Any], today: date) -> None:
    """Put a new hand-over on record, and let it take effect if its day is today."""
    if hand_over.effective_on == today:
        await apply_hand_over(session, hand_over, today)
    after = {
        "status": str(hand_over.status),
        "effective_on": hand_over.effective_on,
        "clients": hand_over.clients,
        "skipped": hand_over.skipped,
        **more,
    }
    await record(session, action, Subject("hand_over", hand_over.id), after=after, reason=hand_over.reason)


async def _to_decide(session: WriteSession, hand_over_id: UUID, today: date) -> HandOver:
    """A hand-over, locked, that the actor asked for or whose clients the actor reaches all."""
    hand_over = await session.get(HandOver, hand_over_id, lock=True)
    if hand_over is None:
        raise HandOverNotFound
    if hand_over.requested_by == session.actor.id or session.actor.unrestricted:
        return hand_over
    reached = HandOverItem.client_id.in_(
        select(Client.id).where(session.within(Client), CLIENT.within_reach(session, CLIENTS_ASSIGN, today))
    )
    seen = await count_items(session, hand_over.id, reached)
    if not seen:
        raise HandOverNotFound
    if seen < hand_over.clients:
        raise HandOverOutsideReach
    return hand_over
