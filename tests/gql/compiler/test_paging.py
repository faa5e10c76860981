"""Every order, forward and backward: pages one after another are slices of the whole list."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steward_core.permissions import CLIENTS_VIEW
from steward_graphql.errors import InvalidCursor
from tests.factories import actor_with
from tests.gql.compiler.conftest import Tiny

ALL = actor_with(CLIENTS_VIEW)
LIST = """query ($first: Int, $after: String, $last: Int, $before: String, $by: [ClientOrder!]) {
  clients(first: $first, after: $after, last: $last, before: $before, orderBy: $by) {
    edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
ATTRIBUTES = {
    "NAME": "name",
    "CODE": "code",
    "STATUS": "status",
    "TIER": "tier",
    "LATITUDE": "latitude",
    "LAST_ACTIVITY_ON": "last_activity_on",
    "CREATED_AT": "created_at",
    "VERSION": "version",
}
ORDERS = st.lists(
    st.tuples(st.sampled_from(sorted(ATTRIBUTES)), st.sampled_from(["ASC", "DESC"])),
    max_size=3,
    unique_by=lambda o: o[0],
)
BUDGET = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _sorted(tiny: Tiny, order: list[tuple[str, str]]) -> list[str]:
    """The ids of all clients in an order, by Python."""
    rows = sorted(tiny.clients, key=lambda c: c.id, reverse=bool(order) and order[0][1] == "DESC")
    for name, direction in reversed(order or [("NAME", "ASC")]):

        def key(client: Any, name: str = name) -> tuple[bool, Any]:
            value = getattr(client, ATTRIBUTES[name])
            return value is None, 0 if value is None else value

        rows.sort(key=key, reverse=direction == "DESC")
    return [str(row.id) for row in rows]


def _input(order: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"field": field, "direction": direction} for field, direction in order]


@BUDGET
@given(order=ORDERS, size=st.integers(1, 9))
async def test_forward(tiny: Tiny, order: list[tuple[str, str]], size: int) -> None:
    whole, after = _sorted(tiny, order), None
    seen: list[str] = []
    while True:
        data = (await tiny.runner.ask(LIST, ALL, {"first": size, "after": after, "by": _input(order)}))["clients"]
        seen += [edge["node"]["id"] for edge in data["edges"]]
        assert data["pageInfo"]["hasNextPage"] is (len(seen) < len(whole))
        assert data["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert data["pageInfo"]["startCursor"] == data["edges"][0]["cursor"]
        assert data["pageInfo"]["endCursor"] == data["edges"][-1]["cursor"]
        if not data["pageInfo"]["hasNextPage"]:
            break
        after = data["pageInfo"]["endCursor"]
    assert seen == whole


@BUDGET
@given(order=ORDERS, size=st.integers(1, 9))
async def test_backward(tiny: Tiny, order: list[tuple[str, str]], size: int) -> None:
    whole, before = _sorted(tiny, order), None
    seen: list[str] = []
    while True:
        data = (await tiny.runner.ask(LIST, ALL, {"last": size, "before": before, "by": _input(order)}))["clients"]
        seen = [edge["node"]["id"] for edge in data["edges"]] + seen
        assert data["pageInfo"]["hasPreviousPage"] is (len(seen) < len(whole))
        assert data["pageInfo"]["hasNextPage"] is (before is not None)
        assert data["pageInfo"]["startCursor"] == data["edges"][0]["cursor"]
        assert data["pageInfo"]["endCursor"] == data["edges"][-1]["cursor"]
        if not data["pageInfo"]["hasPreviousPage"]:
            break
        before = data["pageInfo"]["startCursor"]
    assert seen == whole


async def test_keys_that_are_never_null_are_compared_as_a_row(tiny: Tiny) -> None:
    plan, _ = await tiny.runner.plan(LIST, ALL, {"after": _cursor(["x"]), "by": _input([("NAME", "DESC")])})
    assert b"(t1.name, t1.id) < ($" in plan.sql


def _cursor(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


async def test_cursors_that_are_none(tiny: Tiny) -> None:
    data = await tiny.runner.ask(LIST, ALL, {"first": 1, "by": _input([("NAME", "DESC")])})
    real = data["clients"]["pageInfo"]["endCursor"]
    signature, name, row_id = json.loads(base64.b64decode(real))
    wrong = [
        "",
        "x",
        "é",
        "=" * 5000,
        _cursor({}),
        _cursor([]),
        _cursor([signature]),
        _cursor([signature, name]),
        _cursor([signature, None, row_id]),
        _cursor([signature, 5, row_id]),
        _cursor([signature, "a\0b", row_id]),
        _cursor([signature, "\ud800", row_id]),
        _cursor([signature, name, "no-id"]),
        _cursor([signature, name, [row_id]]),
        _cursor(["other", name, row_id]),
        base64.b64encode(b"[" * 3000).decode(),
        base64.b64encode(b"\xff\xfe").decode(),
    ]
    for cursor in wrong:
        with pytest.raises(InvalidCursor):
            await tiny.runner.ask(LIST, ALL, {"first": 1, "after": cursor, "by": _input([("NAME", "DESC")])})
    with pytest.raises(InvalidCursor):
        await tiny.runner.ask(LIST, ALL, {"first": 1, "after": real, "by": _input([("NAME", "ASC")])})


async def test_nested_pages_have_cursors_of_their_own(tiny: Tiny) -> None:
    text = """query ($id: ID!, $after: String) { client(id: $id) { contacts(first: 2, after: $after) {
      nodes { name } pageInfo { endCursor hasNextPage } } } }"""
    variables: dict[str, Any] = {"id": str(tiny.clients[0].id)}
    seen: list[str] = []
    while True:
        page = (await tiny.runner.ask(text, ALL, variables))["client"]["contacts"]
        seen += [node["name"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        variables["after"] = page["pageInfo"]["endCursor"]
    assert seen == [c.name for c in tiny.contacts if c.client_id == tiny.clients[0].id]
