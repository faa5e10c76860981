"""The configuration file: what it holds, and reading it from bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints, ValidationError

from steward_core.configuration_file.errors import ConfigurationRefused, ConfigurationUnreadable
from steward_core.forms.problems import problems_of
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

FORMAT = "steward.configuration"
VERSION = 1
MOST_BYTES = 5 * 1024 * 1024
MOST_ITEMS = 20_000
DEEPEST = 30
"""Levels of values within values: no setting has nearly as many, and deeper ones could not be written down again."""
Key = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Item(BaseModel):
    """One thing that is configured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def key(self) -> str:
        """What tells it from the others of its section."""
        raise NotImplementedError


class UnitItem(Item):
    """An org unit; `parent` is the code of the unit above, None for a root."""

    code: Key
    name: Title
    kind: Key = "unit"
    parent: Key | None = None

    def key(self) -> str:
        return self.code


class RoleItem(Item):
    """A role of the tenant's own, with the permissions that it holds."""

    role: Annotated[Key, Field(alias="key")]
    title_zh: Title
    title_en: Title
    duty: Literal["business", "tenant_admin", "security_admin", "auditor"] = "business"
    permissions: tuple[Key, ...]

    def key(self) -> str:
        return self.role


class TierItem(Item):
    """A tier of clients of the tenant's own."""

    tier: Annotated[Key, Field(alias="key")]
    title_zh: Title
    title_en: Title
    rank: StrictInt
    retired: StrictBool = False

    def key(self) -> str:
        return self.tier


class KindItem(Item):
    """A kind of client of the tenant's own."""

    kind: Annotated[Key, Field(alias="key")]
    title_zh: Title
    title_en: Title
    retired: StrictBool = False

    def key(self) -> str:
        return self.kind


class MetricItem(Item):
    """A metric of the tenant's own."""

    metric: Annotated[Key, Field(alias="key")]
    title_zh: Title
    title_en: Title
    measure: Key
    grain: Key = "month"
    additive: StrictBool = True
    retired: StrictBool = False

    def key(self) -> str:
        return self.metric


class PluginItem(Item):
    """A plugin that is on, with the settings that the tenant chose; secrets never travel in a file."""

    plugin: Annotated[Key, Field(alias="key")]
    settings: dict[str, Any] = Field(default_factory=dict)

    def key(self) -> str:
        return self.plugin


class CustomFieldItem(Item):
    """A custom field."""

    target: Key
    field: Annotated[Key, Field(alias="key")]
    type: Key
    title_zh: Title
    title_en: Title
    hint_zh: Title | None = None
    hint_en: Title | None = None
    rules: dict[str, Any] = Field(default_factory=dict)
    filterable: StrictBool = False
    retired: StrictBool = False

    def key(self) -> str:
        return f"{self.target}/{self.field}"


class MappingItem(Item):
    """A saved mapping of import files."""

    target: Key
    name: Title
    columns: dict[str, Any]
    options: dict[str, Any] = Field(default_factory=dict)

    def key(self) -> str:
        return f"{self.target}/{self.name}"


class Document(BaseModel):
    """A configuration file. A section that is left out says nothing about its things; so does a thing left out of a
    section: applying never removes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["steward.configuration"]
    version: Literal[1]
    tenant: Key | None = None
    units: tuple[UnitItem, ...] | None = None
    roles: tuple[RoleItem, ...] | None = None
    plugins: tuple[PluginItem, ...] | None = None
    tiers: tuple[TierItem, ...] | None = None
    kinds: tuple[KindItem, ...] | None = None
    metrics: tuple[MetricItem, ...] | None = None
    settings: dict[str, Any] | None = None
    custom_fields: tuple[CustomFieldItem, ...] | None = None
    import_mappings: tuple[MappingItem, ...] | None = None


def read_document(content: bytes) -> Document:
    """The document in a file's bytes. Raises ConfigurationUnreadable, ConfigurationRefused naming every bad place."""
    return as_document(values_of(content))


def values_of(content: bytes) -> Any:
    """The JSON values in a file's bytes, not looked at yet. Raises ConfigurationUnreadable."""
    if len(content) > MOST_BYTES:
        raise _unreadable("文件超过 5 MB。", "It is larger than 5 MB.")
    try:
        values: Any = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _unreadable("不是 UTF-8 编码。", "It is not in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise _unreadable(f"第 {line} 行不是有效的 JSON。", f"Line {line} is no JSON.") from None
    return values


def as_document(values: Any) -> Document:
    """The document of JSON values. Raises ConfigurationUnreadable, ConfigurationRefused."""
    if not isinstance(values, Mapping) or values.get("format") != FORMAT:
        raise _unreadable("不是管家的配置文件。", "It is no configuration of Steward.")
    if values.get("version") != VERSION:
        raise _unreadable(f"版本须为 {VERSION}。", f"Its version must be {VERSION}.")
    if sum(len(part) for part in values.values() if isinstance(part, list | dict)) > MOST_ITEMS:
        raise _unreadable(f"超过 {MOST_ITEMS} 项。", f"It has more than {MOST_ITEMS} things.")
    if _deeper(values, DEEPEST):
        raise _unreadable(f"嵌套超过 {DEEPEST} 层。", f"It is nested more than {DEEPEST} levels deep.")
    try:
        document = Document.model_validate(values)
    except ValidationError as error:
        raise refused(problems_of(error)) from None
    if problems := _repeated(document):
        raise refused(problems)
    return document


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return levels < 0 or any(_deeper(one, levels - 1) for one in inner)


def refused(problems: list[FieldProblem]) -> ConfigurationRefused:
    """The error that names these problems."""
    return ConfigurationRefused(problems=problems, count=len(problems))


def items_of(document: Document, section: str) -> dict[str, tuple[int, Item]] | None:
    """A section's items with their places, by key; None when the document leaves it out."""
    items: tuple[Item, ...] | None = getattr(document, section)
    return None if items is None else {item.key(): (place, item) for place, item in enumerate(items)}


def _repeated(document: Document) -> list[FieldProblem]:
    problems = []
    for section in Document.model_fields:
        items = getattr(document, section)
        if not isinstance(items, tuple):
            continue
        seen: set[str] = set()
        for place, item in enumerate(items):
            if item.key() in seen:
                text = Bilingual(f"“{item.key()}”重复。", f"“{item.key()}” stands twice.")
                problems.append(FieldProblem((section, str(place)), "repeated", text))
            seen.add(item.key())
    return problems


def _unreadable(zh: str, en: str) -> ConfigurationUnreadable:
    return ConfigurationUnreadable(problems=[FieldProblem(("file",), "unreadable", Bilingual(zh, en))])
