"""Everything in a schema that can have a description."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    is_introspection_type,
)

OF_GRAPHQL = frozenset({"String", "Boolean"})
"""Types that are graphql-core's own, texts included."""


def described(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Each place and its description: types, fields, arguments, members of enums and of input objects."""
    for name, kind in schema.type_map.items():
        if is_introspection_type(kind) or name in OF_GRAPHQL:
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{key}", value.description) for key, value in kind.values.items())
        elif isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{key}", field.description) for key, field in kind.fields.items())
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for key, field in kind.fields.items():
                yield f"{name}.{key}", field.description
                yield from ((f"{name}.{key}({one})", arg.description) for one, arg in field.args.items())
