"""Org units: the tree of the day, each unit's place in it, and where it stood before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, and_, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from steward_graphql.declared.entities import (
    Catalogue,
    Condition,
    Entity,
    ListRoot,
    Many,
    One,
    OneRoot,
    Row,
    Special,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import DATE, ID, INT, STRING, enum_of
from steward_tenants.access.permissions import UNITS_VIEW
from steward_tenants.access.queries import units_below
from steward_tenants.access.row_kinds import UNIT as UNIT_ROWS
from steward_tenants.access.symbolic import TODAY
from steward_tenants.database.session import ReadSession
from steward_tenants.organisation.models import OrgUnit, UnitPath, UnitPlacement, UnitStatus
from steward_tenants.organisation.rules import OPEN_END
from steward_tenants.texts import Bilingual

UNIT_STATUS = enum_of(
    UnitStatus,
    "UnitStatus",
    "组织机构状态",
    "State of an org unit",
    {"active": ("在用", "In use"), "closed": ("已撤销", "Closed")},
)


def in_force(placement: Any, on: ColumnElement[date]) -> ColumnElement[bool]:
    """The condition that a placement counts on a day."""
    return and_(
        placement.valid_from <= on,
        or_(placement.valid_until.is_(None), placement.valid_until > on),
    )


def _path_of_the_day(row: Row, path: Any) -> ColumnElement[bool]:
    return and_(row.within(path), path.valid_from <= row.today, path.valid_until > row.today)


def _stands_today(row: Row) -> ColumnElement[bool]:
    placed: Any = aliased(UnitPlacement)
    return exists(
        select(placed.unit_id)
        .where(row.within(placed), placed.unit_id == row.table.id, in_force(placed, row.today))
        .correlate(row.table)
    )


def _is_parent(row: Row, parent: Row) -> ColumnElement[bool]:
    placed: Any = aliased(UnitPlacement)
    above = (
        select(placed.parent_id)
        .where(row.within(placed), placed.unit_id == row.table.id, in_force(placed, row.today))
        .correlate(row.table)
        .scalar_subquery()
    )
    found: ColumnElement[bool] = parent.table.id == above
    return found


def _is_child(row: Row, child: Row) -> ColumnElement[bool]:
    placed: Any = aliased(UnitPlacement)
    below = (
        select(placed.unit_id)
        .where(row.within(placed), placed.parent_id == row.table.id, in_force(placed, row.today))
        .correlate(row.table)
    )
    found: ColumnElement[bool] = child.table.id.in_(below)
    return found


def _is_above(row: Row, other: Row) -> ColumnElement[bool]:
    path: Any = aliased(UnitPath)
    above = (
        select(path.ancestor_id)
        .where(_path_of_the_day(row, path), path.descendant_id == row.table.id, path.depth > 0)
        .correlate(row.table)
    )
    found: ColumnElement[bool] = other.table.id.in_(above)
    return found


def _is_below(row: Row, other: Row) -> ColumnElement[bool]:
    path: Any = aliased(UnitPath)
    below = (
        select(path.descendant_id)
        .where(_path_of_the_day(row, path), path.ancestor_id == row.table.id, path.depth > 0)
        .correlate(row.table)
    )
    found: ColumnElement[bool] = other.table.id.in_(below)
    return found


def _depth(row: Row) -> ColumnElement[Any]:
    path: Any = aliased(UnitPath)
    return (
        select(func.max(path.depth))
        .where(_path_of_the_day(row, path), path.descendant_id == row.table.id)
        .correlate(row.table)
        .scalar_subquery()
    )


def _path(row: Row) -> ColumnElement[Any]:
    """The names from the root down to the unit, of those that the actor may see."""
    path: Any = aliased(UnitPath)
    above: Any = aliased(OrgUnit)
    return (
        select(func.array_agg(aggregate_order_by(above.name, path.depth.desc())))
        .join_from(path, above, and_(row.within(above), above.id == path.ancestor_id))
        .where(
            _path_of_the_day(row, path),
            path.descendant_id == row.table.id,
            UNIT_ROWS.reached(row.planning.session, UNITS_VIEW, TODAY, above),
        )
        .correlate(row.table)
        .scalar_subquery()
    )


def _closed_on(row: Row) -> ColumnElement[Any]:
    placed: Any = aliased(UnitPlacement)
    last = func.max(func.coalesce(placed.valid_until, literal(OPEN_END, Date)))
    return (
        select(func.nullif(last, literal(OPEN_END, Date), type_=Date()))
        .where(row.within(placed), placed.unit_id == row.table.id)
        .correlate(row.table)
        .scalar_subquery()
    )


def below_unit(attribute: str) -> Callable[[ReadSession, UUID, date], Any]:
    """Prepares the filter that a row's `attribute` names a unit or one below it today."""

    async def prepare(_session: ReadSession, root: UUID, today: date) -> Condition:
        def condition(row: Row) -> ColumnElement[bool]:
            inside = units_below(row.planning.session, root, today)
            found: ColumnElement[bool] = getattr(row.table, attribute).in_(inside)
            return found

        return condition

    return prepare


