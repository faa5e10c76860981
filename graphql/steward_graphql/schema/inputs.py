"""Arguments and input objects: filters, orders, what functions and mutations take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLDefaultInput,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNullableInputType,
    Undefined,
)

from steward_graphql.declared.entities import Entity, Many, One, Special, Value
from steward_graphql.declared.scalars import ID, INT, STRING, EnumKind, enum_name
from steward_graphql.declared.shapes import Argument, InputObject, Mutation
from steward_graphql.schema import names
from steward_graphql.schema.describe import describe, head
from steward_graphql.schema.leaves import leaf_type, scalar_type, value_filter_type
from steward_graphql.schema.types import Types, camel_case, unique
from steward_tenants.texts import Bilingual

PAGE = {
    "first": Bilingual("从前往后取几条，默认 20，最多 100", "How many from the start: 20 by default, at most 100"),
    "after": Bilingual("从此游标之后取", "Those after this cursor"),
    "last": Bilingual("从后往前取几条，最多 100", "How many from the end, at most 100"),
    "before": Bilingual("取此游标之前的", "Those before this cursor"),
}
IDEMPOTENCY_KEY = Bilingual(
    "幂等键：相同的键和输入再次提交时返回同一结果，不再执行",
    "The same key with the same input answers the same again, and nothing is done twice",
)


def order_direction(types: Types) -> GraphQLEnumType:
    """`OrderDirection`."""
    return types.shared(
        "OrderDirection",
        "OrderDirection",
        lambda: GraphQLEnumType(
            "OrderDirection",
            {
                "ASC": types.enum_value(
                    "ASC", description=describe(Bilingual("升序，空值在后", "Ascending, empty values last"))
                ),
                "DESC": types.enum_value(
                    "DESC", description=describe(Bilingual("降序，空值在前", "Descending, empty values first"))
                ),
            },
            description=describe(Bilingual("排序方向", "Direction of an order")),
        ),
    )


def order_type(types: Types, entity: Entity) -> GraphQLInputObjectType | None:
    """`NOrder`; None where rows cannot be sorted by anything. The internal value of a field is its GraphQL name."""
    fields = names.order_fields(entity)
    if not fields:
        return None

    def make() -> GraphQLInputObjectType:
        about = Bilingual(f"{head(entity.text)}的排序字段", f"What rows of {entity.name} are sorted by")
        field = types.shared(
            f"{entity.name}OrderField",
            entity,
            lambda: GraphQLEnumType(
                f"{entity.name}OrderField",
                {name: types.enum_value(name, description=describe(value.text)) for name, value in fields.items()},
                description=describe(about),
            ),
        )
        return GraphQLInputObjectType(
            f"{entity.name}Order",
            {
                "field": types.input_field(
                    types.non_null(field), description=describe(Bilingual("排序字段", "The field to sort by"))
                ),
                "direction": types.input_field(
                    types.non_null(order_direction(types)),
                    default=GraphQLDefaultInput("ASC"),
                    read_default="ASC",
                    description=describe(Bilingual("排序方向", "The direction")),
                ),
            },
            description=describe(Bilingual(f"{head(entity.text)}的排序", f"An order of rows of {entity.name}")),
        )

    return types.shared(f"{entity.name}Order", entity, make)


def filter_type(types: Types, entity: Entity) -> GraphQLInputObjectType:
    """`NFilter`."""
    name = names.filter_of(entity.name)

    def fields() -> dict[str, GraphQLInputField]:
        found: dict[str, GraphQLInputField] = {}
        itself = types.non_null(filter_type(types, entity))
        every = Bilingual("须全部满足；空列表不筛选", "All must hold; an empty list filters nothing")
        some = Bilingual("满足其一即可；空列表无匹配", "At least one holds; an empty list matches nothing")
        found["and"] = types.input_field(types.list_of(itself), description=describe(every))
        found["or"] = types.input_field(types.list_of(itself), description=describe(some))
        found["not"] = types.input_field(
            itself.of_type, description=describe(Bilingual("不满足此条件", "This does not hold"))
        )
        for one in entity.fields:
            condition = _filter_of_field(types, entity, one)
            if condition is not None:
                unique(found, one.name, condition, name)
        for special in entity.specials:
            camel_case(special.name, name)
            unique(found, special.name, _special(types, special), name)
        return found

    about = Bilingual(
        f"{head(entity.text)}的筛选条件，所给各项须全部满足",
        f"A condition on {entity.name}; all that is given must hold",
    )
    return types.own(name, entity, lambda: GraphQLInputObjectType(name, fields, description=describe(about)))


def _filter_of_field(types: Types, entity: Entity, one: Any) -> GraphQLInputField | None:
    if not getattr(one, "filter", False):
        return None
    kind: GraphQLInputObjectType
    if isinstance(one, Value):
        kind = value_filter_type(types, one.kind, listed=one.listed)
    elif isinstance(one, One):
        kind = filter_type(types, types.entity(one.target, f"{entity.name}.{one.name}"))
    elif isinstance(one, Many):
        kind = _many_filter(types, types.entity(one.target, f"{entity.name}.{one.name}"))
    else:
        return None
    return types.input_field(kind, description=describe(one.text))


def _many_filter(types: Types, target: Entity) -> GraphQLInputObjectType:
    name = names.many_filter(target.name)
    about = Bilingual(
        f"对所关联的{head(target.text)}的条件", f"A condition on the rows of {target.name} that it leads to"
    )

    def fields() -> dict[str, GraphQLInputField]:
        condition = filter_type(types, target)
        return {
            "some": types.input_field(
                condition, description=describe(Bilingual("至少有一条满足", "At least one of them meets it"))
            ),
            "none": types.input_field(
                condition, description=describe(Bilingual("没有一条满足", "None of them meets it"))
            ),
        }

    return types.own(name, target, lambda: GraphQLInputObjectType(name, fields, description=describe(about)))


def _special(types: Types, special: Special) -> GraphQLInputField:
    kind: GraphQLInputType
    if special.shape:
        kind = _shape_input(types, special)
    elif special.kind is not None:
        kind = leaf_type(types, special.kind)
    else:
        raise ValueError(f"the special filter {special.name} has neither a kind nor a shape")
    if special.listed:
        kind = types.list_of(types.non_null(kind))
    return types.input_field(kind, description=describe(special.text))


def _shape_input(types: Types, special: Special) -> GraphQLInputObjectType:
    def make() -> GraphQLInputObjectType:
        fields: dict[str, GraphQLInputField] = {}
        for name, kind, required, text in special.shape:
            leaf = leaf_type(types, kind)
            field = types.input_field(types.non_null(leaf) if required else leaf, description=describe(text))
            unique(fields, camel_case(name, special.shape_name), field, special.shape_name)
        return GraphQLInputObjectType(special.shape_name, fields, description=describe(special.text))

    if not special.shape_name:
        raise ValueError(f"the special filter {special.name} has a shape without a name")
    return types.own(special.shape_name, special.shape, make)


def connection_arguments(types: Types, entity: Entity) -> dict[str, GraphQLArgument]:
    """What every connection of an entity takes; the same objects for all of them."""
    known = types.connection_arguments.get(entity.name)
    if known is None:
        known = types.connection_arguments[entity.name] = _connection_arguments(types, entity)
    return known


def _connection_arguments(types: Types, entity: Entity) -> dict[str, GraphQLArgument]:
    whole, text = scalar_type(INT), scalar_type(STRING)
    found = {
        name: types.argument(whole if name in ("first", "last") else text, description=describe(told))
        for name, told in PAGE.items()
    }
    found["filter"] = types.argument(
        filter_type(types, entity), description=describe(Bilingual("筛选条件", "Which rows are wanted"))
    )
    order = order_type(types, entity)
    if order is not None:
        found["orderBy"] = types.argument(
            types.list_of(types.non_null(order)),
            description=describe(Bilingual("排序，先后有别", "The order; the first counts first")),
        )
    return found


def arguments(types: Types, declared: tuple[Argument, ...], place: str) -> dict[str, GraphQLArgument]:
    """The arguments of a function or subscription."""
    found: dict[str, GraphQLArgument] = {}
    for one in declared:
        made = types.argument(
            _type(types, one), default=_default(one), read_default=_read_default(one), description=describe(one.text)
        )
        unique(found, camel_case(one.name, place), made, place)
    return found


def one_arguments(types: Types, declared: Mapping[str, Any]) -> dict[str, GraphQLArgument]:
    """The required arguments of a field that finds one row, by name and kind."""
    return {
        name: types.argument(types.non_null(leaf_type(types, kind)), description=describe(kind.text))
        for name, kind in declared.items()
    }


def ids_argument(types: Types) -> dict[str, GraphQLArgument]:
    """The argument of `nodes`."""
    ids = types.non_null(types.list_of(types.non_null(scalar_type(ID))))
    return {"ids": types.argument(ids, description=describe(Bilingual("编号，最多 100 个", "Ids, at most 100")))}


def texts_argument(types: Types, name: str) -> dict[str, GraphQLArgument]:
    """The argument of a value that takes a list of keys."""
    keys = types.list_of(types.non_null(scalar_type(STRING)))
    told = Bilingual("只取这些键；不给则全部", "Only these keys; all when not given")
    return {name: types.argument(keys, description=describe(told))}


def mutation_input(types: Types, mutation: Mutation) -> GraphQLInputObjectType:
    """`MInput`."""
    name = names.input_of(mutation)

    def make() -> GraphQLInputObjectType:
        fields = _input_fields(types, mutation.arguments, name)
        key = types.input_field(scalar_type(STRING), description=describe(IDEMPOTENCY_KEY))
        unique(fields, "idempotencyKey", key, name)
        about = Bilingual(f"{head(mutation.text)}的输入", f"Input of {mutation.name}")
        return GraphQLInputObjectType(name, fields, description=describe(about))

    return types.shared(name, mutation, make)


def input_object(types: Types, declared: InputObject) -> GraphQLInputObjectType:
    """A declared input object."""

    def make() -> GraphQLInputObjectType:
        return GraphQLInputObjectType(
            declared.name,
            _input_fields(types, declared.parts, declared.name),
            description=describe(declared.text),
        )

    return types.shared(declared.name, declared, make)


def _input_fields(types: Types, declared: tuple[Argument, ...], place: str) -> dict[str, GraphQLInputField]:
    found: dict[str, GraphQLInputField] = {}
    for one in declared:
        made = types.input_field(
            _type(types, one), default=_default(one), read_default=_read_default(one), description=describe(one.text)
        )
        unique(found, camel_case(one.name, place), made, place)
    return found


def _bare(types: Types, one: Argument) -> GraphQLNullableInputType:
    return input_object(types, one.kind) if isinstance(one.kind, InputObject) else leaf_type(types, one.kind)


def _type(types: Types, one: Argument) -> GraphQLInputType:
    kind = _bare(types, one)
    if one.listed:
        kind = types.list_of(types.non_null(kind))
    return types.non_null(kind) if one.required else kind


def _default(one: Argument) -> GraphQLDefaultInput | None:
    """A default as the schema writes it: as a client would give it."""
    if one.default is None:
        return None
    if not isinstance(one.kind, EnumKind):
        return GraphQLDefaultInput(one.default)
    if one.listed:
        return GraphQLDefaultInput([enum_name(str(key)) for key in one.default])
    return GraphQLDefaultInput(enum_name(str(one.default)))


def _read_default(one: Argument) -> Any:
    """A default as Python gets it."""
    if one.default is None or isinstance(one.kind, EnumKind | InputObject):
        return Undefined if one.default is None else one.default
    return [one.kind.read(item) for item in one.default] if one.listed else one.kind.read(one.default)
