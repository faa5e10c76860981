"""What people write down about a visit: cleaned, and everything that is wrong named at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.clients.checks import problem, refuse
from steward_core.clients.holdings import Cleaner, cleaned, line, text
from steward_core.clients.models import Contact
from steward_core.custom_fields.service import check_custom
from steward_core.forms.fields import Choice
from steward_core.visits.models import NeedArea, Visit, VisitKind, VisitOrigin, VisitStatus
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.people.rules import Unacceptable

Fields = Mapping[str, Any]
MOST_ITEMS = 20
"""Wishes, complaints, persons met: of each at most so many on one visit."""
CUSTOM = "custom"
TARGET = "visit"
"""The tenant's own fields: one mapping among the fields, and what they call the rows that have them."""
PERSONAL = (
    "aim",
    "topics",
    "needs_text",
    "wishes",
    "complaints",
    "summary",
    "competitor_signs",
    "next_step",
    "improvement",
)
"""What people write about clients may be about persons: the audit log keeps digests."""


def _choice(values: type[Choice]) -> Cleaner:
    known = {str(one.value) for one in values}

    def clean(value: Any) -> str:
        if str(value) not in known:
            listed = "、".join(sorted(known)), ", ".join(sorted(known))
            raise Unacceptable("unknown", f"请选择：{listed[0]}。", f"Choose one of {listed[1]}.")
        return str(value)

    return clean


def _several(item: Cleaner) -> Cleaner:
    def clean(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Unacceptable("list", "应为列表。", "Give a list.")
        if len(value) > MOST_ITEMS:
            raise Unacceptable("too_many", f"最多 {MOST_ITEMS} 项。", f"Give at most {MOST_ITEMS}.")
        return list(dict.fromkeys(item(one) for one in value))

    return clean


def _identifier(value: Any) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        raise Unacceptable("identifier", "不是有效的编号。", "It is not a valid id.") from None


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise Unacceptable("date", "应为日期，如 2026-11-23。", "Give a day, such as 2026-11-23.") from None


def _grade(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 5:
        raise Unacceptable("range", "意向等级为 1 到 5。", "The grade of intention is 1 to 5.")
    return value


PLANNED: Mapping[str, Cleaner] = {
    "aim": text,
    "kind": _choice(VisitKind),
    "origin": _choice(VisitOrigin),
    "day": _day,
}
"""What is known of a visit before it begins."""
REPORT: Mapping[str, Cleaner] = {
    "contact_ids": _several(_identifier),
    "topics": text,
    "needs": _several(_choice(NeedArea)),
    "needs_text": text,
    "wishes": _several(text),
    "complaints": _several(text),
    "summary": text,
    "competitor_signs": text,
    "next_step": line(500),
    "next_due_on": _day,
    "intention": _grade,
    "improvement": text,
}
"""What came of it."""
_NEVER_EMPTY: Mapping[str, Any] = {"kind": VisitKind.ON_SITE.value, "origin": VisitOrigin.APPOINTMENT.value}
_LISTS = ("contact_ids", "needs", "wishes", "complaints")


async def checked(
    session: TenantSession, visit: Visit, given: Fields, allowed: Collection[str], *, ends: bool = False
) -> dict[str, Any]:
    """The given fields in stored form, laid over what the visit has; whatever `allowed` says, the tenant's own are
    among them. A visit that `ends` needs those that are required. Raises InvalidInput naming every bad field."""
    cleaners = {name: clean for name, clean in {**PLANNED, **REPORT}.items() if name in allowed}
    plain = {name: value for name, value in given.items() if name != CUSTOM}
    values, problems = cleaned(plain, cleaners, ("day",), new=False)
    for name in _LISTS:
        if name in values and values[name] is None:
            values[name] = []
    for name, usual in _NEVER_EMPTY.items():
        if name in values and values[name] is None:
            values[name] = usual
    after = {name: values.get(name, getattr(visit, name)) for name in ("next_step", "next_due_on")}
    problems += _next_problems(after, visit.day)
    if values.get("contact_ids"):
        problems += await _contact_problems(session, visit.client_id, values["contact_ids"])
    if ends or CUSTOM in given:
        try:
            own = await _own(session, visit, given.get(CUSTOM), ends=ends)
            values |= {CUSTOM: own} if own != visit.custom else {}
        except InvalidInput as refused:
            problems += refused.problems
    refuse(problems)
    return values


async def _own(session: TenantSession, visit: Visit, given: Any, *, ends: bool) -> dict[str, Any]:
    done = ends or visit.status == VisitStatus.DONE
    values = {} if given is None else given
    return await check_custom(session, TARGET, values, existing=visit.custom, required=done, complete=ends)


def _next_problems(values: Fields, day: date) -> list[FieldProblem]:
    step, due = values.get("next_step"), values.get("next_due_on")
    if due is not None and not step:
        return [problem("next_step", "missing", "填了期限，请填写下一步。", "There is a due day: say the next step.")]
    if step and due is None:
        return [problem("next_due_on", "missing", "请填写下一步的期限。", "Give the next step a due day.")]
    if due is not None and due < day:
        return [problem("next_due_on", "range", "期限不能早于走访日。", "It cannot be due before the visit's day.")]
    return []


async def _contact_problems(session: TenantSession, client_id: UUID, ids: Collection[UUID]) -> list[FieldProblem]:
    known = await session.scalars(
        select(Contact.id).where(session.within(Contact), Contact.client_id == client_id, Contact.id.in_(list(ids)))
    )
    if set(ids) <= set(known):
        return []
    return [
        problem("contact_ids", "unknown", "其中有人不是该客户的联系人。", "Some of them are no contacts of the client.")
    ]


def place_problems(latitude: Decimal | None, longitude: Decimal | None, accuracy: int) -> list[FieldProblem]:
    """What is wrong with a position."""
    found = []
    if (latitude is None) is not (longitude is None):
        found.append(problem("longitude", "missing", "经纬度须同时给出。", "Give latitude and longitude together."))
    for name, value, most in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        if value is not None and not -most <= value <= most:
            found.append(problem(name, "range", f"应在 -{most} 到 {most} 之间。", f"It is between -{most} and {most}."))
    if not 0 <= accuracy <= 1_000_000:
        found.append(problem("accuracy_metres", "range", "误差应为 0 到 1000000 米。", "It is 0 to 1,000,000 m."))
    return found
