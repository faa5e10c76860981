"""What a configuration file would change: pure comparison of what is with what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Values = Mapping[str, Any]


class ChangeKind(StrEnum):
    """`only_here`: the tenant has it and the file does not name it; applying leaves it alone."""

    ADDED = "added"
    CHANGED = "changed"
    ONLY_HERE = "only_here"


@dataclass(frozen=True)
class ConfigurationChange:
    """One difference. `fields`: {field: (value here, value in the file)} of what differs."""

    section: str
    key: str
    kind: ChangeKind
    fields: Mapping[str, tuple[Any, Any]]


def differences(
    section: str, here: Mapping[str, Values], wanted: Mapping[str, Values]
) -> tuple[ConfigurationChange, ...]:
    """The differences of a section, in the file's order, then what is only here in order of key."""
    changes = []
    for key, values in wanted.items():
        known = here.get(key)
        fields = {
            name: (None if known is None else known.get(name), value)
            for name, value in values.items()
            if known is None or known.get(name) != value
        }
        if known is None or fields:
            changes.append(
                ConfigurationChange(section, key, ChangeKind.ADDED if known is None else ChangeKind.CHANGED, fields)
            )
    changes += [
        ConfigurationChange(section, key, ChangeKind.ONLY_HERE, {}) for key in sorted(here.keys() - wanted.keys())
    ]
    return tuple(changes)
