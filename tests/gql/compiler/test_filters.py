"""Filters: every operator, with and without values, through relations, and special ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from steward_core.clients.models import Client
from steward_core.permissions import CLIENTS_VIEW
from steward_graphql.compiler.compile import specials_of
from steward_graphql.errors import InvalidVariables
from steward_tenants.access.permissions import PEOPLE_VIEW
from steward_tenants.errors import Forbidden
from tests.factories import actor_with
from tests.gql.compiler.conftest import Tiny

ALL = actor_with(CLIENTS_VIEW, PEOPLE_VIEW)
Meets = Callable[[Client], Any]
MOMENT = "2026-10-31T23:59:59.123456+08:00"
CASES: list[tuple[str, Meets]] = [
    ("{}", lambda _: True),
    ("{and: []}", lambda _: True),
    ("{or: []}", lambda _: False),
    ('{code: null, name: {eq: "客户1"}}', lambda c: c.name == "客户1"),
    ("{code: {}}", lambda _: True),
    ('{code: {eq: "C01"}}', lambda c: c.code == "C01"),
    ('{code: {ne: "C01"}}', lambda c: c.code != "C01"),
    ('{code: {in: ["C01", "C02"]}}', lambda c: c.code in ("C01", "C02")),
    ('{code: {in: "C01"}}', lambda c: c.code == "C01"),
    ("{code: {in: []}}", lambda _: False),
    ('{code: {notIn: ["C01", "C02"]}}', lambda c: c.code not in ("C01", "C02")),
    ("{code: {notIn: []}}", lambda _: True),
    ("{code: {isNull: true}}", lambda c: c.code is None),
    ("{code: {isNull: false}}", lambda c: c.code is not None),
    ('{code: {contains: "1"}}', lambda c: c.code and "1" in c.code),
    ('{code: {contains: ""}}', lambda c: c.code is not None),
    ('{code: {contains: "%"}}', lambda _: False),
    ('{code: {startsWith: "C1"}}', lambda c: c.code and c.code.startswith("C1")),
    ('{code: {startsWith: "c"}}', lambda _: False),
    ('{code: {endsWith: "1", ne: "C01"}}', lambda c: c.code and c.code.endswith("1") and c.code != "C01"),
    ('{tier: {eq: "星 级\'\\"\\\\"}}', lambda c: c.tier == "星 级'\"\\"),
    ('{tier: {in: ["星 级\'\\"\\\\", "NULL"]}}', lambda c: c.tier == "星 级'\"\\"),
    ("{status: {eq: ACTIVE}}", lambda c: c.status == "active"),
    ("{status: {ne: ACTIVE}}", lambda c: c.status != "active"),
    ("{status: {in: [ACTIVE, DORMANT]}}", lambda c: c.status in ("active", "dormant")),
    ("{status: {notIn: [ACTIVE]}}", lambda c: c.status != "active"),
    ("{status: {isNull: true}}", lambda _: False),
    ('{latitude: {gt: "1.1", lte: 2.0}}', lambda c: c.latitude is not None and Decimal("1.1") < c.latitude <= 2),
    ("{latitude: {gte: 0, lt: 1}}", lambda c: c.latitude is not None and 0 <= c.latitude < 1),
    ('{lastActivityOn: {lt: "2026-02-02"}}', lambda c: c.last_activity_on and c.last_activity_on < date(2026, 2, 2)),
    (
        '{not: {lastActivityOn: {lt: "2026-02-02"}}}',
        lambda c: not c.last_activity_on or c.last_activity_on >= date(2026, 2, 2),
    ),
    (f'{{createdAt: {{eq: "{MOMENT}"}}}}', lambda c: c.created_at.isoformat() == "2026-10-31T15:59:59.123456+00:00"),
    ("{version: {in: [1, 2]}}", lambda c: c.version == 1),
    ("{and: [{status: {eq: ACTIVE}}, {code: {isNull: true}}]}", lambda c: c.status == "active" and c.code is None),
    ("{or: [{status: {eq: ACTIVE}}, {code: {isNull: true}}]}", lambda c: c.status == "active" or c.code is None),
    (
        '{not: {or: [{status: {eq: ACTIVE}}, {code: {eq: "C01"}}]}}',
        lambda c: not (c.status == "active" or c.code == "C01"),
    ),
    ("{and: {status: {eq: ACTIVE}}}", lambda c: c.status == "active"),
]


@pytest.mark.parametrize(("text", "meets"), CASES)
async def test_an_operator(tiny: Tiny, text: str, meets: Meets) -> None:
    data = await tiny.runner.ask(f"{{ clients(first: 100, filter: {text}) {{ totalCount nodes {{ id }} }} }}", ALL)
    expected = {str(client.id) for client in tiny.clients if meets(client)}
    assert {node["id"] for node in data["clients"]["nodes"]} == expected
    assert data["clients"]["totalCount"] == len(expected)


async def test_relations(tiny: Tiny) -> None:
    owners: dict[Any, str] = {person.id: person.name for person in tiny.people}
    contacts = {c.client_id for c in tiny.contacts if c.main}
    cases: list[tuple[str, Meets]] = [
        ('{owner: {name: {eq: "经理1"}}}', lambda c: owners.get(c.owner_id) == "经理1"),
        ("{owner: {}}", lambda c: c.owner_id is not None),
        ('{not: {owner: {name: {eq: "经理1"}}}}', lambda c: owners.get(c.owner_id) != "经理1"),
        ("{contacts: {some: {main: {eq: true}}}}", lambda c: c.id in contacts),
        ("{contacts: {none: {main: {eq: true}}}}", lambda c: c.id not in contacts),
        ('{contacts: {some: {name: {eq: "离职"}}}}', lambda _: False),
        (
            '{contacts: {some: {roles: {has: "key_person"}, client: {status: {eq: ACTIVE}}}, none: {main: {eq: true}}}}',
            lambda c: (
                c.status == "active"
                and c.id not in contacts
                and any(one.client_id == c.id and "key_person" in one.roles for one in tiny.contacts)
            ),
        ),
        (
            "{contacts: {some: {roles: {isEmpty: true}}}}",
            lambda c: any(one.client_id == c.id and not one.roles for one in tiny.contacts),
        ),
        ("{parent: {parent: {}}}", lambda _: False),
    ]
    for text, meets in cases:
        data = await tiny.runner.ask(f"{{ clients(first: 100, filter: {text}) {{ nodes {{ id }} }} }}", ALL)
        assert {n["id"] for n in data["clients"]["nodes"]} == {str(c.id) for c in tiny.clients if meets(c)}, text


async def test_what_is_out_of_reach_cannot_be_found_by_filtering(tiny: Tiny) -> None:
    text = '{ clients(first: 100, filter: {owner: {name: {eq: "经理1"}}}) { totalCount } }'
    assert (await tiny.runner.ask(text, actor_with(CLIENTS_VIEW)))["clients"]["totalCount"] == 0
    other = "{ clients(first: 100, filter: {not: {owner: {}}}) { totalCount } }"
    assert (await tiny.runner.ask(other, actor_with(CLIENTS_VIEW)))["clients"]["totalCount"] == 22
    for use in ('filter: {region: {eq: "x"}}', "orderBy: [{field: REGION}]"):
        with pytest.raises(Forbidden):
            await tiny.runner.ask(f"{{ clients({use}) {{ nodes {{ id }} }} }}", ALL)


async def test_by_variables(tiny: Tiny) -> None:
    text = """query ($f: ClientFilter = {}, $code: String = "C99", $codes: [String!], $null: Boolean) {
      a: clients(first: 100, filter: $f) { totalCount }
      b: clients(first: 100, filter: {code: {ne: $code, in: $codes}, tier: {isNull: $null}}) { totalCount }
      c: clients(first: 100, filter: {or: [$f, {code: {in: ["C02", $code]}}]}) { totalCount } }"""
    whole = {"status": {"eq": "ACTIVE"}, "or": [{"code": {"eq": "C03"}}, {"code": {"isNull": True}}], "not": None}
    data = await tiny.runner.ask(text, ALL, {"f": whole, "code": "C01", "codes": ["C01", "C02", "C03"], "null": False})
    some = [c for c in tiny.clients if c.status == "active" and c.code in ("C03", None)]
    assert data["a"]["totalCount"] == len(some)
    assert data["b"]["totalCount"] == sum(c.code in ("C02", "C03") and c.tier is not None for c in tiny.clients)
    assert data["c"]["totalCount"] == len(
        {c.id for c in some} | {c.id for c in tiny.clients if c.code in ("C01", "C02")}
    )
    data = await tiny.runner.ask(text.replace('{code: {in: ["C02", $code]}}', "{}"), ALL, {})
    assert [data[key]["totalCount"] for key in "abc"] == [22, 22, 22]
    for raw in ({"f": None}, {"f": {"code": {"eq": "x"}}, "code": None}):
        with pytest.raises(InvalidVariables):
            await tiny.runner.ask(text, ALL, raw)


async def test_eq_null_and_long_lists_are_refused(tiny: Tiny) -> None:
    many = ",".join('"x"' for _ in range(101))
    texts = [
        "{ clients(filter: {code: {eq: null}}) { totalCount } }",
        f"{{ clients(filter: {{code: {{in: [{many}]}}}}) {{ totalCount }} }}",
    ]
    for text in texts:
        with pytest.raises(InvalidVariables):
            await tiny.runner.ask(text, ALL)
    with pytest.raises(InvalidVariables):
        await tiny.runner.ask(
            "query ($c: [String!]) { clients(filter: {code: {in: $c}}) { totalCount } }", ALL, {"c": ["x"] * 101}
        )


async def test_special_filters(tiny: Tiny) -> None:
    text = """query ($n: String, $f: ClientFilter) { clients(first: 100, filter: {or: [{named: $n},
      {coded: [{code: "C01"}, {code: "C02"}]}]}) { totalCount } b: clients(filter: $f) { totalCount }
      people { totalCount nodes { clients(filter: {named: "客户1"}) { totalCount } } } }"""
    raw = {"n": "客户3", "f": {"not": {"named": "客户1"}, "coded": None}}
    data = await tiny.runner.ask(text, ALL, raw)
    assert data["clients"]["totalCount"] == sum(c.name == "客户3" or c.code in ("C01", "C02") for c in tiny.clients)
    assert data["b"]["totalCount"] == sum(c.name != "客户1" for c in tiny.clients)
    assert sum(p["clients"]["totalCount"] for p in data["people"]["nodes"]) == sum(
        c.name == "客户1" and c.owner_id is not None for c in tiny.clients
    )
    assert not tiny.runner.plans[-1].reusable
    operation = tiny.runner.operation('{ clients(filter: {code: {eq: "a"}}) { totalCount } }')
    assert specials_of(tiny.runner.api, operation, {}) == ()
