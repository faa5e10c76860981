"""Lists read page by page, in both directions and any order: nothing is missed, nothing comes twice."""

from __future__ import annotations

import os
from typing import Any

import pytest
from graphql import parse

from tests.gql.agreement.answers import Bench
from tests.gql.agreement.documents import Document, list_roots
from tests.gql.agreement.paths import orders

FULL = os.environ.get("STEWARD_TEST_FULL") == "1"
SIZE = 4
PAGE = "totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { __typename } }"


async def _page(bench: Bench, place: tuple[str, str], field: str, way: str, given: str, expected: str | None) -> Any:
    """One page by both; the engine's and the reference's page."""
    size = "last" if way == "before" else "first"
    order = f", {field.partition('|')[2]}" if "|" in field else ""
    name = field.partition("|")[0]
    text = f"query($c: String) {{ {name}({size}: {SIZE}, {way}: $c{order}) {{ {PAGE} }} }}"
    document = Document(text, {"c": given or None}, {"c": expected})
    answer = await bench.agree(*place, document)
    told = await bench.reference(*place).answer(parse(text), document.expected)
    return answer["data"][name], told.data[name]


@pytest.mark.parametrize(
    "place", [pytest.param(("A", "boss"), id="A-boss", marks=pytest.mark.full), pytest.param(("C", "am1"), id="C-am1")]
)
async def test_walking_every_list_both_ways(bench: Bench, place: tuple[str, str]) -> None:
    api = bench.api(place[0])
    for number, root in enumerate(list_roots(api)):
        entity = api.entities[root.entity]
        two = list(orders(api, entity))[:2]
        chosen = ["", *(two if FULL or not two else [two[number % len(two)]])]
        for order in chosen:
            field = f"{root.name}|orderBy: {order}" if order else root.name
            await _walk(bench, place, field)


async def _walk(bench: Bench, place: tuple[str, str], field: str) -> None:
    seen: list[Any] = []
    given, expected = "", None
    while True:
        page, told = await _page(bench, place, field, "after", given, expected)
        if page is None:
            return
        seen += [edge["cursor"] for edge in told["edges"]]
        if not page["pageInfo"]["hasNextPage"] or len(seen) > 40:
            break
        given, expected = page["pageInfo"]["endCursor"], told["pageInfo"]["endCursor"]
    assert len(set(seen)) == len(seen)
    assert len(seen) == page["totalCount"] or len(seen) > 40
    back: list[Any] = []
    if not page["edges"]:
        return
    given, expected = page["edges"][-1]["cursor"], told["edges"][-1]["cursor"]
    while True:
        page, told = await _page(bench, place, field, "before", given, expected)
        back = [edge["cursor"] for edge in told["edges"]] + back
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        given, expected = page["pageInfo"]["startCursor"], told["pageInfo"]["startCursor"]
    assert back == seen[:-1]
