"""Connections: one page of rows as JSON, and what is asked about the whole list beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Text, cast, func, select, true

from steward_graphql.compiler.access import base
from steward_graphql.compiler.building import Building
from steward_graphql.compiler.conditions import Place, filter_condition
from steward_graphql.compiler.fragments import COMMA, EMPTY, ONE, Part, joined, json_object, string_json
from steward_graphql.compiler.given import Given
from steward_graphql.compiler.groups import aggregate_json, groups_json
from steward_graphql.compiler.orders import Order, beyond, cursor_text, order_of, sorting
from steward_graphql.compiler.paging import Page, page_of
from steward_graphql.compiler.references import Where, bare
from steward_graphql.compiler.selection import Asked
from steward_graphql.declared.entities import Entity, Link, Row
from steward_graphql.declared.fragments import Constant, or_null

NodeJson = Callable[[Building, Entity, Row, Asked, tuple[str, ...]], Part]
_INTEGER, _TEXT = Integer(), Text()


@dataclass(frozen=True, eq=False)
class Listed:
    """The rows of a list: all that the actor reaches, or with `source` those that `link` joins to it."""

    entity: Entity
    source: Row | None = None
    link: Link | None = None
    granted: bool = False

    def where(self, building: Building, row: Row, filter_by: Given | None, place: Place) -> Where:
        """The condition on one of its rows."""
        conditions = base(building, self.entity, row, listed=True, granted=self.granted)
        if self.link is not None and self.source is not None:
            conditions.append(self.link(self.source, row))
        if filter_by is not None:
            conditions.append(filter_condition(building, self.entity, row, filter_by, place))
        return Where(conditions, () if self.source is None else (self.source.table,))


@dataclass(eq=False)
class _Columns:
    """What a page's rows give: their JSON by response key, and their cursor."""

    json: dict[str, Part] = field(default_factory=dict)
    cursor: bool = False


def connection_json(building: Building, listed: Listed, asked: Asked, at: tuple[str, ...], node_json: NodeJson) -> Part:
    """The JSON text of a connection field. Raises PageRefused, InvalidVariables, Forbidden."""
    return _Connection(building, listed, asked, at, node_json).json()


