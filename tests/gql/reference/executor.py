"""The reference: graphql-core executes a document over rows in Python, one field at a time.

Slow and simple. It shares no code with the compiler; the two must give equal JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    execute,
)
from graphql.execution.values import get_variable_values
from sqlalchemy import Engine

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Batched, Condition, Entity, ListRoot, Many, One, OneRoot, Value
from steward_graphql.schema.names import aggregate_fields
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from tests.gql.reference.conditions import Conditions, shown
from tests.gql.reference.notices import Notices, lacks
from tests.gql.reference.pages import Order, Page, cursor_of, figures, grouped, in_order, order_of, page_of
from tests.gql.reference.tables import Record, Tables


@dataclass(frozen=True)
class Told:
    """The reference's answer. `refused`: dotted places of fields whose permission the caller lacks."""

    data: Any
    refused: set[str]


@dataclass(eq=False)
class Connection:
    """The rows of a list that are within reach and meet its filter, in order."""

    entity: Entity
    records: list[Record]
    page: Page
    order: Order


@dataclass(eq=False)
class Summary:
    """Rows whose figures are asked for."""

    entity: Entity
    records: list[Record]
    key: Mapping[str, Any]


class Reference:
    """Answers as one person of one tenant."""

    def __init__(
        self, engine: Engine, database: Database, api: Api, tenant_id: UUID, actor: Actor, day: date, zone: str
    ) -> None:
        self.api, self.actor, self.database, self.day = api, actor, database, day
        self.tenant_id, self.zone = tenant_id, ZoneInfo(zone)
        self.tables = Tables(engine, api, tenant_id, actor, day)
        self.conditions = Conditions(self.tables, self._special)
        self._prepared: dict[tuple[str, str, str], Condition] = {}

    async def answer(self, document: DocumentNode, variables: Mapping[str, Any]) -> Told:
        """What a valid document's only operation gives. Raises AssertionError when a resolver fails."""
        definition = next(one for one in document.definitions if isinstance(one, OperationDefinitionNode))
        fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
        coerced: Any = get_variable_values(
            self.api.schema, definition.variable_definitions or (), dict(variables), hide_suggestions=True
        )
        known = coerced.coerced if hasattr(coerced, "coerced") else coerced
        notices = Notices(self.api, self.actor, fragments, known)
        found: Any = execute(
            self.api.schema,
            document,
            variable_values=dict(variables),
            field_resolver=self._resolve,
            type_resolver=self._type_of,
            context_value=notices,
        )
        result = await found if hasattr(found, "__await__") else found
        for error in result.errors or ():
            raise AssertionError(f"the reference failed at {error.path}: {error.message}") from error.original_error
        return Told(result.data, notices.of(definition))

    def _type_of(self, value: Any, *_: Any) -> str:
        assert isinstance(value, Record)
        return value.concrete

    async def _resolve(self, source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        name = info.field_name
        if source is None:
            return await self._root(name, given, info)
        if isinstance(source, Record):
            return await self._field(source, info.parent_type, name, given)
        if isinstance(source, Connection):
            return self._of_connection(source, name, given)
        if isinstance(source, Summary):
            return self._of_summary(source, name)
        return source[name]

    async def _root(self, name: str, given: Mapping[str, Any], info: GraphQLResolveInfo[Any]) -> Any:
        if name == "node":
            return self._asked(given["id"], info)
        if name == "nodes":
            return [self._asked(one, info) for one in given["ids"]]
        root = self.api.roots[name]
        entity = self.api.entities[root.entity]
        own = isinstance(root, OneRoot) and root.of_actor is not None
        if not own and lacks(self.actor, entity.view):
            return None
        everything = self.tables.records(entity).values()
        if isinstance(root, ListRoot):
            reachable = [one for one in everything if self.conditions.reachable(one, None)]
            return await self._connection(entity, reachable, given)
        for one in everything:
            if not self.tables.belongs(one) or not (own or self.tables.reaches(one)):
                continue
            if root.of_actor is not None:
                if one.columns[root.of_actor] == self.actor.id:
                    return one
            elif all(one.columns[column] == given.get(argument) for argument, _, column in root.arguments):
                return one
        return None

    def _asked(self, row_id: UUID, info: GraphQLResolveInfo[Any]) -> Record | None:
        """The row of an id; none where the document asks nothing of its type."""
        one = self._node(row_id)
        return one if one is not None and info.context.asks(one.concrete, info.field_nodes) else None

    def _node(self, row_id: UUID) -> Record | None:
        for entity in self.api.entities.values():
            if not entity.node or entity.interfaces or lacks(self.actor, entity.view):
                continue
            one = self.tables.records(entity).get((row_id,)) if entity.key == ("id",) else None
            if one is not None and self.tables.belongs(one) and self.tables.reaches(one):
                return one
        return None

    async def _field(self, record: Record, parent: GraphQLObjectType, name: str, given: Mapping[str, Any]) -> Any:
        entity = self.api.entities[parent.name]
        if entity is not record.entity:
            record = self.tables.records(entity)[record.key]
        one = entity.by_name[name]
        if isinstance(one, Value):
            if lacks(self.actor, one.permission):
                return None
            if one.argument is not None:
                value = self.tables.by_argument(entity, one, given.get(one.argument))[record.key]
            else:
                value = record.values[name]
            return shown(one.kind, value, one.listed)
        if isinstance(one, Batched):
            async with self.database.read(self.tenant_id, self.actor) as session:
                return (await one.values(session, [record.key[0]], self.day)).get(record.key[0])
        return await self._related(record, entity, one, given)

    async def _related(self, record: Record, entity: Entity, one: One | Many, given: Mapping[str, Any]) -> Any:
        target = self.api.entities[one.target]
        if lacks(self.actor, target.view):
            return None
        linked = self.tables.linked(entity, one.name, target, one.link, record.key)
        found = [other for other in linked if self.conditions.reachable(other, one)]
        if isinstance(one, Many):
            return await self._connection(target, found, given)
        return found[0] if found else None

    async def _connection(self, entity: Entity, records: Iterable[Record], given: Mapping[str, Any]) -> Connection:
        order = order_of(entity, given.get("orderBy"))
        met = await self.conditions.matching(entity, given.get("filter"), list(records))
        ordered = in_order(met, order)
        return Connection(entity, ordered, page_of(self.tables.records(entity), ordered, order, given), order)

    def _of_connection(self, source: Connection, name: str, given: Mapping[str, Any]) -> Any:
        rows = source.page.rows
        match name:
            case "nodes":
                return rows
            case "edges":
                return [{"cursor": cursor_of(one, source.order), "node": one} for one in rows]
            case "pageInfo":
                return {
                    "hasNextPage": source.page.after,
                    "hasPreviousPage": source.page.before,
                    "startCursor": cursor_of(rows[0], source.order) if rows else None,
                    "endCursor": cursor_of(rows[-1], source.order) if rows else None,
                }
            case "totalCount":
                return len(source.records)
            case "aggregate":
                return Summary(source.entity, source.records, {})
        found = grouped(source.entity, [str(one) for one in given["by"]], source.records, self.zone)
        most = 100 if given.get("first") is None else given["first"]
        return [Summary(source.entity, records, key) for key, records in found[:most]]

    def _of_summary(self, source: Summary, name: str) -> Any:
        if name == "count":
            return len(source.records)
        if name == "key":
            groupable = {one.name: None for one in source.entity.fields if isinstance(one, Value) and one.group}
            return {**groupable, **source.key}
        return figures(aggregate_fields(source.entity), source.records, name)

    async def _special(self, entity: Entity, name: str, wanted: Any) -> Condition:
        place = (entity.name, name, repr(wanted))
        if place not in self._prepared:
            async with self.database.read(self.tenant_id, self.actor) as session:
                special = entity.specials_by_name[name]
                self._prepared[place] = await special.prepare(session, wanted, self.day)
        return self._prepared[place]
