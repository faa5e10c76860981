"""`steward grading`: from a run to a bound grading, objections and grading again, replaying."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.cli.console import Console
from tests.server.cli.retailers import (
    DISTRICT,
    MARKET,
    NEIGHBOUR,
    YUNLING,
    command,
    enable_tobacco,
    retailer,
    run,
    unit,
)

SCHEME, UNIT, DAY = "tobacco.retailer_grading", "CLI-G", "2026-05-20"
SHOPS = [f"53010080000{number}" for number in range(1, 6)]


@pytest.fixture(scope="module", autouse=True)
def county(console: Console) -> None:
    """Five shops in a unit of their own, with figures of a quarter: the later in the list the better."""
    enable_tobacco(console)
    unit(console, UNIT)
    names = ("清溪便民商店", "南塘烟酒店", "石桥超市", "白塔商行", "云顶名烟店")
    for number, (code, name) in enumerate(zip(SHOPS, names, strict=True), 1):
        retailer(console, code, name, UNIT)
        record(console, code, number)


def record(console: Console, code: str, number: int) -> None:
    """Facts of three months."""
    figures = {
        "order_volume": 12 * number,
        "order_amount": 12 * number * 15_000,
        "orders_due": 4,
        "orders_placed": min(4, number),
        "orders_fulfilled": 1,
        "settlement_attempts": 4,
        "settlement_successes": min(4, number),
    }
    rows = [
        {"code": code, "metric": metric, "period": month, "value": value}
        for month in ("2026-04", "2026-05", "2026-06")
        for metric, value in figures.items()
    ]
    done = command(console, "facts.record", MARKET, rows=json.dumps(rows), source="cli")
    assert done.code == 0, done.err


def grade(console: Console, *words: str) -> list[dict[str, Any]]:
    return run(console, "grading", *words).rows


def test_a_grading_from_the_run_to_a_new_revision(console: Console) -> None:
    asked = ["grading", "run", YUNLING, SCHEME, UNIT, "--period", DAY]
    assert run(console, *asked, login=DISTRICT).error["code"] == "forbidden"
    told = run(console, *asked)
    first, *rows = told.rows
    assert (first["what"], first["status"], first["period"], first["revision"]) == ("grading", "preview", "2026Q2", 1)
    assert {"what": "clients", "which": "", "clients": 5} in rows
    assert sum(row["clients"] for row in rows if row["what"] == "star") == 5
    assert {"what": "change", "which": "new", "clients": 5} in rows
    assert f"{SCHEME} 2026Q2 100%" in told.err
    assert run(console, *asked).error["code"] == "grading_exists"
    grading = first["id"]
    assert [row["id"] for row in grade(console, "list", YUNLING, "--unit", UNIT, "--status", "preview")] == [grading]
    assert console("grading", "preview", YUNLING, grading, "--login", MARKET).out.count("star") >= 1

    results = grade(console, "results", YUNLING, grading)
    assert [row["rank"] for row in results] == [1, 2, 3, 4, 5]
    assert results[0]["client_code"] == SHOPS[-1]
    stars = {row["star"] for row in results}
    some = min(stars)
    filtered = grade(console, "results", YUNLING, grading, "--star", str(some), "--change", "new", "--owner", DISTRICT)
    assert {row["star"] for row in filtered} == {some}
    page = grade(console, "results", YUNLING, grading, "--size", "2")
    rest = grade(console, "results", YUNLING, grading, "--size", "200", "--cursor", page[-1]["next_cursor"])
    assert [row["rank"] for row in (*page[:-1], *rest)] == [1, 2, 3, 4, 5]
    assert grade(console, "results", YUNLING, grading, "--change", "fallen") == []
    assert "云顶名烟店" in console("grading", "results", YUNLING, grading, "--login", MARKET).out

    (shown,) = grade(console, "show", YUNLING, SHOPS[0], "--grading", grading)
    assert shown["reasons"][0]["zh"]
    assert shown["reasons"][0]["en"]
    text = console("grading", "show", YUNLING, SHOPS[0], "--grading", grading, "--login", DISTRICT).out
    assert shown["reasons"][0]["zh"] in text
    assert grade(console, "show", YUNLING, SHOPS[0]) == []
    assert grade(console, "replay", YUNLING, grading)[0]["same"] is True

    bound = run(console, "grading", "bind", YUNLING, grading, "--reason", "按期测评").row
    assert bound["status"] == "bound"
    assert run(console, "client", "show", YUNLING, SHOPS[-1]).row["tier"] == results[0]["tier"]
    (best,) = grade(console, "show", YUNLING, SHOPS[-1])
    assert (best["period"], best["star"]) == ("2026Q2", results[0]["star"])

    claim = ["grading", "object", YUNLING, grading, SHOPS[0], "orders_placed=12", "--reason", "漏记订单"]
    assert run(console, *claim, login=NEIGHBOUR).error["code"] == "grading_not_found"
    wrong = run(console, "grading", "object", YUNLING, grading, SHOPS[0], "colour=red", "--reason", "x", login=DISTRICT)
    assert wrong.error["problems"][0]["path"] == ["claimed", "colour"]
    raised = run(console, *claim, login=DISTRICT).row
    assert (raised["status"], raised["claimed"]) == ("open", {"orders_placed": 12})
    assert [row["id"] for row in grade(console, "objections", YUNLING, grading, "--status", "open")] == [raised["id"]]
    assert run(console, "grading", "regrade", YUNLING, grading).error["code"] == "grading_objections_open"
    decide = ["decide", YUNLING, grading, raised["id"], "orders_placed=12", "--uphold", "--reason", "属实"]
    (decided,) = grade(console, *decide)
    assert (decided["status"], decided["corrections"]) == ("upheld", {"orders_placed": 12})
    assert "属实" in console("grading", "objections", YUNLING, grading, "--login", MARKET).out

    again = grade(console, "regrade", YUNLING, grading)[0]
    assert (again["revision"], again["status"], again["previous_id"]) == (2, "preview", grading)
    (corrected,) = grade(console, "show", YUNLING, SHOPS[0], "--grading", again["id"])
    assert corrected["document"]["orders_placed"] == 12
    assert corrected["score"] > shown["score"]
    (gone,) = grade(console, "discard", YUNLING, again["id"], "--reason", "另行测评")
    assert gone["status"] == "discarded"


def test_an_objection_is_rejected(console: Console) -> None:
    (first, *_) = grade(console, "run", YUNLING, SCHEME, UNIT, "--period", "2026-02-01")
    words = ["grading", "object", YUNLING, first["id"], SHOPS[1], "--reason", "星级偏低"]
    raised = run(console, *words, login=DISTRICT).row
    decide = ["decide", YUNLING, first["id"], raised["id"], "--reject", "--reason", "数据无误"]
    assert grade(console, *decide)[0]["status"] == "rejected"
    assert run(console, "grading", *decide).error["code"] == "grading_objection_decided"
    assert run(console, "grading", "regrade", YUNLING, first["id"]).error["code"] == "grading_nothing_upheld"


def test_what_is_not_there_is_told(console: Console) -> None:
    nothing = "00000000-0000-7000-8000-000000000000"
    assert run(console, "grading", "run", YUNLING, "moon.scheme", UNIT).error["code"] == "grading_scheme_not_found"
    assert run(console, "grading", "run", YUNLING, SCHEME, "NOWHERE").error["code"] == "unit_not_found"
    assert run(console, "grading", "preview", YUNLING, nothing).error["code"] == "grading_not_found"
    assert run(console, "grading", "replay", YUNLING, nothing).error["code"] == "grading_not_found"
    assert console("grading", "preview", YUNLING, "x", "--login", MARKET).code == 2
