"""`steward plugin`: a plugin's life in a tenant by hand, its settings and faults, and writing a new one."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from steward_core.industry.registry import registered
from steward_tenants.database.session import TenantSession
from steward_tenants.plugins.models import PluginSwitch
from tests.core.industry import orchard
from tests.core.industry.test_service import HarvestInKilos
from tests.server.cli.console import ADMIN, MANAGER, SECURITY, TENANT, Console

TODAY = date(2026, 3, 9)
AS_ADMIN = ("--json", "--login", ADMIN)


@pytest.fixture
def plugin(console: Console) -> Iterator[None]:
    """The orchard is installed, and off again afterwards."""
    with registered(orchard.plugin()):
        yield
        console("plugin", "disable", TENANT, "orchard", "--reason", "测试结束", *AS_ADMIN)


def row_of(console: Console, key: str, login: str = ADMIN) -> dict[str, Any]:
    """The plugin's line of `plugin list`."""
    rows = console("plugin", "list", TENANT, "--json", "--login", login).rows
    (row,) = [row for row in rows if row["plugin"] == key]
    return row


@pytest.mark.usefixtures("plugin")
def test_a_plugin_is_enabled_configured_and_disabled(console: Console) -> None:
    words = ["plugin", "enable", TENANT, "orchard", "--json", "--login"]
    assert console(*words, SECURITY).error["code"] == "forbidden"
    assert row_of(console, "orchard", MANAGER)["enabled"] is False
    done = console(*words, ADMIN, "trees=12", "fruit=123").row
    assert (done["plugin"], done["enabled"]) == ("orchard", True)
    assert "added orchard" in done["kinds"]
    assert console(*words, ADMIN).error["code"] == "plugin_enabled_already"
    listed = row_of(console, "orchard")
    assert (listed["enabled"], listed["working"], listed["version"], listed["behind"]) == (True, True, "1.0.0", False)
    assert listed["title"] == "果园 Orchards"
    brought = console("plugin", "show", TENANT, "orchard", *AS_ADMIN).rows
    assert {"part": "forms", "key": "orchard.harvest", "title": "采摘记录 Harvest"} in brought
    settings = {one["name"]: one for one in console("plugin", "settings", TENANT, "orchard", *AS_ADMIN).rows}
    assert (settings["trees"]["value"], settings["trees"]["default"], settings["trees"]["own"]) == (12, 40, True)
    assert settings["fruit"]["value"] == "123"
    changed = console("plugin", "configure", TENANT, "orchard", "--reset", "trees", "fruit=pear", *AS_ADMIN).rows
    assert {one["name"]: one["value"] for one in changed} == {"trees": 40, "fruit": "pear", "token": "unset"}
    off = console("plugin", "disable", TENANT, "orchard", "--reason", "试用结束", *AS_ADMIN).row
    assert off["enabled"] is False
    assert console("plugin", "show", TENANT, "orchard", *AS_ADMIN).error["code"] == "plugin_not_enabled"
    assert console.events("plugins.disable")[-1].reason == "试用结束"


@pytest.mark.usefixtures("plugin")
def test_what_is_wrong_is_named(console: Console) -> None:
    enable = ["plugin", "enable", TENANT]
    assert console(*enable, "moon", *AS_ADMIN).error["code"] == "plugin_not_installed"
    bad = console(*enable, "orchard", "trees=many", "moon=1", *AS_ADMIN).error
    assert [problem["path"] for problem in bad["problems"]] == [["settings", "trees"], ["settings", "moon"]]
    assert console(*enable, "orchard", "trees", *AS_ADMIN).error["problems"][0]["path"] == ["settings"]
    assert console("plugin", "upgrade", TENANT, "orchard", *AS_ADMIN).error["code"] == "plugin_not_enabled"
    assert console("plugin", "settings", TENANT, "orchard", "--json", "--login", MANAGER).error["code"] == "forbidden"
    assert console("plugin", "faults", TENANT, "--json", "--login", MANAGER).error["code"] == "forbidden"


