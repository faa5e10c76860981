"""Retailers of the demo tobacco company, made at the command line."""

from __future__ import annotations

import json
from typing import Any

from tests.server.cli.console import Console, Printed

YUNLING = "yunling"
KEEPER, MARKET, DISTRICT, NEIGHBOUR = (f"{name}@yunling.example" for name in ("admin", "lin.tao", "ma.xiao", "hu.jing"))
"""The tenant admin, the market manager, and two account managers."""


def run(console: Console, *words: str, login: str = MARKET) -> Printed:
    """A command of this command line in the tobacco company, with `--json`: the tenant stands behind its name."""
    return console(*words, "--login", login, "--json")


def command(console: Console, key: str, login: str, /, **values: str) -> Printed:
    """`steward command run` in the tobacco company."""
    return run(console, "command", "run", YUNLING, key, *(f"{k}={v}" for k, v in values.items()), login=login)


def enable_tobacco(console: Console) -> None:
    """The tobacco plugin is on."""
    done = run(console, "plugin", "enable", YUNLING, "tobacco", login=KEEPER)
    assert done.code == 0 or done.error["code"] == "plugin_enabled_already"


def unit(console: Console, code: str) -> None:
    """A unit of its own, so that what is graded there is known."""
    done = command(console, "units.create", KEEPER, code=code, name=f"测试片区 {code}", parent_id="MKT")
    assert done.code == 0, done.err


def retailer(console: Console, code: str, name: str, unit_code: str, **values: Any) -> str:
    """A new retailer in a unit; answers its code."""
    fields = {
        "code": code,
        "name": name,
        "kind": "retailer",
        "status": "active",
        "owner_id": DISTRICT,
        "unit_id": unit_code,
        **values,
    }
    text = json.dumps(fields, ensure_ascii=False)
    done = command(console, "clients.client.create", MARKET, fields=text, accept_duplicates="true")
    assert done.code == 0, done.err
    return code
