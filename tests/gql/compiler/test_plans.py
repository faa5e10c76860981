"""What stands in a plan: no value of a document, no mark; one plan for what has the same structure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from graphql import parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, Boolean, Date, DateTime, Integer, LargeBinary, Numeric, Text, Uuid, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from steward_core.clients.models import Client
from steward_core.permissions import CLIENTS_VIEW, FORMS_VIEW
from steward_graphql.compiler.compile import compile_query, function_fields, root_fields, table_fields
from steward_graphql.compiler.encoding import encoder_of
from steward_graphql.compiler.operation import select_operation
from steward_graphql.compiler.parameters import Parameters
from steward_graphql.compiler.plan import Execution
from steward_graphql.compiler.variables import read_arguments, read_variables, structure_of
from steward_graphql.declared.api import Api
from steward_graphql.errors import InvalidVariables, UnknownOperation
from steward_tenants.access.permissions import PEOPLE_VIEW
from steward_tenants.access.symbolic import ACTOR, TENANT, TODAY, root_mark, standing_of
from tests.factories import actor_with
from tests.gql.compiler.conftest import Tiny

ALL = actor_with(CLIENTS_VIEW, FORMS_VIEW, PEOPLE_VIEW)
BUDGET = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=5, max_size=30)
NAMES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9]{6,12}\Z").filter(lambda name: "__" not in name)


@BUDGET
@given(word=WORDS, alias=NAMES, number=st.integers(1_000_000, 2_000_000_000), first=st.integers(0, 100))
async def test_no_literal_of_the_document_stands_in_the_statement(
    tiny: Tiny, word: str, alias: str, number: int, first: int
) -> None:
    written = '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 65536 else f"\\u{{{ord(c):x}}}" for c in word) + '"'
    text = f"""query {{ x{alias}: clients(first: {first}, filter: {{or: [{{name: {{contains: {written}}}}},
      {{version: {{in: [{number}]}}}}, {{tier: {{eq: {written}}}}}]}}) {{ nodes {{ y{alias}: name z{alias}: picked(keys: [{written}]) }} }} }}"""
    plan, variables = await tiny.runner.plan(text, ALL)
    sql = plan.sql.decode()
    literals = "".join(re.findall(r"'([^']*)'", sql))
    assert alias not in sql
    assert str(number) not in sql
    assert word not in literals
    ((answer,),) = await tiny.runner.run(plan, ALL, variables)
    assert answer == '{"nodes":[]}'


@BUDGET
@given(word=WORDS)
async def test_any_text_comes_through(tiny: Tiny, word: str) -> None:
    text = "query ($w: String!, $l: [String!]) { clients(filter: {or: [{name: {eq: $w}}, {tier: {in: $l}}]}) { totalCount } }"
    assert (await tiny.runner.ask(text, ALL, {"w": word, "l": [word, '"', "{}", "\\"]}))["clients"]["totalCount"] == 0


def _structure(api: Api, text: str, raw: dict[str, Any]) -> Any:
    operation = select_operation(parse(text), text, None)
    return structure_of(api, operation, read_variables(api, operation, raw))


def test_structure(api: Api) -> None:
    text = """query ($f: ClientFilter, $by: [ClientOrder!], $g: [ClientGroupField!]!, $on: Boolean = false, $n: Int, $b: Boolean) {
      clients(first: $n, filter: $f, orderBy: $by) { totalCount @include(if: $on) groups(by: $g) { count } }
      b: clients(filter: {name: {isNull: $b}}) { totalCount } }"""
    base = {"f": {"name": {"eq": "a", "in": ["a"]}}, "by": [{"field": "NAME"}], "g": ["STATUS"], "n": 1, "b": True}
    same = {
        "f": {"name": {"in": ["a", "b"], "eq": "b"}},
        "n": 2,
        "b": False,
        "by": {"field": "NAME", "direction": "ASC"},
    }
    assert _structure(api, text, base) == _structure(api, text, {**base, **same})
    others: list[dict[str, Any]] = [
        {"f": {"name": {"eq": "a"}}},
        {"f": {"name": {"eq": None, "in": ["a"]}}},
        {"f": None},
        {"by": [{"field": "NAME", "direction": "DESC"}]},
        {"by": [{"field": "CODE"}]},
        {"by": []},
        {"g": ["TIER"]},
        {"g": ["STATUS", "TIER"]},
        {"on": True},
        {"n": None},
    ]
    seen = [_structure(api, text, {**base, **other}) for other in others]
    assert len({_structure(api, text, base), *seen}) == len(others) + 1
    assert hash(tuple(seen))


async def test_equal_structures_give_equal_statements(tiny: Tiny) -> None:
    text = "query ($f: ClientFilter, $n: Int, $after: String) { clients(first: $n, after: $after, filter: $f) { nodes { id } } }"
    one, _ = await tiny.runner.plan(text, ALL, {"f": {"status": {"eq": "ACTIVE"}}, "n": 1, "after": "x"})
    two, _ = await tiny.runner.plan(text, ALL, {"f": {"status": {"eq": "DORMANT"}}, "n": 9, "after": "y"})
    assert one.sql == two.sql


def test_variables(api: Api) -> None:
    text = "query ($id: ID!, $n: Int = 5, $f: ClientFilter = {status: {eq: DORMANT}, latitude: {gt: 1.10}}) { node(id: $id) { id } }"
    operation = select_operation(parse(text), text, None)
    given_id = uuid4()
    read = read_variables(api, operation, {"id": str(given_id), "more": 1})
    assert read == {
        "id": given_id,
        "n": 5,
        "f": {"status": {"eq": "dormant"}, "latitude": {"gt": Decimal("1.10")}},
    }
    wrong: dict[str, dict[str, Any]] = {
        "id": {},
        "n": {"id": str(given_id), "n": "5"},
        "f.status.eq": {"id": str(given_id), "f": {"status": {"eq": "active"}}},
        "f.nope": {"id": str(given_id), "f": {"nope": 1}},
        "f.and.1.name": {"id": str(given_id), "f": {"and": [{}, {"name": 5}]}},
        "f.name.in.1": {"id": str(given_id), "f": {"name": {"in": ["a", None]}}},
        "f.createdAt.lt": {"id": str(given_id), "f": {"createdAt": {"lt": "2026-01-01"}}},
    }
    for path, raw in wrong.items():
        with pytest.raises(InvalidVariables) as caught:
            read_variables(api, operation, raw)
        assert [".".join(problem.path) for problem in caught.value.problems] == [path]
    deep: dict[str, Any] = {}
    for _ in range(3000):
        deep = {"not": deep}
    with pytest.raises(InvalidVariables):
        read_variables(api, operation, {"id": str(given_id), "f": deep})


def test_arguments_of_fields_that_python_answers(api: Api) -> None:
    text = 'query ($id: ID, $n: String) { a: clients(first: 3, filter: {id: {eq: $id, ne: $id}, name: {in: "x", eq: $n}}) { totalCount } }'
    operation = select_operation(parse(text), text, None)
    (asked,) = root_fields(api, operation, {})
    arguments = api.schema.query_type.fields["clients"].args  # type: ignore[union-attr]
    one = uuid4()
    read = read_arguments(api, arguments, asked.nodes[0], {"id": one})
    assert read == {"first": 3, "filter": {"id": {"eq": one, "ne": one}, "name": {"in": ["x"]}}}
    assert (table_fields(api, operation, {}), function_fields(api, operation, {})) == (True, [])


def test_which_operation() -> None:
    document = parse("query A { __typename } query B { __typename } fragment F on Client { id }")
    assert select_operation(document, "k", "B").definition.name.value == "B"  # type: ignore[union-attr]
    for name in (None, "", "C"):
        with pytest.raises(UnknownOperation):
            select_operation(document, "k", name)


def _sources(statement: Any) -> Iterator[bytes | None]:
    actor = actor_with(CLIENTS_VIEW)
    execution = Execution(uuid4(), standing_of(actor), date(2026, 1, 1), {})
    _, sources = Parameters().compiled(statement)
    return (source(execution) for source in sources)


def test_marks_are_filled() -> None:
    assert list(_sources(select(literal(TODAY), literal("x"), literal(7)))) == [b"2026-01-01", b"x", b"7"]
    (tenant, actor) = _sources(select(literal(TENANT), literal(ACTOR)))
    assert {tenant, actor}.isdisjoint({str(TENANT).encode(), str(ACTOR).encode()})
    listed = _sources(select(Client.id).where(Client.name.in_(["a", 'b"']), Client.id.in_([TENANT, ACTOR])))
    assert list(listed)[:2] == [b"a", b'b"']


@pytest.mark.parametrize(
    "value",
    [
        literal([TENANT], ARRAY(Uuid())),
        literal({"a": [str(ACTOR)]}, JSONB()),
        literal(str(root_mark(3)), Text()),
        literal(TODAY + timedelta(days=30), Date()),
        literal([TODAY], ARRAY(Date())),
    ],
)
def test_a_mark_that_nobody_would_fill_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="mark"):
        Parameters().compiled(select(value))


def test_values_as_text() -> None:
    cases: list[tuple[Any, Any, bytes | None]] = [
        (Text(), "é", "é".encode()),
        (Text(), None, None),
        (Boolean(), True, b"t"),
        (Boolean(), False, b"f"),
        (Integer(), 5, b"5"),
        (Numeric(), Decimal("1E+3"), b"1000"),
        (Date(), date(2026, 1, 2), b"2026-01-02"),
        (Uuid(), UUID(int=1), b"00000000-0000-0000-0000-000000000001"),
        (ARRAY(Text()), ['a"\\', "NULL", "", None, "{}"], b'{"a\\"\\\\","NULL","",NULL,"{}"}'),
        (ARRAY(Integer()), [[1], [2]], b'{{"1"},{"2"}}'),
        (JSONB(), {"a": None}, b'{"a": null}'),
        (LargeBinary(), b"\x00\xff", b"\\x00ff"),
        (DateTime(timezone=True), None, None),
    ]
    for kind, value, expected in cases:
        assert encoder_of(kind)(value) == expected
    with pytest.raises(TypeError):
        encoder_of(Text())(object())


async def test_compiling_needs_no_more_than_the_profile(tiny: Tiny) -> None:
    operation = tiny.runner.operation("query Q { clients { totalCount } }")
    plan = compile_query(tiny.runner.api, operation, {}, standing_of(ALL).profile)
    assert (plan.names, plan.reusable) == (("clients",), True)