class _Connection:
    def __init__(
        self, building: Building, listed: Listed, asked: Asked, at: tuple[str, ...], node_json: NodeJson
    ) -> None:
        self.building, self.listed, self.asked, self.at, self.node_json = building, listed, asked, at, node_json
        self.page: Page = page_of(building, asked, at)
        self.filter_by = building.argument(asked, "filter", at)
        self.ordering = building.argument(asked, "orderBy", at)
        self.place: Place = (id(asked.nodes[0]), "filter")
        self.name = listed.entity.name

    def json(self) -> Part:
        fields = self.building.selections.of(self.asked.selections, frozenset((f"{self.name}Connection",)))
        paged = [one for one in fields if one.name in ("edges", "nodes", "pageInfo")]
        if not paged:
            return json_object(self.building, [(one.key, one.name, self._beside(one)) for one in fields])
        info = {
            one.key: self.building.selections.of(one.selections, frozenset(("PageInfo",)))
            for one in paged
            if one.name == "pageInfo"
        }
        told = {inner.name for inners in info.values() for inner in inners}
        ends = not told.isdisjoint(("startCursor", "endCursor"))
        further = ("hasPreviousPage" if self.page.backward else "hasNextPage") in told
        counted = ends or further or self.page.backward
        source, limit = self._page(paged, cursors=ends, counted=counted, more=1 if further else 0)
        members = []
        for one in fields:
            if one.name == "pageInfo":
                value = json_object(
                    self.building, [(i.key, i.name, self._info(i.name, source, limit)) for i in info[one.key]]
                )
            elif one.name in ("edges", "nodes"):
                value = self._items(one.key, source, limit, counted=counted)
            else:
                value = self._beside(one)
            members.append((one.key, one.name, value))
        # HAVING makes it one row also where nothing is asked that counts or gathers rows.
        text = json_object(self.building, members).label("j")
        return select(text).select_from(source).having(true()).scalar_subquery()

    def _page(
        self, paged: list[Asked], *, cursors: bool, counted: bool, more: int
    ) -> tuple[FromClause, ColumnElement[int]]:
        """The page as a derived table: a column of JSON for each response key, `c` the cursor, `n` the place."""
        building, row = self.building, self.building.row(self.listed.entity)
        order = order_of(building, self.listed.entity, row, self.ordering)
        shown = [one for one in paged if one.name != "pageInfo"]
        self.columns = {one.key: f"j{number}" for number, one in enumerate(shown)}
        columns: list[Any] = [self._row_json(one, row, order).label(self.columns[one.key]) for one in shown]
        if cursors:
            columns.append(cursor_text(order).label("c"))
        where = self.listed.where(building, row, self.filter_by, self.place)
        if self.page.cursor is not None:
            where.conditions.append(beyond(building, order, self.page.cursor, backward=self.page.backward))
        page = (
            select(*columns or [ONE.label("one")])
            .select_from(row.table)
            .where(where)
            .order_by(*sorting(order, backward=self.page.backward))
            .limit(self.page.limit(building, more))
            .subquery(building.name())
        )
        limit = self.page.limit(building)
        if not counted:
            return page, limit
        kept = [bare(column.name, _TEXT, page) for column in columns]
        numbered = select(*kept, func.row_number().over().label("n")).select_from(page)
        return numbered.subquery(building.name()), limit

    def _row_json(self, one: Asked, row: Row, order: Order) -> Part:
        at = (*self.at, one.key)
        if one.name == "nodes":
            return self.node_json(self.building, self.listed.entity, row, one, at)
        name = f"{self.name}Edge"
        members = []
        for inner in self.building.selections.of(one.selections, frozenset((name,))):
            if inner.name == "cursor":
                value: Part = string_json(cursor_text(order))
            elif inner.name == "node":
                value = self.node_json(self.building, self.listed.entity, row, inner, (*at, inner.key))
            else:
                value = Constant(f'"{name}"')
            members.append((inner.key, inner.name, value))
        return json_object(self.building, members)

    def _items(self, key: str, source: FromClause, limit: ColumnElement[int], *, counted: bool) -> Part:
        text: Any = bare(self.columns[key], _TEXT, source)
        items: Any
        if not counted:
            items = func.string_agg(text, COMMA)
        else:
            place = bare("n", _INTEGER, source)
            ordered = place.desc() if self.page.backward else place.asc()
            items = func.string_agg(text, COMMA).aggregate_order_by(ordered).filter(place <= limit)
        return joined([Constant("["), func.coalesce(items, EMPTY), Constant("]")])

    def _info(self, name: str, source: FromClause, limit: ColumnElement[int]) -> Part:
        backward, cursor = self.page.backward, self.page.cursor is not None
        if name in ("hasNextPage", "hasPreviousPage"):
            if (name == "hasPreviousPage") is backward:
                return cast(func.count() > limit, Text)
            return Constant("true" if cursor else "false")
        if name == "__typename":
            return Constant('"PageInfo"')
        place = bare("n", _INTEGER, source)
        ordered = place.desc() if (name == "endCursor") is not backward else place.asc()
        cursors: Any = func.string_agg(bare("c", _TEXT, source), COMMA)
        kept = cursors.aggregate_order_by(ordered).filter(place <= limit)
        return or_null(string_json(func.split_part(kept, COMMA, ONE)))

    def _beside(self, one: Asked) -> Part:
        """What is asked about the whole list: it heeds the filter and not the page."""
        building, at = self.building, (*self.at, one.key)
        if one.name == "__typename":
            return Constant(f'"{self.name}Connection"')
        row = building.row(self.listed.entity)
        where = self.listed.where(building, row, self.filter_by, self.place)
        if one.name == "totalCount":
            return select(cast(func.count(), Text)).select_from(row.table).where(where).scalar_subquery()
        if one.name == "aggregate":
            return aggregate_json(building, self.listed.entity, row, where, one, at=at)
        return groups_json(building, self.listed.entity, row, where, one, at=at)
