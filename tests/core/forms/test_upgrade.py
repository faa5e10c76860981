"""Records taken over to a form's next versions: foreseen, done in chunks, resumed, failures listed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.forms import upgrade as upgrades
from steward_core.forms.bulk import NewRecords, insert_records
from steward_core.forms.documents import prepare_documents
from steward_core.forms.fields import Code, Count, Text, computed, field
from steward_core.forms.form import Form, FormInfo, Several, SubjectKind
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.queries import RecordFilter, RecordsQuery, records_page
from steward_core.forms.service import move_record, save_draft, save_record
from steward_core.forms.upgrade import dry_run, request_upgrade
from steward_core.permissions import FORMS_EDIT, FORMS_VIEW
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, drive, resume_run
from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.database.database import Database
from steward_tenants.files.store import FileStore
from steward_tenants.texts import Bilingual
from tests.core.factories import make_client
from tests.core.forms.workshop import TODAY, Place, installed, make_place
from tests.core.runs.places import perform, run_now
from tests.factories import TESTS, actor_with

ANNA = actor_with(FORMS_EDIT, FORMS_VIEW)
ADMIN = actor_with(PLUGINS_MANAGE)
TITLE = Bilingual("台账", "Ledger")
LEDGER = "workshop.ledger"


class First(Form):
    """Version 1."""

    about: ClassVar[FormInfo] = FormInfo("ledger", TITLE, SubjectKind.CLIENT)
    name: Annotated[Text, field("名称", "Name")]
    amount: Annotated[Count, field("数量", "Amount")]


def _second(document: dict[str, Any]) -> dict[str, Any]:
    return {"title": document["name"], "amount": document["amount"]}


def _third(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "code": f"C{document['amount']}"}


class Third(Form):
    """Version 3: another name, a code, a limit, and a computed value."""

    about: ClassVar[FormInfo] = FormInfo(
        "ledger", TITLE, SubjectKind.CLIENT, version=3, title_field="title", upgrades={1: _second, 2: _third}
    )
    title: Annotated[Text, field("标题", "Title", filterable=True)]
    amount: Annotated[int, field("数量", "Amount")]
    code: Annotated[Code | None, field("编号", "Code")] = None

    @computed("双倍", "Twice", filterable=True)
    def twice(self) -> int:
        if self.amount == 13:
            raise ArithmeticError
        return self.amount * 2


class Slotted(Third):
    """Version 3 with a place for each code."""

    about: ClassVar[FormInfo] = FormInfo(
        "ledger",
        TITLE,
        SubjectKind.CLIENT,
        version=3,
        several=Several.FIELD,
        slot_field="code",
        upgrades={1: _second, 2: _third},
    )


async def fill_in(database: Database, place: Place, *amounts: int) -> list[UUID]:
    prepared = prepare_documents(First, [{"name": f"第{amount}", "amount": amount} for amount in amounts])
    async with database.write(place.tenant_id, TESTS) as session:
        columns = NewRecords(
            subject_ids=[place.client_id] * len(amounts),
            client_ids=[place.client_id] * len(amounts),
            documents=prepared.documents,
            computed=prepared.computed,
            state="filed",
        )
        return await insert_records(session, First, LEDGER, columns)


async def upgrade(database: Database, place: Place, tools: RunTools) -> Run:
    async with database.write(place.tenant_id, ADMIN) as session:
        run = await request_upgrade(session, LEDGER)
    assert run is not None
    return await drive(database, place.tenant_id, ADMIN, run.id, tools)


@pytest.fixture
def tools() -> RunTools:
    """No file is touched by an upgrade."""
    store: FileStore = None  # type: ignore[assignment]
    return RunTools(store)


async def test_an_upgrade_is_foreseen_and_then_done(database: Database, tools: RunTools) -> None:
    with installed(First):
        place = await make_place(database)
        ids = await fill_in(database, place, 1, 2, 13)
        async with database.write(place.tenant_id, ANNA) as session:
            draft = await save_draft(session, LEDGER, place.client_id, {"name": "草", "amount": "几"}, today=TODAY)
            broken = await save_draft(session, LEDGER, place.client_id, {"amount": 1}, today=TODAY)
    with installed(Third):
        async with database.read(place.tenant_id, ADMIN) as session:
            forecast = await dry_run(session, LEDGER)
        assert (forecast.versions, forecast.upgradable, forecast.failing) == ({1: 5}, 3, 2)
        assert {one.record_id for one in forecast.examples} == {ids[2], broken.id}
        assert forecast.changed_fields == ("code", "name", "title", "twice")
        run = await upgrade(database, place, tools)
        assert (run.status, run.done, run.total) == ("done", 5, 5)
        assert (run.counts["upgraded"], run.counts["failed"]) == (3, 2)
        told = {one["record"]: one["problems"] for one in run.counts["problems"]}
        assert set(told) == {str(ids[2]), str(broken.id)}
        assert all(problem["zh-CN"] and problem["en"] for problems in told.values() for problem in problems)
        async with database.write(place.tenant_id, ANNA) as session:
            row = await session.get(FormRecord, ids[0])
            assert row is not None
            assert row.document == {"title": "第1", "amount": 1, "code": "C1"}
            assert (row.computed, row.form_version, row.version, row.title) == ({"twice": 2}, 3, 2, "第1")
            kept = await session.get(FormRecord, ids[2])
            assert kept is not None
            assert (kept.form_version, kept.version, kept.document["name"]) == (1, 1, "第13")
            past = await session.find(FormRevision, FormRevision.record_id == ids[0])
            assert past is not None
            assert (past.revision, past.cause, past.form_version, past.document["name"]) == (1, "upgrade", 1, "第1")
            found = await records_page(
                session, LEDGER, RecordsQuery(filters=(RecordFilter("twice", "ge", 4),)), today=TODAY
            )
            assert [line.id for line in found.records] == [ids[1]]
            waiting = await session.get(FormRecord, draft.id)
            assert waiting is not None
            assert waiting.document == {"title": "草", "amount": "几", "code": "C几"}
            again = await save_record(
                session, LEDGER, place.client_id, {"title": "好", "amount": 5}, today=TODAY, record_id=draft.id
            )
            assert again.computed == {"twice": 10}
        async with database.write(place.tenant_id, ADMIN) as session:
            retry = await request_upgrade(session, LEDGER)
            assert retry is not None
            assert (run.period, retry.period) == ("v3/1", "v3/2")


async def test_a_draft_of_an_older_version_is_upgraded_when_it_moves_on(database: Database) -> None:
    with installed(First):
        place = await make_place(database)
        async with database.write(place.tenant_id, ANNA) as session:
            draft = await save_draft(session, LEDGER, place.client_id, {"name": "草", "amount": 4}, today=TODAY)
    with installed(Third):
        async with database.write(place.tenant_id, ANNA) as session:
            filed = await move_record(session, draft.id, "file", today=TODAY)
            assert filed.document == {"title": "草", "amount": 4, "code": "C4"}
            assert (filed.form_version, filed.computed) == (3, {"twice": 8})


async def test_an_interrupted_upgrade_goes_on_where_it_was(
    database: Database, tools: RunTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrades, "CHUNK", 3)
    with installed(First):
        place = await make_place(database)
        await fill_in(database, place, *range(20, 30))
    write = upgrades._write
    calls = 0

    async def failing(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        await write(*arguments)
        if calls == 3:
            raise RuntimeError

    with installed(Third):
        monkeypatch.setattr(upgrades, "_write", failing)
        async with database.write(place.tenant_id, ADMIN) as session:
            run = await request_upgrade(session, LEDGER)
            assert run is not None
        with pytest.raises(RuntimeError):
            await drive(database, place.tenant_id, ADMIN, run.id, tools)
        async with database.write(place.tenant_id, ADMIN) as session:
            here = await resume_run(session, run.id)
            assert here.done == 6
        done = await drive(database, place.tenant_id, ADMIN, run.id, tools)
        assert (done.status, done.done, done.counts["upgraded"]) == ("done", 10, 10)
    async with database.read(place.tenant_id, TESTS) as reading:
        counted = select(func.count()).select_from(FormRevision).where(reading.within(FormRevision))
        assert await reading.scalar(counted) == 10


async def test_records_that_would_share_a_place_keep_their_version(database: Database, tools: RunTools) -> None:
    with installed(First):
        place = await make_place(database)
        await fill_in(database, place, 1, 1, 2)
    with installed(Slotted):
        run = await upgrade(database, place, tools)
        assert (run.counts["upgraded"], run.counts["failed"]) == (2, 1)
        assert run.counts["problems"][0]["problems"][0]["code"] == "slot_taken"


async def test_nothing_to_do_asks_for_no_run(database: Database) -> None:
    with installed(First):
        place = await make_place(database)
        await fill_in(database, place, 1)
        async with database.write(place.tenant_id, ADMIN) as session:
            assert await request_upgrade(session, LEDGER) is None
            forecast = await dry_run(session, LEDGER)
    assert (forecast.versions, forecast.upgradable, forecast.failing) == ({1: 1}, 0, 0)


async def test_a_missing_step_is_told(database: Database) -> None:
    class Gap(First):
        about: ClassVar[FormInfo] = FormInfo("ledger", TITLE, SubjectKind.CLIENT, version=2)

    with installed(First):
        place = await make_place(database)
        await fill_in(database, place, 1)
    with installed(Gap):
        async with database.read(place.tenant_id, ADMIN) as session:
            forecast = await dry_run(session, LEDGER)
    assert forecast.failing == 1
    assert forecast.examples[0].problems[0].code == "form_upgrade_missing"


async def test_only_this_tenants_records_are_touched(database: Database, tools: RunTools) -> None:
    with installed(First):
        place, other = await make_place(database), await make_place(database)
        await fill_in(database, place, 1)
        ids = await fill_in(database, other, 1)
    with installed(Third):
        await upgrade(database, place, tools)
    async with database.write(other.tenant_id, TESTS) as session:
        make_client(session)
        row = await session.get(FormRecord, ids[0])
        assert row is not None
        assert row.form_version == 1


async def test_records_are_upgraded_by_a_job(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrades, "CHUNK", 3)
    with installed(First):
        place = await make_place(database)
        await fill_in(database, place, *range(20, 30))
    with installed(Third):
        async with database.write(place.tenant_id, TESTS) as session:
            run = await request_upgrade(session, LEDGER)
        assert run is not None
        assert await perform(database, place.tenant_id, tmp_path) >= 1
    done = await run_now(database, place.tenant_id, run.id)
    assert (done.status, done.done, done.counts["upgraded"]) == ("done", 10, 10)
