"""Fields, arguments and wrappers of the types of one schema. Those that are equal are one object, as most are."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar, cast

from graphql import (
    GraphQLArgument,
    GraphQLDefaultInput,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLNullableType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLType,
    Undefined,
)

A = TypeVar("A", GraphQLArgument, GraphQLInputField)
E = TypeVar("E")
T = TypeVar("T", bound=GraphQLType)
N = TypeVar("N", bound=GraphQLNullableType)

NOTHING: dict[str, Any] = {}
"""The extensions of everything and the arguments of fields that have none: one dict, which nobody writes to."""


class Elements:
    """Makes what types consist of."""

    def __init__(self) -> None:
        self._elements: dict[Hashable, Any] = {}

    def _one(self, key: Hashable, make: Callable[[], E]) -> E:
        found = self._elements.get(key)
        if found is None:
            found = self._elements[key] = make()
        return cast(E, found)

    def non_null(self, type_: N) -> GraphQLNonNull[N]:
        """`type_!`."""
        return self._one((GraphQLNonNull, type_), lambda: GraphQLNonNull(type_))

    def list_of(self, type_: T) -> GraphQLList[T]:
        """`[type_]`."""
        return self._one((GraphQLList, type_), lambda: GraphQLList(type_))

    def field(
        self, type_: GraphQLOutputType, arguments: Mapping[str, GraphQLArgument] | None = None, *, description: str
    ) -> GraphQLField:
        """A field of an object or interface type."""
        names = tuple((name, id(one)) for name, one in arguments.items()) if arguments else ()
        taken = self._one((Mapping, names), lambda: dict(arguments)) if arguments else NOTHING

        def make() -> GraphQLField:
            made = GraphQLField(type_, taken, description=description)
            made.args, made.extensions = taken, NOTHING
            return made

        return self._one((GraphQLField, type_, names, description), make)

    def argument(
        self,
        type_: GraphQLInputType,
        *,
        description: str | None,
        default: GraphQLDefaultInput | None = None,
        read_default: Any = Undefined,
    ) -> GraphQLArgument:
        """An argument of a field; `default` as the schema writes it, `read_default` as Python gets it."""
        return self._given(GraphQLArgument, type_, description, default, read_default)

    def input_field(
        self,
        type_: GraphQLInputType,
        *,
        description: str,
        default: GraphQLDefaultInput | None = None,
        read_default: Any = Undefined,
    ) -> GraphQLInputField:
        """A field of an input object, with a default as `argument` has it."""
        return self._given(GraphQLInputField, type_, description, default, read_default)

    def _given(
        self,
        kind: type[A],
        type_: GraphQLInputType,
        description: str | None,
        default: GraphQLDefaultInput | None,
        read_default: Any,
    ) -> A:
        def make() -> A:
            made = kind(type_, default=default, default_value=read_default, description=description)
            made.extensions = NOTHING
            return made

        return self._one((kind, type_, description), make) if default is None else make()

    def enum_value(self, value: str, *, description: str) -> GraphQLEnumValue:
        """A member of an enum, and what it stands for."""

        def make() -> GraphQLEnumValue:
            made = GraphQLEnumValue(value, description=description)
            made.extensions = NOTHING
            return made

        return self._one((GraphQLEnumValue, value, description), make)


def settle(schema: GraphQLSchema) -> None:
    """Let go of what the fields and interfaces of a schema's types were made with: all are known now."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            type_._fields, type_._interfaces = type_.fields, type_.interfaces
        elif isinstance(type_, GraphQLInputObjectType):
            type_._fields = type_.fields
