"""Errors, permissions and commands: each once, each in both languages."""

from __future__ import annotations

import importlib
import pkgutil
import re
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import steward_core
import steward_graphql
import steward_server
import steward_tenants
from steward_core.industry.registry import broken, industries
from steward_core.industry.validation import mistakes_in
from steward_tenants.access.permissions import catalogue
from steward_tenants.commands.service import COMMANDS
from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def load_everything() -> None:
    for package in (steward_tenants, steward_core, *plugins(), steward_graphql, steward_server):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def plugins() -> list[ModuleType]:
    """The packages of the plugins that stand in the tree."""
    folders = (Path(__file__).parents[2] / "plugins").glob("*/steward_*/__init__.py")
    return [importlib.import_module(path.parent.name) for path in sorted(folders)]


def errors(kind: type[StewardError] = StewardError) -> Iterator[type[StewardError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from errors(child)


def both(text: Bilingual) -> bool:
    return bool(CHINESE.search(text.zh)) and bool(text.en.strip()) and not CHINESE.search(text.en)


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_error_has_both_languages_and_a_code_of_its_own() -> None:
    load_everything()
    ours = [error for error in set(errors()) if error.__module__.startswith("steward_") and error.__name__[0] != "_"]
    assert [error.__name__ for error in ours if not (both(error.message) and both(error.remedy))] == []
    assert [e.__name__ for e in ours if places(e.message.zh) != places(e.message.en)] == []
    assert [e.__name__ for e in ours if places(e.remedy.zh) != places(e.remedy.en)] == []
    assert [code for code, times in Counter(error.code for error in ours).items() if times > 1] == []
    assert [error.__name__ for error in ours if not 400 <= error.status < 600] == []


def test_what_plugins_declare_is_said_in_both_languages() -> None:
    load_everything()
    assert {loaded.industry.key for loaded in industries().values()} >= {"telecom", "tobacco"}
    assert broken() == ()
    assert [loaded.industry.key for loaded in industries().values() if mistakes_in(loaded.industry)] == []


def test_permissions_and_commands_speak_both_languages() -> None:
    load_everything()
    assert [p.key for p in catalogue.all() if not both(p.title)] == []
    assert [c.key for c in COMMANDS.values() if not both(c.title)] == []
    assert len(COMMANDS) > 20
