"""Reading the tree of units, within the actor's scope for seeing them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Date, and_, func, literal, or_, select
from sqlalchemy.orm import aliased

from steward_tenants.access.permissions import UNITS_VIEW
from steward_tenants.access.queries import units_below
from steward_tenants.access.row_kinds import UNIT
from steward_tenants.database.session import TenantSession
from steward_tenants.organisation.errors import UnitNotFound
from steward_tenants.organisation.models import OrgUnit, UnitPath, UnitPlacement
from steward_tenants.organisation.rules import OPEN_END, UnitNode, in_tree_order


def _nodes(session: TenantSession, on: date, today: date) -> Any:
    """Units that exist on a day and are within scope, with parent and depth on that day."""
    closing = (
        select(UnitPlacement.unit_id, func.max(func.coalesce(UnitPlacement.valid_until, OPEN_END)).label("day"))
        .where(session.within(UnitPlacement))
        .group_by(UnitPlacement.unit_id)
        .subquery("closing")
    )
    depth = (
        select(UnitPath.descendant_id, func.max(UnitPath.depth).label("depth"))
        .where(session.within(UnitPath), UnitPath.valid_from <= on, UnitPath.valid_until > on)
        .group_by(UnitPath.descendant_id)
        .subquery("depth")
    )
    return (
        select(
            OrgUnit.id,
            OrgUnit.code,
            OrgUnit.name,
            OrgUnit.kind,
            UnitPlacement.parent_id,
            depth.c.depth,
            func.nullif(closing.c.day, literal(OPEN_END, Date)),
            OrgUnit.version,
        )
        .join(
            UnitPlacement,
            and_(
                session.within(UnitPlacement),
                UnitPlacement.unit_id == OrgUnit.id,
                UnitPlacement.valid_from <= on,
                or_(UnitPlacement.valid_until.is_(None), UnitPlacement.valid_until > on),
            ),
        )
        .join(depth, depth.c.descendant_id == OrgUnit.id)
        .join(closing, closing.c.unit_id == OrgUnit.id)
        .where(session.within(OrgUnit), UNIT.within_reach(session, UNITS_VIEW, today))
    )


async def tree(session: TenantSession, on: date, *, today: date, below: UUID | None = None) -> list[UnitNode]:
    """The units open on a day, parents before children; with `below` only that unit and those under it.

    `today` is the day whose tree says what the actor may see: their scope of today, on whichever day they look.
    """
    statement = _nodes(session, on, today)
    if below is not None:
        statement = statement.where(OrgUnit.id.in_(units_below(session, below, on)))
    return in_tree_order(UnitNode(*tuple(row)) for row in await session.rows(statement))


async def ancestors(session: TenantSession, unit_id: UUID, on: date, *, today: date) -> list[UnitNode]:
    """The units above a unit on a day, the root first, itself last, as far as the actor may see them."""
    path = aliased(UnitPath)
    above = select(path.ancestor_id).where(
        session.within(path), path.descendant_id == unit_id, path.valid_from <= on, path.valid_until > on
    )
    rows = await session.rows(_nodes(session, on, today).where(OrgUnit.id.in_(above)))
    return sorted((UnitNode(*tuple(row)) for row in rows), key=lambda node: node.depth)


async def descendants(session: TenantSession, unit_id: UUID, on: date, *, today: date) -> list[UnitNode]:
    """The units below a unit on a day, itself not among them."""
    return [node for node in await tree(session, on, below=unit_id, today=today) if node.id != unit_id]


class UnitStay(NamedTuple):
    """One line of a unit's history; the parent's code and name as they are today."""

    valid_from: date
    valid_until: date | None
    parent_id: UUID | None
    parent_code: str | None
    parent_name: str | None


async def history(session: TenantSession, unit_id: UUID, today: date) -> Sequence[UnitStay]:
    """Where a unit stood, stands and will stand. An end in the last line is the closing. Raises UnitNotFound."""
    reach = UNIT.within_reach(session, UNITS_VIEW, today)
    if await session.find(OrgUnit, OrgUnit.id == unit_id, reach) is None:
        raise UnitNotFound
    parent = aliased(OrgUnit)
    rows = await session.rows(
        select(
            UnitPlacement.valid_from,
            UnitPlacement.valid_until,
            UnitPlacement.parent_id,
            parent.code,
            parent.name,
        )
        .outerjoin(parent, and_(session.within(parent), parent.id == UnitPlacement.parent_id))
        .where(session.within(UnitPlacement), UnitPlacement.unit_id == unit_id)
        .order_by(UnitPlacement.valid_from)
    )
    return [UnitStay(*tuple(row)) for row in rows]
