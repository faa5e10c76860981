"""Documents out of a schema: any field with any arguments, whose values come from the data, or not.

Everything is chosen by one source of choices, so that hypothesis can make a failing document smaller.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Entity, ListRoot, Many, One, OneRoot

MOST_ALIASES = 40
DEEPEST_LIST = 2
DEEPEST = 10
Cursors = Mapping[str, Sequence[tuple[str, str]]]
"""By the list that they are of: (the engine's cursor, the reference's)."""


@dataclass(frozen=True)
class Pool:
    """Values that stand in the data, as JSON input has them: by (entity, field), and by the kind's name; and ids."""

    values: Mapping[tuple[str, str], Sequence[Any]]
    by_kind: Mapping[str, Sequence[Any]]
    specials: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    cursors: Cursors = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """A document with its variables. `expected` are the variables for the reference, whose cursors are its own."""

    text: str
    variables: dict[str, Any]
    expected: dict[str, Any]


class EnumName(str):
    """The name of an enum's member: bare in a document, a text in variables."""

    __slots__ = ()


class Twin:
    """A cursor: what the engine is given, and what the reference is given."""

    def __init__(self, given: str, expected: str) -> None:
        self.given, self.expected = given, expected


def literal(value: Any) -> str:
    """A value as a document writes it."""
    if isinstance(value, EnumName):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(one) for one in value) + "]"
    if isinstance(value, Variable):
        return f"${value.name}"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Variable:
    """A place in a document that a variable fills."""

    name: str


def _plain(value: Any, side: str) -> Any:
    if isinstance(value, Twin):
        return getattr(value, side)
    if isinstance(value, dict):
        return {name: _plain(one, side) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, side) for one in value]
    return str(value) if isinstance(value, EnumName) else value


