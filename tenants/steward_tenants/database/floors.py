"""The floors above this one: they bring tables, row kinds and migrations without being imported by name.

A floor says so by an entry point of the group `steward.floors`. It names a module whose import declares all that the
floor has (tables on `TenantTable.metadata`, row kinds, what exports need to know), and whose attribute `MIGRATIONS`
is the folder of its version files. Floors and plugins share the one line of revisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

GROUP = "steward.floors"


class FloorBroken(Exception):
    """What is installed as a floor is none; the program cannot run with half of its tables."""


@dataclass(frozen=True)
class Floor:
    """A loaded floor and the folder of its version files."""

    name: str
    migrations: Path


@cache
def load_floors() -> tuple[Floor, ...]:
    """Import every floor, once, in order of name; afterwards the metadata is whole.

    Whoever needs all tables calls this first. Raises FloorBroken; what a floor's import raises goes through.
    """
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    names = [entry.name for entry in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise FloorBroken(f"floors installed twice: {', '.join(sorted(twice))}")
    return tuple(_floor(entry.name, entry.load()) for entry in found)


def _floor(name: str, module: object) -> Floor:
    migrations = getattr(module, "MIGRATIONS", None)
    if not isinstance(migrations, Path) or not migrations.is_dir():
        raise FloorBroken(f"floor {name}: MIGRATIONS must name the folder of its version files, not {migrations!r}")
    return Floor(name, migrations)
