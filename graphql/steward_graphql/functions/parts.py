"""How functions are written down: parts of objects with texts in both languages, arguments, texts, page sizes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from steward_graphql.declared.scalars import INT, STRING, Kind
from steward_graphql.declared.shapes import Argument, InputObject, ListOf, ObjectShape, Part, Shape
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

MOST = 100
USUAL = 20

TEXT = ObjectShape(
    "BilingualText",
    Bilingual("中英文文本", "A text in both languages"),
    (
        Part("zhCN", STRING, Bilingual("简体中文", "Simplified Chinese"), nullable=False, source="zh"),
        Part("en", STRING, Bilingual("英文", "English"), nullable=False),
    ),
)


def _spelled(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def part(
    name: str,
    shape: Shape,
    zh: str,
    en: str,
    *,
    nullable: bool = False,
    read: Callable[[Any], Any] | None = None,
) -> Part:
    """A field of an object, read from the attribute of the same name in Python's spelling unless `read` says how."""
    return Part(name, shape, Bilingual(zh, en), nullable, None if read else _spelled(name), read)


def texts(name: str, zh: str, en: str, *, nullable: bool = False, read: Callable[[Any], Any] | None = None) -> Part:
    """A field that is a text in both languages."""
    return part(name, TEXT, zh, en, nullable=nullable, read=read)


def several(
    name: str, item: Shape, zh: str, en: str, *, read: Callable[[Any], Any] | None = None, nullable: bool = False
) -> Part:
    """A field that is a list."""
    return part(name, ListOf(item), zh, en, nullable=nullable, read=read)


def shape(name: str, zh: str, en: str, *parts: Part) -> ObjectShape:
    """An object type."""
    return ObjectShape(name, Bilingual(zh, en), parts)


def argument(
    name: str,
    kind: Kind | InputObject,
    zh: str,
    en: str,
    *,
    required: bool = False,
    listed: bool = False,
    default: Any = None,
) -> Argument:
    """An argument under the same name in Python's spelling."""
    return Argument(name, kind, Bilingual(zh, en), required, listed, default, _spelled(name))


FIRST = argument("first", INT, "最多返回多少条，1 到 100", "How many at most, 1 to 100", default=USUAL)
AFTER = argument("after", STRING, "上一页给出的 nextCursor", "The nextCursor of the page before")
NEXT_CURSOR = part(
    "nextCursor",
    STRING,
    "下一页的位置；空为最后一页",
    "Where the next page begins; none: this is the last",
    nullable=True,
)


def page_size(first: int | None) -> int:
    """The size that was asked for. Raises InvalidInput."""
    size = USUAL if first is None else first
    if not 1 <= size <= MOST:
        raise invalid("first", "range", f"每次 1 到 {MOST} 条。", f"Ask for 1 to {MOST}.")
    return size


def few(name: str, given: list[Any] | None) -> list[Any]:
    """A list that was given, of at most `MOST` items. Raises InvalidInput."""
    listed = list(given or ())
    if len(listed) > MOST:
        raise invalid(name, "too_many", f"最多 {MOST} 项。", f"Give at most {MOST}.")
    return listed
