"""From an operation to one statement: its root fields are the statement's columns."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from graphql import FieldNode, OperationType
from sqlalchemy import ARRAY, ColumnElement, Text, case, cast, func, select
from sqlalchemy.types import Uuid

from steward_graphql.compiler.access import base, belonging
from steward_graphql.compiler.building import Building, SpecialUse
from steward_graphql.compiler.connections import Listed, connection_json
from steward_graphql.compiler.fragments import Part
from steward_graphql.compiler.nodes import node_by_id, nodes_by_id
from steward_graphql.compiler.operation import Operation
from steward_graphql.compiler.parameters import DIALECT
from steward_graphql.compiler.plan import Plan, Writes
from steward_graphql.compiler.references import Late, Where
from steward_graphql.compiler.rows import node_json, row_json
from steward_graphql.compiler.selection import Asked, Selections
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Condition, ListRoot, OneRoot, Row
from steward_graphql.declared.fragments import Constant, or_null
from steward_tenants.access.symbolic import TODAY, Profile
from steward_tenants.database.actor import system

EVERYTHING = Profile(system("compiler"))
_NODES = ("node", "nodes")


def root_fields(api: Api, operation: Operation, variables: Mapping[str, Any]) -> list[Asked]:
    """The operation's root fields in order, merged by response key, without those that are switched off."""
    root = api.schema.get_root_type(operation.definition.operation)
    name = root.name if root is not None else ""
    return Selections(operation, variables).of([operation.definition.selection_set], frozenset((name,)))


def in_statement(api: Api, asked: Asked) -> bool:
    """Whether a root field of a query is a column of the statement; the others are functions and introspection."""
    return asked.name in api.roots or asked.name in _NODES or asked.name == "__typename"


def table_fields(api: Api, operation: Operation, variables: Mapping[str, Any]) -> bool:
    """Whether a query asks for anything that the statement answers."""
    return any(in_statement(api, asked) for asked in root_fields(api, operation, variables))


def function_fields(
    api: Api, operation: Operation, variables: Mapping[str, Any]
) -> list[tuple[str, list[FieldNode], str]]:
    """The root fields that are functions: response key, the fields that share it, and the function's name."""
    return [
        (asked.key, list(asked.nodes), asked.name)
        for asked in root_fields(api, operation, variables)
        if asked.name in api.functions
    ]


def compile_query(
    api: Api,
    operation: Operation,
    variables: Mapping[str, Any],
    profile: Profile,
    conditions: Mapping[Hashable, Condition] | None = None,
) -> Plan:
    """The plan of a query's root fields that are roots, `node`, `nodes` or `__typename`.

    It serves every execution with the same `structure_of` and an equal profile, when it is reusable. `conditions` are
    those of special filters, by `SpecialUse.key`. Raises PageRefused, InvalidVariables, Forbidden.
    """
    building = Building(api, operation, variables, profile, conditions or {})
    columns = _columns(building, root_fields(api, operation, variables))
    if not columns:
        return Plan(b"", (), ())
    statement = select(*(column.label(f"f{place}") for place, (_, column) in enumerate(columns)))
    return building.plan(statement, tuple(key for key, _ in columns))


def specials_of(
    api: Api, operation: Operation, variables: Mapping[str, Any], profile: Profile = EVERYTHING
) -> tuple[SpecialUse, ...]:
    """The special filters that a query uses (those that `profile` reaches), to be prepared before it is compiled."""
    building = _gathering(api, operation, variables, profile)
    if building is None:
        return ()
    _columns(building, root_fields(api, operation, variables))
    return tuple(building.uses.values())


def specials_by_key(
    api: Api,
    operation: Operation,
    variables: Mapping[str, Any],
    entity: str,
    fields: Sequence[FieldNode],
    *,
    profile: Profile = EVERYTHING,
) -> tuple[SpecialUse, ...]:
    """The special filters below rows that are read by key."""
    building = _gathering(api, operation, variables, profile)
    if building is None:
        return ()
    found = building.entity(entity)
    node_json(building, found, building.row(found), _asked(fields), (_asked(fields).key,))
    return tuple(building.uses.values())


