"""pydantic's refusals as texts for people, in both languages, naming the field and what is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from steward_core.forms.declared import FormField, Option, fields_of
from steward_core.forms.fields import Refused
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

MOST_PROBLEMS = 100
_MOST_OPTIONS = 12

_TEXTS: Mapping[str, tuple[str, Bilingual]] = {
    "missing": ("required", Bilingual("必填。", "is required.")),
    "extra_forbidden": ("unknown", Bilingual("不是本表单的字段。", "is no field of this form.")),
    "string_type": ("text", Bilingual("应为文本。", "must be a text.")),
    "string_unicode": (
        "characters",
        Bilingual("含有无法保存的残缺字符。", "has broken characters that cannot be stored."),
    ),
    "string_too_short": (
        "length",
        Bilingual("至少需要 {min_length} 个字符。", "needs at least {min_length} character(s)."),
    ),
    "string_too_long": (
        "length",
        Bilingual("最多 {max_length} 个字符。", "takes at most {max_length} character(s)."),
    ),
    "string_pattern_mismatch": (
        "pattern",
        Bilingual("格式不正确，应符合：{pattern}。", "does not have the form that is asked for: {pattern}."),
    ),
    "too_short": ("length", Bilingual("至少需要 {min_length} 项。", "needs at least {min_length} item(s).")),
    "too_long": ("length", Bilingual("最多 {max_length} 项。", "takes at most {max_length} item(s).")),
    "int_type": ("integer", Bilingual("应为整数，例如 120。", "must be a whole number, such as 120.")),
    "int_from_float": ("integer", Bilingual("应为整数，不能带小数。", "must be a whole number, without decimals.")),
    "int_parsing_size": ("range", Bilingual("数值过大。", "is too large a number.")),
    "decimal_type": ("number", Bilingual("应为数字，例如 12.5。", "must be a number, such as 12.5.")),
    "decimal_max_digits": (
        "digits",
        Bilingual("最多 {max_digits} 位数字。", "takes at most {max_digits} digit(s)."),
    ),
    "decimal_max_places": (
        "digits",
        Bilingual("最多 {decimal_places} 位小数。", "takes at most {decimal_places} decimal place(s)."),
    ),
    "decimal_whole_digits": (
        "digits",
        Bilingual("小数点前最多 {whole_digits} 位。", "takes at most {whole_digits} digit(s) before the point."),
    ),
    "finite_number": ("number", Bilingual("应为有限的数字。", "must be a finite number.")),
    "greater_than": ("range", Bilingual("应大于 {gt}。", "must be greater than {gt}.")),
    "greater_than_equal": ("range", Bilingual("不能小于 {ge}。", "must be at least {ge}.")),
    "less_than": ("range", Bilingual("应小于 {lt}。", "must be less than {lt}.")),
    "less_than_equal": ("range", Bilingual("不能大于 {le}。", "must be at most {le}.")),
    "multiple_of": ("range", Bilingual("应为 {multiple_of} 的倍数。", "must be a multiple of {multiple_of}.")),
    "bool_type": ("boolean", Bilingual("应为“是”或“否”。", "must be true or false.")),
    "date_type": ("date", Bilingual("应为日期，例如 2026-11-05。", "must be a date, such as 2026-11-05.")),
    "date_past": ("date", Bilingual("应为过去的日期。", "must be a day in the past.")),
    "date_future": ("date", Bilingual("应为将来的日期。", "must be a day in the future.")),
    "date_from_datetime_inexact": (
        "date",
        Bilingual("应为日期，不带时间。", "must be a day, without a time."),
    ),
    "datetime_type": (
        "datetime",
        Bilingual(
            "应为带时区的时间，例如 2026-11-05T09:30:00+08:00。", "must be a time such as 2026-11-05T09:30:00+08:00."
        ),
    ),
    "datetime_past": ("datetime", Bilingual("应为过去的时间。", "must be a time in the past.")),
    "datetime_future": ("datetime", Bilingual("应为将来的时间。", "must be a time in the future.")),
    "uuid_type": ("identifier", Bilingual("应为编号（UUID）。", "must be an id (UUID).")),
    "list_type": ("list", Bilingual("应为列表。", "must be a list.")),
    "model_type": ("group", Bilingual("应为一组字段。", "must be a group of fields.")),
    "none_required": ("empty", Bilingual("应留空。", "must be left empty.")),
}
_SAME = {
    "int_parsing": "int_type",
    "decimal_parsing": "decimal_type",
    "float_type": "decimal_type",
    "float_parsing": "decimal_type",
    "bool_parsing": "bool_type",
    "date_parsing": "date_type",
    "date_from_datetime_parsing": "date_type",
    "datetime_parsing": "datetime_type",
    "datetime_from_date_parsing": "datetime_type",
    "datetime_object_invalid": "datetime_type",
    "timezone_aware": "datetime_type",
    "uuid_parsing": "uuid_type",
    "uuid_version": "uuid_type",
    "tuple_type": "list_type",
    "set_type": "list_type",
    "frozen_set_type": "list_type",
    "iterable_type": "list_type",
    "dict_type": "model_type",
    "mapping_type": "model_type",
    "model_attributes_type": "model_type",
    "string_sub_type": "string_type",
    "int_parsing_overflow": "int_parsing_size",
}
_GENERIC = Bilingual("内容不符合要求。", "does not meet what this form asks for.")


def problems_of(error: ValidationError, model: type[BaseModel] | None = None) -> list[FieldProblem]:
    """One problem for each refused field, at most `MOST_PROBLEMS`; fields go by their titles where `model` is given.

    Texts of validators that raise `fields.Refused` are
    taken as they are; whatever else a validator said is replaced, for it is in one language only."""
    return [
        _problem(details, model)  # inputs stay out: they may be personal, and are the sender's own anyway
        for details in error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]
    ]


def _problem(details: Any, model: type[BaseModel] | None) -> FieldProblem:
    path, field = _place(details["loc"], fields_of(model)) if model else (tuple(map(str, details["loc"])), None)
    code, text = _text(details["type"], details.get("ctx") or {}, field)
    own = isinstance((details.get("ctx") or {}).get("error"), Refused)
    if not path:
        return FieldProblem((), code, text if own else Bilingual(f"表单{text.zh}", f"The form {text.en}"))
    title = field.title if field else Bilingual(path[-1], path[-1])
    row = next((int(part) + 1 for part in path if part.isdigit()), None)
    place = Bilingual("", "") if row is None else Bilingual(f"第 {row} 项", f" (item {row})")
    between = Bilingual("：", ": ") if own else Bilingual("", " ")
    return FieldProblem(
        path,
        code,
        Bilingual(
            f"“{title.zh}”{place.zh}{between.zh}{text.zh}",
            f"{title.en}{place.en}{between.en}{text.en}",
        ),
    )


def _place(location: tuple[int | str, ...], fields: tuple[FormField, ...]) -> tuple[tuple[str, ...], FormField | None]:
    """The path as people know it (what pydantic adds for unions and validators is dropped), and the field there."""
    path: list[str] = []
    here: FormField | None = None
    for part in location:
        if isinstance(part, int):
            path.append(str(part))
            continue
        inner = next((one for one in (here.fields if here else fields) if one.name == part), None)
        if inner is not None:
            here = inner
            path.append(part)
        elif here is None or (here.fields and part == location[-1]):
            path.append(part[:100])
            here = None
            break
    return tuple(path), here


def _text(kind: str, context: Mapping[str, Any], field: FormField | None) -> tuple[str, Bilingual]:
    refused = context.get("error")
    if isinstance(refused, Refused):
        return "refused", refused.text
    special = _BY_FIELD.get(kind)
    if special is not None:
        return special(field)
    found = _TEXTS.get(_SAME.get(kind, kind))
    if found is None:
        return "refused", _GENERIC
    code, text = found
    try:
        return code, text.fill(**context)
    except (KeyError, IndexError):
        return code, _GENERIC


def expected_choice(options: tuple[Option, ...]) -> Bilingual:
    """What says which values a closed list takes."""
    shown = options[:_MOST_OPTIONS]
    more = Bilingual("……", ", …") if len(options) > len(shown) else Bilingual("", "")
    listed = Bilingual(
        "、".join(f"{one.title.zh}（{one.value}）" for one in shown),
        ", ".join(f"{one.title.en} ({one.value})" for one in shown),
    )
    return Bilingual(f"应为以下之一：{listed.zh}{more.zh}。", f"must be one of: {listed.en}{more.en}.")


def _not_one_of(field: FormField | None) -> tuple[str, Bilingual]:
    if field is None or not field.choices:
        return "choice", Bilingual("不是可选的值。", "is not among the values to choose from.")
    return "choice", expected_choice(field.choices)


_BY_FIELD: Mapping[str, Callable[[FormField | None], tuple[str, Bilingual]]] = {
    "enum": _not_one_of,
    "literal_error": _not_one_of,
}