@pytest.mark.usefixtures("plugin")
def test_a_secret_is_read_and_never_shown(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("plum-tree-9\n"))
    console("plugin", "enable", TENANT, "orchard", "--secret", "token", *AS_ADMIN)
    shown = console("plugin", "settings", TENANT, "orchard", "--login", ADMIN)
    assert "plum-tree-9" not in shown.out
    settings = {one["name"]: one["value"] for one in console("plugin", "settings", TENANT, "orchard", *AS_ADMIN).rows}
    assert settings["token"] == "set"

    async def stored(session: TenantSession) -> Any:
        return await session.scalar(
            select(PluginSwitch.settings).where(session.within(PluginSwitch), PluginSwitch.plugin == "orchard")
        )

    assert "plum-tree-9" not in str(console.look(stored))
    assert console("plugin", "rotate-secrets", TENANT, *AS_ADMIN).rows == []
    missing = console("plugin", "configure", TENANT, "orchard", "--secret", "token", *AS_ADMIN)
    assert (missing.code, "token" in missing.err) == (1, True)


def test_the_dry_run_tells_what_the_upgrade_does(console: Console) -> None:
    with registered(orchard.plugin()):
        told = console("plugin", "diff", TENANT, "orchard", *AS_ADMIN).rows
        assert {"part": "plugin", "change": "version", "what": "— → 1.0.0"} in told or any(
            row["change"] == "version" for row in told
        )
        console("plugin", "enable", TENANT, "orchard", *AS_ADMIN)
        assert console("plugin", "diff", TENANT, "orchard", *AS_ADMIN).rows == []
        assert "无变化" in console("plugin", "diff", TENANT, "orchard", "--login", ADMIN).out
    with registered(orchard.plugin(version="2.0.0", forms=(HarvestInKilos, orchard.Grade))):
        assert row_of(console, "orchard")["behind"] is True
        told = console("plugin", "diff", TENANT, "orchard", *AS_ADMIN).rows
        assert told == [
            {"part": "plugin", "change": "version", "what": "1.0.0 → 2.0.0"},
            {"part": "forms", "change": "changed", "what": "orchard.harvest 1 → 2"},
        ]
        assert console("plugin", "upgrade", TENANT, "orchard", *AS_ADMIN).row["runs"] == []
        assert console("plugin", "diff", TENANT, "orchard", *AS_ADMIN).rows == []
    gone = row_of(console, "orchard")
    assert (gone["enabled"], gone["working"], gone["version"]) == (True, False, None)
    assert console("plugin", "disable", TENANT, "orchard", "--reason", "卸载", *AS_ADMIN).row["enabled"] is False


def test_faults_are_listed_and_settled(console: Console) -> None:
    with registered(orchard.plugin(), orchard.other("mill")):
        console("plugin", "enable", TENANT, "orchard", *AS_ADMIN)
        console("plugin", "enable", TENANT, "mill", *AS_ADMIN)
    with registered(orchard.other("mill")):
        assert console("plugin", "configure", TENANT, "mill", *AS_ADMIN).rows == []
        (fault,) = console("plugin", "faults", TENANT, "--plugin", "orchard", *AS_ADMIN).rows
        assert (fault["hook"], fault["error"], fault["settled_at"]) == ("load", "PluginNotInstalled", None)
        words = ["plugin", "faults", TENANT, "--plugin", "orchard"]
        assert console(*words, "--settle", fault["id"], *AS_ADMIN).rows == []
        (settled,) = console(*words, "--all", *AS_ADMIN).rows
        assert settled["settled_at"] is not None
        unknown = console(*words, "--settle", "0190aaaa-0000-7000-8000-000000000000", *AS_ADMIN)
        assert unknown.error["code"] == "plugin_fault_not_found"
    for key in ("orchard", "mill"):
        assert console("plugin", "disable", TENANT, key, "--reason", "测试结束", *AS_ADMIN).code == 0


def test_a_new_plugin_is_written(console: Console, tmp_path: Path) -> None:
    words = ["plugin", "new", "beverages", "--folder", str(tmp_path), "--title-zh", "饮料"]
    rows = console(*words, "--json").rows
    assert str(tmp_path / "beverages" / "pyproject.toml") in {row["file"] for row in rows}
    text = (tmp_path / "beverages" / "steward_beverages" / "plugin.py").read_text(encoding="utf-8")
    assert 'Bilingual("饮料", "Beverages")' in text
    assert console(*words, "--json").error["code"] == "plugin_folder_taken"
    bad = console("plugin", "new", "../evil", "--folder", str(tmp_path), "--json")
    assert bad.error["problems"][0]["path"] == ["key"]
