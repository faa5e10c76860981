"""Reminding managers of reports that are missing at the end of work, and telling leads once a week how things stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, exists, func, select

from steward_core.approvals.people import supervisors_of
from steward_core.calendars.queries import working_days
from steward_core.calendars.rules import WorkingDays
from steward_core.clients.models import Client, ClientStatus
from steward_core.notifications.service import Message, notify_many
from steward_core.permissions import REPORTS_EDIT
from steward_core.reports.filling import fill
from steward_core.reports.models import REPORT_STATES, ReportKind, ReportState, WorkReport
from steward_core.reports.notices import DIGEST, MISSING
from steward_core.reports.periods import Span, span_of
from steward_core.reports.settings import EXPECTED
from steward_core.reports.tasks import DIGEST_JOB, REMIND_JOB
from steward_core.reports.words import period_words
from steward_tenants.access.models import RoleAssignment, RolePermission
from steward_tenants.access.queries import today
from steward_tenants.configuration.queries import get_setting, tenant_facts
from steward_tenants.database.actor import system
from steward_tenants.database.session import TenantSession
from steward_tenants.outbox.jobs import JobPlace, Payload, Queue, declare_job
from steward_tenants.people.models import User, UserStatus
from steward_tenants.texts import Bilingual

REMINDER = system("reports")
AT_ONCE = 200
"""People whose reports are filled in one transaction."""
NAMED = 10
"""People whom a digest names."""


@dataclass(frozen=True)
class Writer:
    """Somebody who writes reports: an active owner of clients who may."""

    id: UUID
    name: str
    unit_id: UUID | None


async def writers(session: TenantSession, on: date) -> list[Writer]:
    """Everybody of whom reports are expected."""
    owns = exists(
        select(Client.id)
        .where(
            session.within(Client),
            Client.owner_id == User.id,
            Client.status.not_in((ClientStatus.CLOSED.value, ClientStatus.MERGED.value)),
        )
        .correlate(User)
    )
    may = exists(
        select(RoleAssignment.id)
        .join(
            RolePermission,
            and_(session.within(RolePermission), RolePermission.role_id == RoleAssignment.role_id),
        )
        .where(
            session.within(RoleAssignment),
            RoleAssignment.user_id == User.id,
            RolePermission.permission == REPORTS_EDIT.key,
            RoleAssignment.valid_from <= on,
            func.coalesce(RoleAssignment.valid_until > on, True),
        )
        .correlate(User)
    )
    rows = await session.rows(
        select(User.id, User.name, User.unit_id)
        .where(session.within(User), User.status == UserStatus.ACTIVE.value, owns, may)
        .order_by(User.id)
    )
    return [Writer(*row) for row in rows]


async def submitted(session: TenantSession, kind: ReportKind, span: Span) -> Mapping[UUID, ReportState]:
    """Whose report of a period was submitted, and what has become of it."""
    rows = await session.rows(
        select(WorkReport.owner_id, WorkReport.state).where(
            session.within(WorkReport),
            WorkReport.kind == kind.value,
            WorkReport.period_start == span.start,
            WorkReport.state != ReportState.DRAFT.value,
        )
    )
    return {owner_id: REPORT_STATES[state] for owner_id, state in map(tuple, rows)}


def due_kinds(day: date, days: WorkingDays, expected: Iterable[ReportKind]) -> list[ReportKind]:
    """The reports that are written at the end of a day: of the week on its last working day, of the month on its last
    one; none on a day off."""
    if not days.is_working(day):
        return []
    return [kind for kind in ReportKind if kind in expected and _last_working(day, span_of(kind, day), days)]


def _last_working(day: date, span: Span, days: WorkingDays) -> bool:
    ahead = (day + timedelta(days=number) for number in range(1, (span.end - day).days))
    return not any(days.is_working(one) for one in ahead)


async def remind(place: JobPlace, _payload: Payload) -> bool:
    """Fill the reports that are due today and were not submitted, and tell their writers. Again tells nobody twice."""
    zone = ZoneInfo((await tenant_facts(place.database, place.tenant_id)).time_zone)
    day = today(zone.key)
    async with place.database.read(place.tenant_id, REMINDER) as reading:
        expected = await get_setting(reading, EXPECTED)
        kinds = due_kinds(day, await working_days(reading), expected)
        people = await writers(reading, day) if kinds else []
        done = {kind: await submitted(reading, kind, span_of(kind, day)) for kind in kinds}
    for kind in kinds:
        span = span_of(kind, day)
        missing = [one for one in people if one.id not in done[kind]]
        for start in range(0, len(missing), AT_ONCE):
            some = missing[start : start + AT_ONCE]
            async with place.database.write(place.tenant_id, REMINDER) as session:
                await fill(session, kind, span, {one.id: one.unit_id for one in some}, zone)
                await notify_many(session, MISSING.key, [_reminder(one.id, kind, span) for one in some])
    return True


def _reminder(person: UUID, kind: ReportKind, span: Span) -> Message:
    period = period_words(kind, span.start)
    return Message(
        person,
        Bilingual(f"请提交{period.zh}", f"Please submit your {period.en}"),
        Bilingual("数据已自动填好，只需补充判断。", "The figures are filled in; only your judgement is missing."),
        key=f"{kind.value}:{span.start}",
    )


async def digest(place: JobPlace, _payload: Payload) -> bool:
    """Tell every lead how many of their people's summaries of the last week came in, who has none, and how many wait to
    be read. Again tells nobody twice."""
    zone = (await tenant_facts(place.database, place.tenant_id)).time_zone
    span = span_of(ReportKind.WEEK, today(zone) - timedelta(days=7))
    async with place.database.read(place.tenant_id, REMINDER) as reading:
        if ReportKind.WEEK not in await get_setting(reading, EXPECTED):
            return True
        people = await writers(reading, span.last)
        done = await submitted(reading, ReportKind.WEEK, span)
        leads = await supervisors_of(reading, [one.id for one in people], span.last)
    of_lead: dict[UUID, list[Writer]] = defaultdict(list)
    for one in people:
        for lead in leads.get(one.id, ()):
            of_lead[lead].append(one)
    messages = [_digest(lead, theirs, done, span) for lead, theirs in sorted(of_lead.items())]
    async with place.database.write(place.tenant_id, REMINDER) as session:
        await notify_many(session, DIGEST.key, messages)
    return True


def _digest(lead: UUID, people: list[Writer], done: Mapping[UUID, ReportState], span: Span) -> Message:
    missing = [one.name for one in people if one.id not in done]
    waiting = sum(done.get(one.id) is ReportState.SUBMITTED for one in people)
    period = period_words(ReportKind.WEEK, span.start)
    came = len(people) - len(missing)
    more = len(missing) > NAMED
    named = missing[:NAMED]
    title = Bilingual(
        f"{period.zh}：已提交 {came}/{len(people)}，待批阅 {waiting}",
        f"{period.en}: {came} of {len(people)} submitted, {waiting} to read",
    )
    body = Bilingual(
        "未提交：" + "、".join(named) + (" 等" if more else ""), "Missing: " + ", ".join(named) + (" …" if more else "")
    )
    return Message(lead, title, body if missing else None, key=f"week:{span.start}")


declare_job(REMIND_JOB, "工作报告提醒", "Reminders of reports", Queue.BULK, beside=remind, seconds=900.0)
declare_job(DIGEST_JOB, "工作报告每周汇总", "Weekly digest of reports", Queue.BULK, beside=digest, seconds=900.0)
