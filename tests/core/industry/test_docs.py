"""docs/plugins.md tells of every hook and every part of a declaration, and each has a test that uses it."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from steward_core.industry import hookspecs
from steward_core.industry.declarations import Industry
from tests.core.industry import orchard

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "plugins.md"
TESTS = Path(__file__).parent
HEADING = re.compile(r"^### `(\w+)`\n(?P<text>.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)


def hooks(specifications: object = hookspecs) -> set[str]:
    """The hooks that are specified."""
    return {name for name, value in vars(specifications).items() if hasattr(value, "steward_spec")}


def parts(declaration: type = Industry) -> set[str]:
    """The fields of a declaration."""
    return {field.name for field in dataclasses.fields(declaration)}


def documented(text: str) -> set[str]:
    """What has a heading with at least a sentence below it."""
    return {found[1] for found in HEADING.finditer(text) if len(found["text"].split()) >= 4}


def hooks_in_tests(sources: list[str]) -> set[str]:
    """The hooks that some test's plugin has: keys of `hooks={…}`, or attributes that are set on a plugin."""
    found: set[str] = set()
    for source in sources:
        tree = ast.parse(source)
        tests = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        ]
        for node in (inner for test in tests for inner in ast.walk(test)):
            if isinstance(node, ast.Dict):
                found |= {
                    key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                found.add(node.func.attr)
    return found


def parts_in_tests(sources: list[str]) -> set[str]:
    """The fields of a declaration that some test reads or sets by name."""
    found: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
    return found


def sources() -> list[str]:
    """The tests of this folder, without the plugin that they vary."""
    return [path.read_text(encoding="utf-8") for path in sorted(TESTS.glob("test_*.py")) if path.name != "test_docs.py"]


def test_every_hook_and_every_declaration_is_documented() -> None:
    known = documented(DOCUMENT.read_text(encoding="utf-8"))
    assert hooks() == {"industry", "check_client", "check_record", "settings_changed"}
    assert hooks() | parts() <= known
    assert known <= hooks() | parts(), "the document tells of something that is gone"


def test_every_hook_has_a_test_that_uses_it() -> None:
    assert hooks() - {"industry"} <= hooks_in_tests(sources())


def test_every_declaration_is_in_the_sample_and_has_a_test_that_names_it() -> None:
    assert parts() <= parts_in_tests(sources())
    empty = {name for name in parts() if not getattr(orchard.INDUSTRY, name)}
    assert empty == {"requires", "conflicts"}, "the orchard brings one of everything; these two name other plugins"


def test_both_checks_can_fail() -> None:
    def fly() -> None:
        """A hook that nobody documents."""

    hookspecs.hookspec(fly)
    assert "fly" in hooks(SimpleNamespace(fly=fly))
    text = DOCUMENT.read_text(encoding="utf-8")
    assert "fly" not in documented(text)
    assert "check_client" not in documented(text.replace("### `check_client`", "### check_client"))
    assert "kinds" not in documented("### `kinds`\n\n### `tiers`\nTiers of clients, rank 1 first.\n")
    assert documented("### `tiers`\nTiers of clients, rank 1 first.\n") == {"tiers"}
    assert "fly" not in hooks_in_tests(sources())
    assert hooks_in_tests(["def test_x():\n    plugin(hooks={'fly': f})"]) == {"fly"}
    assert hooks_in_tests(["def helper():\n    plugin(hooks={'fly': f})"]) == set()
    assert "kinds" not in parts_in_tests(["x = 1  # kinds"])


@pytest.mark.parametrize("name", sorted(hooks() - {"industry"}))
def test_a_hooks_arguments_are_those_of_the_document(name: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    code = getattr(hookspecs, name).__code__
    arguments = ", ".join(code.co_varnames[: code.co_argcount])
    assert f"`{name}({arguments})" in text
