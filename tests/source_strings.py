"""Every string in the project's source files: what statements may have as literals."""

from __future__ import annotations

import ast
import re
from functools import cache
from hashlib import sha256
from pathlib import Path

from tests.statement_memory import Memory

ROOT = Path(__file__).parents[1]
FOLDERS = ("tenants", "core", "graphql", "workers", "plugins", "server", "tests")
STRINGS = Memory("strings")


@cache
def constants() -> frozenset[str]:
    """Every string that stands in a source file of this project, and every literal inside one."""
    found: set[str] = set()
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            found.update(_strings(file.read_bytes()))
    return frozenset(found)


def _strings(content: bytes) -> list[str]:
    key = sha256(content).hexdigest()
    known = STRINGS.get(key)
    if known is None:
        known = sorted(_read(content))
        STRINGS.put(key, known)
    return known


def _read(content: bytes) -> set[str]:
    try:
        tree = ast.parse(content)
    except SyntaxError:
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
            found.update(re.findall(r"(?<=')([^']*)(?=')", node.value))
    return found
