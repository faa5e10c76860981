"""Contacts: who is the main one, by what they are found, what the log keeps of them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.contacts import add_contact, remove_contact, update_contact
from steward_core.clients.errors import ClientNotFound, ContactChanged, ContactHasLeft, ContactNotFound
from steward_core.clients.models import ClientSearchKey, Contact
from steward_core.clients.search import search_clients
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.clients.companies import TODAY, Company, make_company
from tests.core.factories import make_client
from tests.factories import TESTS

QIAN: dict[str, Any] = {
    "name": "单于𠮷",
    "roles": ["key_person", "decision_maker"],
    "phone": "+86 139-0000-5678",
    "email": "Qian@Corp.Example",
    "birthday": "1980-02-29",
    "preferences": "喜茶，不饮酒",
}


async def client_of(database: Database, company: Company, **values: Any) -> UUID:
    async with database.write(company.tenant_id, TESTS) as session:
        return make_client(session, owner_id=company.manager.id, unit_id=company.east.id, **values).id


async def mains(database: Database, company: Company, client_id: UUID) -> list[str]:
    async with database.read(company.tenant_id, TESTS) as session:
        return list(
            await session.scalars(
                select(Contact.name).where(session.within(Contact), Contact.client_id == client_id, Contact.main)
            )
        )


async def test_a_contact_is_found_by_name_and_phone(database: Database) -> None:
    company = await make_company(database)
    client_id = await client_of(database, company, name="恒达商贸")
    async with database.write(company.tenant_id, company.as_manager) as session:
        contact = await add_contact(session, client_id, fields=QIAN, today=TODAY)
        assert (contact.phone, contact.phone_tail, contact.email) == ("13900005678", "5678", "Qian@corp.example")
        assert (contact.roles, contact.main, contact.birthday) == (
            ["decision_maker", "key_person"],
            True,
            date(1980, 2, 29),
        )
        for text in ("5678", "单于", "shanyu"):
            (found,) = await search_clients(session, text, today=TODAY)
            assert (found.id, found.by_contact) == (client_id, True), text
        await update_contact(session, contact.id, fields={"phone": "13900004321", "name": "钱多"}, today=TODAY)
        assert await search_clients(session, "5678", today=TODAY) == []
        assert len(await search_clients(session, "4321", today=TODAY)) == 1
        await update_contact(session, contact.id, fields={"left_on": TODAY}, today=TODAY)
        assert await search_clients(session, "4321", today=TODAY) == []
        await update_contact(session, contact.id, fields={"left_on": None}, today=TODAY)
        assert len(await search_clients(session, "qianduo", today=TODAY)) == 1
        await remove_contact(session, contact.id, today=TODAY)
        keys = select(ClientSearchKey).where(session.within(ClientSearchKey), ClientSearchKey.source_id == contact.id)
        assert await session.scalars(keys) == []
        with pytest.raises(ContactNotFound):
            await update_contact(session, contact.id, fields={"name": "钱"}, today=TODAY)


async def test_the_log_keeps_no_personal_data(database: Database) -> None:
    company = await make_company(database)
    client_id = await client_of(database, company)
    async with database.write(company.tenant_id, company.as_manager) as session:
        contact = await add_contact(session, client_id, fields=QIAN, today=TODAY)
        await update_contact(session, contact.id, fields={"phone": "13900004321", "position": "总经理"}, today=TODAY)
        await remove_contact(session, contact.id, today=TODAY)
    async with database.read(company.tenant_id, TESTS) as session:
        events = await session.scalars(
            select(AuditEvent).where(session.within(AuditEvent), AuditEvent.subject_id == contact.id)
        )
    assert {event.action.rpartition(".")[2] for event in events} == {"add", "update", "remove"}
    logged = str([event.changes for event in events])
    assert "key_person" in logged
    assert not [
        value for value in ("总经理", "单于", "5678", "4321", "corp.example", "1980", "喜茶") if value in logged
    ]


async def test_one_main_contact(database: Database) -> None:
    company = await make_company(database)
    client_id = await client_of(database, company)
    async with database.write(company.tenant_id, company.as_manager) as session:
        first = await add_contact(session, client_id, fields={"name": "甲"}, today=TODAY)
        second = await add_contact(session, client_id, fields={"name": "乙"}, today=TODAY)
        third = await add_contact(session, client_id, fields={"name": "丙", "main": True}, today=TODAY)
    assert await mains(database, company, client_id) == ["丙"]
    async with database.write(company.tenant_id, company.as_manager) as session:
        await update_contact(session, second.id, fields={"main": True}, today=TODAY)
    assert await mains(database, company, client_id) == ["乙"]
    async with database.write(company.tenant_id, company.as_manager) as session:
        await update_contact(session, second.id, fields={"left_on": TODAY}, today=TODAY)
        with pytest.raises(ContactHasLeft):
            await update_contact(session, second.id, fields={"main": True}, today=TODAY)
        with pytest.raises(ContactHasLeft):
            await add_contact(session, client_id, fields={"name": "丁", "main": True, "left_on": TODAY}, today=TODAY)
    assert await mains(database, company, client_id) == ["甲"]
    async with database.write(company.tenant_id, company.as_manager) as session:
        await remove_contact(session, first.id, today=TODAY)
    assert await mains(database, company, client_id) == ["丙"]
    async with database.write(company.tenant_id, company.as_manager) as session:
        await remove_contact(session, third.id, today=TODAY)
    assert await mains(database, company, client_id) == []


async def test_contacts_are_reached_through_their_client(database: Database) -> None:
    company, other = await make_company(database), await make_company(database)
    client_id = await client_of(database, company, deputy_id=company.deputy.id)
    async with database.write(company.tenant_id, company.as_deputy) as session:
        contact = await add_contact(session, client_id, fields={"name": "甲"}, today=TODAY)
    async with database.write(company.tenant_id, company.as_supervisor) as session:
        await update_contact(session, contact.id, fields={"department": "信息中心"}, today=TODAY, expected_version=1)
        with pytest.raises(ContactChanged):
            await update_contact(session, contact.id, fields={"department": "x"}, today=TODAY, expected_version=1)
    async with database.write(company.tenant_id, company.as_stranger) as session:
        with pytest.raises(ClientNotFound):
            await add_contact(session, client_id, fields={"name": "乙"}, today=TODAY)
        with pytest.raises(ContactNotFound):
            await remove_contact(session, contact.id, today=TODAY)
    async with database.write(company.tenant_id, company.as_auditor) as session:
        with pytest.raises(Forbidden):
            await update_contact(session, contact.id, fields={"name": "乙"}, today=TODAY)
    async with database.write(other.tenant_id, TESTS) as session:
        with pytest.raises(ContactNotFound):
            await remove_contact(session, contact.id, today=TODAY)


async def test_bad_fields_are_named_at_once(database: Database) -> None:
    company = await make_company(database)
    client_id = await client_of(database, company)
    async with database.write(company.tenant_id, company.as_manager) as session:
        with pytest.raises(InvalidInput) as refused:
            await add_contact(
                session,
                client_id,
                fields={"phone": "x", "roles": "king", "birthday": 5, "custom": {"hobby": "钓鱼"}, "age": 3},
                today=TODAY,
            )
        assert {".".join(problem.path) for problem in refused.value.problems} == {
            "name",
            "phone",
            "roles",
            "birthday",
            "custom.hobby",
            "age",
        }
        assert await session.scalars(select(Contact).where(session.within(Contact))) == []
