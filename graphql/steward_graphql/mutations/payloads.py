"""What mutations answer: rows of the catalogue by their keys, plain figures, and errors that belong to an input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steward_core.forms.models import FormRecord
from steward_graphql.catalogue.records import INTERFACE
from steward_graphql.declared.entities import Entity, camel
from steward_graphql.declared.scalars import BOOLEAN, ID, INT, STRING
from steward_graphql.declared.shapes import EntityRef, ListOf, ObjectShape, Part, Shape
from steward_graphql.mutations.kinds import entities
from steward_tenants.database.tables import TenantTable
from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual

Read = Callable[[Any, Mapping[str, Any]], Any]
"""Takes a result from what a command answered and from the values that it was given."""


@dataclass(frozen=True)
class Result:
    """One result of a mutation. `shape` may be a table: then it is a row of the type over that table, and `read` gives
    the row or its key. `listed`: a list of it."""

    name: str
    shape: Shape | type[TenantTable]
    text: Bilingual
    read: Read = field(repr=False)
    listed: bool = False

    def part(self) -> Part:
        """The field of the payload."""
        shape = ref_to(self.shape) if isinstance(self.shape, type) else self.shape
        return Part(camel(self.name), ListOf(shape) if self.listed else shape, self.text)

    def value(self, answer: Any, given: Mapping[str, Any]) -> Any:
        """Its value: of a row, the key."""
        found = self.read(answer, given)
        if not isinstance(self.shape, type):
            return found
        return [key_of(one) for one in found] if self.listed else key_of(found)


def payload(results: Iterable[Result], answer: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a mutation answers, each result under its name in the payload."""
    return {camel(result.name): result.value(answer, given) for result in results}


def entity_over(table: type[TenantTable]) -> Entity:
    """The catalogue's type over a table. Raises LookupError when there is none."""
    for entity in entities().values():
        if entity.table is table and not entity.interfaces:
            return entity
    raise LookupError(f"the catalogue has no type over {table.__tablename__}")


def ref_to(table: type[TenantTable]) -> EntityRef:
    """A reference to a row of a table; form records are known by their interface, which each set of plugins has."""
    return EntityRef(INTERFACE if table is FormRecord else entity_over(table).name)


def key_of(row: Any) -> Any:
    """The key of a row: its column, or several as a tuple. What is no row is a key already."""
    if not isinstance(row, TenantTable):
        return row
    names = ("id",) if isinstance(row, FormRecord) else entity_over(type(row)).key
    return getattr(row, names[0]) if len(names) == 1 else tuple(getattr(row, name) for name in names)


def row(name: str, table: type[TenantTable], zh: str, en: str, read: Read = lambda answer, _: answer) -> Result:
    """The row that a command answered."""
    return Result(name, table, Bilingual(zh, en), read)


def row_of(name: str, table: type[TenantTable], given: str, zh: str, en: str) -> Result:
    """The row that the value `given` names."""
    return Result(name, table, Bilingual(zh, en), lambda _, values: values[given])


def rows(name: str, table: type[TenantTable], zh: str, en: str, read: Read = lambda answer, _: answer) -> Result:
    """The rows that a command answered."""
    return Result(name, table, Bilingual(zh, en), read, listed=True)


def id_of(given: str) -> Result:
    """The id of what is no longer there."""
    return Result("id", ID, Bilingual("其编号", "Its id"), lambda _, values: values[given])


def done() -> Result:
    """True: it was done."""
    return Result("done", BOOLEAN, Bilingual("已完成", "It was done"), lambda *_: True)


def number(name: str, zh: str, en: str, read: Read = lambda answer, _: answer) -> Result:
    """A count."""
    return Result(name, INT, Bilingual(zh, en), read)


def text(name: str, zh: str, en: str, read: Read) -> Result:
    """A text."""
    return Result(name, STRING, Bilingual(zh, en), read)


def plain(name: str, shape: Shape, zh: str, en: str, read: Read | None = None) -> Result:
    """A value of any shape, by default the answer's attribute of this name."""
    return Result(name, shape, Bilingual(zh, en), read or (lambda answer, _: getattr(answer, name)))


ITEM_ERROR = ObjectShape(
    "ItemError",
    Bilingual("批量变更中一项被拒绝的原因", "Why one item of a bulk mutation was refused"),
    (
        Part("code", STRING, Bilingual("错误码", "Code of the error"), nullable=False),
        Part("path", ListOf(STRING), Bilingual("有误的输入字段", "The input field that it is about"), nullable=False),
        Part("message", STRING, Bilingual("调用者语言的说明", "Message in the caller's language"), nullable=False),
        Part("messageZh", STRING, Bilingual("中文说明", "Message in Chinese"), nullable=False),
        Part("messageEn", STRING, Bilingual("英文说明", "Message in English"), nullable=False),
        Part("remedy", STRING, Bilingual("如何解决", "What to do")),
    ),
)


def user_errors(error: StewardError, locale: str, *, within: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What an error says of an input, one entry for each field; `within` is the path of the input itself."""
    remedy = error.advice.in_locale(locale) or None
    if not error.problems:
        return [_user_error(error.code, within, error.text, locale, remedy)]
    return [
        _user_error(problem.code, [*within, *(camel(name) for name in problem.path)], problem.message, locale, remedy)
        for problem in error.problems
    ]


def _user_error(code: str, path: Sequence[str], message: Bilingual, locale: str, remedy: str | None) -> dict[str, Any]:
    return {
        "code": code,
        "path": list(path),
        "message": message.in_locale(locale),
        "messageZh": message.zh,
        "messageEn": message.en,
        "remedy": remedy,
    }


ROW_CHANGES = ObjectShape(
    "PluginRowChanges",
    Bilingual("插件带来的类型、等级或指标的变化（标识）", "What became of a plugin's kinds, tiers or metrics, by key"),
    (
        Part("part", STRING, Bilingual("哪一类", "Which of them"), nullable=False),
        Part("added", ListOf(STRING), Bilingual("新增", "Added"), nullable=False),
        Part("changed", ListOf(STRING), Bilingual("更改", "Changed"), nullable=False),
        Part("retired", ListOf(STRING), Bilingual("停用", "Retired"), nullable=False),
        Part(
            "kept",
            ListOf(STRING),
            Bilingual("已属租户或其他插件，保持不变", "The tenant's or another plugin's, left as they are"),
            nullable=False,
        ),
        Part(
            "inUse", ListOf(STRING), Bilingual("已不再声明但仍在使用", "No longer declared, but in use"), nullable=False
        ),
    ),
)


def row_changes(changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A plugin's changes of rows as plain values."""
    return [
        {"part": part, **{camel(name): list(keys) for name, keys in vars(one).items()}} for part, one in changes.items()
    ]


CONFIGURATION_CHANGE = ObjectShape(
    "AppliedConfigurationChange",
    Bilingual("一处配置变更", "One change of the configuration"),
    (
        Part("section", STRING, Bilingual("部分", "Section"), nullable=False),
        Part("key", STRING, Bilingual("标识", "Key"), nullable=False),
        Part("kind", STRING, Bilingual("变更方式", "What was done"), nullable=False),
        Part("fields", ListOf(STRING), Bilingual("改变的字段", "Fields that differ"), nullable=False),
    ),
)
RENEWED = ObjectShape(
    "RenewedSecrets",
    Bilingual("重新加密的密钥", "Secrets that were encrypted anew"),
    (
        Part("plugin", STRING, Bilingual("插件", "Plugin"), nullable=False),
        Part("renewed", INT, Bilingual("个数", "How many"), nullable=False),
    ),
)
