"""The closure of the tree, kept by the database: what row scope reads instead of walking the tree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Uuid, any_, bindparam, delete, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.models import UnitPath, UnitPlacement
from steward_tenants.organisation.rules import OPEN_END

_RUNAWAY = 64
"""Where the walk upwards would stop if a cycle had slipped in: far above every permitted depth."""


def _ids(units: Sequence[UUID]) -> Any:
    return any_(bindparam("units", list(units), ARRAY(Uuid(as_uuid=True)), unique=True))


async def units_below_from(session: TenantSession, unit_id: UUID, day: date) -> Sequence[UUID]:
    """The unit and all that stand below it on some day from `day` on."""
    return await session.scalars(
        select(UnitPath.descendant_id)
        .distinct()
        .where(session.within(UnitPath), UnitPath.ancestor_id == unit_id, UnitPath.valid_until > day)
    )


async def rebuild(session: WriteSession, units: Sequence[UUID]) -> None:
    """Write the paths of `units` to their ancestors anew, from the placements.

    A closed unit's last place counts for good: its records stay within the scope of those above it.
    """
    await session.flush()
    await session.execute(delete(UnitPath).where(session.within(UnitPath), UnitPath.descendant_id == _ids(units)))
    await session.execute(
        insert(UnitPath).from_select(
            ["tenant_id", "ancestor_id", "descendant_id", "valid_from", "valid_until", "depth"],
            _walk(session, units),
        ),
    )


def _walk(session: WriteSession, units: Sequence[UUID]) -> Any:
    end = literal(OPEN_END, Date)
    next_start = func.lead(UnitPlacement.valid_from).over(
        partition_by=UnitPlacement.unit_id, order_by=UnitPlacement.valid_from
    )
    span = (
        select(
            UnitPlacement.unit_id,
            UnitPlacement.parent_id,
            UnitPlacement.valid_from,
            func.coalesce(next_start, end).label("valid_until"),
        )
        .where(session.within(UnitPlacement))
        .cte("span")
    )
    walk = (
        select(
            span.c.unit_id.label("ancestor_id"),
            span.c.unit_id.label("descendant_id"),
            func.min(span.c.valid_from).label("valid_from"),
            end.label("valid_until"),
            literal(0).label("depth"),
        )
        .where(span.c.unit_id == _ids(units))
        .group_by(span.c.unit_id)
        .cte("walk", recursive=True)
    )
    above = (
        select(
            span.c.parent_id,
            walk.c.descendant_id,
            func.greatest(span.c.valid_from, walk.c.valid_from),
            func.least(span.c.valid_until, walk.c.valid_until),
            walk.c.depth + 1,
        )
        .join(walk, span.c.unit_id == walk.c.ancestor_id)
        .where(
            span.c.parent_id.is_not(None),
            span.c.valid_from < walk.c.valid_until,
            span.c.valid_until > walk.c.valid_from,
            walk.c.depth < _RUNAWAY,
        )
    )
    whole = walk.union_all(above)
    return select(
        literal(session.tenant_id),
        whole.c.ancestor_id,
        whole.c.descendant_id,
        whole.c.valid_from,
        whole.c.valid_until,
        whole.c.depth,
    )


async def first_cycle_day(
    session: TenantSession, unit_id: UUID, parent_id: UUID, first_day: date, until: date
) -> date | None:
    """The first of these days on which `parent_id` stands below `unit_id` (or is it), or None."""
    day: date | None = await session.scalar(
        select(func.min(func.greatest(UnitPath.valid_from, first_day))).where(
            session.within(UnitPath),
            UnitPath.ancestor_id == unit_id,
            UnitPath.descendant_id == parent_id,
            UnitPath.valid_from < until,
            UnitPath.valid_until > first_day,
        )
    )
    return day


async def levels_under(session: TenantSession, unit_id: UUID, parent_id: UUID, first_day: date, until: date) -> int:
    """How many levels the tree would have along `unit_id` if it stood under `parent_id` on these days.

    A unit without paths of its own yet counts as one level.
    """
    above, below = aliased(UnitPath), aliased(UnitPath)
    deepest: int | None = await session.scalar(
        select(func.max(above.depth + below.depth))
        .select_from(above)
        .join(
            below,
            (below.valid_from < above.valid_until) & (below.valid_until > above.valid_from),
        )
        .where(
            session.within(above),
            session.within(below),
            above.descendant_id == parent_id,
            above.valid_from < until,
            above.valid_until > first_day,
            below.ancestor_id == unit_id,
            below.valid_from < until,
            below.valid_until > first_day,
        )
    )
    if deepest is None:
        deepest = await session.scalar(
            select(func.coalesce(func.max(UnitPath.depth), 0)).where(
                session.within(UnitPath),
                UnitPath.descendant_id == parent_id,
                UnitPath.valid_from < until,
                UnitPath.valid_until > first_day,
            )
        )
    return (deepest or 0) + 2
