"""`steward webhook`: endpoints, their secrets, the log of deliveries, sending again."""

from __future__ import annotations

import json
from typing import Any

from tests.server.cli.console import ADMIN, MANAGER, TENANT, Console

URL = "https://hooks.example.com/steward"
LOGIN = ("--login", ADMIN, "--json")


def one(console: Console, *words: str) -> dict[str, Any]:
    """The one object that a command prints."""
    printed = console("webhook", *words, *LOGIN)
    assert printed.code == 0, printed.err
    found: dict[str, Any] = json.loads(printed.out)
    return found


def test_an_endpoint_is_set_up_changed_tried_and_deleted(console: Console) -> None:
    made = one(console, "create", TENANT, "数据中台", URL, "--event", "clients.*", "--event", "people.*")
    assert made["secret"].startswith("whsec_")
    assert made["events"] == ["clients.*", "people.*"]
    endpoint = made["id"]
    listed = one(console, "list", TENANT)
    assert "secret" not in listed
    assert one(console, "change", TENANT, endpoint, "--name", "数据仓库")["name"] == "数据仓库"
    assert one(console, "rotate", TENANT, endpoint, "--hours", "1")["secret"] != made["secret"]
    assert one(console, "pause", TENANT, endpoint)["paused"] == "person"
    assert one(console, "resume", TENANT, endpoint, "--skip")["paused"] is None
    pinged = one(console, "ping", TENANT, endpoint)
    assert (pinged["event"], pinged["status"]) == ("webhook.ping", "waiting")
    assert one(console, "log", TENANT, "--endpoint", endpoint, "--status", "waiting")["id"] == pinged["id"]
    assert json.loads(one(console, "show", TENANT, pinged["id"])["body"])["id"] == pinged["id"]
    assert one(console, "replay", TENANT, pinged["id"])["id"] == pinged["id"]
    span = ("--since", "2020-01-01", "--until", "2020-01-02T12:00")
    assert one(console, "replay-range", TENANT, endpoint, *span) == {"events": 0}
    assert console("webhook", "delete", TENANT, endpoint, "--yes", "--login", ADMIN).code == 0
    assert console("webhook", "list", TENANT, *LOGIN).out == ""


def test_events_are_listed(console: Console) -> None:
    keys = [json.loads(line)["event"] for line in console("webhook", "events", "--json").out.splitlines()]
    assert "clients.client.create" in keys


def test_refusals_say_why(console: Console) -> None:
    inside = console("webhook", "create", TENANT, "甲", "https://10.0.0.1/", "--event", "*", "--login", ADMIN)
    assert inside.code == 1
    assert "公网" in inside.err
    assert console("webhook", "list", TENANT, "--login", MANAGER).code == 1
