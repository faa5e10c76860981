"""The names of generated types and values. Schema, compiler and documents all take them from here."""

from __future__ import annotations

from dataclasses import dataclass

from steward_graphql.declared.entities import Entity, Value, snake
from steward_graphql.declared.scalars import DATE, DATETIME, DECIMAL, INT, LONG, Kind
from steward_graphql.declared.shapes import Mutation

UNITS = ("DAY", "MONTH", "YEAR")


def connection(entity: str) -> str:
    """A page of an entity's rows."""
    return f"{entity}Connection"


def edge(entity: str) -> str:
    """One row of a page, with its cursor."""
    return f"{entity}Edge"


def filter_of(entity: str) -> str:
    """The condition on an entity's rows."""
    return f"{entity}Filter"


def many_filter(entity: str) -> str:
    """The condition on the rows that a relation leads to."""
    return f"{entity}ManyFilter"


def value_filter(kind: Kind, *, listed: bool = False) -> str:
    """The condition on a single value, or on a list of them."""
    return f"{kind.name}{'List' if listed else ''}Filter"


def input_of(mutation: Mutation) -> str:
    """A mutation's input."""
    return f"{mutation.name[:1].upper()}{mutation.name[1:]}Input"


def payload_of(mutation: Mutation) -> str:
    """What a mutation answers."""
    return f"{mutation.name[:1].upper()}{mutation.name[1:]}Payload"


@dataclass(frozen=True, eq=False)
class Grouping:
    """One way to group rows: by a value, or by the `unit` (DAY, MONTH, YEAR) that a day or moment falls in."""

    value: Value
    unit: str | None = None


def figures(entity: str, figure: str) -> str:
    """The numbers that a figure (`sum`, `average`, `min`, `max`) gives of an entity's rows."""
    return entity + {"sum": "Sums", "average": "Averages"}.get(figure, "Figures")


def order_fields(entity: Entity) -> dict[str, Value]:
    """What an entity's rows may be sorted by: the members of `NOrderField` and the values they stand for."""
    return {snake(one.name): one for one in entity.fields if isinstance(one, Value) and one.order}


def group_fields(entity: Entity) -> dict[str, Grouping]:
    """What an entity's rows may be grouped by: the members of `NGroupField`."""
    found: dict[str, Grouping] = {}
    for one in entity.fields:
        if not isinstance(one, Value) or not one.group:
            continue
        if one.kind in (DATE, DATETIME):
            found |= {f"{snake(one.name)}_{unit}": Grouping(one, unit) for unit in UNITS}
        else:
            found[snake(one.name)] = Grouping(one)
    return found


def kind_of_figure(kind: Kind, figure: str) -> Kind:
    """What a figure of such numbers is: a sum of 32-bit numbers may take 64 bits, an average has decimals."""
    if figure == "average":
        return DECIMAL
    return LONG if figure == "sum" and kind is INT else kind


def aggregate_fields(entity: Entity) -> tuple[Value, ...]:
    """The numbers of an entity that are summed up."""
    return tuple(one for one in entity.fields if isinstance(one, Value) and one.aggregate)
