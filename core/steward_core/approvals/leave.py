"""Approved leave 请假: on which days people are away, and whom it concerns when another one is approved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from steward_core.approvals.ledger import ids
from steward_core.approvals.models import ApprovalRequest, RequestKind, RequestStatus
from steward_core.calendars.rules import days_between
from steward_tenants.database.session import TenantSession, WriteSession

MakeWay = Callable[[WriteSession, UUID, date, date], Awaitable[None]]
"""Gets a person and the first and the last day of a leave that has just been approved, in the same transaction."""

_CONCERNED: dict[str, MakeWay] = {}


def make_way_for_leave(key: str, make_way: MakeWay) -> None:
    """Declare what makes way when leave is approved; a key stands once."""
    if key in _CONCERNED:
        raise ValueError(f"{key} makes way for leave already")
    _CONCERNED[key] = make_way


async def approved(session: WriteSession, person: UUID, first: date, last: date) -> None:
    """Let everything make way, in the order in which it was declared."""
    for make_way in _CONCERNED.values():
        await make_way(session, person, first, last)


async def days_away(
    session: TenantSession, people: Collection[UUID], first: date, last: date
) -> dict[UUID, frozenset[date]]:
    """The days from `first` to `last` on which these people have approved leave; who has none is not in it."""
    rows = await session.rows(
        select(ApprovalRequest.owner_id, ApprovalRequest.from_on, ApprovalRequest.until_on).where(
            session.within(ApprovalRequest),
            ApprovalRequest.owner_id == func.any(ids(sorted(people))),
            ApprovalRequest.kind == RequestKind.LEAVE.value,
            ApprovalRequest.status == RequestStatus.APPROVED.value,
            ApprovalRequest.from_on <= last,
            ApprovalRequest.until_on >= first,
        )
    )
    away: defaultdict[UUID, set[date]] = defaultdict(set)
    for person, begins, ends in rows:
        away[person] |= set(days_between(max(begins, first), min(ends, last)))
    return {person: frozenset(days) for person, days in away.items()}
