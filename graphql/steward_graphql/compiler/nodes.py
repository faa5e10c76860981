"""`node` and `nodes`: rows of any type by their ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Uuid, func, select

from steward_graphql.compiler.access import base
from steward_graphql.compiler.building import Building
from steward_graphql.compiler.fragments import COMMA, EMPTY, Part, joined
from steward_graphql.compiler.references import Where, bare
from steward_graphql.compiler.rows import row_json
from steward_graphql.compiler.selection import Asked
from steward_graphql.declared.entities import Entity
from steward_graphql.declared.fragments import Constant, or_null
from steward_graphql.declared.scalars import ID

MOST_IDS = 100


def node_by_id(building: Building, asked: Asked, at: tuple[str, ...]) -> Part:
    """The row with an id, of whichever type that the selection speaks of; the text null when there is none."""
    given = building.argument(asked, "id", at)
    if given is None:
        return Constant("null")
    return _probed(building, asked, at, building.bound(given.leaf(ID), Uuid()))


def nodes_by_id(building: Building, asked: Asked, at: tuple[str, ...]) -> Part:
    """Rows by their ids, in the order given, null for those that are not there."""
    given = building.argument(asked, "ids", at)
    if given is None:
        return Constant("[]")
    ids = building.bound_list(given.leaves(ID, MOST_IDS), Uuid())
    wanted = func.unnest(ids).table_valued("id", with_ordinality="place", name=building.name())
    wanted = wanted.render_derived()
    one = _probed(building, asked, at, bare("id", Uuid(), wanted))
    items = func.string_agg(one, COMMA).aggregate_order_by(wanted.c.place)
    text = joined([Constant("["), func.coalesce(items, EMPTY), Constant("]")])
    return select(text.label("j")).select_from(wanted).scalar_subquery()


def _probed(building: Building, asked: Asked, at: tuple[str, ...], wanted: ColumnElement[Any]) -> Part:
    probes = [_probe(building, entity, asked, at, wanted) for entity in _candidates(building, asked)]
    return or_null(func.coalesce(*probes) if len(probes) > 1 else probes[0]) if probes else Constant("null")


def _candidates(building: Building, asked: Asked) -> Iterator[Entity]:
    for entity in building.api.entities.values():
        if (
            entity.node
            and not entity.concrete
            and building.profile.may(entity.view)
            and building.selections.of(asked.selections, building.types(entity))
        ):
            yield entity


def _probe(building: Building, entity: Entity, asked: Asked, at: tuple[str, ...], wanted: ColumnElement[Any]) -> Part:
    row = building.row(entity)
    where = Where([*base(building, entity, row, listed=False), row.table.id == wanted])
    return row_json(building, entity, row, where, asked, at=at)
