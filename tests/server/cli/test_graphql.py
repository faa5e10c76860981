"""`steward graphql`: the schema, documents run as a person, their cost, trusted documents."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from graphql import build_schema

from steward_graphql.schema.sdl import published
from tests.server.cli.console import ADMIN, MANAGER, TENANT, Console

ONE = "query One { viewer { name } }"
LIST = "query List($n: Int!) { clients(first: $n) { nodes { name contacts { totalCount } } } }"


def test_the_schema_is_that_of_the_plugins(console: Console) -> None:
    printed = console("graphql", "schema", "--plugins", "telecom")
    assert printed.out == published("telecom")
    core = build_schema(console("graphql", "schema", "--plugins", "").out)
    whole = build_schema(console("graphql", "schema").out)
    assert "TelecomVpnGroup" not in core.type_map
    assert {"TelecomVpnGroup", "TobaccoVisit"} <= set(whole.type_map)
    refused = console("graphql", "schema", "--plugins", "telecom,moon")
    assert (refused.code, "No plugin named moon" in refused.err) == (1, True)


def test_a_document_is_run_as_the_person(console: Console, tmp_path: Path) -> None:
    answer = json.loads(console("graphql", "query", TENANT, ONE, "--login", MANAGER).out)
    assert answer == {"data": {"viewer": {"name": "赵宁"}}}
    file = tmp_path / "two.graphql"
    file.write_text(ONE + " query Two($key: String!) { clientTier(key: $key) { key } }", encoding="utf-8")
    words = ["graphql", "query", TENANT, "--file", str(file), "--login", MANAGER]
    printed = console(*words, "--operation", "Two", "--variables", '{"key": "moon"}')
    assert json.loads(printed.out) == {"data": {"clientTier": None}}
    assert console(*words).code == 1
    assert console(*words, "--variables", "[]").code == 1


def test_what_is_refused_is_printed_and_ends_with_1(console: Console) -> None:
    words = ["graphql", "query", TENANT, "{ auditEvents { totalCount } }", "--login", MANAGER]
    printed = console(*words)
    told = json.loads(printed.out)
    assert (printed.code, told["data"], told["errors"][0]["extensions"]["code"]) == (
        1,
        {"auditEvents": None},
        "forbidden",
    )
    english = json.loads(console(*words, "--english").out)
    assert english["errors"][0]["message"] == told["errors"][0]["extensions"]["messages"]["en"]
    syntax = json.loads(console("graphql", "query", TENANT, "{", "--login", MANAGER).out)
    assert [one["extensions"]["code"] for one in syntax["errors"]] == ["syntax_error"]
    assert console("graphql", "query", TENANT, "--login", MANAGER).code == 1
    assert console("graphql", "query", TENANT, "--file", "nowhere.graphql", "--login", MANAGER).code == 1


def test_a_mutation_is_carried_out_and_recorded(console: Console) -> None:
    text = 'mutation { trustDocument(input: {name: "甲", text: "{ me { id } }"}) { document { digest } } }'
    answer = json.loads(console("graphql", "query", TENANT, text, "--login", ADMIN).out)
    digest = answer["data"]["trustDocument"]["document"]["digest"]
    assert console("graphql", "withdraw", TENANT, digest, "--login", ADMIN).code == 0
    assert [event.changes["name"][-1] for event in console.events("documents.trust")][-1:] == ["甲"]


def test_a_document_tells_its_cost(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    row = console("graphql", "cost", LIST, "--variables", '{"n": 100}', "--json").row
    assert row == {"points": 401, "most": 10_000, "dearest": "clients.nodes.contacts"}
    monkeypatch.setattr("sys.stdin", io.StringIO(ONE))
    assert console("graphql", "cost", "--file", "-", "--json").row["points"] == 2
    assert console("graphql", "cost", LIST, "--variables", '{"n": 101}').code == 1
    refused = console("graphql", "cost", "{ moon }")
    assert (refused.code, "moon" in refused.err) == (1, True)


def test_documents_are_trusted_and_withdrawn(console: Console) -> None:
    row = console("graphql", "trust", TENANT, "谁在用", ONE, "--login", ADMIN, "--json").row
    assert (row["name"], row["characters"]) == ("谁在用", len(ONE))
    assert console("graphql", "trusted", TENANT, "--login", ADMIN, "--json").rows == [row]
    assert console("graphql", "trusted", TENANT, "--login", MANAGER, "--json").error["code"] == "forbidden"
    assert console("graphql", "withdraw", TENANT, row["document_id"], "--login", ADMIN).code == 0
    assert console("graphql", "trusted", TENANT, "--login", ADMIN, "--json").rows == []
    assert [event.changes["name"][-1] for event in console.events("documents.trust")][-1:] == ["谁在用"]
