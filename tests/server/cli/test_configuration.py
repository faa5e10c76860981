"""`steward config` and `steward run`: a configuration goes from one demo company to the other; runs are seen and steered."""

from __future__ import annotations

import json
from pathlib import Path

from tests.server.cli.console import ADMIN, BOSS, MANAGER, SECURITY, TENANT, Console

OTHER, OTHER_ADMIN = "yunling", "admin@yunling.example"


def test_a_configuration_is_exported_compared_and_applied(console: Console, tmp_path: Path) -> None:
    made = console.command(
        "clients.tier.save", ADMIN, key="platinum", title_zh="白金", title_en="Platinum", rank="1", retired="false"
    )
    assert made.row["key"] == "platinum"
    file = tmp_path / "配置.json"
    assert console("config", "export", TENANT, str(file), "--section", "tiers", "--login", ADMIN).code == 0
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["tenant"] == TENANT
    assert "platinum" in [tier["key"] for tier in document["tiers"]]
    document["tiers"] = [tier for tier in document["tiers"] if not tier["key"].startswith("cli_")]  # other tests'
    file.write_text(json.dumps(document), encoding="utf-8")

    words = (OTHER, str(file), "--login", OTHER_ADMIN, "--json")
    planned = [row for row in console("config", "diff", *words).rows if row["change"] != "only_here"]
    assert [(row["section"], row["change"], row["key"]) for row in planned] == [("tiers", "added", "platinum")]
    done = console("config", "apply", *words, "--yes").rows
    assert [row["key"] for row in done] == ["platinum"]
    assert [row for row in console("config", "diff", *words).rows if row["change"] != "only_here"] == []
    assert console("config", "apply", *words, "--yes").out == ""

    document["tiers"].append({"key": "bad key", "title_zh": "坏", "title_en": "Bad", "rank": 2})
    document["tiers"].append({"key": "silver", "title_zh": "白银", "title_en": "Silver", "rank": 2})
    file.write_text(json.dumps(document), encoding="utf-8")
    refused = console("config", "apply", *words, "--yes").error
    assert refused["code"] == "configuration_refused"
    assert refused["problems"][0]["path"][:2] == ["tiers", str(len(document["tiers"]) - 2)]
    keys = [row["key"] for row in console("config", "diff", *words).rows if row["change"] == "added"]
    assert keys == ["bad key", "silver"], "nothing of it was applied"


def test_roles_go_with_the_security_administrator(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "roles.json"
    assert console("config", "export", TENANT, str(file), "--login", SECURITY).code == 0
    assert "roles" in json.loads(file.read_text(encoding="utf-8"))
    document = {
        "format": "steward.configuration",
        "version": 1,
        "roles": [{"key": "coach", "title_zh": "教练", "title_en": "Coach", "permissions": ["units.view"]}],
    }
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    words = (TENANT, str(file), "--yes", "--json")
    assert console("config", "apply", *words, "--login", ADMIN).error["code"] == "forbidden"
    assert [row["key"] for row in console("config", "apply", *words, "--login", SECURITY).rows] == ["coach"]


def test_what_is_no_configuration_is_said_to_be_none(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    assert console("config", "diff", TENANT, str(file), "--login", ADMIN).code == 1
    file.write_text("[]", encoding="utf-8")
    refused = console("config", "diff", TENANT, str(file), "--login", ADMIN, "--json").error
    assert refused["code"] == "configuration_unreadable"
    assert console("config", "export", TENANT, str(tmp_path / "no" / "x.json"), "--login", ADMIN).code == 1


def test_runs_are_listed_driven_and_cancelled(console: Console) -> None:
    asked = console.command("runs.request", BOSS, kind="clients.duplicates", period="by hand").row
    words = (TENANT, asked["id"], "--login", BOSS, "--json")
    assert console("run", "show", *words).row["status"] == "waiting"
    assert console("run", "drive", *words).row["status"] == "done"
    listed = console("run", "list", TENANT, "--kind", "clients.duplicates", "--login", BOSS, "--json").rows
    assert asked["id"] in [row["id"] for row in listed]
    assert console("run", "cancel", *words).error["code"] == "run_ended"
    other = console.command("runs.request", BOSS, kind="clients.duplicates", period="stopped").row["id"]
    assert console("run", "cancel", TENANT, other, "--login", BOSS, "--json").row["status"] == "cancelled"
    assert console("run", "resume", TENANT, other, "--login", BOSS, "--json").error["code"] == "run_ended"
    assert console("run", "show", TENANT, other, "--login", MANAGER, "--json").error["code"] == "run_not_found"
