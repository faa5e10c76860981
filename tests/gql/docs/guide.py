"""Reads the examples of docs/graphql.md.

A block's info string says what it is: `graphql as=LOGIN` is sent as that person; `keep=NAME:path` keeps a value of the
answer, for which `"NAME"` stands from there on (in shell lines `$NAME`); `error=CODE` is refused, `partial=CODE` answered
with such errors beside the data; `twice` is sent again and gives the same. `json variables` and `json answer` belong to the
block before them. `sh` holds lines of curl (with `status=`, `events=`) and of ./steward, `text websocket` messages.
In answers `"…"` stands for any value but null, text around … must be there, and a list that ends with it may go on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "graphql.md"
ANY = "…"
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Example:
    """One example: where it begins, what is sent, what should come."""

    line: int
    kind: str
    words: tuple[str, ...]
    text: str
    variables: str | None = None
    answer: str | None = None
    options: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        pairs = [word.partition("=") for word in self.words if not word.startswith("keep=")]
        self.options = {name: value for name, _, value in pairs}

    @property
    def keeps(self) -> dict[str, str]:
        """Names, and the places in the answer that they stand for."""
        pairs = [word.removeprefix("keep=").partition(":") for word in self.words if word.startswith("keep=")]
        return {name: path for name, _, path in pairs}


def read_examples(text: str) -> list[Example]:
    """The examples of a guide in order."""
    found: list[Example] = []
    for block in _BLOCK.finditer(text):
        kind, words, body = block[1], tuple(block[2].split()), block[3]
        if kind == "json":
            assert words in (("variables",), ("answer",)), words
            assert getattr(found[-1], words[0]) is None
            setattr(found[-1], words[0], body)
        else:
            found.append(Example(text.count("\n", 0, block.start()) + 1, kind, words, body))
    return found


def filled(text: str, kept: Mapping[str, Any]) -> str:
    """The text with kept values in the places of their names."""
    return re.sub(r'"([A-Z_]+)"', lambda found: json.dumps(kept[found[1]]) if found[1] in kept else found[0], text)


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path."""
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def differs(expected: Any, actual: Any, path: str = "") -> str | None:
    """Where an answer is not as the guide says; None when it is."""
    if expected == ANY:
        return f"{path} is null" if actual is None else None
    if isinstance(expected, str) and ANY in expected and isinstance(actual, str):
        pattern = ".*".join(re.escape(part) for part in expected.split(ANY))
        return None if re.fullmatch(pattern, actual, re.DOTALL) else f"{path}: {expected!r} is {actual!r}"
    if isinstance(expected, dict) and isinstance(actual, dict):
        if list(expected) != list(actual):
            return f"{path}: {list(expected)} are {list(actual)}"
        return next(filter(None, (differs(expected[key], actual[key], f"{path}.{key}") for key in expected)), None)
    if isinstance(expected, list) and isinstance(actual, list):
        goes_on = expected[-1:] == [ANY]
        heads = expected[:-1] if goes_on else expected
        if len(actual) < len(heads) or (len(actual) > len(heads) and not goes_on):
            return f"{path} has {len(actual)} items"
        return next(filter(None, (differs(one, actual[n], f"{path}.{n}") for n, one in enumerate(heads))), None)
    return None if expected == actual else f"{path}: {expected!r} is {actual!r}"