class Writer:
    """Writes one document. `most_rows` bounds the pages of nested lists."""

    def __init__(self, api: Api, pool: Pool, random: Random, *, specials: bool = True) -> None:
        self.api, self.pool, self.random, self.specials = api, pool, random, specials
        self.declared: list[str] = []
        self.given: dict[str, Any] = {}
        self.expected: dict[str, Any] = {}
        self.fragments: list[str] = []
        self.aliases = self.level = 0

    def chance(self, percent: int) -> bool:
        """True so many times in a hundred; the simple way is False."""
        return self.random.randint(0, 99) >= 100 - percent

    def document(self) -> Document:
        """One operation with up to three root fields."""
        query = self.api.schema.query_type
        assert query is not None
        names = [*self.api.roots, "node", "nodes"]
        chosen = [self.random.choice(names) for _ in range(self.random.randint(1, 3))]
        body = [self.field(query, name, query.fields[name], 0, alone=True) for name in chosen]
        if self.chance(10):
            body.append("__typename")
        head = f"query Q({', '.join(self.declared)})" if self.declared else "query Q"
        text = "\n".join([f"{head} {{ {' '.join(body)} }}", *self.fragments])
        return Document(text, self.given, self.expected)

    def alias(self) -> str:
        """A new response key."""
        self.aliases += 1
        return f"a{self.aliases}"

    def selection(self, kind: GraphQLNamedType, lists: int, *, alone: bool = False) -> str:
        """A selection set of a type. `alone`: every field gets a key of its own, as types of an interface may differ."""
        parts = ["__typename"] if self.chance(15) else []
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            parts += self.fields_of(kind, lists, alone)
        if (isinstance(kind, GraphQLInterfaceType) and kind.name != "Node") or (
            kind.name == "Node" and self.chance(80)
        ):
            parts += self.concrete_parts(kind, lists)
        if not parts:
            parts.append("__typename")
        if self.chance(15):
            cut = self.random.randint(0, len(parts))
            parts = [*parts[:cut], self.wrapped(kind, parts[cut:] or ["__typename"])]
        if self.chance(8):
            parts.append(self.random.choice([one for one in parts if " " not in one] or ["__typename"]))
        return "{ " + " ".join(parts) + " }"

    def fields_of(self, kind: GraphQLObjectType | GraphQLInterfaceType, lists: int, alone: bool) -> list[str]:
        """Some fields of a type."""
        leaves = [name for name, one in kind.fields.items() if is_leaf_type(get_named_type(one.type))]
        below = [name for name in kind.fields if name not in leaves and self.level < DEEPEST]
        names = self.random.sample(leaves, min(len(leaves), self.random.randint(0, 5)))
        entity = self.api.entities.get(kind.name)
        if lists > DEEPEST_LIST and entity is not None:
            below = [name for name in below if isinstance(entity.by_name.get(name), One)]
        most = (2 if self.level < 3 else 1) if entity is not None else min(3, len(below))
        if below:
            names += self.random.sample(below, min(len(below), self.random.randint(0 if names else 1, most)))
        return [self.field(kind, name, kind.fields[name], lists, alone=alone) for name in names]

    def concrete_parts(self, kind: GraphQLNamedType, lists: int) -> list[str]:
        """Fragments on types that implement an interface."""
        assert isinstance(kind, GraphQLInterfaceType)
        types = sorted(self.api.schema.get_possible_types(kind), key=lambda one: one.name)
        chosen = self.random.sample(list(types), min(len(types), self.random.randint(0, 2)))
        return [f"... on {one.name} {self.selection(one, lists + 1, alone=True)}" for one in chosen]

    def wrapped(self, kind: GraphQLNamedType, parts: list[str]) -> str:
        """Selections inside an inline or a named fragment, with a directive or not."""
        body = "{ " + " ".join(parts) + " }"
        condition = kind.name
        if isinstance(kind, GraphQLObjectType) and kind.interfaces and self.chance(10):
            return f"...{self.directive()} {body}"
        match self.random.randint(0, 2):
            case 0:
                return f"...{self.directive()} {body}"
            case 1:
                return f"... on {condition}{self.directive()} {body}"
        name = f"F{len(self.fragments) + 1}"
        self.fragments.append(f"fragment {name} on {condition} {body}")
        return f"...{name}{self.directive()}"

    def directive(self) -> str:
        """@skip or @include, by a literal or a variable; often neither."""
        if not self.chance(12):
            return ""
        kind = self.random.choice(["include", "skip"])
        wanted = self.chance(80) is (kind == "include")
        if self.chance(60):
            name = self.declare("Boolean!", wanted, default=self.chance(30))
            return f" @{kind}(if: ${name})"
        return f" @{kind}(if: {json.dumps(wanted)})"

    def declare(self, kind: str, value: Any, *, default: bool = False) -> str:
        """A variable with this value, given or by default; its name."""
        name = f"v{len(self.declared) + 1}"
        if default and not _has(Twin, value) and value is not None:
            self.declared.append(f"${name}: {kind} = {literal(value)}")
            if self.chance(50):
                return name
        else:
            self.declared.append(f"${name}: {kind}")
        self.given[name] = _plain(value, "given")
        self.expected[name] = _plain(value, "expected")
        return name

    def field(self, parent: GraphQLNamedType, name: str, one: GraphQLField, lists: int, *, alone: bool = False) -> str:
        """One field with its arguments and selection."""
        kind = get_named_type(one.type)
        connection = kind.name.endswith("Connection")
        arguments = self.arguments(parent, name, one, lists)
        key = ""
        if arguments or alone or (self.chance(10) and self.aliases < MOST_ALIASES):
            key = f"{self.alias()}: "
        self.level += 1
        below = "" if is_leaf_type(kind) else " " + self.selection(kind, lists + connection)
        self.level -= 1
        return f"{key}{name}{arguments}{self.directive()}{below}"

    def arguments(self, parent: GraphQLNamedType, name: str, one: GraphQLField, lists: int) -> str:
        """Arguments of a field in brackets; nothing when none is given."""
        kind = get_named_type(one.type)
        given: dict[str, Any] = {}
        if kind.name.endswith("Connection"):
            given = self.page(self.api.entities[kind.name.removesuffix("Connection")], one.args, lists)
        elif name == "groups":
            given = self.groups(one.args)
        elif parent is self.api.schema.query_type:
            given = self.root_arguments(name, one.args)
        elif one.args:
            entity = self.api.entities.get(parent.name)
            keys = self.pool.specials.get(f"{entity.name}.{name}" if entity else "", ())
            if keys and self.chance(60):
                given = {next(iter(one.args)): list(self.random.sample(list(keys), 1))}
        if not given:
            return ""
        parts = [f"{argument}: {literal(self.place(one.args[argument], value))}" for argument, value in given.items()]
        return f"({', '.join(parts)})"

    def place(self, argument: GraphQLArgument, value: Any) -> Any:
        """The value, or a variable that has it."""
        if _has(Variable, value):
            return value
        if _has(Twin, value) or self.chance(40):
            return Variable(self.declare(str(argument.type), value, default=self.chance(25)))
        return value

    def root_arguments(self, name: str, arguments: Mapping[str, GraphQLArgument]) -> dict[str, Any]:
        """An id, or ids, of rows that there are, or not."""
        ids = self.pool.by_kind["ID"]
        if name == "nodes":
            return {"ids": [self.random.choice(ids) for _ in range(self.random.randint(0, 4))]}
        root = self.api.roots.get(name)
        if name == "node":
            return {"id": self.random.choice(ids)}
        if not isinstance(root, OneRoot):
            return {}
        return {
            argument: self.random.choice(self.pool.values.get((root.entity, argument)) or ids) for argument in arguments
        }

    def page(self, entity: Entity, arguments: Mapping[str, GraphQLArgument], lists: int) -> dict[str, Any]:
        """Page, filter and order of a list."""
        found: dict[str, Any] = {}
        order = self.order(arguments) if self.chance(40) else None
        if order is not None:
            found["orderBy"] = order
        found |= self.span(entity, order, lists)
        if "filter" in arguments and self.chance(45):
            kind = get_named_type(arguments["filter"].type)
            assert isinstance(kind, GraphQLInputObjectType)
            found["filter"] = self.filter(entity, kind, 0)
        return found

    def span(self, entity: Entity, order: list[Any] | None, lists: int) -> dict[str, Any]:
        """Where a page lies."""
        size = self.random.choice([1, 2, 3, 5, 0] if lists else [2, 1, 3, 10, 0, 50])
        known = self.pool.cursors.get(place_of(entity, order), ())
        match self.random.randint(0, 5):
            case 0 if lists == 0:
                return {}
            case 1:
                return {"last": size}
            case 2 if known:
                return {"last": size, "before": Twin(*self.random.choice(known))}
            case 3 if known:
                return {"first": size, "after": Twin(*self.random.choice(known))}
        return {"first": size}

    def order(self, arguments: Mapping[str, GraphQLArgument]) -> list[Any] | None:
        """One to three fields to sort by; an empty list now and then."""
        if "orderBy" not in arguments:
            return None
        kind = get_named_type(arguments["orderBy"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        fields = get_named_type(kind.fields["field"].type)
        assert isinstance(fields, GraphQLEnumType)
        chosen = self.random.sample(list(fields.values), min(len(fields.values), self.random.randint(1, 3)))
        return [
            {"field": EnumName(one)}
            | ({"direction": EnumName(self.random.choice(["ASC", "DESC"]))} if self.chance(60) else {})
            for one in chosen
        ]

    def groups(self, arguments: Mapping[str, GraphQLArgument]) -> dict[str, Any]:
        """What to group by."""
        kind = get_named_type(arguments["by"].type)
        assert isinstance(kind, GraphQLEnumType)
        chosen = self.random.sample(list(kind.values), min(len(kind.values), self.random.randint(1, 2)))
        found: dict[str, Any] = {"by": [EnumName(one) for one in chosen]}
        if self.chance(30):
            found["first"] = self.random.randint(0, 5)
        return found

    def filter(self, entity: Entity, kind: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
        """A filter on an entity's rows: up to two members, and the connectives."""
        members = [name for name in kind.fields if name not in ("and", "or", "not")]
        if not self.specials:
            members = [name for name in members if name not in entity.specials_by_name]
        else:
            members = [
                name for name in members if name not in entity.specials_by_name or self.special_values(entity, name)
            ]
        if depth >= 2:
            members = [name for name in members if not isinstance(entity.by_name.get(name), One | Many)] or members[:1]
        found: dict[str, Any] = {}
        for name in self.random.sample(members, min(len(members), self.random.randint(0 if depth else 1, 2))):
            found[name] = self.member(entity, name, kind, depth)
        if depth < 2 and self.chance(25):
            connective = self.random.choice(["and", "or", "not"])
            many = 1 if connective == "not" else self.random.randint(0, 2)
            inner = [self.filter(entity, kind, depth + 1) for _ in range(many)]
            found[connective] = inner[0] if connective == "not" else inner
        return found

    def member(self, entity: Entity, name: str, kind: GraphQLInputObjectType, depth: int) -> Any:
        """One member of a filter."""
        if self.chance(4):
            return None
        if name in entity.specials_by_name:
            return self.random.choice(list(self.special_values(entity, name)))
        inner = get_named_type(kind.fields[name].type)
        assert isinstance(inner, GraphQLInputObjectType)
        one = entity.by_name[name]
        if isinstance(one, One):
            return self.filter(self.api.entities[one.target], inner, depth + 1)
        if isinstance(one, Many):
            target = self.api.entities[one.target]
            within = get_named_type(inner.fields["some"].type)
            assert isinstance(within, GraphQLInputObjectType)
            return {
                quantifier: self.filter(target, within, depth + 1)
                for quantifier in self.random.choice([["some"], ["none"], ["some", "none"]])
            }
        operators = self.random.sample(list(inner.fields), self.random.choice([1, 1, 1, 2]))
        return {operator: self.operand(entity, name, operator, inner) for operator in operators}

    def special_values(self, entity: Entity, name: str) -> Sequence[Any]:
        """Values for a special filter of an entity."""
        return self.pool.specials.get(f"{entity.name}.{name}") or self.pool.specials.get(name, ())

    def operand(self, entity: Entity, name: str, operator: str, kind: GraphQLInputObjectType) -> Any:
        """What a field is compared with: a value of the field in the data, or any of its kind."""
        if operator in ("isNull", "isEmpty"):
            return self.chance(50)
        position = kind.fields[operator].type
        value: Any
        if operator in ("in", "notIn"):
            value = [self.leaf(entity, name, position) for _ in range(self.random.randint(0, 3))]
        else:
            value = self.leaf(entity, name, position)
            if operator in ("contains", "startsWith", "endsWith") and isinstance(value, str) and value:
                start = self.random.randint(0, len(value) - 1)
                value = {"contains": value[start : start + 3], "startsWith": value[: start + 1]}.get(
                    operator, value[start:]
                )
        if self.chance(25):
            return Variable(self.declare(str(get_nullable_type(position)), value, default=self.chance(30)))
        return value

    def leaf(self, entity: Entity, name: str, position: Any) -> Any:
        """One value for a place."""
        inner = get_nullable_type(position)
        if isinstance(inner, GraphQLList):
            inner = inner.of_type
        kind = get_named_type(inner)
        if isinstance(kind, GraphQLEnumType):
            return EnumName(self.random.choice(list(kind.values)))
        assert isinstance(kind, GraphQLScalarType)
        own = self.pool.values.get((entity.name, name), ())
        others = self.pool.by_kind.get(kind.name, ())
        return self.random.choice(list(own) if own and self.chance(75) else list(others) or list(own))


def _has(kind: type, value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has(kind, one) for one in value.values())
    if isinstance(value, list):
        return any(_has(kind, one) for one in value)
    return isinstance(value, kind)


def place_of(entity: Entity, order: Sequence[Mapping[str, Any]] | None) -> str:
    """How the cursors of a list are known: its entity and the way that it is sorted."""
    from tests.gql.reference.pages import order_of  # noqa: PLC0415

    way = ",".join(f"{name} {'desc' if down else 'asc'}" for name, down in order_of(entity, order))
    return f"{entity.name}|{way}"


def list_roots(api: Api) -> list[ListRoot]:
    """The query fields that are lists."""
    return [root for root in api.roots.values() if isinstance(root, ListRoot)]