ORG_UNIT = Entity(
    "OrgUnit",
    OrgUnit,
    Bilingual("组织机构：中心、部门、支局或班组", "An org unit: a centre, department, branch or team"),
    kind=UNIT_ROWS,
    always=_stands_today,
    order=(("code", False),),
    fields=(
        column(OrgUnit.id, "编号", "Identifier", filter=True),
        column(OrgUnit.code, "机构代码", "The company's own code", filter=True, order=True),
        column(OrgUnit.name, "机构名称", "Its name", filter=True, order=True),
        column(OrgUnit.kind, "机构类型", "What sort of unit it is", filter=True, order=True, group=True),
        column(
            OrgUnit.status,
            "状态；已安排撤销的机构即为已撤销，撤销日期见 closedOn",
            "Its state; closed as soon as its closing is planned, for the day that closedOn tells",
            kind=UNIT_STATUS,
            filter=True,
        ),
        computed("depth", INT, _depth, "今日所在层级，顶层为 0", "Its level today, 0 for a root", order=True),
        computed(
            "path",
            STRING,
            _path,
            "今日自顶层到本机构的名称，仅限可见机构",
            "The names from the root down to it today, of units within reach",
            listed=True,
        ),
        computed(
            "closedOn", DATE, _closed_on, "撤销日期（当日起不再使用）", "The day from which it is closed", filter=True
        ),
        column(OrgUnit.created_at, "创建时间", "When it was created", filter=True, order=True),
        column(OrgUnit.version, "版本", "Counts its changes"),
        One("parent", "OrgUnit", Bilingual("今日的上级机构", "The unit above it today"), _is_parent),
        Many("children", "OrgUnit", Bilingual("今日的下级机构", "The units right below it today"), _is_child),
        Many("ancestors", "OrgUnit", Bilingual("今日的各级上级机构", "All units above it today"), _is_above),
        Many("descendants", "OrgUnit", Bilingual("今日的各级下级机构", "All units below it today"), _is_below),
        many("placements", "UnitPlacement", "unit_id", "隶属历史", "Where it stood, stands and will stand"),
        many("people", "Person", "unit_id", "本机构人员", "The people who belong to it"),
    ),
    specials=(
        Special(
            "below",
            Bilingual("该机构及其各级下级", "The unit of this id and all below it today"),
            below_unit("id"),
            kind=ID,
        ),
    ),
)


def _placement_in_reach(row: Row) -> ColumnElement[bool]:
    placed: Any = aliased(OrgUnit)
    return exists(
        select(placed.id)
        .where(
            row.within(placed),
            placed.id == row.table.unit_id,
            UNIT_ROWS.reached(row.planning.session, UNITS_VIEW, TODAY, placed),
        )
        .correlate(row.table)
    )


def _parent_text(name: str) -> Callable[[Row], ColumnElement[Any]]:
    def expression(row: Row) -> ColumnElement[Any]:
        parent: Any = aliased(OrgUnit)
        return (
            select(getattr(parent, name))
            .where(row.within(parent), parent.id == row.table.parent_id)
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


UNIT_PLACEMENT = Entity(
    "UnitPlacement",
    UnitPlacement,
    Bilingual("机构在某段时间的隶属关系", "Under which unit a unit stands, over some days"),
    view=UNITS_VIEW,
    reach=_placement_in_reach,
    key=("unit_id", "valid_from"),
    order=(("validFrom", False),),
    node=False,
    fields=(
        column(UnitPlacement.valid_from, "开始日期（含）", "From this day on", filter=True, order=True),
        column(UnitPlacement.valid_until, "结束日期（不含）；空为长期", "Until this day; none: for good", filter=True),
        computed("parentCode", STRING, _parent_text("code"), "上级机构代码（现名）", "The parent's code as of today"),
        computed("parentName", STRING, _parent_text("name"), "上级机构名称（现名）", "The parent's name as of today"),
        one("parent", "OrgUnit", UnitPlacement.parent_id, "上级机构；空为顶层", "The unit above; none: a root"),
        one("unit", "OrgUnit", UnitPlacement.unit_id, "机构", "The unit"),
    ),
)

CATALOGUE = Catalogue(
    entities=(ORG_UNIT, UNIT_PLACEMENT),
    roots=(
        ListRoot("units", "OrgUnit", Bilingual("今日在用的组织机构", "The org units of today's tree")),
        OneRoot("unit", "OrgUnit", Bilingual("一个组织机构", "One org unit")),
    ),
)
