"""The habits that tools can hold: types, lint, format, the floors, no long module without its reason."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("tenants", "core", "server", "plugins", "graphql", "workers", "tests", "bench")
LONGEST_MODULE = 500
REASON = "This module is long because"
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


def modules() -> list[Path]:
    return sorted(path for folder in SOURCES if (ROOT / folder).is_dir() for path in (ROOT / folder).rglob("*.py"))


def run(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_are_strict() -> None:
    run("mypy")


@pytest.mark.parametrize("arguments", [("check", "."), ("format", "--check", ".")], ids=["lint", "format"])
def test_ruff_is_content(arguments: tuple[str, ...]) -> None:
    run("ruff", *arguments)


def test_an_import_goes_down_never_up_or_sideways() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [str(program), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_graphql_is_no_package_of_ours() -> None:
    assert not (ROOT / "graphql" / "__init__.py").exists()
    assert not (ROOT / "tests" / "graphql").exists()


def test_a_long_module_says_why() -> None:
    long = [
        str(path.relative_to(ROOT))
        for path in modules()
        if "versions" not in path.parts
        and len((text := path.read_text(encoding="utf-8")).splitlines()) > LONGEST_MODULE
        and REASON not in text[:2000]
    ]
    assert not long


def test_names_say_what_things_are() -> None:
    assert not [str(path.relative_to(ROOT)) for path in modules() if path.stem in VAGUE_NAMES]


def test_every_module_and_public_name_is_documented() -> None:
    missing = []
    for path in modules():
        if path.parts[len(ROOT.parts)] in ("tests", "bench") or "versions" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not tree.body:
            continue
        place = str(path.relative_to(ROOT))
        if ast.get_docstring(tree) is None:
            missing.append(place)
        missing += [f"{place}: {name}" for name in _undocumented(tree)]
    assert not missing


def _undocumented(tree: ast.Module) -> list[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [
        node.name
        for node in tree.body
        if isinstance(node, kinds) and not node.name.startswith("_") and ast.get_docstring(node) is None
    ]


def test_each_folder_of_tests_is_a_package() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        assert (path.parent / "__init__.py").exists(), path
