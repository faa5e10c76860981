"""A third party's path: write a plugin, run its tests, install it outside the tree, use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from steward_core.industry.authoring import FolderTaken, write_plugin
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput
from steward_tenants.texts import Bilingual
from tests.factories import make_tenant

ROOT = Path(__file__).parents[3]
TITLE = Bilingual("饮料", "Beverages")


def run(*arguments: str, folder: Path, path: Path | None = None) -> str:
    """The output of a process that finds the plugin below `path`."""
    found = [str(path)] if path else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*found, str(ROOT)]), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(source: Path, target: Path) -> None:
    """What an installer does: the package and the distribution's entry points in a folder of the path."""
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (package,) = [child for child in source.iterdir() if (child / "plugin.py").exists()]
    for file in package.glob("*.py"):
        (target / package.name).mkdir(parents=True, exist_ok=True)
        (target / package.name / file.name).write_bytes(file.read_bytes())
    info = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        line
        for group, names in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in names.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly written plugin."""
    folder = tmp_path_factory.mktemp("authors")
    written = write_plugin(folder, "beverages", TITLE)
    assert len(written) == 8
    assert all(path.is_relative_to(folder / "beverages") for path in written)
    return folder / "beverages"


def test_the_new_plugins_own_tests_pass(plugin: Path) -> None:
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:xdist", "-W", "error")
    assert "5 passed" in run(*words, folder=plugin, path=plugin)


def test_the_new_plugin_is_as_tidy_as_the_house(plugin: Path) -> None:
    run("-m", "ruff", "check", "--no-cache", ".", folder=plugin)
    run("-m", "ruff", "format", "--no-cache", "--check", ".", folder=plugin)
    assert not [path for path in plugin.rglob("*") if path.is_file() and "{{" in path.read_text(encoding="utf-8")]


async def test_an_installed_plugin_outside_the_tree_is_used(plugin: Path, database: Database, tmp_path: Path) -> None:
    install(plugin, tmp_path)
    settings = database.settings
    given: dict[str, Any] = {
        "application": settings.application_url,
        "directory": settings.directory_url,
        "keys": [[key.key_id, key.secret.hex()] for key in settings.tenant_keys],
        "tenant": str(await make_tenant(database)),
    }
    seen = json.loads(run("-m", "tests.core.industry.visitor", json.dumps(given), folder=tmp_path, path=tmp_path))
    assert seen == {
        "distribution": "steward-beverages",
        "broken": [],
        "computed": {"turnover": 3},
        "refused": ["too_many"],
        "low": [[True, {"product": "柠檬汽水", "cases": 3}]],
        "counted": [[True, "50.00"]],
        "menu": ["beverages.counts"],
        "faults": [],
        "enabled": True,
    }


def test_a_plugin_is_never_written_over_another(plugin: Path) -> None:
    with pytest.raises(FolderTaken):
        write_plugin(plugin.parent, "beverages", TITLE)


@pytest.mark.parametrize("key", ["", "B", "a", "../x", "with space", "core", "x" * 25, "饮料"])
def test_a_key_that_no_plugin_can_have_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        write_plugin(tmp_path, key, TITLE)
    assert refused.value.problems[0].path == ("key",)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", " x", "a\nb", 'a"b', "a{b}", "x" * 61, "a\\b"])
def test_a_title_that_would_break_the_files_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        write_plugin(tmp_path, "beverages", Bilingual("饮料", text))
    assert refused.value.problems[0].path == ("title",)
