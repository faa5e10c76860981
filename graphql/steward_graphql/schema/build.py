"""One API from what is declared for a set of plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, Root, column
from steward_graphql.declared.scalars import ID
from steward_graphql.declared.shapes import Function, Mutation, Subscription
from steward_graphql.schema.describe import describe, needs
from steward_graphql.schema.elements import settle
from steward_graphql.schema.inputs import arguments, ids_argument, mutation_input, one_arguments
from steward_graphql.schema.outputs import connection_field, entity_type, node_type, payload_type, shape_type
from steward_graphql.schema.types import Shared, Types, camel_case, unique
from steward_tenants.texts import Bilingual


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


class _OfPlugin(_Named, Protocol):
    @property
    def plugin(self) -> str | None: ...


P = TypeVar("P", bound=_OfPlugin)


def build_api(
    catalogues: Sequence[Catalogue],
    functions: Sequence[Function],
    mutations: Sequence[Mutation],
    subscriptions: Sequence[Subscription],
    plugins: frozenset[str],
    *,
    shared: Shared | None = None,
) -> Api:
    """The API of a set of plugins; what is declared for other plugins is left out.

    An entity that is a node and declares no `id` is given one. With `shared`, types that depend on nothing else are
    taken from there. Raises ValueError for names that stand for two things or are not written as GraphQL's are, and
    for references that lead nowhere.
    """
    shared = shared or Shared()
    chosen = [one for one in catalogues if one.plugin is None or one.plugin in plugins]
    entities = _by_name((_with_id(entity, shared) for one in chosen for entity in one.entities), "types")
    roots = _by_name((root for one in chosen for root in one.roots), "query fields")
    own_functions = _by_name(_of(functions, plugins), "functions")
    own_mutations = _by_name(_of(mutations, plugins), "mutations")
    own_subscriptions = _by_name(_of(subscriptions, plugins), "subscriptions")
    types = Types(entities, shared)
    try:
        schema = GraphQLSchema(
            query=_query(types, roots, own_functions),
            mutation=_mutation(types, own_mutations),
            subscription=_subscription(types, own_subscriptions),
            types=[entity_type(types, entity) for entity in entities.values()],
        )
    except TypeError as error:
        raise ValueError(str(error)) from error
    settle(schema)
    return Api(plugins, entities, roots, own_functions, own_mutations, own_subscriptions, schema)


def _of(declared: Iterable[P], plugins: frozenset[str]) -> list[P]:
    return [one for one in declared if one.plugin is None or one.plugin in plugins]


def _by_name(declared: Iterable[N], place: str) -> dict[str, N]:
    found: dict[str, N] = {}
    for one in declared:
        unique(found, one.name, one, f"the list of {place}")
    return found


def _with_id(entity: Entity, shared: Shared) -> Entity:
    if not entity.node or "id" in entity.by_name:
        return entity
    if entity not in shared.with_ids:
        table: Any = entity.table
        own_id = column(table.id, "编号", "Its id", filter=True)
        shared.with_ids[entity] = replace(entity, fields=(own_id, *entity.fields))
    return shared.with_ids[entity]


def _query(types: Types, roots: Mapping[str, Root], functions: Mapping[str, Function]) -> GraphQLObjectType:
    def fields() -> dict[str, GraphQLField]:
        found: dict[str, GraphQLField] = {}
        for root in roots.values():
            unique(found, camel_case(root.name, "Query"), _root(types, root), "Query")
        for function in functions.values():
            unique(found, camel_case(function.name, "Query"), _function(types, function), "Query")
        for name, field in _nodes(types).items():
            unique(found, name, field, "Query")
        return found

    return types.own(
        "Query", "Query", lambda: GraphQLObjectType("Query", fields, description=describe(Bilingual("查询", "Queries")))
    )


def _root(types: Types, root: Root) -> GraphQLField:
    entity = types.entity(root.entity, f"Query.{root.name}")
    if isinstance(root, ListRoot):
        return connection_field(types, entity, root.text, *needs(entity.view))
    asked = needs(None if root.of_actor else entity.view)
    given = _one_root_arguments(types, root)
    return types.field(entity_type(types, entity), given, description=describe(root.text, *asked))


def _one_root_arguments(types: Types, root: OneRoot) -> dict[str, Any]:
    if root.of_actor is not None:
        return {}
    for name, _, _ in root.arguments:
        camel_case(name, f"Query.{root.name}")
    return one_arguments(types, {name: kind for name, kind, _ in root.arguments})


def _function(types: Types, function: Function) -> GraphQLField:
    kind = shape_type(types, function.result)
    return types.field(
        kind if function.nullable else types.non_null(kind),
        arguments(types, function.arguments, f"Query.{function.name}"),
        description=describe(function.text),
    )


def _nodes(types: Types) -> dict[str, GraphQLField]:
    node = node_type(types)
    return {
        "node": types.field(
            node,
            one_arguments(types, {"id": ID}),
            description=describe(
                Bilingual("按编号取一个对象；不存在或不可见时为空", "One object by its id; null when out of reach")
            ),
        ),
        "nodes": types.field(
            types.non_null(types.list_of(node)),
            ids_argument(types),
            description=describe(
                Bilingual("按编号取多个对象，次序与编号一致", "Objects by their ids, in the order of the ids")
            ),
        ),
    }


def _mutation(types: Types, mutations: Mapping[str, Mutation]) -> GraphQLObjectType | None:
    def fields() -> dict[str, GraphQLField]:
        found: dict[str, GraphQLField] = {}
        for one in mutations.values():
            unique(found, camel_case(one.name, "Mutation"), _mutation_field(types, one), "Mutation")
        return found

    if not mutations:
        return None
    about = Bilingual("变更，逐个执行", "Mutations, done one after another")
    return types.own("Mutation", "Mutation", lambda: GraphQLObjectType("Mutation", fields, description=describe(about)))


def _mutation_field(types: Types, mutation: Mutation) -> GraphQLField:
    given = mutation_input(types, mutation)
    return types.field(
        payload_type(types, mutation),
        {"input": types.argument(types.non_null(given), description=given.description)},
        description=describe(mutation.text, *needs(mutation.permission)),
    )


def _subscription(types: Types, subscriptions: Mapping[str, Subscription]) -> GraphQLObjectType | None:
    def fields() -> dict[str, GraphQLField]:
        found: dict[str, GraphQLField] = {}
        for one in subscriptions.values():
            taken = arguments(types, one.arguments, f"Subscription.{one.name}")
            made = types.field(shape_type(types, one.result), taken, description=describe(one.text))
            unique(found, camel_case(one.name, "Subscription"), made, "Subscription")
        return found

    if not subscriptions:
        return None
    about = Bilingual("订阅", "Subscriptions")
    return types.own(
        "Subscription", "Subscription", lambda: GraphQLObjectType("Subscription", fields, description=describe(about))
    )
