"""Scalars, enums, and the filters on single values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from graphql import (
    EnumValueNode,
    FloatValueNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLScalarType,
    GraphQLString,
    ValueNode,
    value_from_ast_untyped,
)

from steward_graphql.declared.scalars import (
    BOOLEAN,
    DECIMAL,
    ID,
    JSON,
    SCALARS,
    STRING,
    EnumKind,
    Kind,
    Scalar,
    Unreadable,
    enum_name,
)
from steward_graphql.schema.describe import describe
from steward_graphql.schema.names import value_filter
from steward_graphql.schema.types import Types
from steward_tenants.texts import Bilingual


class _Scalar(GraphQLScalarType):
    """GraphQL's own ID and Int read input as our kinds do; introspection refers to String and Boolean only, which
    therefore stay graphql-core's."""

    reserved_types: Mapping[str, GraphQLNamedType] = {}


def _reader(kind: Scalar) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        try:
            return kind.read(value)
        except Unreadable as unreadable:
            raise GraphQLError(str(unreadable), original_error=unreadable) from None

    return read


def _literal_reader(kind: Scalar) -> Callable[[ValueNode], Any]:
    def read(node: ValueNode) -> Any:
        try:
            return kind.read(_literal(kind, node))
        except Unreadable as unreadable:
            raise GraphQLError(str(unreadable), node, original_error=unreadable) from None

    return read


def _literal(kind: Scalar, node: ValueNode) -> Any:
    """A literal as JSON would give it. Decimals keep their digits, and an enum's name is no text."""
    if isinstance(node, FloatValueNode) and kind is DECIMAL and "e" not in node.value.lower():
        return node.value
    if isinstance(node, EnumValueNode) and kind is not JSON:
        return None
    return value_from_ast_untyped(node)


def _same(value: Any) -> Any:
    return value


@cache
def scalar_type(kind: Scalar) -> GraphQLScalarType:
    """The GraphQL type of a scalar kind."""
    if kind is STRING:
        return GraphQLString
    if kind is BOOLEAN:
        return GraphQLBoolean
    return _Scalar(
        kind.name,
        coerce_output_value=_same,
        coerce_input_value=_reader(kind),
        coerce_input_literal=_literal_reader(kind),
        description=describe(kind.text),
    )


def enum_type(types: Types, kind: EnumKind) -> GraphQLEnumType:
    """The GraphQL type of a closed list. The internal value of a member is its stored key."""

    def make() -> GraphQLEnumType:
        values: dict[str, GraphQLEnumValue] = {}
        for key, title in kind.members:
            name = enum_name(key)
            if name in values:
                raise ValueError(f"{kind.name} has two members named {name}")
            values[name] = types.enum_value(key, description=describe(title))
        return GraphQLEnumType(kind.name, values, description=describe(kind.text))

    return types.shared(kind.name, _keys(kind), make)


def _keys(kind: EnumKind) -> tuple[str, ...]:
    """What makes two declarations of a closed list the same: its keys, however they are titled."""
    return tuple(key for key, _ in kind.members)


def leaf_type(types: Types, kind: Kind) -> GraphQLScalarType | GraphQLEnumType:
    """The GraphQL type of a kind."""
    return enum_type(types, kind) if isinstance(kind, EnumKind) else scalar_type(kind)


_KINDS = {kind.name: kind for kind in SCALARS}


def scalar_kind(type_: GraphQLNamedType) -> Scalar | None:
    """The kind behind a scalar type; None for anything else. Input of GraphQL's own String is read by graphql-core:
    whoever coerces it calls the kind's `read` as well."""
    return _KINDS.get(type_.name) if isinstance(type_, GraphQLScalarType) else None


_EQUAL = {
    "eq": Bilingual("等于；空值请用 isNull", "Equal to; ask for empty values with isNull"),
    "ne": Bilingual("不等于，含空值", "Not equal to, or empty"),
    "in": Bilingual("在所列值之中，最多 100 个", "One of these, at most 100"),
    "notIn": Bilingual("不在所列值之中，含空值；最多 100 个", "None of these, or empty; at most 100"),
}
_ORDERED = {
    "gt": Bilingual("大于", "Greater than"),
    "gte": Bilingual("大于或等于", "Greater than or equal to"),
    "lt": Bilingual("小于", "Less than"),
    "lte": Bilingual("小于或等于", "Less than or equal to"),
}
_TEXTUAL = {
    "contains": Bilingual("包含", "Contains"),
    "startsWith": Bilingual("以此开头", "Starts with"),
    "endsWith": Bilingual("以此结尾", "Ends with"),
}
_IS_NULL = Bilingual("是否为空", "Whether it is empty")
_LISTS = frozenset({"in", "notIn"})


def operators(kind: Kind) -> dict[str, Bilingual]:
    """The comparisons that a kind's filter has, apart from isNull."""
    if kind is BOOLEAN:
        return {"eq": _EQUAL["eq"]}
    found = dict(_EQUAL)
    if kind.textual:
        found |= _TEXTUAL
    elif isinstance(kind, Scalar) and kind.ordered and kind is not ID:
        found |= _ORDERED
    return found


def value_filter_type(types: Types, kind: Kind, *, listed: bool = False) -> GraphQLInputObjectType:
    """The filter on a value of this kind. Raises ValueError for JSON, which cannot be compared."""
    if kind is JSON:
        raise ValueError("values of kind JSON cannot be filtered by")
    name = value_filter(kind, listed=listed)
    owner = kind.name if isinstance(kind, Scalar) else _keys(kind)
    make = _list_filter if listed else _single_filter
    return types.shared(name, owner, lambda: make(types, kind))


def _single_filter(types: Types, kind: Kind) -> GraphQLInputObjectType:
    leaf = leaf_type(types, kind)
    fields = {
        name: types.input_field(
            types.list_of(types.non_null(leaf)) if name in _LISTS else leaf, description=describe(text)
        )
        for name, text in operators(kind).items()
    }
    fields["isNull"] = types.input_field(GraphQLBoolean, description=describe(_IS_NULL))
    about = Bilingual(
        f"对“{kind.text.zh}”的条件，须全部满足", f"Conditions on {_lower(kind.text.en)}; all given must hold"
    )
    return GraphQLInputObjectType(value_filter(kind), fields, description=describe(about))


def _list_filter(types: Types, kind: Kind) -> GraphQLInputObjectType:
    fields = {
        "has": types.input_field(
            leaf_type(types, kind), description=describe(Bilingual("列表中有此值", "The list has this value"))
        ),
        "isEmpty": types.input_field(
            GraphQLBoolean, description=describe(Bilingual("列表是否为空", "Whether the list is empty"))
        ),
    }
    about = Bilingual(f"对“{kind.text.zh}”列表的条件", f"Conditions on a list of {_lower(kind.text.en)}")
    return GraphQLInputObjectType(value_filter(kind, listed=True), fields, description=describe(about))


def _lower(text: str) -> str:
    """An English text inside a sentence; names that are capitals throughout stay."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
