"""Pure decisions on custom values: which are accepted, how they are kept as JSON, read from text and shown.

JSON form: text, choice → string; whole numbers → number; money → number of fen; decimals → string in plain notation;
dates → `YYYY-MM-DD`; times → ISO 8601 in UTC; choices → list of option keys in the field's order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from steward_core.custom_fields.models import FieldType
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.people.rules import Unacceptable, line_of_text
from steward_tenants.texts import Bilingual, Locale

LONGEST = 4000
"""Characters that a text may be allowed to have."""
LINE = 200
"""Texts that may be longer than this may have several lines; the default of `longest`."""
LARGEST = 10**15
"""Whole numbers and fen lie between minus this and this: programs that read JSON numbers as doubles keep them exact."""
LARGEST_DECIMAL = Decimal(10**12)
PLACES = 6
"""Places behind the point of a decimal: the index counts in millionths."""
EARLIEST, LATEST = date(1800, 1, 1), date(2999, 12, 31)
MOST_OPTIONS = 500
KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")
OPTION_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")
JOINERS = "‌‍"

Json = Any


@dataclass(frozen=True)
class Option:
    """One choice. A retired option stays where it is and is chosen no more."""

    key: str
    title: Bilingual
    retired: bool = False


@dataclass(frozen=True)
class ValueRules:
    """The limits of a field, in the type's own values; for `choices` `least` and `most` count them."""

    longest: int = LINE
    least: Any = None
    most: Any = None
    options: Mapping[str, Option] = field(default_factory=dict)
    required: bool = False


def rules_of(kind: FieldType, stored: Mapping[str, Any]) -> ValueRules:
    """The stored limits in typed form."""
    options = {
        item["key"]: Option(item["key"], Bilingual(item["zh"], item["en"]), bool(item.get("retired")))
        for item in stored.get("options", ())
    }
    limits = {name: _limit(kind, stored[name]) for name in ("least", "most") if stored.get(name) is not None}
    return ValueRules(
        longest=stored.get("longest", LINE), options=options, required=bool(stored.get("required")), **limits
    )


def _limit(kind: FieldType, stored: Any) -> Any:
    return stored if kind is FieldType.CHOICES else from_json(kind, stored)


def from_json(kind: FieldType, stored: Json) -> Any:
    """A stored value in Python's type: Decimal, date, datetime; the others as they are."""
    if kind is FieldType.DECIMAL:
        return Decimal(stored)
    if kind is FieldType.DATE:
        return date.fromisoformat(stored)
    if kind is FieldType.DATETIME:
        return datetime.fromisoformat(stored)
    return stored


def to_json(value: Any) -> Json:
    """A clean value in its JSON form."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value


def clean_value(kind: FieldType, rules: ValueRules, value: Any) -> Any:
    """A value in Python's type, within the field's limits. Takes Python values and their JSON forms.

    Raises Unacceptable.
    """
    clean = _CLEANERS[kind](rules, value)
    if kind is FieldType.CHOICES:
        _within(rules, len(clean), "count")
    elif kind not in (FieldType.TEXT, FieldType.BOOLEAN, FieldType.CHOICE):
        _within(rules, clean, "range")
    return clean


def _within(rules: ValueRules, value: Any, code: str) -> None:
    several = "应选择" if code == "count" else "应"
    choose = "Choose " if code == "count" else "Give a value that is "
    if rules.least is not None and value < rules.least:
        bound = shown(rules.least)
        raise Unacceptable(code, f"{several}不少于 {bound}。", f"{choose}at least {bound}.")
    if rules.most is not None and value > rules.most:
        bound = shown(rules.most)
        raise Unacceptable(code, f"{several}不超过 {bound}。", f"{choose}at most {bound}.")


def shown(value: Any) -> str:
    """A limit as a message names it."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _text(rules: ValueRules, value: Any) -> str:
    longest = rules.longest
    if isinstance(value, str) and len(value) > 20 * longest + 1000:  # far too long: not worth normalising
        raise _length(longest)
    if longest <= LINE or not isinstance(value, str):
        return line_of_text(value, longest)
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not 1 <= len(text) <= longest:
        raise _length(longest)
    for character in text:
        unseen = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        if unseen and character not in JOINERS and character not in "\n\t":
            raise Unacceptable("control", "含有不可见的控制字符。", "It contains invisible control characters.")
    return text


