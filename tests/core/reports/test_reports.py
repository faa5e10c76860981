"""Work reports: what they start filled in with, what their writers add, who reads them, how they are shown."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from steward_core.clients.contact_erasure import erase_contact
from steward_core.inbox.items import InboxKind
from steward_core.inbox.queries import inbox_of
from steward_core.notifications.models import Notice
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW, REPORTS_EDIT, REPORTS_VIEW
from steward_core.reports.errors import ReportChanged, ReportNotFound, ReportNotOpen, ReportUnfinished
from steward_core.reports.export import export_reports
from steward_core.reports.filling import fill
from steward_core.reports.models import ReportKind, WorkReport
from steward_core.reports.periods import Span, next_span, quarter_of, span_of
from steward_core.reports.printing import printed
from steward_core.reports.queries import quarter_results, report_detail
from steward_core.reports.service import fill_report, read_report, submit_report, withdraw_report, write_report
from steward_core.reports.settings import CASES
from steward_tenants.access.rules import MASK
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.reports.office import PHONE, TODAY, ZONE, Office, make_office, visit, work_a_day
from tests.factories import TESTS, actor_with

ITEMS = [f"案例{number}" for number in range(3)]


@pytest_asyncio.fixture
async def office(database: Database) -> Office:
    made = await make_office(database)
    async with database.write(made.tenant_id, TESTS) as session:
        await work_a_day(session, made)
    return made


async def filled(database: Database, office: Office, kind: ReportKind, actor: Actor | None = None) -> WorkReport:
    async with database.write(office.tenant_id, actor or office.writer) as session:
        return await fill_report(session, kind, today=TODAY, zone=ZONE)


async def handed_in(database: Database, office: Office, kind: ReportKind) -> WorkReport:
    report = await filled(database, office, kind)
    async with database.write(office.tenant_id, office.writer) as session:
        await write_report(session, report.id, judgement="=平稳", successful=ITEMS, unsuccessful=ITEMS)
        return await submit_report(session, report.id)


async def test_a_daily_log_starts_filled_in_with_all_that_it_must_hold(database: Database, office: Office) -> None:
    report = await filled(database, office, ReportKind.DAY)
    (line,) = report.facts["visits"]
    assert line["client"] == "甲公司"
    assert line["address"] == "<b>一路</b> 1 号"
    assert line["contact_ids"] == [str(office.contact.id)]
    assert line["main_person_id"] == str(office.contact.id)
    assert line["products"] == ["专线 100M"]
    assert line["potential_needs"] == "云主机"
    assert report.facts["counts"] == {
        "visits": 1,
        "clients": 1,
        "actions_done": 1,
        "actions_open": 1,
        "requests_opened": 1,
        "requests_answered": 1,
        "promises_kept": 1,
        "promises_broken": 1,
        "opportunities": 1,
        "competitors": 1,
        "next": 2,
    }
    assert [one["title"] for one in report.facts["actions_done"]] == ["回访"]
    assert {one["day"] for one in report.facts["next"]} == {str(TODAY + timedelta(days=1))}
    assert PHONE not in str(report.facts)


async def test_weeks_and_months_hold_more_of_the_same(database: Database, office: Office) -> None:
    week = await filled(database, office, ReportKind.WEEK)
    month = await filled(database, office, ReportKind.MONTH)
    assert (week.period_start, week.period_end) == (date(2026, 11, 2), date(2026, 11, 9))
    assert (month.period_start, month.period_end) == (date(2026, 11, 1), date(2026, 12, 1))
    assert (week.facts["counts"]["visits"], week.facts["counts"]["clients"]) == (2, 1)
    assert week.facts["counts"]["actions_done"] == 2
    assert week.facts["counts"]["promises_broken"] == 1
    assert month.facts["counts"]["promises_broken"] == 2
    assert month.facts["counts"]["opportunities"] == 2


async def test_filling_again_brings_what_is_new_and_keeps_what_was_written(database: Database, office: Office) -> None:
    report = await filled(database, office, ReportKind.DAY)
    async with database.write(office.tenant_id, office.writer) as session:
        written = await write_report(session, report.id, judgement="稳", successful=["签约", "  "])
        visit(session, office, TODAY, client_id=office.other.id)
    again = await filled(database, office, ReportKind.DAY)
    assert again.id == report.id
    assert again.version > written.version
    assert (again.judgement, again.cases) == ("稳", {"successful": ["签约"]})
    assert (again.facts["counts"]["visits"], again.facts["counts"]["clients"]) == (2, 2)
    with pytest.raises(ReportChanged):
        async with database.write(office.tenant_id, office.writer) as session:
            await write_report(session, report.id, judgement="另", expected_version=written.version)


async def test_many_are_filled_in_as_many_statements_as_one(database: Database, office: Office) -> None:
    span = span_of(ReportKind.DAY, TODAY)
    async with database.write(office.tenant_id, TESTS) as session:
        people = {office.anna.id: office.branch.id, office.ben.id: office.branch.id}
        assert await fill(session, ReportKind.DAY, span, people, ZoneInfo(ZONE)) == 2
        assert await fill(session, ReportKind.DAY, span, people, ZoneInfo(ZONE)) == 2
        assert await fill(session, ReportKind.DAY, span, {}, ZoneInfo(ZONE)) == 0
    async with database.read(office.tenant_id, TESTS) as reading:
        reports = await reading.scalars(select(WorkReport).where(reading.within(WorkReport)))
    assert {one.owner_id: one.facts["counts"]["visits"] for one in reports} == {office.anna.id: 1, office.ben.id: 0}


async def test_nobody_fills_the_future_or_what_is_submitted(database: Database, office: Office) -> None:
    with pytest.raises(InvalidInput):
        async with database.write(office.tenant_id, office.writer) as session:
            await fill_report(session, ReportKind.DAY, day=TODAY + timedelta(days=1), today=TODAY, zone=ZONE)
    await handed_in(database, office, ReportKind.DAY)
    with pytest.raises(ReportNotOpen):
        await filled(database, office, ReportKind.DAY)


async def test_a_month_needs_three_cases_of_each_or_as_the_tenant_says(database: Database, office: Office) -> None:
    report = await filled(database, office, ReportKind.MONTH)
    async with database.write(office.tenant_id, office.writer) as session:
        await write_report(session, report.id, successful=ITEMS, unsuccessful=ITEMS)
        with pytest.raises(ReportUnfinished):
            await submit_report(session, report.id)
        await write_report(session, report.id, judgement="一般", unsuccessful=ITEMS[:2])
        with pytest.raises(ReportUnfinished) as refused:
            await submit_report(session, report.id)
        assert "2/3" in refused.value.text.zh
    async with database.write(office.tenant_id, TESTS) as session:
        await set_setting(session, CASES.key, 2)
    async with database.write(office.tenant_id, office.writer) as session:
        assert (await submit_report(session, report.id)).state == "submitted"


async def test_the_lead_reads_and_the_writer_is_told(database: Database, office: Office) -> None:
    report = await handed_in(database, office, ReportKind.MONTH)
    async with database.read(office.tenant_id, office.reader) as reading:
        (item,) = await inbox_of(reading, today=TODAY)
    assert (item.kind, item.id) == (InboxKind.REPORT_SUBMITTED, report.id)
    assert "2026 年 11 月总结" in item.title.zh
    with pytest.raises(InvalidInput):
        async with database.write(office.tenant_id, office.reader) as session:
            await read_report(session, report.id, " ", today=TODAY)
    async with database.write(office.tenant_id, office.reader) as session:
        read = await read_report(session, report.id, "继续努力", today=TODAY)
    assert (read.state, read.opinion, read.read_by) == ("read", "继续努力", office.lead.id)
    async with database.read(office.tenant_id, office.reader) as reading:
        assert await inbox_of(reading, today=TODAY) == []
        told = await reading.scalars(select(Notice.user_id).where(reading.within(Notice)))
    assert list(told) == [office.anna.id]
    for act in (withdraw_report, submit_report):
        with pytest.raises(ReportNotOpen):
            async with database.write(office.tenant_id, office.writer) as session:
                await act(session, report.id)


async def test_whose_a_report_is_decides_who_may_what(database: Database, office: Office) -> None:
    report = await filled(database, office, ReportKind.WEEK)
    async with database.write(office.tenant_id, office.second) as session:
        with pytest.raises(ReportNotFound):
            await write_report(session, report.id, judgement="别人的")
        with pytest.raises(Forbidden):
            await read_report(session, report.id, "好", today=TODAY)
    async with database.write(office.tenant_id, office.reader) as session:
        with pytest.raises(ReportNotOpen):
            await read_report(session, report.id, "好", today=TODAY)
        own = await fill_report(session, ReportKind.WEEK, today=TODAY, zone=ZONE)
        await write_report(session, own.id, judgement="自己的")
        await submit_report(session, own.id)
        with pytest.raises(ReportNotFound):
            await read_report(session, own.id, "自己批自己", today=TODAY)
    async with database.read(office.tenant_id, office.second) as reading:
        with pytest.raises(ReportNotFound):
            await report_detail(reading, report.id, today=TODAY)


async def test_a_report_that_nobody_has_read_can_be_taken_back(database: Database, office: Office) -> None:
    report = await handed_in(database, office, ReportKind.DAY)
    async with database.write(office.tenant_id, office.writer) as session:
        back = await withdraw_report(session, report.id)
    assert (back.state, back.submitted_at) == ("draft", None)
    assert (await filled(database, office, ReportKind.DAY)).judgement == "=平稳"


async def test_a_printed_report_shows_contacts_to_who_reaches_them(database: Database, office: Office) -> None:
    report = await handed_in(database, office, ReportKind.DAY)
    async with database.read(office.tenant_id, office.reader) as reading:
        page = printed(await report_detail(reading, report.id, today=TODAY), "zh-CN")
        english = printed(await report_detail(reading, report.id, today=TODAY), "en")
    assert f"王经理 {MASK * 4}8123" in page
    assert PHONE not in page
    assert "&lt;b&gt;一路&lt;/b&gt;" in page
    assert "<b>一路" not in page
    assert "安娜" in page
    assert "Products in use" in english
    blind = actor_with(REPORTS_VIEW)
    async with database.read(office.tenant_id, blind) as reading:
        assert "王经理" not in printed(await report_detail(reading, report.id, today=TODAY), "zh-CN")


async def test_an_erased_contact_is_in_no_report(database: Database, office: Office) -> None:
    report = await filled(database, office, ReportKind.DAY)
    async with database.write(office.tenant_id, actor_with(CLIENTS_EDIT, CLIENTS_VIEW)) as session:
        await erase_contact(session, office.contact.id, reason="本人要求", today=TODAY)
    async with database.read(office.tenant_id, office.reader) as reading:
        detail = await report_detail(reading, report.id, today=TODAY)
    assert "王经理" not in printed(detail, "zh-CN") + str(detail.report.facts)


async def test_an_export_is_on_record_and_holds_what_is_in_reach(database: Database, office: Office) -> None:
    await handed_in(database, office, ReportKind.DAY)
    await filled(database, office, ReportKind.WEEK)
    async with database.write(office.tenant_id, office.second) as session:
        _, none = await export_reports(
            session, since=date(2026, 11, 1), until=date(2026, 12, 1), today=TODAY, locale="zh-CN"
        )
        assert none == 0
    async with database.write(office.tenant_id, office.reader) as session:
        content, rows = await export_reports(
            session,
            since=date(2026, 11, 1),
            until=date(2026, 12, 1),
            today=TODAY,
            locale="zh-CN",
            kinds=[ReportKind.DAY],
        )
        assert session.audited == ["read.work_reports"]
    text = content.decode("utf-8-sig")
    assert rows == 1
    assert "安娜,城东支局,日志,2026-11-05,已提交" in text
    assert "'=平稳" in text


async def test_the_quarter_s_results_by_unit(database: Database, office: Office) -> None:
    async with database.write(office.tenant_id, TESTS) as session:
        visit(session, office, TODAY, unit_id=office.head.id, owner_id=office.boss.id)
        visit(session, office, date(2026, 9, 30))
    async with database.read(office.tenant_id, office.chief) as reading:
        branch, head = sorted(await quarter_results(reading, TODAY, today=TODAY), key=lambda one: one.visits)[::-1]
    assert (branch.unit_name, branch.visits, branch.clients, branch.managers) == ("城东支局", 2, 1, 1)
    assert (branch.requests, branch.answered, branch.opportunities, branch.signed_fen) == (2, 1, 1, 5_000_00)
    assert (head.unit_name, head.visits) == ("总部", 1)
    async with database.read(office.tenant_id, office.reader) as reading:
        assert [one.unit_name for one in await quarter_results(reading, TODAY, today=TODAY)] == ["城东支局"]
    async with database.read(office.tenant_id, actor_with(REPORTS_EDIT)) as reading:
        with pytest.raises(Forbidden):
            await quarter_results(reading, TODAY, today=TODAY)


@pytest.mark.parametrize(
    ("kind", "day", "start", "end"),
    [
        (ReportKind.DAY, date(2026, 2, 28), date(2026, 2, 28), date(2026, 3, 1)),
        (ReportKind.WEEK, date(2027, 1, 1), date(2026, 12, 28), date(2027, 1, 4)),
        (ReportKind.MONTH, date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
    ],
)
def test_periods(kind: ReportKind, day: date, start: date, end: date) -> None:
    span = span_of(kind, day)
    assert span == Span(start, end)
    assert next_span(kind, span).start == end


def test_quarters_and_moments() -> None:
    assert quarter_of(date(2026, 11, 30)) == Span(date(2026, 10, 1), date(2027, 1, 1))
    begin, end = Span(date(2026, 11, 5), date(2026, 11, 6)).moments(ZoneInfo(ZONE))
    assert (begin.isoformat(), (end - begin).total_seconds()) == ("2026-11-04T16:00:00+00:00", 86_400)


async def test_reports_are_counted_once_for_each_period(database: Database, office: Office) -> None:
    for _ in range(2):
        await filled(database, office, ReportKind.MONTH)
    async with database.read(office.tenant_id, actor_with(REPORTS_VIEW, scope=Scope.ALL)) as reading:
        assert await reading.scalar(select(func.count()).select_from(WorkReport).where(reading.within(WorkReport))) == 1