def compile_by_key(  # noqa: PLR0917
    api: Api,
    operation: Operation,
    variables: Mapping[str, Any],
    profile: Profile,
    entity: str,
    fields: Sequence[FieldNode],
    conditions: Mapping[Hashable, Condition] | None = None,
) -> Plan:
    """A plan that gives (key as text, JSON text) of those rows of an entity in `Execution.ids` that the actor reaches.

    `fields` share a response key; their selections are merged. Raises ValueError for an entity whose key is of several
    columns, and what `compile_query` raises.
    """
    building = Building(api, operation, variables, profile, conditions or {})
    found = building.entity(entity)
    if len(found.key) != 1:
        raise ValueError(f"{entity} is not read by a single key")
    row = building.row(found)
    key = getattr(row.table, found.key[0])
    ids = building.parameters.runtime(lambda execution: list(execution.ids), ARRAY(key.type))
    asked = _asked(fields)
    tenant, *others = base(building, found, row, listed=False)
    where = Where([tenant, key == func.any(ids), *(Late(one) for one in others if one is not None)])
    text = node_json(building, found, row, asked, (asked.key,))
    statement = select(cast(key, Text).label("k"), text.label("j")).select_from(row.table).where(where)
    plan = building.plan(statement, ())
    if _of_its_own_columns(building, operation, row, text):
        again = partial(compile_written, api, operation, variables, profile, entity, fields)
        return replace(plan, of_written=again)
    return plan


def compile_written(  # noqa: PLR0917
    api: Api,
    operation: Operation,
    variables: Mapping[str, Any],
    profile: Profile,
    entity: str,
    fields: Sequence[FieldNode],
    writes: Writes,
) -> Plan:
    """A plan that writes a row and gives (key as text, JSON text) of it; no JSON when the actor does not reach it, and
    nothing at all when nothing was written. Its `given` are the command's values.

    It is for selections of which `compile_by_key` says so. Raises what that raises.
    """
    building = Building(api, operation, variables, profile, {})
    written = writes(building.planning.session, TODAY, building.parameters.given)
    found = building.entity(entity)
    row = building.row_of(found, written.rows)
    asked = _asked(fields)
    reached = Where([Late(one) for one in base(building, found, row, listed=False) if one is not None])
    text = node_json(building, found, row, asked, (asked.key,))
    key = cast(getattr(row.table, found.key[0]), Text)
    statement = select(key.label("k"), case((reached, text)).label("j")).select_from(row.table)
    return building.plan(statement.add_cte(*written.also), ())


def _of_its_own_columns(building: Building, operation: Operation, row: Row, text: Part) -> bool:
    """Whether the JSON of a row tells of nothing but its columns, so that the row itself is enough to make it."""
    if operation.definition.operation is not OperationType.MUTATION:
        return False
    if building.references > 1 or building.batches or not building.reusable:
        return False
    sql = str(select(text).select_from(row.table).compile(dialect=DIALECT))
    return sql.upper().count("SELECT") == 1


def _asked(fields: Sequence[FieldNode]) -> Asked:
    first = fields[0]
    return Asked(first.alias.value if first.alias else first.name.value, first.name.value, tuple(fields))


def _gathering(api: Api, operation: Operation, variables: Mapping[str, Any], profile: Profile) -> Building | None:
    """What gathers special filters; None when the operation cannot have any."""
    building = Building(api, operation, variables, profile, {}, gathering=True)
    known = building.index.specials
    return building if not known.isdisjoint(operation.members) or _mentions(known, variables) else None


def _mentions(names: frozenset[str], value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(name in names or _mentions(names, inner) for name, inner in value.items())
    return isinstance(value, list | tuple) and any(_mentions(names, inner) for inner in value)


def _columns(building: Building, fields: list[Asked]) -> list[tuple[str, ColumnElement[Any]]]:
    return [(asked.key, _root(building, asked)) for asked in fields if in_statement(building.api, asked)]


def _root(building: Building, asked: Asked) -> Part:
    at = (asked.key,)
    if asked.name == "__typename":
        return Constant('"Query"')
    if asked.name == "node":
        return node_by_id(building, asked, at)
    if asked.name == "nodes":
        return nodes_by_id(building, asked, at)
    root = building.api.roots[asked.name]
    entity = building.entity(root.entity)
    of_actor = isinstance(root, OneRoot) and root.of_actor is not None
    if not of_actor and not building.profile.may(entity.view):
        building.notice(entity.view, at, root=True)
        return Constant("null")
    if isinstance(root, ListRoot):
        return connection_json(building, Listed(entity), asked, at, node_json)
    return or_null(_one(building, root, asked, at))


def _one(building: Building, root: OneRoot, asked: Asked, at: tuple[str, ...]) -> Part:
    entity = building.entity(root.entity)
    row = building.row(entity)
    if root.of_actor is not None:
        building.reads(entity)
        own = getattr(row.table, root.of_actor) == building.parameters.runtime(
            lambda execution: execution.standing.actor_id, Uuid(), "actor"
        )
        where = Where([row.within(row.table), *belonging(building, entity, row), own])
        return row_json(building, entity, row, where, asked, at=at)
    conditions = base(building, entity, row, listed=False)
    for name, kind, column in root.arguments:
        given = building.argument(asked, name, at)
        if given is None:
            return Constant("null")
        conditions.append(getattr(row.table, column) == building.bound(given.leaf(kind), kind.sql))
    return row_json(building, entity, row, Where(conditions), asked, at=at)
