"""Records: drafts, saving, slots, moves, revisions, reach, and what the audit log keeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from sqlalchemy import func, select

from steward_core.clients.models import Client, ClientStatus
from steward_core.custom_fields.models import FieldIndexEntry
from steward_core.custom_fields.service import create_field
from steward_core.forms.bulk import NewRecords, insert_records
from steward_core.forms.description import json_schema
from steward_core.forms.documents import prepare_documents
from steward_core.forms.errors import (
    NotADraft,
    NotForPeople,
    RecordChanged,
    RecordNotFound,
    SubjectMerged,
    SubjectNotFound,
)
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.queries import record_of, reveal_record, revisions_of
from steward_core.forms.service import discard_draft, move_record, save_draft, save_record
from steward_core.industry.errors import FormNotFound
from steward_core.industry.service import disable
from steward_core.permissions import FORMS_EDIT, FORMS_VIEW
from steward_tenants.access.permissions import REVEAL_PHONE
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem, Forbidden, InvalidInput
from steward_tenants.texts import Bilingual
from tests.core.factories import make_client, make_contact
from tests.core.forms.test_description import DOCUMENTS
from tests.core.forms.workshop import TODAY, Inspection, Made, Place, installed, make_place
from tests.factories import TESTS, actor_with, make_unit, make_user

ANNA, BEN = actor_with(FORMS_EDIT, FORMS_VIEW), actor_with(FORMS_EDIT, FORMS_VIEW)
INSPECTION, CARD = "workshop.inspection", "workshop.card"
Index = list[tuple[str, int, Any]]


async def index_of(session: TenantSession, record_id: UUID) -> Index:
    rows = await session.rows(
        select(
            FieldIndexEntry.field,
            FieldIndexEntry.position,
            FieldIndexEntry.text_value,
            FieldIndexEntry.integer_value,
            FieldIndexEntry.time_value,
        )
        .where(session.within(FieldIndexEntry), FieldIndexEntry.row_id == record_id)
        .order_by(FieldIndexEntry.field, FieldIndexEntry.position)
    )
    return [(row[0].removeprefix("workshop."), row[1], next(v for v in row[2:] if v is not None)) for row in rows]


async def events_of(session: TenantSession, record_id: UUID) -> Sequence[AuditEvent]:
    found: Sequence[AuditEvent] = await session.scalars(
        select(AuditEvent).where(session.within(AuditEvent), AuditEvent.subject_id == record_id).order_by(AuditEvent.id)
    )
    return found


def paths(error: InvalidInput) -> list[tuple[str, ...]]:
    return [problem.path for problem in error.problems]


async def test_a_record_is_saved_with_computed_values_index_and_audit(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        made = await save_record(
            session,
            INSPECTION,
            place.client_id,
            {
                "subject": " 𠮷林车间 ",
                "cost": 1000,
                "machines": 4,
                "share": "12.5",
                "next_on": "2026-12-01",
                "mood": "good",
                "moods": ["good", "bad"],
                "phone": "13800000001",
            },
            today=TODAY,
        )
    assert (made.state, made.version, made.form_version, made.title) == ("filed", 1, 1, "𠮷林车间")
    assert (made.subject_kind, made.client_id, made.slot, made.plugin) == ("client", place.client_id, None, "workshop")
    assert made.document["subject"] == "𠮷林车间"
    assert made.document["phone"] == "13800000001"
    assert made.computed == {"each": 250, "fraction": "0.125"}
    async with database.read(place.tenant_id, TESTS) as session:
        index = await index_of(session, made.id)
        assert ("inspection.subject", 0, "𠮷林车间") in index
        assert ("inspection.each", 0, 250) in index
        assert ("inspection.urgent", 0, 0) in index
        assert [(field, place) for field, place, _ in index if field == "inspection.moods"] == [
            ("inspection.moods", 0),
            ("inspection.moods", 1),
        ]
        assert not any("phone" in field for field, _, _ in index)
        (event,) = await events_of(session, made.id)
    assert event.action == "forms.record.save"
    assert event.subject_kind == "form_record"
    assert event.changes["subject"] == [None, "𠮷林车间"]
    assert event.changes["each"] == [None, 250]
    assert "13800000001" not in json.dumps(event.changes)
    assert event.changes["phone"][1] is not None


async def test_every_bad_field_is_refused_at_once_and_nothing_is_written(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        with pytest.raises(InvalidInput) as caught:
            await save_record(
                session, INSPECTION, place.client_id, {"cost": "x", "subject": "x" * 10_000_000}, today=TODAY
            )
        assert set(paths(caught.value)) == {("cost",), ("subject",)}
    async with database.read(place.tenant_id, TESTS) as session:
        assert await session.scalar(select(func.count()).select_from(FormRecord).where(session.within(FormRecord))) == 0


async def test_an_update_keeps_what_was_and_sees_a_newer_version(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        made = await save_record(session, INSPECTION, place.client_id, {"subject": "一"}, today=TODAY)
    async with database.write(place.tenant_id, BEN) as session:
        again = await save_record(
            session,
            INSPECTION,
            place.client_id,
            {"subject": "二", "machines": 3},
            today=TODAY,
            record_id=made.id,
            expected_version=1,
        )
        assert (again.version, again.state, again.updated_by, again.created_by) == (2, "filed", BEN.id, ANNA.id)
    async with database.write(place.tenant_id, ANNA) as session:
        with pytest.raises(RecordChanged):
            await save_record(
                session,
                INSPECTION,
                place.client_id,
                {"subject": "三"},
                today=TODAY,
                record_id=made.id,
                expected_version=1,
            )
    async with database.read(place.tenant_id, BEN) as session:
        (past,) = await revisions_of(session, made.id, today=TODAY)
        assert (past.revision, past.cause, past.document["subject"], past.replaced_by) == (1, "save", "一", BEN.id)
        assert ("inspection.subject", 0, "二") in await index_of(session, made.id)
        changes = (await events_of(session, made.id))[-1].changes
        assert changes == {"subject": ["一", "二"], "machines": [0, 3]}


async def test_two_editors_at_once_one_is_told(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        made = await save_record(session, INSPECTION, place.client_id, {"subject": "零"}, today=TODAY)

    async def edit(text: str) -> int:
        async with database.write(place.tenant_id, ANNA) as session:
            saved = await save_record(
                session,
                INSPECTION,
                place.client_id,
                {"subject": text},
                today=TODAY,
                record_id=made.id,
                expected_version=1,
            )
        return saved.version

    outcomes = await asyncio.gather(edit("甲"), edit("乙"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["RecordChanged", "int"]


async def test_a_mask_that_comes_back_keeps_the_value(database: Database, place: Place) -> None:
    values = {"subject": "电话", "phone": "13800000002"}
    async with database.write(place.tenant_id, ANNA) as session:
        made = await save_record(session, INSPECTION, place.client_id, values, today=TODAY)
    async with database.read(place.tenant_id, ANNA) as session:
        shown = await record_of(session, made.id, today=TODAY, reveal=True)
        assert shown.document["phone"] == "••••0002"
        assert shown.revealed == frozenset()
    async with database.write(place.tenant_id, ANNA) as session:
        again = await save_record(
            session, INSPECTION, place.client_id, dict(shown.document), today=TODAY, record_id=made.id
        )
        assert again.document["phone"] == "13800000002"
    eye = actor_with(FORMS_VIEW, REVEAL_PHONE)
    async with database.read(place.tenant_id, eye) as session:
        assert (await record_of(session, made.id, today=TODAY)).document["phone"] == "••••0002"
        (past,) = await revisions_of(session, made.id, today=TODAY)
        assert past.document["phone"] == "••••0002"
    async with database.write(place.tenant_id, eye) as session:
        seen = await reveal_record(session, made.id, today=TODAY)
        assert (seen.document["phone"], seen.revealed) == ("13800000002", frozenset({"phone"}))
        assert session.audited == ["read.form_record"]


async def test_a_draft_may_be_incomplete_and_is_validated_when_it_moves_on(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        draft = await save_draft(session, INSPECTION, place.client_id, {"cost": "待定", "mood": 7}, today=TODAY)
        assert (draft.state, draft.document, draft.computed) == ("draft", {"cost": "待定", "mood": 7}, {})
        assert await index_of(session, draft.id) == []
        with pytest.raises(InvalidInput) as caught:
            await move_record(session, draft.id, "file", today=TODAY)
        assert set(paths(caught.value)) == {("subject",), ("cost",), ("mood",)}
        draft = await save_draft(
            session, INSPECTION, place.client_id, {"subject": "好", "cost": 9}, today=TODAY, record_id=draft.id
        )
        filed = await move_record(session, draft.id, "file", today=TODAY)
        assert (filed.state, filed.document["cost"], filed.title) == ("filed", 9, "好")
        assert ("inspection.cost", 0, 9) in await index_of(session, draft.id)
        with pytest.raises(NotADraft):
            await save_draft(session, INSPECTION, place.client_id, {}, today=TODAY, record_id=draft.id)
        with pytest.raises(NotADraft):
            await discard_draft(session, draft.id, today=TODAY)
    async with database.read(place.tenant_id, ANNA) as session:
        assert await revisions_of(session, draft.id, today=TODAY) == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"subject": "x" * 70_000}, "too_large"),
        ({"subject": "x" * 10_000_000}, "too_large"),
        ({"colour": "red"}, "unknown"),
        ({"each": 1}, "unknown"),
        ({"subject": "a\0"}, "characters"),
        ({"subject": "\ud800"}, "not_json"),
        ({"subject": float("nan")}, "not_json"),
        ({"subject": object()}, "not_json"),
        ({"subject": {1: 2}}, "not_json"),
        ({"machines": 10**400}, "not_json"),
        ({"parts": [[[[[[[[[[1]]]]]]]]]]}, "not_json"),
    ],
)
async def test_what_a_draft_cannot_keep_is_refused(
    database: Database, place: Place, values: dict[str, Any], code: str
) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        with pytest.raises(InvalidInput) as caught:
            await save_draft(session, INSPECTION, place.client_id, values, today=TODAY)
        assert caught.value.problems[0].code == code


async def test_a_draft_is_thrown_away_without_a_trace_but_the_log(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        draft = await save_draft(session, CARD, place.client_id, {}, today=TODAY)
        await discard_draft(session, draft.id, today=TODAY, expected_version=1)
    async with database.read(place.tenant_id, ANNA) as session:
        with pytest.raises(RecordNotFound):
            await record_of(session, draft.id, today=TODAY)
        assert [one.action for one in await events_of(session, draft.id)] == ["forms.draft.save", "forms.draft.discard"]


async def test_reach_goes_through_the_client(database: Database) -> None:
    owner, other = actor_with(FORMS_EDIT, FORMS_VIEW, scope=Scope.OWN), actor_with(FORMS_EDIT, scope=Scope.OWN)
    with installed():
        place = await make_place(database)
        async with database.write(place.tenant_id, TESTS) as session:
            user = make_user(session, id=owner.id)
            await session.flush()
            mine = make_client(session, owner_id=user.id)
            contact = make_contact(session, mine.id)
        async with database.write(place.tenant_id, owner) as session:
            card = await save_record(session, CARD, mine.id, {"note": "我的"}, today=TODAY)
            care = await save_record(session, "workshop.care", contact.id, {"liking": "钓鱼"}, today=TODAY)
            assert (care.client_id, care.subject_id) == (mine.id, contact.id)
            own = await save_record(session, "workshop.issue", owner.id, {"asset": "A1"}, today=TODAY)
            assert own.owner_id == owner.id
            with pytest.raises(SubjectNotFound):
                await save_record(session, CARD, place.client_id, {"note": "别人的"}, today=TODAY)
            with pytest.raises(SubjectNotFound):
                await save_record(session, CARD, new_id(), {"note": "没有"}, today=TODAY)
        async with database.write(place.tenant_id, other) as session:
            for known in (card, care, own):
                with pytest.raises(RecordNotFound):
                    await move_record(session, known.id, "withdraw", today=TODAY, reason="x")
            with pytest.raises(RecordNotFound):
                await save_record(session, CARD, mine.id, {"note": "x"}, today=TODAY, record_id=card.id)
            with pytest.raises(Forbidden):
                await record_of(session, card.id, today=TODAY)
        async with database.read(place.tenant_id, owner) as session:
            assert (await record_of(session, own.id, today=TODAY)).document == {"asset": "A1"}


async def test_a_record_of_an_area(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, TESTS) as session:
        unit, other = make_unit(session), make_unit(session)
    chief = actor_with(FORMS_EDIT, FORMS_VIEW, scope=Scope.SUBTREE, unit_id=unit.id)
    async with database.write(place.tenant_id, chief) as session:
        made = await save_record(session, "workshop.area", unit.id, {"rumour": "新店"}, today=TODAY)
        assert (made.unit_id, made.client_id, made.owner_id) == (unit.id, None, None)
        assert (await record_of(session, made.id, today=TODAY)).title == "片区情报"
        with pytest.raises(SubjectNotFound):
            await save_record(session, "workshop.area", other.id, {"rumour": "新店"}, today=TODAY)


async def test_no_record_for_a_merged_client_or_a_form_that_is_off(database: Database) -> None:
    with installed():
        place = await make_place(database)
        async with database.write(place.tenant_id, TESTS) as session:
            merged = make_client(session, status=ClientStatus.MERGED, merged_into_id=place.client_id)
        async with database.write(place.tenant_id, ANNA) as session:
            with pytest.raises(SubjectMerged):
                await save_record(session, CARD, merged.id, {"note": "x"}, today=TODAY)
            with pytest.raises(FormNotFound):
                await save_record(session, "workshop.none", place.client_id, {}, today=TODAY)
            card = await save_record(session, CARD, place.client_id, {"note": "x"}, today=TODAY)
        async with database.write(place.tenant_id, TESTS) as session:
            await disable(session, "workshop", "不再使用")
        async with database.write(place.tenant_id, ANNA) as session:
            with pytest.raises(FormNotFound):
                await save_record(session, CARD, place.client_id, {"note": "x"}, today=TODAY, record_id=card.id)
            assert (await record_of(session, card.id, today=TODAY)).document == {"note": "x"}


async def test_what_the_platform_makes_is_not_filled_in(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        with pytest.raises(NotForPeople):
            await save_record(session, "workshop.made", place.client_id, {"score": 1}, today=TODAY)


async def test_the_plugins_check_has_a_say(database: Database) -> None:
    def check_record(settings: Any, form: str, values: Any, client: Any) -> list[FieldProblem]:
        if form == "inspection" and values["each"] and client["kind"] == "company":
            return [FieldProblem(("cost",), "too_dear", Bilingual("费用过高。", "It costs too much."))]
        return []

    with installed(hooks={"check_record": check_record}):
        place = await make_place(database)
        async with database.write(place.tenant_id, ANNA) as session:
            values = {"subject": "贵", "cost": 100, "machines": 1}
            with pytest.raises(InvalidInput) as caught:
                await save_record(session, INSPECTION, place.client_id, values, today=TODAY)
            assert paths(caught.value) == [("cost",)]
            await save_record(session, INSPECTION, place.client_id, {"subject": "省"}, today=TODAY)


async def test_custom_values_are_checked_kept_and_indexed(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, TESTS) as session:
        await create_field(
            session,
            "form:workshop.card",
            "colour",
            "text",
            {"title_zh": "颜色", "title_en": "Colour", "filterable": True, "rules": {"required": True}},
        )
    async with database.write(place.tenant_id, ANNA) as session:
        with pytest.raises(InvalidInput) as caught:
            await save_record(session, CARD, place.client_id, {"note": "一"}, today=TODAY)
        assert paths(caught.value) == [("custom", "colour")]
        card = await save_record(session, CARD, place.client_id, {"note": "一"}, today=TODAY, custom={"colour": "红"})
        assert card.custom == {"colour": "红"}
        assert await index_of(session, card.id) == [("card.custom.colour", 0, "红")]
        again = await save_record(session, CARD, place.client_id, {"note": "二"}, today=TODAY, record_id=card.id)
        assert again.custom == {"colour": "红"}
        (created, _) = await events_of(session, card.id)
        assert created.changes["custom.colour"] == [None, "红"]


async def test_many_records_in_few_statements(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, TESTS) as session:
        clients = [make_client(session).id for _ in range(50)]
    prepared = prepare_documents(Made, [{"score": number} for number in range(50)])
    batch = new_id()
    async with database.write(place.tenant_id, ANNA) as session:
        ids = await insert_records(
            session,
            Made,
            "workshop.made",
            NewRecords(
                subject_ids=clients,
                client_ids=clients,
                documents=prepared.documents,
                computed=prepared.computed,
                state="filed",
                periods=["2026Q4"] * 50,
                slots=["2026Q4"] * 50,
                batch_id=batch,
            ),
        )
    async with database.read(place.tenant_id, ANNA) as session:
        row = await session.get(FormRecord, ids[7])
        assert row is not None
        assert (row.document, row.client_id, row.title, row.custom, row.version) == (
            {"score": 7},
            clients[7],
            "评定 2026Q4",
            {},
            1,
        )
        assert await index_of(session, ids[7]) == [("made.score", 0, 7)]


async def test_nothing_of_another_tenant_is_found(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        card = await save_record(session, CARD, place.client_id, {"note": "一"}, today=TODAY)
    other = await make_place(database)
    async with database.write(other.tenant_id, ANNA) as session:
        with pytest.raises(RecordNotFound):
            await move_record(session, card.id, "withdraw", today=TODAY, reason="x")
        with pytest.raises(SubjectNotFound):
            await save_record(session, CARD, place.client_id, {"note": "二"}, today=TODAY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(values=DOCUMENTS)
async def test_a_valid_document_survives(database: Database, place: Place, values: dict[str, Any]) -> None:
    async with database.write(place.tenant_id, ANNA) as session:
        made = await save_record(session, INSPECTION, place.client_id, values, today=TODAY)
        sent = dict(made.document)
    async with database.write(place.tenant_id, actor_with(FORMS_VIEW, REVEAL_PHONE)) as session:
        line = await reveal_record(session, made.id, today=TODAY)
    assert line.document == sent
    Draft202012Validator(json_schema(Inspection)).validate({**line.document, **line.computed})
    again = Inspection.model_validate(dict(line.document))
    assert again.model_dump(mode="json", include=set(sent)) == sent


async def test_the_log_of_records_holds_no_client(database: Database, place: Place) -> None:
    """The held client is locked, not changed."""
    async with database.write(place.tenant_id, ANNA) as session:
        await save_record(session, CARD, place.client_id, {"note": "一"}, today=TODAY)
        client = await session.get(Client, place.client_id)
        assert client is not None
        assert client.version == 1
        assert (
            await session.scalar(select(func.count()).select_from(FormRevision).where(session.within(FormRevision)))
            == 0
        )
