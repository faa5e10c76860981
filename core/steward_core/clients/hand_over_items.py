"""The clients of a hand-over: what may become of each, and letting it take effect, set-based."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    String,
    Table,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import aliased

from steward_core.clients.checks import WORKING
from steward_core.clients.models import (
    Client,
    ClientOwnership,
    ClientStatus,
    HandOver,
    HandOverItem,
    HandOverStatus,
)
from steward_core.clients.ownership import FOREVER, hold_clients, move
from steward_core.clients.ownership_errors import NAMED, ClientsInHandOver
from steward_core.clients.pages import Rows
from steward_tenants.database.session import WriteSession
from steward_tenants.organisation.models import OrgUnit, UnitStatus
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual


class Outcome(StrEnum):
    """What became of one client of a hand-over: it moved, or why it was left alone."""

    WAITING = "waiting"
    MOVED = "moved"
    OWNER_CHANGED = "owner_changed"
    CLIENT_MERGED = "client_merged"
    RECIPIENT_GONE = "recipient_gone"
    UNIT_CLOSED = "unit_closed"
    IN_HAND_OVER = "in_hand_over"


OUTCOMES = {
    Outcome.WAITING: Bilingual("待生效", "waiting"),
    Outcome.MOVED: Bilingual("已移交", "moved"),
    Outcome.OWNER_CHANGED: Bilingual("负责人已变更，未移交", "left alone: the owner had changed"),
    Outcome.CLIENT_MERGED: Bilingual("客户已合并，未移交", "left alone: the client was merged"),
    Outcome.RECIPIENT_GONE: Bilingual("接收人已停用，未移交", "left alone: the recipient works here no more"),
    Outcome.UNIT_CLOSED: Bilingual("接收机构已撤销，未移交", "left alone: the unit is closed"),
    Outcome.IN_HAND_OVER: Bilingual("已在其他移交中，未移交", "left alone: waits in another hand-over"),
}


def waits_in_hand_over(session: WriteSession) -> ColumnElement[bool]:
    """The condition that a client waits in a scheduled hand-over."""
    item, head = aliased(HandOverItem), aliased(HandOver)
    return (
        select(item.client_id)
        .join(head, and_(session.within(head), head.id == item.hand_over_id))
        .where(
            session.within(item),
            item.client_id == Client.id,
            item.outcome == Outcome.WAITING.value,
            head.status == HandOverStatus.SCHEDULED.value,
        )
        .correlate(Client)
        .exists()
    )


async def refuse_waiting(session: WriteSession, *chosen: ColumnElement[bool]) -> None:
    """Raise ClientsInHandOver naming the first of the chosen clients that wait in a scheduled hand-over."""
    waiting = (session.within(Client), *chosen, waits_in_hand_over(session))
    found = await session.rows(select(Client.id, Client.name).where(*waiting).order_by(Client.name).limit(NAMED))
    if found:
        count = await session.scalar(select(func.count()).select_from(Client).where(*waiting))
        raise ClientsInHandOver([row[0] for row in found], [row[1] for row in found], count)


def still_by(session: WriteSession, hand_over_id: UUID) -> ColumnElement[bool]:
    """The condition that a client is still held by what this hand-over brought about."""
    held = aliased(ClientOwnership)
    return (
        select(held.client_id)
        .where(
            session.within(held),
            held.client_id == Client.id,
            held.valid_until == FOREVER,
            held.hand_over_id == hand_over_id,
            held.owner_id.is_not_distinct_from(Client.owner_id),
        )
        .correlate(Client)
        .exists()
    )


def person_gone(session: WriteSession, owner_id: Any) -> ColumnElement[bool]:
    """The condition that somebody is named who works here no more."""
    person = aliased(User)
    working = (
        select(person.id)
        .where(session.within(person), person.id == owner_id, person.status.in_([one.value for one in WORKING]))
        .correlate(HandOverItem)
        .exists()
    )
    return and_(owner_id.is_not(None), ~working)


def unit_closed(session: WriteSession, unit_id: Any) -> ColumnElement[bool]:
    """The condition that a unit is named that is closed."""
    unit = aliased(OrgUnit)
    return (
        select(unit.id)
        .where(session.within(unit), unit.id == unit_id, unit.status == UnitStatus.CLOSED.value)
        .correlate(HandOverItem)
        .exists()
    )


def item_head(session: WriteSession, hand_over_id: UUID) -> tuple[Any, Any]:
    """The first two columns of a hand-over's items."""
    return bindparam("tenant_id", session.tenant_id, type_=Uuid(), unique=True), literal(hand_over_id, Uuid())


async def insert_items(session: WriteSession, items: Rows) -> int:
    """Write a hand-over's items: the columns of `HandOverItem` in their order; answers how many."""
    columns = [
        "tenant_id",
        "hand_over_id",
        "client_id",
        "from_owner_id",
        "from_unit_id",
        "to_owner_id",
        "to_unit_id",
        "outcome",
    ]
    target = cast(Table, HandOverItem.__table__)
    statement = insert(target).from_select(columns, items).execution_options(preserve_rowcount=True)
    return cast("CursorResult[Any]", await session.execute(statement)).rowcount


async def count_items(session: WriteSession, hand_over_id: UUID, condition: ColumnElement[bool]) -> int:
    """How many items of a hand-over meet a condition."""
    count: int = await session.scalar(
        select(func.count())
        .select_from(HandOverItem)
        .where(session.within(HandOverItem), HandOverItem.hand_over_id == hand_over_id, condition)
    )
    return count


async def apply_hand_over(session: WriteSession, hand_over: HandOver, today: date) -> None:
    """Let a hand-over take effect today: its clients move, or its items say why they did not."""
    mine = and_(session.within(HandOverItem), HandOverItem.hand_over_id == hand_over.id)
    await hold_clients(session, Client.id.in_(select(HandOverItem.client_id).where(mine)))
    outcome = case(
        (Client.status == ClientStatus.MERGED.value, Outcome.CLIENT_MERGED.value),
        (Client.owner_id.is_distinct_from(HandOverItem.from_owner_id), Outcome.OWNER_CHANGED.value),
        (person_gone(session, HandOverItem.to_owner_id), Outcome.RECIPIENT_GONE.value),
        (unit_closed(session, HandOverItem.to_unit_id), Outcome.UNIT_CLOSED.value),
        else_=literal(Outcome.MOVED.value, String()),
    )
    await session.execute(
        update(HandOverItem)
        .where(
            mine,
            HandOverItem.outcome == Outcome.WAITING.value,
            session.within(Client),
            Client.id == HandOverItem.client_id,
        )
        .values(outcome=outcome)
        .execution_options(synchronize_session=False)
    )
    moves = select(
        HandOverItem.client_id.label("client_id"),
        HandOverItem.to_owner_id.label("owner_id"),
        HandOverItem.to_unit_id.label("unit_id"),
    ).where(mine, HandOverItem.outcome == Outcome.MOVED.value)
    await move(session, moves, on=today, reason=hand_over.reason, hand_over_id=hand_over.id)
    hand_over.skipped = await count_items(session, hand_over.id, HandOverItem.outcome != Outcome.MOVED.value)
    hand_over.status, hand_over.applied_at = HandOverStatus.APPLIED, datetime.now(UTC)
    await session.flush()
