"""Commands on work reports: fill, write, submit, withdraw, read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from steward_core.notifications.service import notify
from steward_core.permissions import REPORTS_COMMENT, REPORTS_EDIT
from steward_core.reports import texts
from steward_core.reports.errors import ReportChanged, ReportNotFound, ReportNotOpen, ReportUnfinished
from steward_core.reports.filling import fill
from steward_core.reports.models import REPORT_KINDS, REPORT_STATES, ReportKind, ReportState, WorkReport
from steward_core.reports.notices import OPINION
from steward_core.reports.periods import span_of
from steward_core.reports.row_kinds import WORK_REPORT
from steward_core.reports.settings import CASES
from steward_core.reports.words import period_words
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

PERSONAL = ("judgement", "cases", "opinion")
"""What people write may be about persons: the audit log keeps digests."""


@command("reports.fill", "生成工作报告", "Fill a work report", permission=REPORTS_EDIT)
async def fill_report(
    session: WriteSession, kind: ReportKind, *, today: date, zone: str, day: date | None = None
) -> WorkReport:
    """The actor's own report of the period in which `day` lies (None: today), with what the platform knows now. What
    the person wrote into it stays. Raises InvalidInput, ReportNotOpen."""
    span = span_of(kind, day or today)
    if span.start > today:
        raise invalid("day", "future", "该期间尚未开始。", "This period has not begun.")
    person = await session.get(User, session.actor.id)
    if person is None:
        raise ReportNotFound
    filled = await fill(session, kind, span, {person.id: person.unit_id}, ZoneInfo(zone))
    report = await session.find(
        WorkReport,
        WorkReport.owner_id == person.id,
        WorkReport.kind == kind.value,
        WorkReport.period_start == span.start,
    )
    if report is None:
        raise ReportNotFound
    if not filled:
        raise ReportNotOpen(state=_state(report))
    await session.refresh(report)
    await record(
        session,
        "reports.fill",
        Subject("work_report", report.id),
        after={"kind": kind.value, "period_start": span.start, "counts": report.facts["counts"]},
    )
    return report


@command("reports.write", "填写工作报告", "Write into a work report", permission=REPORTS_EDIT)
async def write_report(
    session: WriteSession,
    report_id: UUID,
    *,
    judgement: str | None = None,
    successful: Sequence[str] | None = None,
    unsuccessful: Sequence[str] | None = None,
    expected_version: int | None = None,
) -> WorkReport:
    """Write judgement and cases into the actor's own draft. What is left out stays; a blank judgement and an empty list
    empty it. Raises ReportNotFound, ReportNotOpen, ReportChanged, InvalidInput."""
    report = await _own(session, report_id, expected_version, ReportState.DRAFT)
    before = {"judgement": report.judgement, "cases": report.cases}
    given = {"successful": successful, "unsuccessful": unsuccessful}
    report.cases = {
        **report.cases,
        **{name: texts.cases(name, values) for name, values in given.items() if values is not None},
    }
    if judgement is not None:
        report.judgement = texts.written("judgement", judgement)
    await record(
        session,
        "reports.write",
        Subject("work_report", report.id),
        before=before,
        after={"judgement": report.judgement, "cases": report.cases},
        personal=PERSONAL,
    )
    return report


@command("reports.submit", "提交工作报告", "Submit a work report", permission=REPORTS_EDIT)
async def submit_report(session: WriteSession, report_id: UUID, *, expected_version: int | None = None) -> WorkReport:
    """Submit the actor's own report: it needs a judgement, a month summary the tenant's number of cases as well.

    Raises ReportNotFound, ReportNotOpen, ReportChanged, ReportUnfinished.
    """
    report = await _own(session, report_id, expected_version, ReportState.DRAFT)
    wanted = await get_setting(session, CASES) if report.kind == ReportKind.MONTH else 0
    counts = {name: len(report.cases.get(name, [])) for name in ("successful", "unsuccessful")}
    if not report.judgement or min(counts.values()) < wanted:
        raise ReportUnfinished(wanted=wanted, successful=counts["successful"], unsuccessful=counts["unsuccessful"])
    report.state, report.submitted_at = ReportState.SUBMITTED.value, clock_now()
    await _moved(session, "reports.submit", report, ReportState.DRAFT)
    return report


@command("reports.withdraw", "撤回工作报告", "Take a submitted report back", permission=REPORTS_EDIT)
async def withdraw_report(session: WriteSession, report_id: UUID, *, expected_version: int | None = None) -> WorkReport:
    """Make the actor's own report a draft again while nobody has read it. Raises ReportNotFound, ReportNotOpen,
    ReportChanged."""
    report = await _own(session, report_id, expected_version, ReportState.SUBMITTED)
    report.state, report.submitted_at = ReportState.DRAFT.value, None
    await _moved(session, "reports.withdraw", report, ReportState.SUBMITTED)
    return report


@command("reports.read", "批阅工作报告", "Read a work report", permission=REPORTS_COMMENT)
async def read_report(
    session: WriteSession, report_id: UUID, opinion: str, *, today: date, expected_version: int | None = None
) -> WorkReport:
    """Read somebody else's submitted report and write an opinion [001#6]; its writer is told.

    Raises ReportNotFound, ReportNotOpen, ReportChanged, InvalidInput.
    """
    text = texts.needed("opinion", opinion)
    found = await session.find(
        WorkReport,
        WorkReport.id == report_id,
        WORK_REPORT.within_reach(session, REPORTS_COMMENT, today),
        WorkReport.owner_id != session.actor.id,
        lock=True,
    )
    report = _check(found, expected_version, ReportState.SUBMITTED)
    report.state, report.opinion = ReportState.READ.value, text
    report.read_by, report.read_at = session.actor.id, clock_now()
    await record(
        session,
        "reports.read",
        Subject("work_report", report.id),
        before={"state": ReportState.SUBMITTED.value},
        after={"state": report.state, "opinion": text},
        personal=PERSONAL,
    )
    period = period_words(REPORT_KINDS[report.kind], report.period_start)
    title = Bilingual(f"{period.zh}已批阅", f"Your report was read: {period.en}")
    await notify(session, [report.owner_id], OPINION.key, title=title, subject=Subject("work_report", report.id))
    return report


async def _own(session: WriteSession, report_id: UUID, expected_version: int | None, state: ReportState) -> WorkReport:
    report = await session.find(
        WorkReport, WorkReport.id == report_id, WorkReport.owner_id == session.actor.id, lock=True
    )
    return _check(report, expected_version, state)


def _check(report: WorkReport | None, expected_version: int | None, state: ReportState) -> WorkReport:
    if report is None:
        raise ReportNotFound
    if expected_version is not None and report.version != expected_version:
        raise ReportChanged
    if report.state != state:
        raise ReportNotOpen(state=_state(report))
    return report


def _state(report: WorkReport) -> Bilingual:
    return REPORT_STATES[report.state].title


async def _moved(session: WriteSession, action: str, report: WorkReport, before: ReportState) -> None:
    await record(
        session,
        action,
        Subject("work_report", report.id),
        before={"state": before.value},
        after={"state": report.state, "submitted_at": report.submitted_at},
    )
