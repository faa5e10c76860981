"""Values of variables and arguments: read once by their types, and what of them shapes a statement."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FieldNode,
    FloatValueNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    TypeNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    type_from_ast,
)

from steward_graphql.compiler.kinds import ApiIndex, index_of
from steward_graphql.compiler.operation import Operation
from steward_graphql.declared.api import Api
from steward_graphql.declared.scalars import EnumKind, Kind, Unreadable
from steward_graphql.errors import InvalidVariables
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

MISSING = Bilingual("必填。", "It is required.")
NOT_NULL = Bilingual("不能为 null。", "It may not be null.")
NO_OBJECT = Bilingual("应为对象。", "Give an object.")
NO_MEMBER = Bilingual("没有这个字段。", "There is no such field.")
NO_VALUE = Bilingual("没有这个取值。", "There is no such value.")
TOO_DEEP = Bilingual("嵌套过深。", "It is nested too deep.")
MOST_NESTED = 60
MOST_PROBLEMS = 50
"""Wrong values that an answer names: telling of all would make it many times as long as the request."""
LONGEST_STEP = 200
_Path = tuple[str, ...]


class _Reader:
    """Reads values as JSON gives them by the schema's input types, and gathers what is wrong."""

    def __init__(self, index: ApiIndex) -> None:
        self._kinds = index.kinds
        self.problems: list[FieldProblem] = []

    def problem(self, path: _Path, text: Bilingual, code: str = "invalid") -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(FieldProblem(tuple(step[:LONGEST_STEP] for step in path), code, text))

    def read(self, kind: GraphQLInputType, value: Any, path: _Path) -> Any:
        if isinstance(kind, GraphQLNonNull):
            if value is None:
                self.problem(path, NOT_NULL, "required")
                return None
            return self.read(kind.of_type, value, path)
        if value is None:
            return None
        if len(path) > MOST_NESTED:
            self.problem(path[:8], TOO_DEEP, "too_deep")
            return None
        if isinstance(kind, GraphQLList):
            items = value if isinstance(value, list | tuple) else [value]
            return [self.read(kind.of_type, item, (*path, str(place))) for place, item in enumerate(items)]
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, value, path)
        return self._leaf(kind, value, path)

    def _leaf(self, kind: Any, value: Any, path: _Path) -> Any:
        known = self._kinds.get(kind.name)
        if isinstance(kind, GraphQLEnumType) and not isinstance(known, EnumKind):
            if isinstance(value, str) and value in kind.values:
                return value
            self.problem(path, NO_VALUE)
            return None
        if known is None:
            return kind.parse_value(value)
        try:
            return known.read(value)
        except Unreadable as wrong:
            self.problem(path, wrong.text)
            return None

    def _object(self, kind: GraphQLInputObjectType, value: Any, path: _Path) -> dict[str, Any] | None:
        if not isinstance(value, Mapping):
            self.problem(path, NO_OBJECT)
            return None
        for name in value:
            if name not in kind.fields:
                self.problem((*path, str(name)), NO_MEMBER, "unknown_field")
        read: dict[str, Any] = {}
        for name, member in kind.fields.items():
            if name in value:
                read[name] = self.read(member.type, value[name], (*path, name))
            elif member.default_value is not Undefined and member.default_value is not None:
                read[name] = member.default_value
            elif isinstance(member.type, GraphQLNonNull):
                self.problem((*path, name), MISSING, "required")
        return read


@dataclass(frozen=True, eq=False)
class _Declared:
    """A variable of an operation, worked out once. `kind` is there when it is a single value and nothing else."""

    name: str
    type: GraphQLInputType
    default: ValueNode | None
    required: bool
    kind: Kind | None
    switch: bool


def _declared(api: Api, operation: Operation) -> tuple[_Declared, ...]:
    """The operation's variables. An operation belongs to one API; what is worked out stays with it."""
    known: tuple[_Declared, ...] | None = operation.__dict__.get("declared_variables")
    if known is None:
        index = index_of(api)
        known = tuple(
            _declaration(index, operation, one, _input_type(api, one.type))
            for one in operation.definition.variable_definitions or ()
        )
        operation.__dict__["declared_variables"] = known
    return known


def _declaration(
    index: ApiIndex, operation: Operation, definition: VariableDefinitionNode, declared: GraphQLInputType
) -> _Declared:
    name = definition.variable.name.value
    inner: Any = declared.of_type if isinstance(declared, GraphQLNonNull) else declared
    single = not isinstance(inner, GraphQLList | GraphQLInputObjectType)
    return _Declared(
        name,
        declared,
        definition.default_value,
        isinstance(declared, GraphQLNonNull),
        index.kinds.get(inner.name) if single else None,
        name in operation.switches,
    )


