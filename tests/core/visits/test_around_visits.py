"""What hangs on visits and what they come to: photos, industry forms, quotas, merged clients."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from sqlalchemy import select, update

from steward_core.clients.holdings_errors import AttachedAlready
from steward_core.clients.merge_moves import move_belongings
from steward_core.clients.models import Client
from steward_core.forms.errors import SubjectNotFound
from steward_core.forms.fields import Text, field
from steward_core.forms.form import Form, FormInfo, SubjectKind
from steward_core.forms.models import FormRecord
from steward_core.forms.service import save_record
from steward_core.imports.in_memory import take_rows
from steward_core.industry.service import enable
from steward_core.permissions import CLIENTS_EXPORT, FORMS_EDIT, FORMS_VIEW, RECORDS_IMPORT
from steward_core.visits.actions import month_of
from steward_core.visits.export import VisitExport, export_visits
from steward_core.visits.models import Visit
from steward_core.visits.photos import attach_photo, open_photo, remove_photo
from steward_core.visits.quota_queries import visit_quotas
from steward_core.visits.visit_errors import PhotoNotFound, VisitNotFound, VisitStateForbids
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.files.errors import FileNotFound
from steward_tenants.files.models import StoredFile
from steward_tenants.files.service import release
from steward_tenants.texts import Bilingual
from tests.core.factories import make_client
from tests.core.forms.workshop import KEY, installed
from tests.core.visits.carried_out import RIGHTS, TODAY, Place, a_place, begun, planned, recorded
from tests.factories import TESTS, actor_with


class Shelf(Form):
    """What stands on a shelf during a visit."""

    about: ClassVar[FormInfo] = FormInfo("shelf", Bilingual("陈列", "Shelf"), SubjectKind.VISIT, title_field="brand")
    brand: Annotated[Text, field("品牌", "Brand")]


async def an_upload(place: Place, media_type: str = "image/jpeg", owner: UUID | None = None) -> UUID:
    """A file that the manager uploaded."""
    file = StoredFile(
        id=new_id(),
        purpose="upload",
        name="门头.jpg",
        media_type=media_type,
        size=3,
        sha256=bytes(32),
        owner_id=owner or place.manager.id,
    )
    async with place.database.write(place.tenant, TESTS) as session:
        session.add(file)
    return file.id


async def test_photos_are_the_visits(database: Database) -> None:
    place = await a_place(database)
    photo, paper, foreign = (
        await an_upload(place),
        await an_upload(place, "application/pdf"),
        await an_upload(place, owner=place.head.id),
    )
    async with database.write(place.tenant, place.visitor) as session:
        visit = await planned(session, place)
        await attach_photo(session, visit.id, file_id=photo, today=TODAY)
        with pytest.raises(AttachedAlready):
            await attach_photo(session, visit.id, file_id=photo, today=TODAY)
        with pytest.raises(InvalidInput):
            await attach_photo(session, visit.id, file_id=paper, today=TODAY)
        with pytest.raises(FileNotFound):
            await attach_photo(session, visit.id, file_id=foreign, today=TODAY)
        assert (await open_photo(session, visit.id, photo, today=TODAY)).id == photo
        with pytest.raises(PhotoNotFound):
            await open_photo(session, visit.id, paper, today=TODAY)
        with pytest.raises(FileNotFound):
            await release(session, photo)
    async with database.write(place.tenant, actor_with(*RIGHTS, scope=Scope.OWN)) as session:
        with pytest.raises(VisitNotFound):
            await open_photo(session, visit.id, photo, today=TODAY)
    async with database.write(place.tenant, place.visitor) as session:
        await remove_photo(session, visit.id, file_id=photo, today=TODAY)
        done = await recorded(session, place.client.id)
        with pytest.raises(VisitStateForbids):
            await remove_photo(session, done.id, file_id=photo, today=TODAY)
        kept = await session.find(StoredFile, StoredFile.id == photo)
        assert kept is not None
        assert kept.deleted_at is not None


async def test_a_form_is_filled_in_on_a_visit(database: Database) -> None:
    with installed(Shelf):
        place = await a_place(database)
        form = f"{KEY}.shelf"
        async with database.write(place.tenant, TESTS) as session:
            await enable(session, KEY)
        filler = actor_with(*RIGHTS, FORMS_EDIT, FORMS_VIEW, RECORDS_IMPORT, scope=Scope.OWN, user=place.manager)
        async with database.write(place.tenant, filler) as session:
            visit = await begun(session, await planned(session, place))
            record = await save_record(session, form, visit.id, {"brand": "利群"}, today=TODAY)
            assert (record.subject_kind, record.subject_id, record.client_id) == ("visit", visit.id, place.client.id)
            rows = [{"visit": str(visit.id), "brand": "大红鹰"}]
            taken = await take_rows(session, f"form:{form}", rows, today=TODAY)
            assert taken.created == 1
            with pytest.raises(InvalidInput):
                await take_rows(session, f"form:{form}", [{"visit": str(new_id()), "brand": "x"}], today=TODAY)
            written = await session.scalars(FormRecord.__table__.select().where(session.within(FormRecord)))
            assert len(written) == 2
        other = actor_with(*RIGHTS, FORMS_EDIT, FORMS_VIEW, scope=Scope.OWN)
        async with database.write(place.tenant, other) as session:
            with pytest.raises(SubjectNotFound):
                await save_record(session, form, visit.id, {"brand": "外人"}, today=TODAY)


async def test_quotas_count_done_visits_of_the_month(database: Database) -> None:
    place = await a_place(database)
    month = month_of(TODAY)
    async with database.write(place.tenant, TESTS) as session:
        other = make_client(session, owner_id=place.manager.id)
    async with database.write(place.tenant, place.visitor) as session:
        for client_id in (place.client.id, place.client.id, other.id):
            await recorded(session, client_id)
        before = await recorded(session, other.id)
        await planned(session, place)
        await session.execute(
            update(Visit)
            .where(session.within(Visit), Visit.id == before.id)
            .values(day=month.start - timedelta(days=1))
            .execution_options(synchronize_session=False)
        )
    async with database.read(place.tenant, place.supervisor) as reading:
        (found,) = await visit_quotas(reading, month, today=TODAY)
        assert (found.owner_id, found.visits) == (place.manager.id, 3)
        assert (found.clients.figure, found.clients.missing) == (Decimal(2), 18)
        assert (found.daily.figure, found.daily.missing) == (Decimal("1.50"), 5)
        named = await visit_quotas(reading, month, today=TODAY, owner_ids=[place.head.id])
        assert [(one.owner_id, one.visits, one.clients.missing) for one in named] == [(place.head.id, 0, 20)]
        ahead = await visit_quotas(reading, month_of(date(2026, 3, 1)), today=TODAY, owner_ids=[place.manager.id])
        assert [one.daily.met for one in ahead] == [True]
    async with database.read(place.tenant, actor_with(*RIGHTS, scope=Scope.OWN)) as reading:
        assert await visit_quotas(reading, month, today=TODAY) == []


async def test_an_export_holds_the_visits_in_reach_and_is_on_record(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        await recorded(session, place.client.id, fields={"summary": "=1+1", "needs": ["mobile_office"]})
        await recorded(session, place.client.id, latitude=None, longitude=None)
        await planned(session, place, day=TODAY + timedelta(days=40))

    async def lines(actor: Actor, **values: Any) -> list[str]:
        request = VisitExport(**{"first": TODAY, "last": TODAY, "format": "csv", **values})
        target = BytesIO()
        report = await export_visits(database, place.tenant, actor, request, target, today=TODAY)
        found = target.getvalue().decode("utf-8-sig").splitlines()
        assert report.rows == len(found) - 1
        return found

    own = actor_with(*RIGHTS, CLIENTS_EXPORT, scope=Scope.OWN, user=place.manager)
    heading, *rows = await lines(own)
    assert heading.startswith("日期,客户编码,客户名称,走访人")
    assert len(rows) == 2
    assert "移动办公" in rows[0]
    assert "已完成,上门" in rows[0]
    (flagged,) = (await lines(own, flagged=True, locale="en"))[1:]
    assert "flagged" in flagged
    assert len(await lines(own, last=TODAY + timedelta(days=60), statuses=("prepared",))) == 2
    assert len(await lines(actor_with(*RIGHTS, CLIENTS_EXPORT, scope=Scope.OWN))) == 1
    with pytest.raises(Forbidden):
        await lines(place.visitor)
    with pytest.raises(InvalidInput):
        await lines(own, last=TODAY - timedelta(days=1))
    async with database.read(place.tenant, TESTS) as reading:
        events = await reading.scalars(
            select(AuditEvent.changes).where(reading.within(AuditEvent), AuditEvent.action == "read.export")
        )
        assert sorted(event["rows"][1] for event in events) == [0, 1, 1, 2]


async def test_visits_go_with_a_merged_client(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, place.visitor) as session:
        visit = await planned(session, place)
    async with database.write(place.tenant, TESTS) as session:
        survivor = make_client(session)
        await session.flush()
        absorbed = await session.find(Client, Client.id == place.client.id)
        assert absorbed is not None
        moved = await move_belongings(session, survivor, absorbed, add_arrears=False)
        assert moved.rows["visits"] == [str(visit.id)]
