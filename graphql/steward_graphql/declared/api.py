"""One API: everything declared for a set of enabled plugins, and the GraphQL schema built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import GraphQLSchema

from steward_graphql.declared.entities import Entity, Root
from steward_graphql.declared.shapes import Function, Mutation, Subscription


@dataclass(frozen=True, eq=False)
class Api:
    """All by name. `connections`, `edges`, `groups` tell the entity of a generated type (`ClientConnection`)."""

    plugins: frozenset[str]
    entities: Mapping[str, Entity]
    roots: Mapping[str, Root]
    functions: Mapping[str, Function]
    mutations: Mapping[str, Mutation]
    subscriptions: Mapping[str, Subscription]
    schema: GraphQLSchema = field(repr=False)
