"""Who is paid by a scheme, as what, from when until when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from steward_core.clients.ownership import these
from steward_core.database.bulk import insert_many
from steward_core.incentives.errors import MemberPaid, PayMemberNotFound, PaySchemeClosed
from steward_core.incentives.models import PayMember, PayRun, PayRunStatus, PayScheme, PayStatement, SchemeStatus
from steward_core.incentives.months import first_of, month_name
from steward_core.incentives.reach import scheme_in_reach
from steward_core.incentives.statements import Role
from steward_core.permissions import STATEMENTS_RUN
from steward_tenants.access.queries import units_below
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, invalid
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

MOST_AT_ONCE = 1_000
_COLUMNS = ("person_id", "role", "unit_id", "from_month", "until_month", "probation_from")
Span = tuple[date, date | None]


@dataclass(frozen=True)
class NewMember:
    """Somebody who shall be paid by a scheme from a month until a month (exclusive; None: for good).

    `unit_id` None: the person's own unit. `probation_from` is the first month of probation, for sales only.
    """

    person_id: UUID
    role: Role
    from_month: date
    until_month: date | None = None
    unit_id: UUID | None = None
    probation_from: date | None = None


@command("incentives.members.add", "添加方案成员", "Add members to a pay scheme", permission=STATEMENTS_RUN)
async def add_members(
    session: WriteSession, scheme_id: UUID, members: Sequence[NewMember], *, today: date
) -> list[PayMember]:
    """Have people be paid by a scheme; all of them or nobody. Raises PaySchemeNotFound, PaySchemeClosed, InvalidInput
    naming everybody who cannot be added and why."""
    scheme = await scheme_in_reach(session, scheme_id, STATEMENTS_RUN, today)
    if scheme.status != SchemeStatus.ACTIVE:
        raise PaySchemeClosed
    if not 1 <= len(members) <= MOST_AT_ONCE:
        raise invalid("members", "length", f"一次 1 到 {MOST_AT_ONCE} 人。", f"Give 1 to {MOST_AT_ONCE} people.")
    await take_turn(session, "incentives/members")
    units = await _units_of_people(session, members)
    placed = [(one, one.unit_id or units.get(one.person_id)) for one in members]
    known = await _known_units(session, scheme, {unit for _, unit in placed if unit is not None}, today)
    spans = await _spans(session, [one.person_id for one in members])
    problems: list[FieldProblem] = []
    for number, (one, unit_id) in enumerate(placed):
        found = list(_problems(one, unit_id, units, known, spans[one.person_id]))
        problems += [FieldProblem(("members", str(number), field), code, text) for field, code, text in found]
        spans[one.person_id].append((one.from_month, one.until_month))
    if problems:
        raise InvalidInput(problems=problems)
    ids = [new_id() for _ in members]
    await insert_many(
        session,
        PayMember,
        {
            "id": ids,
            "scheme_id": [scheme.id] * len(ids),
            "person_id": [one.person_id for one in members],
            "role": [one.role.value for one in members],
            "unit_id": [unit for _, unit in placed],
            "from_month": [one.from_month for one in members],
            "until_month": [one.until_month for one in members],
            "probation_from": [one.probation_from for one in members],
            "created_by": [session.actor.id] * len(ids),
        },
    )
    made = await session.scalars(
        select(PayMember).where(session.within(PayMember), PayMember.id == these(ids)).order_by(PayMember.id)
    )
    await record(
        session,
        "incentives.members.add",
        Subject("pay_scheme", scheme.id),
        after={"members": [snapshot(one) for one in made]},
    )
    return list(made)


@command("incentives.member.end", "终止方案成员", "End a membership of a pay scheme", permission=STATEMENTS_RUN)
async def end_member(
    session: WriteSession, member_id: UUID, *, until_month: date | None, today: date, reason: str | None = None
) -> PayMember:
    """The first month in which a person is no longer paid by the scheme; None: still. Raises PayMemberNotFound,
    InvalidInput."""
    member = await _held(session, member_id, today)
    if until_month is not None and first_of("until_month", until_month) <= member.from_month:
        raise invalid(
            "until_month", "range", "终止月份须晚于起始月份。", "It must lie after the month in which it began."
        )
    others = await session.rows(
        select(PayMember.from_month, PayMember.until_month).where(
            session.within(PayMember), PayMember.person_id == member.person_id, PayMember.id != member.id
        )
    )
    if _overlaps((member.from_month, until_month), [(row[0], row[1]) for row in others]):
        raise InvalidInput(problems=[FieldProblem(("until_month",), *_OVERLAP)])
    before = snapshot(member)
    member.until_month = until_month
    subject = Subject("pay_member", member.id)
    await record(session, "incentives.member.end", subject, before=before, after=snapshot(member), reason=reason)
    return member


@command("incentives.member.remove", "删除方案成员", "Remove a membership of a pay scheme", permission=STATEMENTS_RUN)
async def remove_member(session: WriteSession, member_id: UUID, *, today: date, reason: str | None = None) -> None:
    """Take a membership away that no statement rests on. Raises PayMemberNotFound, MemberPaid."""
    member = await _held(session, member_id, today)
    paid = await session.scalar(
        select(func.min(PayStatement.month))
        .join(PayRun, PayRun.id == PayStatement.run_id)
        .where(
            session.within(PayStatement),
            session.within(PayRun),
            PayStatement.person_id == member.person_id,
            PayStatement.scheme_id == member.scheme_id,
            PayStatement.month >= member.from_month,
            PayStatement.month < (member.until_month or date.max),
            PayRun.status != PayRunStatus.DISCARDED.value,
        )
    )
    if paid is not None:
        raise MemberPaid(month=month_name(paid))
    subject = Subject("pay_member", member.id)
    await record(session, "incentives.member.remove", subject, before=snapshot(member), reason=reason)
    await session.delete(member)


def snapshot(member: PayMember) -> dict[str, Any]:
    """A membership as the audit log keeps it."""
    return {name: getattr(member, name) for name in _COLUMNS}


async def _held(session: WriteSession, member_id: UUID, today: date) -> PayMember:
    await take_turn(session, "incentives/members")
    member = await session.get(PayMember, member_id, lock=True)
    if member is None:
        raise PayMemberNotFound
    await scheme_in_reach(session, member.scheme_id, STATEMENTS_RUN, today)
    return member


async def _units_of_people(session: TenantSession, members: Iterable[NewMember]) -> dict[UUID, UUID | None]:
    """The unit of each of these people who exist."""
    people = {one.person_id for one in members}
    rows = await session.rows(select(User.id, User.unit_id).where(session.within(User), User.id == these(people)))
    return {row[0]: row[1] for row in rows}


async def _known_units(session: TenantSession, scheme: PayScheme, units: set[UUID], today: date) -> frozenset[UUID]:
    """Those of these units that the scheme is for."""
    statement = select(OrgUnit.id).where(session.within(OrgUnit), OrgUnit.id == these(units))
    if scheme.unit_id is not None:
        statement = statement.where(OrgUnit.id.in_(units_below(session, scheme.unit_id, today)))
    return frozenset(await session.scalars(statement))


async def _spans(session: TenantSession, people: Iterable[UUID]) -> defaultdict[UUID, list[Span]]:
    rows = await session.rows(
        select(PayMember.person_id, PayMember.from_month, PayMember.until_month).where(
            session.within(PayMember), PayMember.person_id == these(set(people))
        )
    )
    found: defaultdict[UUID, list[Span]] = defaultdict(list)
    for person, since, until in rows:
        found[person].append((since, until))
    return found


_OVERLAP = (
    "overlap",
    Bilingual(
        "与该人员已有的方案成员期间重叠；每人每月只按一个方案核算。",
        "It overlaps another membership of the person; a month is paid by one scheme only.",
    ),
)


def _problems(
    one: NewMember,
    unit_id: UUID | None,
    people: Mapping[UUID, UUID | None],
    known: frozenset[UUID],
    spans: Sequence[Span],
) -> Iterator[tuple[str, str, Bilingual]]:
    if one.person_id not in people:
        yield "person_id", "not_found", Bilingual("没有此人员。", "There is no such person.")
    elif unit_id is None:
        yield "unit_id", "required", Bilingual("该人员没有机构，请指定。", "The person has no unit: name one.")
    elif unit_id not in known:
        yield "unit_id", "not_found", Bilingual("该机构不在方案范围内。", "The scheme is not for this unit.")
    for field, month in (
        ("from_month", one.from_month),
        ("until_month", one.until_month),
        ("probation_from", one.probation_from),
    ):
        if month is not None and month.day != 1:
            yield field, "month", Bilingual("月份应写作当月 1 日。", "A month is written as its first day.")
    if one.until_month is not None and one.until_month <= one.from_month:
        yield "until_month", "range", Bilingual("终止月份须晚于起始月份。", "It must lie after the first month.")
    if one.probation_from is not None and one.role is not Role.SALES:
        yield "probation_from", "role", Bilingual("只有销售有试用期目标。", "Only sales have targets of probation.")
    if one.probation_from is not None and one.probation_from > one.from_month:
        yield (
            "probation_from",
            "range",
            Bilingual("试用期不能晚于起始月份开始。", "Probation cannot begin after the first month."),
        )
    if _overlaps((one.from_month, one.until_month), spans):
        yield "from_month", *_OVERLAP


def _overlaps(span: Span, others: Iterable[Span]) -> bool:
    since, until = span
    return any((until is None or start < until) and (end is None or since < end) for start, end in others)
