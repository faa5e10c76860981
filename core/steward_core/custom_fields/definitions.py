"""Pure decisions on a field's definition: its target, key, type, titles and limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from steward_core.custom_fields.models import CustomField, FieldType
from steward_core.custom_fields.rules import KEY, clean_rules
from steward_tenants.errors import FieldProblem, InvalidInput, invalid
from steward_tenants.people.rules import Unacceptable, line_of_text
from steward_tenants.texts import Bilingual

TARGETS = ("client", "contact", "visit")
DEFINED = ("title_zh", "title_en", "hint_zh", "hint_en", "rules", "filterable")
"""What of a field can be changed."""
_FORM = re.compile(r"form:[a-z][a-z0-9_]{0,49}\.[a-z][a-z0-9_]{0,49}")


def clean_target(target: Any) -> str:
    """A target as it is stored: `client`, `contact`, `visit` or `form:<plugin>.<form>`. Raises InvalidInput."""
    if isinstance(target, str) and (target in TARGETS or _FORM.fullmatch(target)):
        return target
    raise invalid(
        "target",
        "target",
        "对象应为 client、contact、visit 或 form:<插件>.<表单>。",
        "The target is client, contact, visit or form:<plugin>.<form>.",
    )


def clean_definition(key: Any, kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """A new field's columns. Raises InvalidInput naming every bad one at once."""
    problems: list[FieldProblem] = []
    if not isinstance(key, str) or not KEY.fullmatch(key):
        text = Bilingual(
            "标识以小写字母开头，只含小写字母、数字和下划线，最多 50 个字符。",
            "A key begins with a lower-case letter and holds lower-case letters, digits and _, at most 50.",
        )
        problems.append(FieldProblem(("key",), "key", text))
    known = next((one for one in FieldType if one == kind), None)
    if known is None:
        listed = ", ".join(FieldType)
        text = Bilingual(f"类型应为：{listed}。", f"The type is one of: {listed}.")
        problems.append(FieldProblem(("type",), "type", text))
    given = {"hint_zh": None, "hint_en": None, "rules": {}, "filterable": False, **values}
    for name in ("title_zh", "title_en"):
        given.setdefault(name, None)
    try:
        clean = clean_changes(known or FieldType.TEXT, given if known else {**given, "rules": {}})
    except InvalidInput as refused:
        raise InvalidInput(problems=[*problems, *refused.problems]) from None
    if problems:
        raise InvalidInput(problems=problems)
    return {"key": key, "type": str(known), **clean}


def clean_changes(kind: FieldType, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The given parts of a definition as they are stored. Raises InvalidInput naming every bad one at once."""
    problems: list[FieldProblem] = []
    clean: dict[str, Any] = {}
    for name, value in changes.items():
        try:
            if name not in DEFINED:
                raise Unacceptable("unknown", "没有此属性，或不能修改。", "There is no such part, or it never changes.")
            clean[name] = _PARTS[name](kind, value)
        except Unacceptable as refused:
            problems.append(FieldProblem((str(name)[:50],), refused.code, refused.message))
        except InvalidInput as refused:
            problems += refused.problems
    if problems:
        raise InvalidInput(problems=problems)
    return clean


def _title(_kind: FieldType, value: Any) -> str:
    return line_of_text(value, 64)


def _hint(_kind: FieldType, value: Any) -> str | None:
    return None if value is None or value == "" else line_of_text(value, 200)


def _rules(kind: FieldType, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Unacceptable("mapping", "应为规则对象。", "Give an object of rules.")
    return clean_rules(kind, value)


def _filterable(_kind: FieldType, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unacceptable("boolean", "应为是或否。", "Give true or false.")
    return value


_PARTS: Mapping[str, Callable[[FieldType, Any], Any]] = {
    "title_zh": _title,
    "title_en": _title,
    "hint_zh": _hint,
    "hint_en": _hint,
    "rules": _rules,
    "filterable": _filterable,
}


def snapshot(field: CustomField) -> dict[str, Any]:
    """A field's definition as the audit log keeps it."""
    return {name: getattr(field, name) for name in ("key", "type", *DEFINED)}
