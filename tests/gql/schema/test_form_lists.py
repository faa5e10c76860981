"""Lists of form records, from the document to the answer: typed fields, filters, orders and groups in one statement."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from graphql import parse, validate

from steward_core.industry.registry import registered
from steward_graphql.compiler.compile import compile_query
from steward_graphql.compiler.operation import select_operation
from steward_graphql.compiler.plan import Execution
from steward_graphql.declared.api import Api
from steward_graphql.schema.registry import Registry
from steward_tenants.access.symbolic import standing_of
from steward_tenants.database.database import Database
from steward_tenants.database.pipeline import Pipelines
from tests.factories import TESTS, make_tenant
from tests.gql.schema.shelf import FULL, Shelf
from tests.gql.schema.test_registry import Sorts

NAMES = (
    "name note stars big price weight share day moment open size odd sizes words days photo part rows phone mail number"
    " titleValue twice"
)


class Lists:
    """A tenant's records, and answers about them."""

    def __init__(self, shelf: Shelf, pipelines: Pipelines, api: Api) -> None:
        self.shelf = shelf
        self.pipelines = pipelines
        self.api = api

    async def ask(self, text: str) -> Any:
        """The answer to a query of one field."""
        document = parse(text)
        assert validate(self.api.schema, document) == []
        operation = select_operation(document, sha256(text.encode()).hexdigest(), None)
        standing = standing_of(TESTS)
        plan = compile_query(self.api, operation, {}, standing.profile)
        execution = Execution(self.shelf.tenant_id, standing, date(2026, 11, 5), {}, (), "nonce")
        rows = await self.pipelines.fetch(plan.sql, plan.parameters(execution), self.shelf.tenant_id)
        return json.loads(rows[0][0] or b"null")

    async def found(self, condition: str) -> set[UUID]:
        """The records that meet a filter."""
        answer = await self.ask(f"{{ sortsEveryThings(filter: {condition}) {{ nodes {{ id }} totalCount }} }}")
        ids = {UUID(node["id"]) for node in answer["nodes"]}
        assert answer["totalCount"] == len(ids)
        return ids


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """The API of the plugin that has every sort of field."""
    with registered(Sorts()):
        yield Registry().api_for({"sorts"})


@pytest_asyncio.fixture(loop_scope="session")
async def lists(database: Database, api: Api) -> AsyncIterator[Lists]:
    """A fresh tenant's."""
    pipelines = Pipelines(database, 1)
    yield Lists(Shelf(database, await make_tenant(database)), pipelines, api)
    await pipelines.close()


async def test_typed_fields_of_a_list(lists: Lists) -> None:
    record = await lists.shelf.put(FULL, indexed=True)

    answer = await lists.ask(f"{{ sortsEveryThings {{ nodes {{ id {NAMES} }} }} }}")

    (node,) = answer["nodes"]
    moment = node.pop("moment")
    assert datetime.fromisoformat(moment) == datetime.fromisoformat(FULL["moment"])
    changed = {
        "id": str(record),
        "name": FULL["name"].strip(),
        "big": "9007199254740993",
        "price": "123456",
        "size": "VERY_LARGE",
        "sizes": ["SMALL", "VERY_LARGE"],
        "phone": "••••1111",
        "mail": "••••@example.test",
        "number": "••••",
        "titleValue": "标题",
        "twice": "18014398509481986",
    }
    assert node == {name: value for name, value in FULL.items() if name not in ("title", "moment")} | changed


async def test_junk_never_fails_a_list(lists: Lists) -> None:
    for junk in ("2026-02-31", 10**90, {"a": 1}, [1, "x", None], True, "1e999999"):
        await lists.shelf.put(dict.fromkeys(FULL, junk), state="draft")
    for name in ("NAME", "STARS", "BIG", "PRICE", "WEIGHT", "DAY", "MOMENT", "ODD", "TWICE"):
        answer = await lists.ask(
            f"{{ sortsEveryThings(orderBy: [{{field: {name}, direction: DESC}}]) {{ nodes {{ {NAMES} }} totalCount }} }}"
        )
        assert answer["totalCount"] == 6
        assert {node["size"] for node in answer["nodes"]} == {None}

    answer = await lists.ask(
        "{ sortsEveryThings { aggregate { sum { stars big weight } average { price } }"
        " groups(by: [SIZE, DAY_MONTH, OPEN]) { key { size day open } count } } }"
    )

    assert {(group["key"]["size"], group["key"]["day"]) for group in answer["groups"]} == {(None, None)}


@pytest.mark.parametrize(
    ("meets", "misses"),
    [
        ('{name: {eq: "甲"}}', '{name: {eq: "乙"}}'),
        ('{name: {in: ["甲", "丙"]}}', '{name: {notIn: ["甲", "丙"]}}'),
        ('{name: {startsWith: "甲"}}', '{name: {ne: "甲"}}'),
        ("{stars: {gte: 3, lt: 4}}", "{stars: {gt: 3}}"),
        ('{big: {eq: "9007199254740993"}}', '{big: {eq: "9007199254740992"}}'),
        ("{price: {lte: 5}}", "{price: {isNull: true}}"),
        ("{weight: {eq: 12.5}}", "{weight: {gt: 12.5001}}"),
        ('{day: {in: ["2026-11-05"]}}', '{day: {lt: "2026-11-05"}}'),
        ('{moment: {eq: "2026-11-05T01:30:00Z"}}', '{moment: {gt: "2026-11-05T01:30:00Z"}}'),
        ("{open: {eq: false}}", "{open: {eq: true}}"),
        ("{size: {in: [VERY_LARGE]}}", "{size: {eq: SMALL}}"),
        ("{sizes: {has: SMALL}}", "{sizes: {has: VERY_LARGE}}"),
        ('{words: {has: "词"}}', "{words: {isEmpty: true}}"),
        ('{twice: {eq: "18014398509481986"}}', '{not: {twice: {eq: "18014398509481986"}}}'),
    ],
)
async def test_filters_find_filed_records_drafts_and_older_ones(lists: Lists, meets: str, misses: str) -> None:
    document = {
        **FULL,
        "name": "甲",
        "price": 5,
        "open": False,
        "sizes": ["small"],
        "words": ["词"],
    }
    records = {
        await lists.shelf.put(document, indexed=True),
        await lists.shelf.put({**document, "twice": None}, state="draft"),
        await lists.shelf.put(document, version=1),
    }
    if "twice" not in meets:
        await lists.shelf.put({"name": str(uuid4()), "price": 7}, indexed=True)

    assert await lists.found(meets) == records
    assert not records & await lists.found(misses)
