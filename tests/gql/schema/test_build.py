"""How a schema is made of declarations."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    get_introspection_query,
    graphql_sync,
    parse,
    parse_const_value,
    validate,
    validate_schema,
)
from graphql.utilities import coerce_input_literal, coerce_input_value
from graphql.utilities import print_type as printed

from steward_core.clients.models import Client
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Batched, Catalogue, ListRoot, One, Value, column, computed, one
from steward_graphql.declared.scalars import DECIMAL, ID, INT, JSON, LONG, STRING, EnumKind, Scalar
from steward_graphql.declared.shapes import Argument, EntityRef, InputObject, ObjectShape, Part
from steward_graphql.schema import names
from steward_graphql.schema.leaves import scalar_kind, scalar_type
from steward_graphql.schema.types import Shared
from tests.gql.schema.small import (
    FUNCTION,
    MUTATION,
    SUMMARY,
    TEXT,
    animals,
    client,
    nothing,
    person,
    small_api,
)
from tests.gql.schema.walk import described


def lines(api: Api, name: str) -> list[str]:
    """A type as text, without its descriptions."""
    text = re.sub(r'"{3}.*?"{3}', "", printed(api.schema.type_map[name]), flags=re.DOTALL)
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_it_is_valid_and_can_be_introspected() -> None:
    api = small_api()

    assert validate_schema(api.schema) == []
    answer = graphql_sync(api.schema, get_introspection_query(specified_by_url=True, input_value_deprecation=True))
    assert answer.errors is None
    assert answer.data is not None
    assert {one["name"] for one in answer.data["__schema"]["types"]} >= {"Client", "ID", "Int", "PageInfo"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "ClientConnection",
            [
                "type ClientConnection {",
                "edges: [ClientEdge!]!",
                "nodes: [Client!]!",
                "pageInfo: PageInfo!",
                "totalCount: Int!",
                "aggregate: ClientAggregate!",
                "groups(",
                "by: [ClientGroupField!]!",
                "first: Int = 100",
                "): [ClientGroup!]!",
                "}",
            ],
        ),
        ("ClientEdge", ["type ClientEdge {", "cursor: String!", "node: Client!", "}"]),
        (
            "PageInfo",
            [
                "type PageInfo {",
                "hasNextPage: Boolean!",
                "hasPreviousPage: Boolean!",
                "startCursor: String",
                "endCursor: String",
                "}",
            ],
        ),
        (
            "ClientAggregate",
            [
                "type ClientAggregate {",
                "count: Int!",
                "sum: ClientSums",
                "average: ClientAverages",
                "min: ClientFigures",
                "max: ClientFigures",
                "}",
            ],
        ),
        ("ClientSums", ["type ClientSums {", "worth: Fen", "}"]),
        ("ClientFigures", ["type ClientFigures {", "worth: Fen", "}"]),
        ("ClientAverages", ["type ClientAverages {", "worth: Decimal", "}"]),
        ("PersonAggregate", ["type PersonAggregate {", "count: Int!", "}"]),
        (
            "ClientGroupField",
            ["enum ClientGroupField {", "CREATED_AT_DAY", "CREATED_AT_MONTH", "CREATED_AT_YEAR", "COLOUR", "}"],
        ),
        ("ClientGroupKey", ["type ClientGroupKey {", "createdAt: String", "colour: Colour", "}"]),
        ("ClientOrderField", ["enum ClientOrderField {", "NAME", "CREATED_AT", "}"]),
        (
            "ClientOrder",
            ["input ClientOrder {", "field: ClientOrderField!", "direction: OrderDirection! = ASC", "}"],
        ),
        ("OrderDirection", ["enum OrderDirection {", "ASC", "DESC", "}"]),
        (
            "ClientFilter",
            [
                "input ClientFilter {",
                "and: [ClientFilter!]",
                "or: [ClientFilter!]",
                "not: ClientFilter",
                "id: IDFilter",
                "name: StringFilter",
                "owner: PersonFilter",
                "createdAt: DateTimeFilter",
                "colour: ColourFilter",
                "tags: StringListFilter",
                "search: String",
                "custom: [CustomCondition!]",
                "}",
            ],
        ),
        ("ClientManyFilter", ["input ClientManyFilter {", "some: ClientFilter", "none: ClientFilter", "}"]),
        (
            "ColourFilter",
            [
                "input ColourFilter {",
                "eq: Colour",
                "ne: Colour",
                "in: [Colour!]",
                "notIn: [Colour!]",
                "isNull: Boolean",
                "}",
            ],
        ),
        ("StringListFilter", ["input StringListFilter {", "has: String", "isEmpty: Boolean", "}"]),
        ("CustomCondition", ["input CustomCondition {", "key: String!", "value: String", "}"]),
        (
            "RenameClientInput",
            ["input RenameClientInput {", "id: ID!", "name: String!", "idempotencyKey: String", "}"],
        ),
        (
            "RenameClientPayload",
            ["type RenameClientPayload {", "client: Client", "userErrors: [UserError!]!", "}"],
        ),
        (
            "UserError",
            [
                "type UserError {",
                "code: String!",
                "path: [String!]!",
                "message: String!",
                "messageZh: String!",
                "messageEn: String!",
                "remedy: String",
                "}",
            ],
        ),
        ("Summary", ["type Summary {", "total: Fen!", "clients: [Client!]", "}"]),
    ],
)
def test_generated_types_have_their_names_and_members(name: str, expected: list[str]) -> None:
    assert lines(small_api(), name) == expected


@pytest.mark.parametrize(
    ("kind", "operators"),
    [
        ("ID", "eq ne in notIn isNull"),
        ("String", "eq ne in notIn contains startsWith endsWith isNull"),
        ("DateTime", "eq ne in notIn gt gte lt lte isNull"),
    ],
)
def test_each_kind_has_its_comparisons(kind: str, operators: str) -> None:
    found: Any = small_api().schema.type_map[f"{kind}Filter"]

    assert list(found.fields) == operators.split()


def test_booleans_are_equal_or_empty() -> None:
    flag = computed("open", scalar_kind_named("Boolean"), lambda row: row.table.id, "开", "Open", filter=True)
    api = small_api(person(), client(fields=(flag,)))

    found: Any = api.schema.type_map["BooleanFilter"]
    assert list(found.fields) == ["eq", "isNull"]


def scalar_kind_named(name: str) -> Scalar:
    """The kind of this name."""
    found = scalar_kind(small_api().schema.type_map[name])
    assert found is not None
    return found


def test_query_fields_take_what_they_are_declared_with() -> None:
    query: Any = small_api().schema.query_type

    assert list(query.fields) == ["clients", "client", "people", "me", "summary", "node", "nodes"]
    assert list(query.fields["clients"].args) == ["first", "after", "last", "before", "filter", "orderBy"]
    assert str(query.fields["clients"].type) == "ClientConnection"
    assert str(query.fields["client"].args["id"].type) == "ID!"
    assert query.fields["me"].args == {}
    assert str(query.fields["summary"].type) == "Summary!"
    assert str(query.fields["node"].type) == "Node"
    assert str(query.fields["nodes"].type) == "[Node]!"
    assert str(query.fields["nodes"].args["ids"].type) == "[ID!]!"


def test_defaults_are_written_as_a_client_would_give_them_and_read_as_python_gets_them() -> None:
    query: Any = small_api().schema.query_type
    arguments = query.fields["summary"].args

    assert 'on: Date = "2026-11-05"' in lines(small_api(), "Query")
    assert "colour: Colour = DARK_RED" in lines(small_api(), "Query")
    assert arguments["on"].default_value.isoformat() == "2026-11-05"
    assert arguments["colour"].default_value == "dark-red"


def test_a_mutation_says_which_permission_it_takes() -> None:
    mutation: Any = small_api().schema.mutation_type

    description = mutation.fields["renameClient"].description
    assert description == (
        "改名。需要权限“管理人员”（people.manage）。"
        "Rename a client. It takes the permission “Manage people” (people.manage)."
    )


def test_a_value_that_takes_a_permission_can_be_null() -> None:
    fields: Any = small_api().schema.type_map["Client"]

    assert str(fields.fields["pay"].type) == "Decimal"
    assert "reveal.pay" in fields.fields["pay"].description
    assert "脱敏" in fields.fields["phone"].description


def test_a_node_without_an_id_is_given_one() -> None:
    api = small_api()

    assert lines(api, "Client")[:2] == ["type Client implements Node {", "id: ID!"]
    assert api.entities["Client"].value("id").filter


def test_what_is_no_node_has_no_id() -> None:
    api = small_api(person(node=False), client())

    assert lines(api, "Person")[:2] == ["type Person {", "name: String!"]


def test_an_interface_has_its_own_connection_and_its_types_implement_it() -> None:
    root = ListRoot("animals", "Animal", TEXT)
    api = small_api(catalogues=[Catalogue(animals(), (root,))], functions=[], mutations=[], subscriptions=[])

    assert validate_schema(api.schema) == []
    assert lines(api, "Animal")[0] == "interface Animal implements Node {"
    assert lines(api, "Cat")[0] == "type Cat implements Animal & Node {"
    assert "nodes: [Animal!]!" in lines(api, "AnimalConnection")
    document = parse("{ animals { nodes { name ... on Cat { id } ... on Dog { id } } } }")
    assert validate(api.schema, document) == []


def test_without_mutations_and_subscriptions_there_are_no_such_roots() -> None:
    api = small_api(mutations=[], subscriptions=[])

    assert api.schema.mutation_type is None
    assert api.schema.subscription_type is None
    assert validate_schema(api.schema) == []


def test_everything_has_a_description() -> None:
    assert [place for place, text in described(small_api().schema) if not text] == []


class TestReadingInput:
    """Input is read as the kinds read it."""

    def test_an_id_is_a_uuid(self) -> None:
        kind = scalar_type(ID)
        known = UUID("0197a4d0-0000-7000-8000-000000000001")

        assert coerce_input_value(str(known), kind) == known
        assert coerce_input_literal(parse_const_value(f'"{known}"'), kind) == known

    @pytest.mark.parametrize("value", [5, "5", "", None, True, [], {}])
    def test_nothing_else_is_an_id(self, value: Any) -> None:
        query = "query($id: ID!) { client(id: $id) { name } }"
        answer = graphql_sync(small_api().schema, query, variable_values={"id": value})

        assert answer.errors
        if value is not None:
            assert "编号应为 UUID。 An id is a UUID." in answer.errors[0].message

    @pytest.mark.parametrize("literal", ["5", '"5"', "abc", "{a: 1}", "[1]"])
    def test_wrong_literals_are_refused_with_their_place(self, literal: str) -> None:
        found = validate(small_api().schema, parse(f"{{ client(id: {literal}) {{ name }} }}"))

        assert [one.message for one in found] == ["编号应为 UUID。 An id is a UUID."]
        assert found[0].locations or literal[0] in "{["

    def test_decimals_keep_their_digits(self) -> None:
        kind = scalar_type(DECIMAL)

        assert coerce_input_literal(parse_const_value("0.12345678901234"), kind) == Decimal("0.12345678901234")
        assert coerce_input_literal(parse_const_value('"12.50"'), kind) == Decimal("12.50")
        assert str(coerce_input_literal(parse_const_value("12.50"), kind)) == "12.50"
        assert coerce_input_literal(parse_const_value("1e2"), kind) == 100

    def test_large_whole_numbers_may_come_as_text(self) -> None:
        assert coerce_input_value("9007199254740993", scalar_type(LONG)) == 9007199254740993

    def test_any_json_may_stand_in_a_document(self) -> None:
        read = coerce_input_literal(parse_const_value('{a: [1, "x", null, RED]}'), scalar_type(JSON))

        assert read == {"a": [1, "x", None, "RED"]}

    def test_an_enum_gives_its_stored_key(self) -> None:
        colour: Any = small_api().schema.type_map["Colour"]

        assert coerce_input_value("DARK_RED", colour) == "dark-red"

    def test_orders_and_groups_give_their_own_names(self) -> None:
        order: Any = small_api().schema.type_map["ClientOrder"]

        assert coerce_input_value({"field": "CREATED_AT"}, order) == {"field": "CREATED_AT", "direction": "ASC"}

    def test_variables_of_introspection_fit_graphqls_own_types(self) -> None:
        query = (
            "query($name: String!, $old: Boolean) { __type(name: $name) { fields(includeDeprecated: $old) { name } } }"
        )
        answer = graphql_sync(small_api().schema, query, variable_values={"name": "PageInfo", "old": False})

        assert answer.errors is None


class TestNames:
    """The names that the compiler and documents use."""

    def test_orders_by_their_member(self) -> None:
        assert {name: value.name for name, value in names.order_fields(client()).items()} == {
            "NAME": "name",
            "CREATED_AT": "createdAt",
        }

    def test_groups_by_their_member(self) -> None:
        found = names.group_fields(client())

        assert {name: (one.value.name, one.unit) for name, one in found.items()} == {
            "CREATED_AT_DAY": ("createdAt", "DAY"),
            "CREATED_AT_MONTH": ("createdAt", "MONTH"),
            "CREATED_AT_YEAR": ("createdAt", "YEAR"),
            "COLOUR": ("colour", None),
        }

    def test_inputs_and_payloads(self) -> None:
        assert (names.input_of(MUTATION), names.payload_of(MUTATION)) == ("RenameClientInput", "RenameClientPayload")


BAD_NAME = column(Client.name, "名称", "Name", name="client_name")
NO_NUMBER = computed("worth", STRING, lambda row: row.table.id, "价值", "Worth", aggregate=True)
DOCUMENT = computed("document", JSON, lambda row: row.table.id, "文档", "Document", filter=True)


@pytest.mark.parametrize(
    ("entity", "said"),
    [
        (client(fields=(one("owner", "Nobody", Client.owner_id, "人", "Owner"),)), "Client.owner leads to Nobody"),
        (client(fields=(BAD_NAME,)), "'client_name' is not written in camelCase"),
        (client(fields=(*client().fields, client().fields[0])), "Client(Filter)? has two members named name"),
        (client(fields=(NO_NUMBER,)), "Client.worth is no number"),
        (client(fields=(DOCUMENT,)), "JSON cannot be filtered"),
        (client(interfaces=("Person",)), "Client is one of Person, which has no concrete types"),
    ],
)
def test_wrong_declarations_of_a_type_are_refused(entity: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small_api(person(), entity)


def test_a_name_stands_for_one_declaration() -> None:
    other = ObjectShape("Summary", TEXT, (Part("total", INT, TEXT),))
    taken = ObjectShape("ClientConnection", TEXT, (Part("total", INT, TEXT),))
    odd = InputObject("PlaceInput", TEXT, (Argument("street", STRING, TEXT),))

    for more in (
        replace(FUNCTION, name="again", result=other),
        replace(FUNCTION, name="again", result=taken),
        replace(FUNCTION, name="again", arguments=(Argument("place", odd, TEXT),)),
    ):
        with pytest.raises(ValueError, match="stands for two declarations"):
            small_api(functions=[FUNCTION, more])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"functions": [FUNCTION, FUNCTION]}, "list of functions has two members named summary"),
        ({"functions": [replace(FUNCTION, name="clients")]}, "Query has two members named clients"),
        ({"functions": [replace(FUNCTION, name="node")]}, "Query has two members named node"),
        ({"mutations": [MUTATION, MUTATION]}, "list of mutations has two members named renameClient"),
        ({"mutations": [replace(MUTATION, name="rename_client")]}, "not written in camelCase"),
        (
            {"mutations": [replace(MUTATION, arguments=(Argument("idempotencyKey", STRING, TEXT),))]},
            "two members named idempotencyKey",
        ),
    ],
)
def test_wrong_declarations_of_fields_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small_api(**changes)


def test_an_enum_that_is_declared_twice_with_the_same_keys_is_one() -> None:
    again = EnumKind("Colour", TEXT, (("dark-red", TEXT._replace(zh="暗红")), ("blue", TEXT)))
    api = small_api(functions=[FUNCTION, replace(FUNCTION, name="again", result=again)])

    assert isinstance(api.schema.type_map["Colour"], GraphQLEnumType)
    with pytest.raises(ValueError, match="Colour"):
        small_api(
            functions=[FUNCTION, replace(FUNCTION, name="again", result=EnumKind("Colour", TEXT, (("a", TEXT),)))]
        )
    twice = EnumKind("Shade", TEXT, (("dark-red", TEXT), ("dark_red", TEXT)))
    with pytest.raises(ValueError, match="two members named DARK_RED"):
        small_api(functions=[FUNCTION, replace(FUNCTION, name="again", result=twice)])


def test_what_belongs_to_other_plugins_is_left_out() -> None:
    extra = Catalogue((replace(client(), name="Extra"),), (ListRoot("extras", "Extra", TEXT),), plugin="telecom")
    base = Catalogue((person(), client()), ())
    told = {
        "catalogues": [base, extra],
        "functions": [replace(FUNCTION, plugin="telecom")],
        "mutations": [replace(MUTATION, plugin="tobacco")],
    }

    with_it = small_api(**told, plugins=frozenset({"telecom"}))
    without = small_api(**told)

    assert set(with_it.roots) == {"extras"}
    assert set(with_it.functions) == {"summary"}
    assert "Extra" in with_it.schema.type_map
    assert (set(without.roots), set(without.functions)) == (set(), set())
    assert "Extra" not in without.schema.type_map
    assert with_it.mutations == {}


def test_types_that_depend_on_nothing_else_are_shared() -> None:
    shared = Shared()
    owner, first, second = person(), client(), client()
    before = small_api(owner, first, shared=shared).schema.type_map
    after = small_api(owner, second, shared=shared).schema.type_map

    for name in ("PageInfo", "UserError", "RenameClientInput", "StringFilter", "Colour", "PersonOrder", "Node"):
        assert before[name] is after[name], name
    for name in ("Client", "Person", "ClientOrder", "ClientFilter", "PersonFilter", "RenameClientPayload"):
        assert before[name] is not after[name], name


def test_the_same_declarations_give_the_same_schema_each_time() -> None:
    first, second = small_api().schema.type_map, small_api().schema.type_map

    assert list(first) == list(second)
    assert [printed(kind) for kind in first.values()] == [printed(kind) for kind in second.values()]


def test_fields_of_all_sorts_are_there() -> None:
    batched = Batched("score", INT, TEXT, nothing)
    keyed = Value("extra", JSON, TEXT, lambda row: row.table.id, argument="keys", expression_by=lambda _, keys: keys)
    boss = One("boss", "Person", TEXT, lambda row, other: row.table.owner_id == other.table.id, filter=False)
    api = small_api(person(), client(fields=(batched, keyed, boss)))

    assert lines(api, "Client")[2:] == ["score: Int", "extra(", "keys: [String!]", "): JSON", "boss: Person", "}"]
    condition: Any = api.schema.type_map["ClientFilter"]
    assert isinstance(condition, GraphQLInputObjectType)
    assert list(condition.fields) == ["and", "or", "not", "id", "search", "custom"]
    assert isinstance(SUMMARY.parts[1].shape.item, EntityRef)  # type: ignore[union-attr]
