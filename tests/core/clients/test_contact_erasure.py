"""Erasing an outside person: nothing of the person is left, the client's history is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.clients import contact_erasure
from steward_core.clients.contact_erasure import ERASED_NAME, erase_contact, erase_elsewhere
from steward_core.clients.contacts import add_contact, remove_contact, update_contact
from steward_core.clients.errors import ContactChanged, ContactHasRecords, ContactNotFound
from steward_core.clients.models import ClientSearchKey, Contact
from steward_core.clients.search import search_clients
from steward_core.custom_fields.models import FieldIndexEntry
from steward_core.custom_fields.service import create_field
from steward_core.forms.form import FormInfo
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.service import save_draft, save_record
from steward_core.forms.upgrade import dry_run
from steward_core.industry.service import enable
from steward_core.permissions import FORMS_EDIT
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.clients.companies import MANAGES, TODAY, Company, acts_as, make_company
from tests.core.factories import make_client
from tests.core.forms import workshop
from tests.core.forms.workshop import installed
from tests.factories import TESTS

CARE = "workshop.care"
QIAN: dict[str, Any] = {
    "name": "单于𠮷",
    "roles": ["key_person"],
    "phone": "13900005678",
    "email": "qian@corp.example",
    "birthday": "1980-02-28",
    "preferences": "喜茶",
    "position": "总经理",
    "department": "办公室",
    "custom": {"hobby": "钓鱼"},
}
TRACES = ("单于", "5678", "corp.example", "1980", "喜茶", "总经理", "办公室", "钓鱼", "书法", "国画")


async def contact_of(database: Database, company: Company, actor: Actor) -> tuple[UUID, UUID]:
    """A contact with everything, and another one who could be the main contact."""
    async with database.write(company.tenant_id, TESTS) as session:
        await enable(session, workshop.KEY)
        titles = {"title_zh": "爱好", "title_en": "Hobby"}
        await create_field(session, "contact", "hobby", "text", {**titles, "filterable": True})
        await create_field(session, f"form:{CARE}", "gift", "text", {**titles, "filterable": True})
        client_id = make_client(session, owner_id=company.manager.id, unit_id=company.east.id).id
    async with database.write(company.tenant_id, actor) as session:
        contact = await add_contact(session, client_id, fields=QIAN, today=TODAY)
        other = await add_contact(session, client_id, fields={"name": "周全"}, today=TODAY)
        return contact.id, other.id


async def test_nothing_of_the_person_is_left(database: Database) -> None:
    company = await make_company(database)
    actor = acts_as(company.manager, *MANAGES, FORMS_EDIT)
    with installed():
        contact_id, other_id = await contact_of(database, company, actor)
        async with database.write(company.tenant_id, actor) as session:
            saved = await save_record(
                session, CARE, contact_id, {"liking": "书法"}, today=TODAY, custom={"gift": "国画"}
            )
            await save_record(session, CARE, contact_id, {"liking": "国画"}, today=TODAY, record_id=saved.id)
            await save_draft(session, CARE, contact_id, {"liking": "书法"}, today=TODAY)
            kept = await save_record(session, CARE, other_id, {"liking": "围棋"}, today=TODAY)
        async with database.write(company.tenant_id, actor) as session:
            erased = await erase_contact(session, contact_id, reason="本人要求", today=TODAY)
        assert (erased.records, erased.attachments) == (2, ())
        async with database.read(company.tenant_id, TESTS) as session:
            contact = await session.get(Contact, contact_id)
            assert contact is not None
            assert (contact.name, contact.left_on, contact.main, contact.custom) == (ERASED_NAME, TODAY, False, {})
            other = await session.get(Contact, other_id)
            assert other is not None
            assert other.main
            for table, column in (
                (ClientSearchKey, ClientSearchKey.source_id),
                (FieldIndexEntry, FieldIndexEntry.row_id),
            ):
                for row_id in (contact_id, saved.id):
                    left = select(func.count()).where(session.within(table), column == row_id)
                    assert await session.scalar(left) == 0
            assert await session.scalar(select(func.count()).where(session.within(FormRevision))) == 0
            records = await session.scalars(
                select(FormRecord).where(session.within(FormRecord), FormRecord.subject_id == contact_id)
            )
            assert [(one.document, one.computed, one.custom, one.title) for one in records] == [
                ({}, {}, {}, ERASED_NAME)
            ] * 2
            still = await session.get(FormRecord, kept.id)
            assert still is not None
            assert still.document["liking"] == "围棋"
            assert await search_clients(session, "5678", today=TODAY) == []
            logged = str(
                [
                    event.changes
                    for event in await session.scalars(
                        select(AuditEvent).where(
                            session.within(AuditEvent), AuditEvent.subject_id.in_([contact_id, saved.id])
                        )
                    )
                ]
            )
            assert [trace for trace in TRACES if trace in logged or trace in repr(vars(contact))] == []
            event = await session.find(AuditEvent, AuditEvent.action == "clients.contact.erase")
            assert event is not None
            assert (event.reason, event.changes["records"]) == ("本人要求", [None, 2])
            assert {"name", "phone", "custom"} <= set(event.changes["erased"][1])


async def test_an_emptied_record_stays_quiet_in_an_upgrade(database: Database) -> None:
    company = await make_company(database)
    actor = acts_as(company.manager, *MANAGES, FORMS_EDIT)
    with installed():
        contact_id, _ = await contact_of(database, company, actor)
        async with database.write(company.tenant_id, actor) as session:
            await save_record(session, CARE, contact_id, {"liking": "书法"}, today=TODAY)
            await erase_contact(session, contact_id, reason="本人要求", today=TODAY)

    class Care(workshop.Care):
        about: ClassVar[FormInfo] = replace(
            workshop.Care.about, version=2, upgrades={1: lambda old: {**old, "liking": "?"}}
        )

    with installed(Care):
        async with database.read(company.tenant_id, TESTS) as reading:
            forecast = await dry_run(reading, CARE)
    assert (forecast.upgradable, forecast.failing) == (1, 0)


async def test_domains_above_hear_of_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    company = await make_company(database)
    actor = acts_as(company.manager, *MANAGES, FORMS_EDIT)
    heard: list[UUID] = []

    async def eraser(session: WriteSession, row_ids: Sequence[UUID]) -> None:
        heard.extend(row_ids)

    monkeypatch.setattr(contact_erasure, "ELSEWHERE", dict(contact_erasure.ELSEWHERE))
    erase_elsewhere("tests", eraser)
    with pytest.raises(ValueError, match="twice"):
        erase_elsewhere("tests", eraser)
    with installed():
        contact_id, _ = await contact_of(database, company, actor)
        async with database.write(company.tenant_id, actor) as session:
            saved = await save_record(session, CARE, contact_id, {"liking": "书法"}, today=TODAY)
            await erase_contact(session, contact_id, reason="本人要求", today=TODAY)
    assert heard == [contact_id, saved.id]


async def test_who_may_erase_and_how(database: Database) -> None:
    company = await make_company(database)
    actor = acts_as(company.manager, *MANAGES, FORMS_EDIT)
    with installed():
        contact_id, _ = await contact_of(database, company, actor)
        async with database.write(company.tenant_id, company.as_stranger) as session:
            with pytest.raises(ContactNotFound):
                await erase_contact(session, contact_id, reason="本人要求", today=TODAY)
        async with database.write(company.tenant_id, company.as_auditor) as session:
            with pytest.raises(Forbidden):
                await erase_contact(session, contact_id, reason="本人要求", today=TODAY)
        async with database.write(company.tenant_id, actor) as session:
            with pytest.raises(InvalidInput) as refused:
                await erase_contact(session, contact_id, reason=" ", today=TODAY)
            assert [one.path for one in refused.value.problems] == [("reason",)]
            with pytest.raises(ContactChanged):
                await erase_contact(session, contact_id, reason="本人要求", today=TODAY, expected_version=99)


async def test_a_contact_of_whom_records_tell_is_not_simply_removed(database: Database) -> None:
    """The records would stay, and nobody could erase the person any more."""
    company = await make_company(database)
    actor = acts_as(company.manager, *MANAGES, FORMS_EDIT)
    with installed():
        contact_id, other_id = await contact_of(database, company, actor)
        async with database.write(company.tenant_id, actor) as session:
            await save_record(session, CARE, contact_id, {"liking": "书法"}, today=TODAY)
            with pytest.raises(ContactHasRecords):
                await remove_contact(session, contact_id, today=TODAY)
            await remove_contact(session, other_id, today=TODAY)


async def test_the_only_contact_who_comes_back_is_the_main_one_again(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        client_id = make_client(session, owner_id=company.manager.id, unit_id=company.east.id).id
    async with database.write(company.tenant_id, company.as_manager) as session:
        contact = await add_contact(session, client_id, fields={"name": "周全"}, today=TODAY)
        assert not (await update_contact(session, contact.id, fields={"left_on": TODAY}, today=TODAY)).main
        assert (await update_contact(session, contact.id, fields={"left_on": None}, today=TODAY)).main
