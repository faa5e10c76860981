"""Object types: entities with their connections and aggregates, shapes, payloads."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    GraphQLBoolean,
    GraphQLDefaultInput,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNullableOutputType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
)

from steward_graphql.declared.entities import Batched, Entity, Field, One, Value
from steward_graphql.declared.scalars import ID, INT, STRING
from steward_graphql.declared.shapes import EntityRef, ListOf, Mutation, ObjectShape, Part, Shape
from steward_graphql.schema import names
from steward_graphql.schema.describe import describe, head, needs
from steward_graphql.schema.inputs import connection_arguments, texts_argument
from steward_graphql.schema.leaves import leaf_type, scalar_type
from steward_graphql.schema.types import Types, camel_case, unique
from steward_tenants.texts import Bilingual

EntityType = GraphQLObjectType | GraphQLInterfaceType
GROUPS = 100
"""Groups that one answer has at most."""


def _field(types: Types, type_: GraphQLOutputType, zh: str, en: str) -> GraphQLField:
    return types.field(type_, description=describe(Bilingual(zh, en)))


def node_type(types: Types) -> GraphQLInterfaceType:
    """The interface `Node`."""
    return types.shared(
        "Node",
        "Node",
        lambda: GraphQLInterfaceType(
            "Node",
            {"id": _field(types, types.non_null(scalar_type(ID)), "编号（UUID）", "Its id, a UUID")},
            description=describe(Bilingual("凡有编号的对象", "Whatever is known by an id")),
        ),
    )


def entity_type(types: Types, entity: Entity) -> EntityType:
    """`N`: an interface where the entity has concrete types."""

    def fields() -> dict[str, GraphQLField]:
        found: dict[str, GraphQLField] = {}
        for one in entity.fields:
            unique(found, camel_case(one.name, entity.name), _entity_field(types, entity, one), entity.name)
        return found

    def interfaces() -> list[GraphQLInterfaceType]:
        found = [_interface(types, name, entity.name) for name in entity.interfaces]
        return [*found, node_type(types)] if entity.node else found

    make = GraphQLInterfaceType if entity.concrete else GraphQLObjectType
    description = describe(entity.text, *needs(entity.view))
    return types.own(entity.name, entity, lambda: make(entity.name, fields, interfaces, description=description))


def _interface(types: Types, name: str, place: str) -> GraphQLInterfaceType:
    found = entity_type(types, types.entity(name, place))
    if not isinstance(found, GraphQLInterfaceType):
        raise ValueError(f"{place} is one of {name}, which has no concrete types")
    return found


def _entity_field(types: Types, entity: Entity, one: Field) -> GraphQLField:
    place = f"{entity.name}.{one.name}"
    if isinstance(one, Value):
        return _value_field(types, one)
    if isinstance(one, Batched):
        return types.field(leaf_type(types, one.kind), description=describe(one.text))
    target = types.entity(one.target, place)
    if isinstance(one, One):
        return types.field(entity_type(types, target), description=describe(one.text))
    return connection_field(types, target, one.text)


def _value_field(types: Types, one: Value) -> GraphQLField:
    leaf = leaf_type(types, one.kind)
    kind: GraphQLNullableOutputType = types.list_of(types.non_null(leaf)) if one.listed else leaf
    shown = kind if one.nullable or one.permission is not None else types.non_null(kind)
    arguments = texts_argument(types, one.argument) if one.argument else None
    more = needs(one.permission)
    if one.masked and "脱敏" not in one.text.zh:
        more = (*more, Bilingual("脱敏显示", "Shown masked"))
    return types.field(shown, arguments, description=describe(one.text, *more))


def connection_field(types: Types, target: Entity, *texts: Bilingual) -> GraphQLField:
    """A field that is a connection of `target`, described by the texts."""
    taken = connection_arguments(types, target)
    return types.field(connection_type(types, target), taken, description=describe(*texts))


def connection_type(types: Types, entity: Entity) -> GraphQLObjectType:
    """`NConnection`."""
    name = names.connection(entity.name)

    def fields() -> dict[str, GraphQLField]:
        row = types.non_null(entity_type(types, entity))
        edges = types.non_null(types.list_of(types.non_null(_edge_type(types, entity))))
        found = {
            "edges": _field(types, edges, "本页各条及其游标", "The rows of the page, each with its cursor"),
            "nodes": _field(types, types.non_null(types.list_of(row)), "本页各条", "The rows of the page"),
            "pageInfo": _field(types, types.non_null(_page_info(types)), "前后是否还有", "Whether there are more"),
            "totalCount": _field(
                types,
                types.non_null(scalar_type(INT)),
                "符合条件的总数",
                "How many there are in all that meet the filter",
            ),
            "aggregate": _field(
                types,
                types.non_null(_aggregate_type(types, entity)),
                "符合条件的全部数据的汇总",
                "What all rows that meet the filter amount to",
            ),
        }
        keys = _group_field_type(types, entity)
        if keys is not None:
            found["groups"] = _groups(types, entity, keys)
        return found

    about = Bilingual(f"{head(entity.text)}：一页及总数", f"A page of {entity.name}, and how many there are in all")
    return types.own(name, entity, lambda: GraphQLObjectType(name, fields, description=describe(about)))


def _edge_type(types: Types, entity: Entity) -> GraphQLObjectType:
    name = names.edge(entity.name)

    def fields() -> dict[str, GraphQLField]:
        return {
            "cursor": _field(types, types.non_null(GraphQLString), "此条的游标", "The cursor of this row"),
            "node": types.field(types.non_null(entity_type(types, entity)), description=describe(entity.text)),
        }

    about = Bilingual(f"{head(entity.text)}及其游标", f"A row of {entity.name} and its cursor")
    return types.own(name, entity, lambda: GraphQLObjectType(name, fields, description=describe(about)))


def _page_info(types: Types) -> GraphQLObjectType:
    def make() -> GraphQLObjectType:
        known = types.non_null(GraphQLBoolean)
        return GraphQLObjectType(
            "PageInfo",
            {
                "hasNextPage": _field(types, known, "之后是否还有", "Whether there are rows after this page"),
                "hasPreviousPage": _field(types, known, "之前是否还有", "Whether there are rows before this page"),
                "startCursor": _field(types, GraphQLString, "本页第一条的游标", "The cursor of the page's first row"),
                "endCursor": _field(types, GraphQLString, "本页最后一条的游标", "The cursor of the page's last row"),
            },
            description=describe(Bilingual("本页在全部数据中的位置", "Where a page stands among all rows")),
        )

    return types.shared("PageInfo", "PageInfo", make)


def _figures(types: Types, entity: Entity) -> dict[str, GraphQLField]:
    """count, and sum, average, min and max where the entity has numbers to sum up."""
    found = {"count": _field(types, types.non_null(scalar_type(INT)), "条数", "How many rows")}
    if not names.aggregate_fields(entity):
        return found
    figures = {
        "sum": Bilingual("合计", "Sums"),
        "average": Bilingual("平均", "Averages"),
        "min": Bilingual("最小值", "Least values"),
        "max": Bilingual("最大值", "Greatest values"),
    }
    return found | {
        figure: _field(types, _figures_type(types, entity, figure, text.zh), text.zh, text.en)
        for figure, text in figures.items()
    }


def _figures_type(types: Types, entity: Entity, figure: str, zh: str) -> GraphQLObjectType:
    name = names.figures(entity.name, figure)
    told = "数值" if name.endswith("Figures") else zh

    def make() -> GraphQLObjectType:
        fields = {}
        for one in names.aggregate_fields(entity):
            if not one.kind.number or one.listed:
                raise ValueError(f"{entity.name}.{one.name} is no number and cannot be summed up")
            kind = names.kind_of_figure(one.kind, figure)
            fields[one.name] = types.field(leaf_type(types, kind), description=describe(one.text))
        about = Bilingual(f"{head(entity.text)}的{told}", f"Figures of rows of {entity.name}")
        return GraphQLObjectType(name, fields, description=describe(about))

    return types.shared(name, entity, make)


def _aggregate_type(types: Types, entity: Entity) -> GraphQLObjectType:
    about = Bilingual(f"{head(entity.text)}的汇总", f"What rows of {entity.name} amount to")
    name = f"{entity.name}Aggregate"
    fields = _figures(types, entity)
    return types.shared(name, entity, lambda: GraphQLObjectType(name, fields, description=describe(about)))


def _group_field_type(types: Types, entity: Entity) -> GraphQLEnumType | None:
    """`NGroupField`; None where rows cannot be grouped. The internal value of a member is its GraphQL name."""
    groupings = names.group_fields(entity)
    if not groupings:
        return None
    units = {
        "DAY": Bilingual("按日", "by the day"),
        "MONTH": Bilingual("按月", "by the month"),
        "YEAR": Bilingual("按年", "by the year"),
    }

    def make() -> GraphQLEnumType:
        values = {}
        for name, grouping in groupings.items():
            text = grouping.value.text
            if grouping.unit is not None:
                unit = units[grouping.unit]
                text = Bilingual(f"{text.zh.rstrip('。')}，{unit.zh}", f"{text.en.rstrip('.')}, {unit.en}")
            values[name] = types.enum_value(name, description=describe(text))
        about = Bilingual(f"{head(entity.text)}的分组字段", f"What rows of {entity.name} are grouped by")
        return GraphQLEnumType(f"{entity.name}GroupField", values, description=describe(about))

    return types.shared(f"{entity.name}GroupField", entity, make)


def _groups(types: Types, entity: Entity, keys: GraphQLEnumType) -> GraphQLField:
    group = types.non_null(types.list_of(types.non_null(_group_type(types, entity))))
    by = Bilingual("分组字段", "What to group by")
    first = Bilingual(f"最多几组，至多 {GROUPS}", f"How many groups, at most {GROUPS}")
    about = Bilingual("按字段分组汇总，条数多的在前", "Figures of each group, the largest groups first")
    return types.field(
        group,
        {
            "by": types.argument(types.non_null(types.list_of(types.non_null(keys))), description=describe(by)),
            "first": types.argument(
                scalar_type(INT), default=GraphQLDefaultInput(GROUPS), read_default=GROUPS, description=describe(first)
            ),
        },
        description=describe(about),
    )


def _group_type(types: Types, entity: Entity) -> GraphQLObjectType:
    name = f"{entity.name}Group"
    key = _group_key_type(types, entity)
    fields = {"key": _field(types, types.non_null(key), "此组的取值", "What the rows of this group have in common")}
    fields |= _figures(types, entity)
    about = Bilingual(f"{head(entity.text)}的一组", f"A group of rows of {entity.name}")
    return types.shared(name, entity, lambda: GraphQLObjectType(name, fields, description=describe(about)))


def _group_key_type(types: Types, entity: Entity) -> GraphQLObjectType:
    name = f"{entity.name}GroupKey"

    def make() -> GraphQLObjectType:
        fields = {}
        for grouping in names.group_fields(entity).values():
            value = grouping.value
            told, kind = value.text, leaf_type(types, STRING if grouping.unit else value.kind)
            if grouping.unit:
                told = Bilingual(
                    f"{told.zh.rstrip('。')}，如 2026-11-05、2026-11 或 2026",
                    f"{told.en.rstrip('.')}, such as 2026-11-05, 2026-11 or 2026",
                )
            fields[value.name] = types.field(kind, description=describe(told))
        about = Bilingual(
            f"{head(entity.text)}分组的取值；未按其分组的字段为空",
            f"The values of a group of {entity.name}; null where it is not grouped by",
        )
        return GraphQLObjectType(name, fields, description=describe(about))

    return types.shared(name, entity, make)


def shape_type(types: Types, shape: Shape) -> GraphQLNullableOutputType:
    """The type of what a function or a part of an object gives; without its outermost non-null."""
    if isinstance(shape, ListOf):
        return types.list_of(types.non_null(shape_type(types, shape.item)))
    if isinstance(shape, EntityRef):
        return entity_type(types, types.entity(shape.entity, "a shape"))
    if isinstance(shape, ObjectShape):
        return _object_type(types, shape)
    return leaf_type(types, shape)


def _object_type(types: Types, shape: ObjectShape) -> GraphQLObjectType:
    def make() -> GraphQLObjectType:
        return GraphQLObjectType(
            shape.name, lambda: parts(types, shape.parts, shape.name), description=describe(shape.text)
        )

    return types.own(shape.name, shape, make)


def parts(types: Types, declared: Iterable[Part], place: str) -> dict[str, GraphQLField]:
    """The fields of an object that comes from Python."""
    found: dict[str, GraphQLField] = {}
    for one in declared:
        kind = shape_type(types, one.shape)
        made = types.field(kind if one.nullable else types.non_null(kind), description=describe(one.text))
        unique(found, camel_case(one.name, place), made, place)
    return found


def user_error_type(types: Types) -> GraphQLObjectType:
    """`UserError`."""
    text = types.non_null(GraphQLString)

    def make() -> GraphQLObjectType:
        return GraphQLObjectType(
            "UserError",
            {
                "code": _field(types, text, "错误代码", "A code that stays the same"),
                "path": _field(
                    types,
                    types.non_null(types.list_of(text)),
                    "出错的输入字段，逐级列出",
                    "The input field, level by level",
                ),
                "message": _field(types, text, "说明（请求者的语言）", "What is wrong, in the caller's language"),
                "messageZh": _field(types, text, "中文说明", "What is wrong, in Chinese"),
                "messageEn": _field(types, text, "英文说明", "What is wrong, in English"),
                "remedy": _field(types, GraphQLString, "处理办法", "What to do about it"),
            },
            description=describe(Bilingual("变更被拒绝的一条原因", "One reason why a mutation was refused")),
        )

    return types.shared("UserError", "UserError", make)


def payload_type(types: Types, mutation: Mutation) -> GraphQLObjectType:
    """`MPayload`."""
    name = names.payload_of(mutation)

    def fields() -> dict[str, GraphQLField]:
        found: dict[str, GraphQLField] = {}
        for one in mutation.results:
            made = types.field(shape_type(types, one.shape), description=describe(one.text))
            unique(found, camel_case(one.name, name), made, name)
        errors = types.non_null(types.list_of(types.non_null(user_error_type(types))))
        about = Bilingual("拒绝的原因；为空即已完成", "Why it was refused; when empty, it was done")
        unique(found, "userErrors", types.field(errors, description=describe(about)), name)
        return found

    about = Bilingual(f"{head(mutation.text)}的结果", f"What {mutation.name} answers")
    return types.own(name, mutation, lambda: GraphQLObjectType(name, fields, description=describe(about)))
