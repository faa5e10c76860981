"""Exports of the log: complete, exact, safe to open, and on record before the first byte leaves."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from steward_tenants.access.permissions import AUDIT_EXPORT, AUDIT_READ
from steward_tenants.audit.export import ExportForm, export_events, spreadsheet_safe
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.rules import EventContent, batch_digest
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.actor import Actor
from steward_tenants.errors import Forbidden, InvalidInput
from tests.audit.logbook import Logbook
from tests.factories import TESTS, actor_with

AUDITOR = actor_with(AUDIT_EXPORT)


def period() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(hours=1), now + timedelta(hours=1)


async def exported(log: Logbook, form: ExportForm, actor: Actor = AUDITOR) -> bytes:
    since, until = period()
    chunks = export_events(log.database, log.tenant_id, actor, since=since, until=until, form=form)
    return b"".join([chunk async for chunk in chunks])


async def test_json_lines_carry_exactly_what_is_sealed(log: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steward_tenants.audit.export.PAGE", 2)
    await log.write(5, rate=1.10, name="王\n芳")
    await log.seal()
    lines = (await exported(log, ExportForm.JSONL)).decode().split("\n")[:-1]
    told = [json.loads(line) for line in lines]
    assert [line["changes"]["number"][1] for line in told[:5]] == [0, 1, 2, 3, 4]
    assert told[5]["action"] == "read.audit"
    contents = [
        EventContent._make(
            {**values, "changes": line.split('"changes":', 1)[1][:-1]}[name] for name in EventContent._fields
        )
        for line, values in zip(lines, told, strict=True)
    ]
    sealed = [
        event._replace(
            tenant_id=log.tenant_id,
            at=datetime.fromisoformat(str(event.at)),
            id=type(log.tenant_id)(str(event.id)),
            actor_id=type(log.tenant_id)(str(event.actor_id)),
        )
        for event in contents[:5]
    ]
    assert (await log.seals())[0].digest == batch_digest(sealed)


async def test_a_spreadsheet_takes_no_cell_for_a_formula(log: Logbook) -> None:
    async with log.database.write(log.tenant_id, TESTS) as session:
        await record(session, "test.write", Subject("thing"), reason='=HYPERLINK("http://x.test","y"),"z')
    told = await exported(log, ExportForm.CSV)
    assert told.startswith(b"\xef\xbb\xbf")
    header, row, reading = list(csv.reader(io.StringIO(told.decode("utf-8-sig"))))
    assert header[:2] == ["时间（UTC）", "事件编号"]
    assert row[9] == '\'=HYPERLINK("http://x.test","y"),"z'
    assert (row[2], row[7], reading[2]) == ("test.write", "", "read.audit")


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "＝1", "\n=1"])
def test_formula_cells_are_defused(cell: str) -> None:
    assert spreadsheet_safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "a=1", "王芳", "1", "{}"])
def test_other_cells_stay(cell: str) -> None:
    assert spreadsheet_safe(cell) == cell


async def test_the_export_is_on_record_before_the_first_byte(log: Logbook) -> None:
    await log.write()
    since, until = period()
    chunks = export_events(log.database, log.tenant_id, AUDITOR, since=since, until=until, request_id="r-9")
    await anext(chunks)
    async with log.database.read(log.tenant_id, TESTS) as session:
        event = await session.find(AuditEvent, AuditEvent.action == "read.audit")
    assert event is not None
    assert (event.actor_id, event.request_id) == (AUDITOR.id, "r-9")
    assert event.changes["form"] == [None, "jsonl"]


async def test_exporting_needs_its_own_permission(log: Logbook) -> None:
    with pytest.raises(Forbidden):
        await exported(log, ExportForm.JSONL, actor_with(AUDIT_READ))
    async with log.database.read(log.tenant_id, TESTS) as session:
        assert await session.scalars(select(AuditEvent.id).where(session.within(AuditEvent))) == []


async def test_a_period_that_ends_before_it_starts_is_refused(log: Logbook) -> None:
    until, since = period()
    with pytest.raises(InvalidInput):
        await anext(export_events(log.database, log.tenant_id, AUDITOR, since=since, until=until))
