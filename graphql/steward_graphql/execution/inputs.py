"""Arguments as the Python functions behind them take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steward_graphql.declared.entities import camel
from steward_graphql.declared.scalars import JSON
from steward_graphql.declared.shapes import Argument, InputObject


def pythonic(arguments: Sequence[Argument], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, under Python's names; members of input objects likewise. What was not given is left out; null
    where there is a default stands for it."""
    return {one.python_name: _value(one, given[one.name]) for one in arguments if one.name in given}


def _value(argument: Argument, value: Any) -> Any:
    if value is None:
        return argument.default
    if not isinstance(argument.kind, InputObject):
        return value
    parts = argument.kind.parts
    if argument.listed:
        return [None if one is None else pythonic(parts, one) for one in value]
    return pythonic(parts, value)


def shown_path(arguments: Sequence[Argument], path: Sequence[str]) -> list[str]:
    """A path of Python's names as the input writes it: what it does not know in camelCase, except inside JSON, whose
    keys stand as they were sent."""
    shown: list[str] = []
    known: Sequence[Argument] = arguments
    for place, step in enumerate(path):
        if step.isdigit():
            shown.append(step)
            continue
        found = next((one for one in known if step in (one.python_name, one.name)), None)
        shown.append(found.name if found is not None else camel(step))
        if found is not None and found.kind is JSON:
            return [*shown, *path[place + 1 :]]
        known = found.kind.parts if found is not None and isinstance(found.kind, InputObject) else ()
    return shown
