"""Every type, every field, every filter operator, every order and every grouping at least once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from graphql import get_named_type

from steward_graphql.declared.entities import snake
from tests.gql.agreement.answers import Bench
from tests.gql.agreement.documents import Document
from tests.gql.agreement.paths import Way, filters, leaves, orders, shared, ways
from tests.gql.world import PEOPLE

PLACES = [("C", "boss"), ("C", "am1"), ("C", "odd")]
AT_ONCE = 14
SPARSE = 8
"""The normal suite asks every eighth document."""


def _in_list(way: Way, parts: Sequence[str]) -> str:
    """One document that asks a list so many times, each with arguments and a selection of its own."""
    asked = " ".join(f"a{place}: {way.name}{part}" for place, part in enumerate(parts))
    return f"{{ {way.before} {asked} {way.after} }}"


def _chunks(parts: Sequence[str], size: int = AT_ONCE) -> Iterator[Sequence[str]]:
    for start in range(0, len(parts), size):
        yield parts[start : start + size]


def documents(bench: Bench, letter: str, name: str, *, whole: bool = False) -> Iterator[str]:
    """Documents that ask for everything once. What forms have from their interface is asked of each with `whole`."""
    api, pool = bench.api(letter), bench.pool(letter, name)
    known = ways(api)
    for entity in api.entities.values():
        if entity.name not in known:
            continue
        way = known[entity.name]
        shown = " ".join(leaves(entity))
        if way.name is None:
            yield f"{{ {way.before} {shown} __typename {way.after} }}"
            continue
        size = 5 if way.before else 30
        row = "{ totalCount nodes { id } }" if "id" in leaves(entity) else "{ totalCount nodes { __typename } }"
        left_out = frozenset() if whole else shared(api, entity)
        parts = [f"(first: {size}) {{ nodes {{ {shown} }} pageInfo {{ hasNextPage hasPreviousPage }} }}"]
        parts += [f"(first: {size}, orderBy: {order}) {row}" for order in orders(api, entity, left_out)]
        parts += [f"(last: 3, orderBy: {order}) {row}" for order in orders(api, entity, left_out)]
        parts += [f"(first: {size}, filter: {one}) {row}" for one in filters(api, entity, pool, left_out)]
        parts += _summaries(bench, letter, entity.name, left_out)
        for chunk in _chunks(parts, 4 if way.before else AT_ONCE):
            yield _in_list(way, chunk)


def _summaries(bench: Bench, letter: str, name: str, leave_out: frozenset[str]) -> Iterator[str]:
    types: Any = bench.api(letter).schema.type_map
    figures = "".join(
        f" {what} {{ {' '.join(get_named_type(one.type).fields)} }}"
        for what, one in types[f"{name}Aggregate"].fields.items()
        if what != "count"
    )
    yield f" {{ aggregate {{ count{figures} }} }}"
    fields = types.get(f"{name}GroupField")
    if fields is None:
        return
    key = " ".join(types[f"{name}GroupKey"].fields)
    left_out = tuple(snake(one) for one in leave_out)
    for one in fields.values:
        if one.removesuffix("_DAY").removesuffix("_MONTH").removesuffix("_YEAR") in left_out:
            continue
        yield f" {{ groups(by: [{one}]) {{ key {{ {key} }} count{figures} }} }}"
    pair = list(fields.values)[:2]
    yield f" {{ groups(by: [{', '.join(pair)}], first: 3) {{ key {{ {key} }} count }} }}"


@pytest.mark.parametrize("share", range(len(PLACES)))
async def test_every_field_filter_order_and_group_agrees(bench: Bench, share: int) -> None:
    """Each of these people asks a part of it; the long form has everybody ask everything."""
    letter, name = PLACES[share]
    wrong = []
    for text in list(documents(bench, letter, name))[share :: len(PLACES) * SPARSE]:
        try:
            await bench.agree(letter, name, Document(text, {}, {}))
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, f"{len(wrong)} documents\n" + "\n\n".join(one[:1500] for one in wrong[:6])


@pytest.mark.full
@pytest.mark.parametrize("letter", "ABC")
@pytest.mark.parametrize("name", PEOPLE)
async def test_everybody(bench: Bench, letter: str, name: str) -> None:
    for text in documents(bench, letter, name, whole=True):
        await bench.agree(letter, name, Document(text, {}, {}))


async def test_every_type_is_come_by(bench: Bench) -> None:
    """A type that no query leads to would be left out above without a word."""
    api = bench.api("C")
    assert {name for name in api.entities if name not in ways(api)} == set()
