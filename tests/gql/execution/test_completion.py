"""Values from Python as JSON: kinds, shapes, selections, nulls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from graphql import parse

from steward_graphql.compiler.operation import select_operation
from steward_graphql.compiler.selection import Selections
from steward_graphql.declared.scalars import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    FEN,
    ID,
    INT,
    JSON,
    LONG,
    STRING,
    EnumKind,
)
from steward_graphql.declared.shapes import Argument, EntityRef, InputObject, ListOf, ObjectShape, Part, Shape
from steward_graphql.execution.completion import Completion, Writer, leaf, plain
from steward_graphql.execution.inputs import pythonic, shown_path
from steward_tenants.texts import Bilingual

TEXT = Bilingual("文本", "Text")
STATE = EnumKind("State", TEXT, (("in-use", TEXT), ("gone", TEXT)))
ROW = UUID("01890000-0000-7000-8000-000000000001")


class State(StrEnum):
    IN_USE = "in-use"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (ID, ROW, str(ROW)),
        (STRING, "“甲”\n", "“甲”\n"),
        (INT, 7, 7),
        (BOOLEAN, True, True),
        (LONG, 2**53 + 1, "9007199254740993"),
        (FEN, 100, "100"),
        (DECIMAL, Decimal("1.50"), "1.50"),
        (DECIMAL, Decimal("1E+3"), "1000"),
        (DECIMAL, 0.25, "0.25"),
        (DATE, date(2026, 11, 5), "2026-11-05"),
        (DATETIME, datetime(2026, 11, 5, 9, 30, tzinfo=timezone(timedelta(hours=8))), "2026-11-05T01:30:00+00:00"),
        (DATETIME, datetime(2026, 11, 5, 9, 30, 1, 120000, UTC), "2026-11-05T09:30:01.12+00:00"),
        (JSON, {"a": [1, None]}, {"a": [1, None]}),
        (STATE, State.IN_USE, "IN_USE"),
        (STATE, "gone", "GONE"),
        (STRING, None, None),
    ],
)
def test_single_values(kind: Any, value: Any, expected: Any) -> None:
    assert leaf(kind, value) == expected


LEAF = ObjectShape("Leaf", TEXT, (Part("name", STRING, TEXT, nullable=False), Part("owner", EntityRef("Person"), TEXT)))
TREE = ObjectShape(
    "Branch",
    TEXT,
    (
        Part("title", STRING, TEXT, source="heading"),
        Part("twice", INT, TEXT, read=lambda value: value["count"] * 2),
        Part("leaf", LEAF, TEXT),
        Part("leaves", ListOf(LEAF), TEXT),
        Part("must", LEAF, TEXT, nullable=False),
        Part("owners", ListOf(EntityRef("Person")), TEXT),
        Part("tags", ListOf(STRING), TEXT),
    ),
)


def complete(
    shape: Shape,
    value: Any,
    selection: str,
    rows: Mapping[str, str] | None = None,
    *,
    kept: bool = False,
    **variables: Any,
) -> tuple[Any, list[tuple[str | int, ...]]]:
    document = parse(selection)
    operation = select_operation(document, "", None)
    selections = Selections(operation, variables)
    (field,) = selections.of([operation.definition.selection_set], frozenset({"Query"}))
    completion = Completion(selections)
    tree = completion.tree(shape, value, field, kept=kept)
    known = rows or {}
    writer = Writer({id(ref): known[str(ref.key)] for ref in completion.refs if str(ref.key) in known})
    text = writer.write(tree, (field.key,))
    assert text is not None
    return json.loads(text), [path for _, path in writer.problems]


VALUE = {
    "heading": "一",
    "count": 4,
    "leaf": {"name": "甲", "owner": ROW},
    "leaves": [{"name": "乙", "owner": None}, {"name": "丙", "owner": ROW}],
    "must": {"name": "丁", "owner": None},
    "owners": [ROW, UUID(int=5)],
    "tags": ["a", "b"],
}


def test_aliases_fragments_and_typename() -> None:
    found, problems = complete(
        TREE,
        VALUE,
        """query { branch { ...F x: twice ... on Branch { title } ... on Other { title } ... @skip(if: true) { tags }
           __typename leaf { name } leaf { owner { id } n: name } } }
           fragment F on Branch { title t: title leaves { name } }""",
        {str(ROW): '{"id":"x"}'},
    )
    assert list(found) == ["title", "t", "leaves", "x", "__typename", "leaf"]
    assert found["leaf"] == {"name": "甲", "owner": {"id": "x"}, "n": "甲"}
    assert found["leaves"] == [{"name": "乙"}, {"name": "丙"}]
    assert (found["x"], found["__typename"], problems) == (8, "Branch", [])


def test_rows_out_of_reach_are_null_and_left_out_of_lists() -> None:
    found, problems = complete(TREE, VALUE, "{ b { owners { id } leaf { owner { id } } } }", {str(ROW): '{"id":1}'})
    assert found == {"owners": [{"id": 1}], "leaf": {"owner": {"id": 1}}}
    found, problems = complete(TREE, VALUE, "{ b { owners { id } leaf { owner { id } } } }")
    assert found == {"owners": [], "leaf": {"owner": None}}
    assert problems == []


def test_nulls_go_up_to_where_they_may_be() -> None:
    nameless = {"name": None, "owner": None}
    found, problems = complete(TREE, {**VALUE, "leaf": nameless}, "{ b { leaf { name } tags } }")
    assert (found, problems) == ({"leaf": None, "tags": ["a", "b"]}, [("b", "leaf", "name")])
    found, problems = complete(TREE, {**VALUE, "leaves": [nameless, nameless]}, "{ b { leaves { name } tags } }")
    assert (found, problems) == ({"leaves": None, "tags": ["a", "b"]}, [("b", "leaves", 0, "name")])
    found, problems = complete(TREE, {**VALUE, "must": None}, "{ b { must { name } tags } }")
    assert (found, problems) == (None, [("b", "must")])
    found, problems = complete(TREE, {**VALUE, "tags": ["a", None]}, "{ b { tags title } }")
    assert (found, problems) == ({"tags": None, "title": "一"}, [("b", "tags", 1)])
    assert complete(TREE, None, "{ b { tags } }") == (None, [])


def test_what_is_kept_answers_the_same() -> None:
    selection = "{ b { title twice leaf { name owner { id } } leaves { name } owners { id } tags } }"
    rows = {str(ROW): '{"id":9}'}
    kept = json.loads(json.dumps(plain(TREE, VALUE)))
    assert complete(TREE, kept, selection, rows, kept=True) == complete(TREE, VALUE, selection, rows)


def test_arguments_under_pythons_names() -> None:
    inner = InputObject(
        "Inner", TEXT, (Argument("ownerId", ID, TEXT, target="owner_id"), Argument("name", STRING, TEXT))
    )
    arguments = (
        Argument("clientId", ID, TEXT, target="client_id"),
        Argument("fields", inner, TEXT),
        Argument("rows", inner, TEXT, listed=True, target="all_rows"),
        Argument("values", JSON, TEXT, target="new_values"),
    )
    given = {"fields": {"ownerId": 1}, "rows": [{"name": None}, {"ownerId": 2}], "idempotencyKey": "k"}
    assert pythonic(arguments, given) == {"fields": {"owner_id": 1}, "all_rows": [{"name": None}, {"owner_id": 2}]}
    assert pythonic(arguments, {"fields": None}) == {"fields": None}
    assert shown_path(arguments, ("all_rows", "1", "owner_id")) == ["rows", "1", "ownerId"]
    assert shown_path(arguments, ("valid_from", "client_id")) == ["validFrom", "clientId"]
    assert shown_path(arguments, ("new_values", "competitor_name", "0")) == ["values", "competitor_name", "0"]