def _length(longest: int) -> Unacceptable:
    return Unacceptable("length", f"应为 1 到 {longest} 个字符。", f"Use 1 to {longest} characters.")


def _integer(_rules: ValueRules, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unacceptable("integer", "应为整数。", "Give a whole number.")
    if not -LARGEST <= value <= LARGEST:
        raise Unacceptable("range", "数值过大。", "The number is too large.")
    return int(value)


def _money(rules: ValueRules, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unacceptable("money", "应为以分为单位的整数。", "Give a whole number of fen.")
    return _integer(rules, value)


def _decimal(_rules: ValueRules, value: Any) -> Decimal:
    refused = Unacceptable("decimal", "应为数字。", "Give a number.")
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise refused
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d{1,40}(?:\.\d{1,40})?", value.strip(), re.ASCII):
        raise refused
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        raise Unacceptable("range", "数值过大。", "The number is too large.")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise refused from None
    if not number.is_finite():
        raise Unacceptable("finite", "应为有限的数字。", "Give a finite number.")
    if abs(number) >= LARGEST_DECIMAL:
        raise Unacceptable("range", "数值过大。", "The number is too large.")
    rounded = round(number, PLACES)
    if rounded != number:
        raise Unacceptable("places", f"小数最多 {PLACES} 位。", f"Use at most {PLACES} decimal places.")
    plain = rounded.normalize()
    return Decimal(0) if not plain else plain.quantize(Decimal(1)) if plain == plain.to_integral() else plain


def _date(_rules: ValueRules, value: Any) -> date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip(), re.ASCII):
        with suppress(ValueError):
            value = date.fromisoformat(value.strip())
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Unacceptable("date", "应为日期，例如 2026-11-03。", "Give a date such as 2026-11-03.")
    if not EARLIEST <= value <= LATEST:
        raise Unacceptable("range", "日期超出范围。", "The date is out of range.")
    return value


def _datetime(_rules: ValueRules, value: Any) -> datetime:
    if isinstance(value, str) and len(value) <= 40:
        with suppress(ValueError):
            value = datetime.fromisoformat(value.strip())
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise Unacceptable(
            "datetime",
            "应为带时区的时间，例如 2026-11-03T09:30:00+08:00。",
            "Give a time with its zone, such as 2026-11-03T09:30:00+08:00.",
        )
    if not EARLIEST < value.date() < LATEST:
        raise Unacceptable("range", "时间超出范围。", "The time is out of range.")
    return value.astimezone(UTC)


def _boolean(_rules: ValueRules, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unacceptable("boolean", "应为是或否。", "Give true or false.")
    return value


def _choice(rules: ValueRules, value: Any) -> str:
    option = rules.options.get(value) if isinstance(value, str) else None
    if option is None:
        raise Unacceptable("option", "不在可选项中。", "It is not among the options.")
    if option.retired:
        raise Unacceptable(
            "option_retired", f"选项“{option.title.zh}”已停用。", f"The option “{option.key}” is retired."
        )
    return option.key


def _choices(rules: ValueRules, value: Any) -> list[str]:
    if not isinstance(value, list | tuple | set | frozenset) or len(value) > MOST_OPTIONS:
        raise Unacceptable("list", "应为选项列表。", "Give a list of options.")
    chosen = [_choice(rules, item) for item in value]
    if len(set(chosen)) != len(chosen):
        raise Unacceptable("twice", "同一选项只能选择一次。", "Choose each option once.")
    if not chosen:
        raise Unacceptable("empty", "请至少选择一项，或清空该字段。", "Choose at least one, or clear the field.")
    return [key for key in rules.options if key in set(chosen)]


_CLEANERS: Mapping[FieldType, Callable[[ValueRules, Any], Any]] = {
    FieldType.TEXT: _text,
    FieldType.INTEGER: _integer,
    FieldType.DECIMAL: _decimal,
    FieldType.MONEY: _money,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.BOOLEAN: _boolean,
    FieldType.CHOICE: _choice,
    FieldType.CHOICES: _choices,
}

_LIMITED = frozenset(
    {FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY, FieldType.DATE, FieldType.DATETIME, FieldType.CHOICES}
)
_CHOOSING = frozenset({FieldType.CHOICE, FieldType.CHOICES})


def clean_rules(kind: FieldType, given: Mapping[str, Any]) -> dict[str, Any]:
    """Limits as they are stored. Raises InvalidInput (paths `rules.<name>`)."""
    problems: list[FieldProblem] = []
    clean: dict[str, Any] = {}
    allowed = {
        "required",
        *(["longest"] if kind is FieldType.TEXT else []),
        *(["least", "most"] if kind in _LIMITED else []),
        *(["options"] if kind in _CHOOSING else []),
    }
    for name, value in given.items():
        try:
            if name not in allowed:
                raise Unacceptable("unknown", "该类型的字段没有此规则。", "Fields of this type have no such rule.")
            if value is not None:
                clean[name] = _rule(kind, name, value)
        except Unacceptable as refused:
            problems.append(FieldProblem(("rules", str(name)[:50]), refused.code, refused.message))
    if kind in _CHOOSING and "options" not in given:
        text = Bilingual("请给出可选项。", "Give the options.")
        problems.append(FieldProblem(("rules", "options"), "required", text))
    if not problems and {"least", "most"} <= clean.keys():
        typed = rules_of(kind, clean)
        if typed.least > typed.most:
            text = Bilingual("下限大于上限。", "The lower limit is above the upper one.")
            problems.append(FieldProblem(("rules", "most"), "range", text))
    if problems:
        raise InvalidInput(problems=problems)
    return {name: clean[name] for name in sorted(clean) if clean[name] is not False}


def _rule(kind: FieldType, name: str, value: Any) -> Any:
    if name == "required":
        return _boolean(ValueRules(), value)
    if name == "longest":
        return clean_value(FieldType.INTEGER, ValueRules(least=1, most=LONGEST), value)
    if name == "options":
        return _options(value)
    if kind is FieldType.CHOICES:
        return clean_value(FieldType.INTEGER, ValueRules(least=1, most=MOST_OPTIONS), value)
    return to_json(clean_value(kind, ValueRules(), value))


def _options(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not 1 <= len(value) <= MOST_OPTIONS:
        raise Unacceptable("options", f"应有 1 到 {MOST_OPTIONS} 个选项。", f"Give 1 to {MOST_OPTIONS} options.")
    options = [_option(place, item) for place, item in enumerate(value, 1)]
    keys = [option["key"] for option in options]
    if len(set(keys)) != len(keys):
        raise Unacceptable("twice", "选项标识重复。", "Two options have the same key.")
    return options


def _option(place: int, item: Any) -> dict[str, Any]:
    refused = Unacceptable(
        "option",
        f"第 {place} 个选项应有标识（字母、数字或 _ . -）以及中英文名称。",
        f"Option {place} needs a key (letters, digits or _ . -) and a title in Chinese and English.",
    )
    if not isinstance(item, Mapping) or not item.keys() <= {"key", "zh", "en", "retired"}:
        raise refused
    key, retired = item.get("key"), item.get("retired", False)
    if not isinstance(key, str) or not OPTION_KEY.fullmatch(key) or not isinstance(retired, bool):
        raise refused
    try:
        zh, en = line_of_text(item.get("zh"), 64), line_of_text(item.get("en"), 64)
    except Unacceptable:
        raise refused from None
    return {"key": key, "zh": zh, "en": en, **({"retired": True} if retired else {})}


def display(kind: FieldType, rules: ValueRules, stored: Json, locale: Locale) -> str:
    """A stored value as people read it; money in yuan, times in UTC (whoever knows the zone shows them in it)."""
    if stored is None:
        return ""
    if kind is FieldType.MONEY:
        sign = "-" if stored < 0 else ""
        return f"{sign}{abs(stored) // 100:,}.{abs(stored) % 100:02d}"
    if kind is FieldType.BOOLEAN:
        return Bilingual("是" if stored else "否", "yes" if stored else "no").in_locale(locale)
    if kind in _CHOOSING:
        keys = stored if isinstance(stored, list) else [stored]
        titles = [rules.options[key].title.in_locale(locale) if key in rules.options else key for key in keys]
        return ("、" if locale == "zh-CN" else ", ").join(titles)
    if kind is FieldType.INTEGER:
        return f"{stored:,}"
    return str(stored)
