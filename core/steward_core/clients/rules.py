"""Pure decisions on clients: what is accepted, how the life cycle goes on, when a profile is due again."""

from __future__ import annotations

import unicodedata
from calendar import monthrange
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from steward_core.clients.credit_code import credit_code_problem, normalise_credit_code
from steward_core.clients.models import ClientStatus
from steward_tenants.errors import FieldProblem
from steward_tenants.people.rules import Unacceptable, line_of_text, normalise_email, normalise_phone
from steward_tenants.texts import Bilingual

MAX_LEVELS = 12
"""Levels of a tree of clients, the root counted."""
TAIL = 4
LONGEST_TEXT = 4000
LONGEST_REASON = 500
PERSONAL = ("phone",)
"""Fields of a client that the audit log keeps as digests."""
PERSONAL_OF_CONTACT = (
    "name",
    "position",
    "department",
    "phone",
    "phone_tail",
    "email",
    "birthday",
    "preferences",
)
"""Fields of a contact that the audit log keeps as digests, beside the tenant's own fields: an outside person may ask
for erasure, and the log cannot be erased."""

STATUS_TITLES: Mapping[ClientStatus, Bilingual] = {
    ClientStatus.PROSPECT: Bilingual("潜在", "prospect"),
    ClientStatus.ACTIVE: Bilingual("在网", "active"),
    ClientStatus.DORMANT: Bilingual("休眠", "dormant"),
    ClientStatus.CLOSED: Bilingual("关闭", "closed"),
    ClientStatus.MERGED: Bilingual("已合并", "merged"),
}
NEXT_STATUSES: Mapping[ClientStatus, tuple[ClientStatus, ...]] = {
    ClientStatus.PROSPECT: (ClientStatus.ACTIVE, ClientStatus.CLOSED),
    ClientStatus.ACTIVE: (ClientStatus.DORMANT, ClientStatus.CLOSED),
    ClientStatus.DORMANT: (ClientStatus.ACTIVE, ClientStatus.CLOSED),
    ClientStatus.CLOSED: (ClientStatus.ACTIVE,),
    ClientStatus.MERGED: (),
}
"""The life cycle: where a client can go from each status. Only a merge leads to `merged`, and nothing leads back."""
FIRST_STATUSES = (ClientStatus.PROSPECT, ClientStatus.ACTIVE)
CONTACT_ROLES: Mapping[str, Bilingual] = {
    "contact": Bilingual("联系人", "contact"),
    "decision_maker": Bilingual("决策人", "decision maker"),
    "key_person": Bilingual("关键人", "key person"),
    "clerk": Bilingual("经办人", "handling clerk"),
    "department_head": Bilingual("部门负责人", "department head"),
    "staff": Bilingual("员工", "staff"),
}
"""What a contact can be at a client [003, 004]."""


@dataclass(frozen=True)
class Cleaned:
    """Values in stored form, and everything that is wrong with the others."""

    values: dict[str, Any]
    problems: tuple[FieldProblem, ...]


def status_move_allowed(before: str, after: str) -> bool:
    """Whether the life cycle leads from one status to the other."""
    return after in NEXT_STATUSES[ClientStatus(before)]


def makes_cycle(client_id: UUID, ancestors: Collection[UUID]) -> bool:
    """Whether a client would stand below itself: `ancestors` are its new parent and all above that."""
    return client_id in ancestors


def levels_after(ancestors: Sequence[UUID], levels_below: int) -> int:
    """How many levels the tree has along a client that stands under `ancestors` with `levels_below` under itself."""
    return len(ancestors) + 1 + levels_below


def confirm_by(confirmed_on: date, months: int) -> date:
    """The day by which a profile confirmed on a day must be confirmed again: calendar months later, at the month's
    last day where it has no such day [003]."""
    index = confirmed_on.year * 12 + confirmed_on.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(confirmed_on.day, monthrange(year, month + 1)[1]))


def profile_due(confirmed_on: date | None, months: int, today: date) -> bool:
    """Whether a profile must be confirmed again by today [003]; one that was never confirmed must."""
    return confirmed_on is None or confirm_by(confirmed_on, months) <= today


def latest_due(today: date, months: int) -> date:
    """The latest day of confirmation for which `profile_due` holds today: what SQL compares with."""
    index = today.year * 12 + today.month - 1 - months
    year, month = divmod(index, 12)
    last = monthrange(year, month + 1)[1]
    ends = today.day == monthrange(today.year, today.month)[1]
    return date(year, month + 1, last if ends else min(today.day, last))


def reason_problem(reason: Any) -> FieldProblem | None:
    """What is wrong with the reason of a change, or None."""
    return _problem_of("reason", reason, lambda value: line_of_text(value, LONGEST_REASON))


def _problem_of(field: str, value: Any, clean: Callable[[Any], Any]) -> FieldProblem | None:
    try:
        clean(value)
    except Unacceptable as refused:
        return FieldProblem((field,), refused.code, refused.message)
    return None


def _text(value: Any) -> str:
    """Text of several lines. Raises Unacceptable."""
    if not isinstance(value, str):
        raise Unacceptable("text", "应为文本。", "Give text.")
    text = unicodedata.normalize("NFC", value).replace("\r\n", "\n").strip()
    if len(text) > LONGEST_TEXT:
        raise Unacceptable("length", f"不超过 {LONGEST_TEXT} 个字符。", f"Use at most {LONGEST_TEXT} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t" for character in text):
        raise Unacceptable("control", "含有不可见的控制字符。", "It contains invisible control characters.")
    return text


