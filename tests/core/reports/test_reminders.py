"""Reminders at the end of work, and the weekly digest of leads."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import select

from steward_core.calendars.rules import CalendarBase, WorkingDays
from steward_core.notifications.models import Notice
from steward_core.permissions import PLANS_APPROVE, REPORTS_COMMENT, REPORTS_EDIT
from steward_core.reports import reminders
from steward_core.reports.models import ReportKind, WorkReport
from steward_core.reports.reminders import digest, due_kinds, remind, writers
from steward_core.reports.service import fill_report, submit_report, write_report
from steward_core.reports.settings import EXPECTED
from steward_core.schedules.provided import system_schedules
from steward_core.schedules.rules import read_rule
from steward_core.schedules.tasks import task_of
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.files.store import LocalFileStore
from steward_tenants.outbox.jobs import JOB_KINDS, JobPlace, JobTools
from tests.core.reports.office import TODAY, ZONE, Office, make_office
from tests.factories import TESTS, assign, make_role

ALL = list(ReportKind)


@pytest_asyncio.fixture
async def office(database: Database) -> Office:
    made = await make_office(database)
    async with database.write(made.tenant_id, TESTS) as session:
        writing = make_role(session, [REPORTS_EDIT])
        leading = make_role(session, [REPORTS_EDIT, REPORTS_COMMENT, PLANS_APPROVE])
        await session.flush()
        for user in (made.anna, made.ben):
            assign(session, user, writing, Scope.OWN)
        assign(session, made.lead, leading, Scope.SUBTREE)
    return made


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Any:
    def at(office: Office) -> JobPlace:
        tools = JobTools(LocalFileStore(tmp_path), cast("Any", None), "http://steward.example")
        return JobPlace(database, office.tenant_id, tools, new_id(), 1)

    return at


def on(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    monkeypatch.setattr(reminders, "today", lambda _: day)


async def told(database: Database, office: Office) -> list[tuple[str, str]]:
    async with database.read(office.tenant_id, TESTS) as reading:
        rows = await reading.rows(
            select(Notice.user_id, Notice.title_zh).where(reading.within(Notice)).order_by(Notice.title_zh)
        )
    names = {one.id: one.name for one in (office.anna, office.ben, office.lead, office.boss)}
    return [(names[row.user_id], row.title_zh) for row in rows]


async def submit(database: Database, office: Office, kind: ReportKind) -> None:
    async with database.write(office.tenant_id, office.writer) as session:
        report = await fill_report(session, kind, today=TODAY, zone=ZONE)
        await write_report(session, report.id, judgement="好")
        await submit_report(session, report.id)


def test_what_is_written_at_the_end_of_a_day() -> None:
    days = WorkingDays(CalendarBase.CHINA)
    assert due_kinds(date(2026, 11, 5), days, ALL) == [ReportKind.DAY]
    assert due_kinds(date(2026, 11, 6), days, ALL) == [ReportKind.DAY, ReportKind.WEEK]
    assert due_kinds(date(2026, 11, 7), days, ALL) == []
    assert due_kinds(date(2026, 11, 30), days, ALL) == [ReportKind.DAY, ReportKind.MONTH]
    assert due_kinds(date(2026, 11, 6), days, [ReportKind.WEEK]) == [ReportKind.WEEK]
    # The 31st is a Sunday, the last working day of the month the Friday before.
    assert due_kinds(date(2027, 1, 29), WorkingDays(CalendarBase.WEEKENDS), ALL) == ALL


async def test_those_who_own_clients_and_may_write_are_expected_to(database: Database, office: Office) -> None:
    async with database.read(office.tenant_id, TESTS) as reading:
        assert {one.id for one in await writers(reading, TODAY)} == {office.anna.id, office.ben.id}
        assert await writers(reading, date(2019, 1, 1)) == []


async def test_a_missing_log_is_filled_and_its_writer_told_once(
    database: Database, office: Office, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submit(database, office, ReportKind.DAY)
    on(monkeypatch, TODAY)
    for _ in range(2):
        assert await remind(place(office), {})
    assert await told(database, office) == [("本", "请提交2026-11-05 日志")]
    async with database.read(office.tenant_id, TESTS) as reading:
        reports = await reading.scalars(select(WorkReport).where(reading.within(WorkReport)))
    assert {(one.owner_id, one.state) for one in reports} == {
        (office.anna.id, "submitted"),
        (office.ben.id, "draft"),
    }


async def test_on_friday_the_week_too_and_nothing_on_days_off(
    database: Database, office: Office, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, date(2026, 11, 7))
    await remind(place(office), {})
    assert await told(database, office) == []
    async with database.write(office.tenant_id, TESTS) as session:
        await set_setting(session, EXPECTED.key, ["week"])
    on(monkeypatch, date(2026, 11, 6))
    await remind(place(office), {})
    assert sorted(name for name, _ in await told(database, office)) == ["安娜", "本"]


async def test_leads_hear_on_monday_how_the_week_stands(
    database: Database, office: Office, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submit(database, office, ReportKind.WEEK)
    on(monkeypatch, date(2026, 11, 9))
    for _ in range(2):
        assert await digest(place(office), {})
    assert await told(database, office) == [("雷", "2026 年第 45 周小结：已提交 1/2，待批阅 1")]
    async with database.read(office.tenant_id, TESTS) as reading:
        (body,) = await reading.scalars(select(Notice.body_zh).where(reading.within(Notice)))
    assert body == "未提交：本"


async def test_every_tenant_has_both_schedules(database: Database, office: Office) -> None:
    async with database.write(office.tenant_id, TESTS) as session:
        mine = [one for one in system_schedules(session) if one.task.startswith("reports.")]
    assert [one.task for one in mine] == ["reports.remind", "reports.digest"]
    for one in mine:
        task = task_of(one.task)
        assert task is not None
        assert task.job in JOB_KINDS
        assert read_rule(one.rule).text == one.rule
