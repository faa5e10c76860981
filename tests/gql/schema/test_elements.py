"""What types consist of: equal elements are one object, and nothing of the making is kept."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLDefaultInput,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLString,
    get_introspection_query,
    graphql_sync,
    is_introspection_type,
    is_scalar_type,
    is_wrapping_type,
    print_schema,
    validate_schema,
)

from steward_graphql.declared.api import Api
from steward_graphql.schema.elements import NOTHING, Elements
from steward_graphql.schema.types import Shared
from tests.gql.schema.small import FUNCTION, client, person, small_api


@pytest.fixture(scope="module")
def api() -> Api:
    """A schema that has elements of every sort."""
    return small_api(person(), client(), functions=[FUNCTION])


def own_types(api: Api) -> list[Any]:
    """The types that are neither scalars nor GraphQL's own."""
    return [one for one in api.schema.type_map.values() if not is_introspection_type(one) and not is_scalar_type(one)]


def elements(api: Api) -> Iterator[Any]:
    """Fields, their arguments, input fields and members."""
    for one in own_types(api):
        if isinstance(one, GraphQLObjectType | GraphQLInterfaceType):
            for field in one.fields.values():
                yield field
                yield from field.args.values()
        elif isinstance(one, GraphQLInputObjectType):
            yield from one.fields.values()
        elif isinstance(one, GraphQLEnumType):
            yield from one.values.values()


def test_a_type_is_wrapped_once(api: Api) -> None:
    found: dict[str, set[int]] = {}
    for one in elements(api):
        wrapped = getattr(one, "type", None)
        while is_wrapping_type(wrapped):
            found.setdefault(str(wrapped), set()).add(id(wrapped))
            wrapped = wrapped.of_type
    assert len(found) > 20
    assert [name for name, objects in found.items() if len(objects) > 1] == []


def test_equal_elements_are_one() -> None:
    made = Elements()
    text = made.argument(GraphQLString, description="Text.")
    assert text is made.argument(GraphQLString, description="Text.")
    assert text is not made.argument(GraphQLString, description="Another.")
    field = made.field(GraphQLString, {"text": text}, description="It.")
    assert field is made.field(GraphQLString, {"text": text}, description="It.")
    assert field is not made.field(GraphQLString, description="It.")
    assert field is not made.field(GraphQLString, {"other": text}, description="It.")
    assert field is not made.field(made.non_null(GraphQLString), {"text": text}, description="It.")
    assert made.enum_value("a", description="A.") is not made.enum_value("b", description="A.")


def test_elements_with_defaults_keep_their_own() -> None:
    made = Elements()
    with_defaults = [
        made.argument(GraphQLString, description="Text.", default=GraphQLDefaultInput(one), read_default=one)
        for one in ("a", "b")
    ]
    plain = made.argument(GraphQLString, description="Text.")
    assert [one.default_value for one in with_defaults] == ["a", "b"]
    assert plain.default is None


def test_the_empty_dict_that_all_share_stays_empty(api: Api) -> None:
    assert graphql_sync(api.schema, get_introspection_query()).errors is None
    assert validate_schema(api.schema) == []
    assert print_schema(api.schema)
    assert all(one.extensions is NOTHING for one in [*own_types(api), *elements(api)])
    assert NOTHING == {}


def test_what_the_types_were_made_with_goes_with_the_making(api: Api) -> None:
    kept = [one.name for one in own_types(api) if callable(getattr(one, "_fields", None))]
    kept += [one.name for one in own_types(api) if callable(getattr(one, "_interfaces", None))]
    assert kept == []


def test_a_schema_that_nobody_holds_goes_though_others_share_its_types() -> None:
    shared = Shared()
    first = small_api(person(), client(), shared=shared)
    second = small_api(person(), client(), shared=shared)
    gone = weakref.ref(first.schema.type_map["Client"])
    del first
    gc.collect()
    assert gone() is None
    assert second.schema.type_map["Client"] is not None
