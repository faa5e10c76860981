"""Aggregates and groups heed scope and filter, and not the page."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from steward_core.permissions import CLIENTS_VIEW
from tests.factories import actor_with
from tests.gql.compiler.conftest import Tiny

ALL = actor_with(CLIENTS_VIEW)


async def test_aggregates(tiny: Tiny) -> None:
    data = await tiny.runner.ask(
        """{ contracts(first: 1, filter: {kind: {eq: "a"}}) { nodes { id } aggregate { __typename count n: count
             sum { amount __typename } average { amount } min { amount } max { a: amount } } }
             none: contracts(filter: {or: []}) { aggregate { count sum { amount } average { amount } max { amount } } } }""",
        ALL,
    )
    amounts = [c.amount for c in tiny.contracts if c.kind == "a" and c.amount is not None]
    many = sum(c.kind == "a" for c in tiny.contracts)
    average = (Decimal(sum(amounts)) / len(amounts)).quantize(Decimal("0.000001")).normalize()
    assert data["contracts"]["aggregate"] == {
        "__typename": "ContractAggregate",
        "count": many,
        "n": many,
        "sum": {"amount": str(sum(amounts)), "__typename": "ContractSums"},
        "average": {"amount": f"{average:f}"},
        "min": {"amount": str(min(amounts))},
        "max": {"a": str(max(amounts))},
    }
    assert data["none"]["aggregate"] == {
        "count": 0,
        "sum": {"amount": None},
        "average": {"amount": None},
        "max": {"amount": None},
    }


def _groups(rows: list[Any]) -> list[dict[str, Any]]:
    counted = Counter(rows).items()
    ordered = sorted(counted, key=lambda one: (-one[1], tuple((part is None, part or "") for part in one[0])))
    return [{"key": list(key), "count": count} for key, count in ordered]


async def test_groups(tiny: Tiny) -> None:
    text = """query ($by: [ClientGroupField!]!, $first: Int) { clients(first: 1) { groups(by: $by, first: $first) {
      key { status tier lastActivityOn createdAt } count } } }"""
    zone = ZoneInfo("Asia/Shanghai")
    cases: list[tuple[list[str], Any]] = [
        (["STATUS"], lambda c: (c.status.upper(), None, None, None)),
        (["TIER", "STATUS"], lambda c: (c.tier, c.status.upper())),
        (["LAST_ACTIVITY_ON_MONTH"], lambda c: (c.last_activity_on and f"{c.last_activity_on:%Y-%m}",)),
        (["LAST_ACTIVITY_ON_YEAR"], lambda c: (c.last_activity_on and f"{c.last_activity_on:%Y}",)),
        (["CREATED_AT_DAY"], lambda c: (f"{c.created_at.astimezone(zone):%Y-%m-%d}",)),
    ]
    for by, key in cases:
        data = await tiny.runner.ask(text, ALL, {"by": by})
        found = [(g["key"], g["count"]) for g in data["clients"]["groups"]]
        expected = Counter(tuple(part for part in key(c) if part is not None) for c in tiny.clients)
        assert Counter({tuple(v for v in k.values() if v is not None): n for k, n in found}) != Counter()
        assert sorted(n for _, n in found) == sorted(Counter(key(c) for c in tiny.clients).values())
        assert {tuple(sorted(v for v in k.values() if v is not None)) for k, _ in found} == {
            tuple(sorted(part)) for part in expected
        }
        assert [n for _, n in found] == sorted((n for _, n in found), reverse=True)
    data = await tiny.runner.ask(text, ALL, {"by": ["TIER"], "first": 2})
    tiers = _groups([(c.tier,) for c in tiny.clients])[:2]
    assert [{"key": [g["key"]["tier"]], "count": g["count"]} for g in data["clients"]["groups"]] == tiers


async def test_figures_of_groups(tiny: Tiny) -> None:
    data = await tiny.runner.ask(
        """{ contracts(filter: {amount: {isNull: false}}) { groups(by: [KIND, START_ON_MONTH]) { __typename
             key { __typename kind k: kind startOn } count sum { amount } min { amount } average { amount } } }
             whole: contracts { groups(by: []) { count sum { amount } key { kind } } }
             none: contracts(filter: {or: []}) { groups(by: []) { count } } }""",
        ALL,
    )
    with_amount = [c for c in tiny.contracts if c.amount is not None]
    for group in data["contracts"]["groups"]:
        rows = [
            c.amount or 0
            for c in with_amount
            if c.kind == group["key"]["kind"] and f"{c.start_on:%Y-%m}" == group["key"]["startOn"]
        ]
        assert group["key"]["k"] == group["key"]["kind"]
        assert (group["count"], group["sum"]["amount"], group["min"]["amount"]) == (
            len(rows),
            str(sum(rows)),
            str(min(rows)),
        )
    assert sum(group["count"] for group in data["contracts"]["groups"]) == len(with_amount)
    total = sum(c.amount for c in with_amount if c.amount)
    assert data["whole"]["groups"] == [{"count": 13, "sum": {"amount": str(total)}, "key": {"kind": None}}]
    assert data["none"]["groups"] == []