def _degrees(most: int) -> Callable[[Any], Decimal]:
    def clean(value: Any) -> Decimal:
        try:
            degrees = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
        except InvalidOperation:
            degrees = Decimal("NaN")
        if not degrees.is_finite() or abs(degrees) > most:
            raise Unacceptable("degrees", f"应在 -{most} 到 {most} 之间。", f"Use degrees from -{most} to {most}.")
        return degrees.quantize(Decimal("0.000001"))

    return clean


def _credit_code(value: Any) -> str:
    text = line_of_text(value, 64)
    problem = credit_code_problem(text)
    if problem is not None:
        raise Unacceptable(problem.code, problem.message.zh, problem.message.en)
    return normalise_credit_code(text)


def _birthday(value: Any) -> date:
    day = clean_day(value)
    if not date(1900, 1, 1) <= day <= date(2100, 1, 1):
        raise Unacceptable("day", "生日超出范围。", "The birthday is out of range.")
    return day


def clean_day(value: Any) -> date:
    """A day, given as such or in ISO form. Raises Unacceptable."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = date.fromisoformat(value.strip())
    if type(value) is not date:
        raise Unacceptable("day", "应为日期，例如 2026-07-01。", "Give a day such as 2026-07-01.")
    return value


def _roles(value: Any) -> list[str]:
    listed = isinstance(value, list | tuple | set | frozenset)
    if not listed or any(not isinstance(role, str) or role not in CONTACT_ROLES for role in value):
        known = "、".join(CONTACT_ROLES)
        raise Unacceptable("roles", f"角色应为：{known}。", f"Roles are: {', '.join(CONTACT_ROLES)}.")
    return [role for role in CONTACT_ROLES if role in set(value)] or ["contact"]


def _main(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unacceptable("boolean", "应为是或否。", "Give true or false.")
    return value


def _line(longest: int) -> Callable[[Any], str]:
    return lambda value: line_of_text(value, longest)


CLIENT_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "name": _line(200),
    "short_name": _line(100),
    "code": _line(64),
    "credit_code": _credit_code,
    "kind": _line(64),
    "trade": _line(64),
    "region": _line(100),
    "address": _line(500),
    "latitude": _degrees(90),
    "longitude": _degrees(180),
    "phone": normalise_phone,
    "potential_needs": _text,
    "competitor_presence": _text,
    "source": _line(100),
}
"""The plain fields of a client and how each is cleaned; `update` changes these and `custom`."""
CONTACT_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "name": _line(100),
    "roles": _roles,
    "main": _main,
    "position": _line(100),
    "department": _line(100),
    "phone": normalise_phone,
    "email": normalise_email,
    "birthday": _birthday,
    "preferences": _text,
    "left_on": clean_day,
}


def clean_client(
    values: Mapping[str, Any], *, new: bool, also: Collection[str] = (), code_required: bool = False
) -> Cleaned:
    """The plain fields of a client in stored form; None or blank empties an optional one. `also` are names that the
    caller checks itself. `new`: everything required must be there."""
    required = {"name", "kind", *(("code",) if code_required else ())}
    cleaned = _clean(values, CLIENT_FIELDS, required, new=new, also=also)
    problems = list(cleaned.problems)
    place = [name for name in ("latitude", "longitude") if cleaned.values.get(name) is None]
    if len(place) == 1 and (new or place[0] in cleaned.values) and place[0] not in {p.path[0] for p in problems}:
        problems.append(PLACE_HALVED)
    return Cleaned(cleaned.values, tuple(problems))


PLACE_HALVED = FieldProblem(
    ("latitude",),
    "place",
    Bilingual("经度和纬度须同时填写或同时清空。", "Give latitude and longitude together, or neither."),
)


def clean_contact(values: Mapping[str, Any], *, new: bool) -> Cleaned:
    """The plain fields of a contact in stored form, with the phone's last digits; see `clean_client`."""
    cleaned = _clean(values, CONTACT_FIELDS, {"name"}, new=new, also=("custom",))
    if "phone" in cleaned.values:
        cleaned.values["phone_tail"] = tail_of(cleaned.values["phone"])
    for name, empty in (("roles", ["contact"]), ("main", False)):
        if name in cleaned.values and cleaned.values[name] is None:
            cleaned.values[name] = empty
    return cleaned


def tail_of(phone: str | None) -> str | None:
    """The last four digits of a phone, by which it is found."""
    return phone[-TAIL:] if phone else None


def _clean(
    values: Mapping[str, Any],
    fields: Mapping[str, Callable[[Any], Any]],
    required: Collection[str],
    *,
    new: bool,
    also: Collection[str],
) -> Cleaned:
    clean: dict[str, Any] = {}
    problems = []
    for field, value in values.items():
        if field in also:
            continue
        if field not in fields:
            problems.append(FieldProblem((field,), "unknown", Bilingual("没有此字段。", "There is no such field.")))
        elif value is None or (isinstance(value, str) and not value.strip()):
            if field in required:
                problems.append(missing(field))
            else:
                clean[field] = None
        elif (problem := _problem_of(field, value, fields[field])) is not None:
            problems.append(problem)
        else:
            clean[field] = fields[field](value)
    if new:
        problems += [missing(field) for field in sorted(required) if field not in values]
    return Cleaned(clean, tuple(problems))


def missing(field: str) -> FieldProblem:
    """The problem that a required field is empty."""
    return FieldProblem((field,), "missing", Bilingual("必填。", "This is required."))