def read_variables(api: Api, operation: Operation, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a request by their types. A variable that is not given and has no default is left out.

    Raises InvalidVariables, which names each wrong value by its path.
    """
    reader: _Reader | None = None
    read: dict[str, Any] = {}
    for one in _declared(api, operation):
        name = one.name
        if one.kind is not None and (value := raw.get(name)) is not None:
            try:
                read[name] = one.kind.read(value)
                continue
            except Unreadable:
                pass  # the reader says what is wrong, and where
        reader = reader or _Reader(index_of(api))
        if name in raw:
            read[name] = reader.read(one.type, raw[name], (name,))
        elif one.default is not None:
            read[name] = reader.read(one.type, untyped(one.default, {}), (name,))
        elif one.required:
            reader.problem((name,), MISSING, "required")
    if reader is not None and reader.problems:
        raise InvalidVariables(problems=reader.problems)
    return read


def read_arguments(
    api: Api, arguments: Mapping[str, GraphQLArgument], node: FieldNode, variables: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a field that Python answers, each leaf as its kind reads it; those not given are left out.

    Raises InvalidVariables.
    """
    reader = _Reader(index_of(api))
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    read: dict[str, Any] = {}
    for name, argument in arguments.items():
        value = given.get(name)
        if value is None or (isinstance(value, VariableNode) and value.name.value not in variables):
            if argument.default_value is not Undefined:
                read[name] = argument.default_value
            elif isinstance(argument.type, GraphQLNonNull):
                reader.problem((name,), MISSING, "required")
            continue
        read[name] = _typed(reader, argument.type, value, variables, (name,))
    if reader.problems:
        raise InvalidVariables(problems=reader.problems)
    return read


def _typed(reader: _Reader, kind: GraphQLInputType, node: ValueNode, variables: Mapping[str, Any], path: _Path) -> Any:
    """A value of the document by its type; variables inside are read already."""
    if isinstance(kind, GraphQLNonNull):
        value = _typed(reader, kind.of_type, node, variables, path)
        if value is None and not reader.problems:
            reader.problem(path, NOT_NULL, "required")
        return value
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    if isinstance(kind, GraphQLList) and not isinstance(node, NullValueNode):
        items = node.values if isinstance(node, ListValueNode) else (node,)
        return [_typed(reader, kind.of_type, item, variables, (*path, str(place))) for place, item in enumerate(items)]
    if isinstance(kind, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        read: dict[str, Any] = {}
        given = {member.name.value: member.value for member in node.fields}
        for name, member in kind.fields.items():
            value = given.get(name)
            if value is None or (isinstance(value, VariableNode) and value.name.value not in variables):
                if member.default_value is not Undefined and member.default_value is not None:
                    read[name] = member.default_value
                elif isinstance(member.type, GraphQLNonNull):
                    reader.problem((*path, name), MISSING, "required")
                continue
            read[name] = _typed(reader, member.type, value, variables, (*path, name))
        return read
    return reader.read(kind, untyped(node, variables), path)


def untyped(node: ValueNode, variables: Mapping[str, Any]) -> Any:
    """A value of the document as JSON would give it; decimals keep their digits as text."""
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    if isinstance(node, StringValueNode | EnumValueNode | FloatValueNode):
        return node.value
    if isinstance(node, BooleanValueNode):
        return node.value
    if isinstance(node, IntValueNode):
        return int(node.value) if len(node.value) <= 40 else node.value
    if isinstance(node, ListValueNode):
        return [untyped(item, variables) for item in node.values]
    if isinstance(node, ObjectValueNode):
        return {
            member.name.value: untyped(member.value, variables)
            for member in node.fields
            if not (isinstance(member.value, VariableNode) and member.value.name.value not in variables)
        }
    return None


def structure_of(api: Api, operation: Operation, variables: Mapping[str, Any]) -> Hashable:
    """What of the variables shapes the statement: which are given and which null, members of objects, lengths of lists
    of objects, orders and groups by name, and the switches of @skip and @include. Other values do not count."""
    index = index_of(api)
    found: list[Hashable] = []
    for one in _declared(api, operation):
        name = one.name
        if name not in variables:
            found.append(0)
        elif one.switch:
            found.append((variables[name],))
        elif one.kind is not None:
            found.append(None if variables[name] is None else True)
        else:
            found.append(_structure(index, one.type, variables[name]))
    return tuple(found)


def _structure(index: ApiIndex, kind: GraphQLInputType, value: Any) -> Hashable:
    if isinstance(kind, GraphQLNonNull):
        return _structure(index, kind.of_type, value)
    if value is None:
        return None
    if isinstance(kind, GraphQLList):
        if _plain(index, kind):
            return True
        return tuple(_structure(index, kind.of_type, item) for item in value)
    if isinstance(kind, GraphQLInputObjectType):
        return tuple((name, _structure(index, kind.fields[name].type, member)) for name, member in value.items())
    return True if _plain(index, kind) else str(value)


def _plain(index: ApiIndex, kind: Any) -> bool:
    """Whether values of a type (or of a list of it) are bound and nothing else."""
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    if isinstance(kind, GraphQLInputObjectType):
        return False
    return kind.name in index.kinds


def _input_type(api: Api, node: TypeNode) -> GraphQLInputType:
    found: Any = type_from_ast(api.schema, node)
    read: GraphQLInputType = found
    return read
