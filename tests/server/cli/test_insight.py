"""`steward insight`: triggers and indicators over clients in reach, faults told and kept, explained advice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Select

from steward_core.database.context import QueryContext
from steward_core.industry.registry import registered
from steward_server.cli.insight import named_period
from steward_tenants.errors import InvalidInput
from tests.core.industry import orchard
from tests.server.cli.console import Console
from tests.server.cli.retailers import (
    DISTRICT,
    KEEPER,
    MARKET,
    NEIGHBOUR,
    YUNLING,
    command,
    enable_tobacco,
    retailer,
    run,
)

FIELD, OTHER_FIELD = "CLI-ORCHARD-1", "CLI-ORCHARD-2"


@pytest.fixture(scope="module", autouse=True)
def orchards(console: Console) -> Iterator[None]:
    """The orchard is on, with two clients, until the module ends."""
    enable_tobacco(console)
    with registered(orchard.plugin()):
        assert run(console, "plugin", "enable", YUNLING, "orchard", login=KEEPER).code == 0
        retailer(console, FIELD, "青山果园", "MKT-1", kind="orchard")
        retailer(console, OTHER_FIELD, "绿坡果园", "MKT-2", kind="orchard", owner_id=NEIGHBOUR)
        yield
        run(console, "plugin", "disable", YUNLING, "orchard", "--reason", "测试结束", login=KEEPER)


def found(console: Console, *words: str, login: str = MARKET) -> list[str]:
    rows = run(console, "insight", "triggers", "run", YUNLING, *words, login=login).rows
    return sorted(row["client_name"] for row in rows if "client_name" in row)


def test_triggers_are_listed_and_run_within_ones_reach(console: Console) -> None:
    rows = {row["trigger"]: row["title"] for row in run(console, "insight", "triggers", "list", YUNLING).rows}
    assert rows["orchard.due"] == "待访果园 Orchards due"
    assert {"clients.profile_stale", "tobacco.licence_ending"} <= set(rows)
    assert found(console, "orchard.due") == ["绿坡果园", "青山果园"]
    assert found(console, "orchard.due", login=DISTRICT) == ["青山果园"]
    assert found(console, "orchard.due", "--unit", "MKT-2") == ["绿坡果园"]
    assert found(console, "orchard.due", "--owner", DISTRICT) == ["青山果园"]
    assert found(console, "orchard.due", "--client", OTHER_FIELD) == ["绿坡果园"]
    assert len(found(console, "orchard.due", "--size", "1")) == 1
    assert "青山果园" in found(console)
    shown = console("insight", "triggers", "run", YUNLING, "orchard.due", "--login", MARKET).out
    assert "trees: 40" in shown
    assert "马晓" in shown
    assert run(console, "insight", "triggers", "run", YUNLING, "moon.due").error["code"] == "trigger_not_found"


def test_a_trigger_that_fails_is_told_and_kept(console: Console) -> None:
    def broken(_context: QueryContext) -> Select[Any]:
        raise RuntimeError("the fence is open")

    bad = replace(orchard.INDUSTRY.triggers[0], key="broken", rows=broken)
    with registered(orchard.other("meadow", triggers=(bad,))):
        assert run(console, "plugin", "enable", YUNLING, "meadow", login=KEEPER).code == 0
        rows = run(console, "insight", "triggers", "run", YUNLING).rows
        (fault,) = [row["fault"] for row in rows if "fault" in row]
        assert (fault["plugin"], fault["hook"], fault["error"]) == ("meadow", "trigger:broken", "RuntimeError")
        assert "青山果园" in {row.get("client_name") for row in rows}
        told = console("insight", "triggers", "run", YUNLING, "meadow.broken", "--login", MARKET)
        assert ("插件 meadow 出错" in told.err, "fence" in told.err) == (True, False)
        run(console, "plugin", "disable", YUNLING, "meadow", "--reason", "出错", login=KEEPER)
    kept = run(console, "plugin", "faults", YUNLING, "--plugin", "meadow", login=KEEPER).rows
    assert [(row["hook"], row["times"]) for row in kept] == [("trigger:broken", 2)]


def test_indicators_are_listed_and_run_for_a_period(console: Console) -> None:
    rows = {row["indicator"]: row for row in run(console, "insight", "indicators", "list", YUNLING).rows}
    assert (rows["orchard.owned"]["measure"], rows["orchard.owned"]["better"]) == ("clients", "higher")
    words = ["insight", "indicators", "run", YUNLING, "orchard.owned"]
    assert {row["owner_name"]: row["value"] for row in run(console, *words).rows} == {"马晓": 1, "胡菁": 1}
    assert [row["owner_name"] for row in run(console, *words, "--owner", NEIGHBOUR).rows] == ["胡菁"]
    assert [row["owner_name"] for row in run(console, *words, "--unit", "MKT-1").rows] == ["马晓"]
    assert [row["owner_name"] for row in run(console, *words, "--period", "2026Q1", login=DISTRICT).rows] == ["马晓"]
    assert run(console, *words, "--period", "2026-13").error["problems"][0]["path"] == ["period"]
    assert run(console, *words[:-1], "moon.owned").error["code"] == "indicator_not_found"


def test_periods_go_by_their_names() -> None:
    def days(name: str) -> tuple[str, str]:
        period = named_period(name)
        return period.start.isoformat(), period.end.isoformat()

    assert days("2026-11") == ("2026-11-01", "2026-12-01")
    assert days("2026-12") == ("2026-12-01", "2027-01-01")
    assert days("2026Q4") == ("2026-10-01", "2027-01-01")
    assert days("2026H1") == ("2026-01-01", "2026-07-01")
    assert days("2026") == ("2026-01-01", "2027-01-01")
    for name in ("", "2026-00", "0000", "2026Q5", "9999", "2026-1", "２０２６"):
        with pytest.raises(InvalidInput):
            named_period(name)


def test_advice_comes_with_its_reasoning(console: Console) -> None:
    (row,) = [row for row in run(console, "insight", "advisors", YUNLING).rows if row["advisor"] == "orchard.frost"]
    assert row["question"] == ["degrees=integer"]
    words = ["insight", "advise", YUNLING, "orchard.frost"]
    advice = run(console, *words, "degrees=-3", login=DISTRICT).row
    assert (advice["answer"], advice["lines"]) == ("cover", [{"zh": "看温度。", "en": "By degrees."}])
    told = console(*words, "degrees=3", "--login", DISTRICT).out
    assert told.splitlines() == ["leave: 防霜建议 Frost", "  看温度。 By degrees."]
    assert run(console, *words, "degrees=cold", "wind=2").error["problems"][0]["path"] == ["degrees"]
    assert run(console, *words[:-1], "orchard.rain", "a=1").error["code"] == "advisor_not_found"


def test_what_a_switched_off_plugin_brought_is_gone(console: Console) -> None:
    run(console, "plugin", "disable", YUNLING, "orchard", "--reason", "停用", login=KEEPER)
    assert run(console, "insight", "triggers", "run", YUNLING, "orchard.due").error["code"] == "trigger_not_found"
    assert run(console, "insight", "advise", YUNLING, "orchard.frost").error["code"] == "advisor_not_found"
    assert command(console, "plugins.enable", KEEPER, key="orchard").code == 0
    assert len(found(console, "orchard.due")) == 2
