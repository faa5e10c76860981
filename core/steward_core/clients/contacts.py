"""Commands on contacts: the persons at a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, select

from steward_core.clients.checks import check_custom_values, flat, refuse, write_custom_index
from steward_core.clients.errors import (
    ClientNotFound,
    ContactChanged,
    ContactHasLeft,
    ContactHasRecords,
    ContactNotFound,
)
from steward_core.clients.models import Contact
from steward_core.clients.row_kinds import CONTACT
from steward_core.clients.rules import CONTACT_FIELDS, PERSONAL_OF_CONTACT, clean_contact
from steward_core.clients.search import keys_for_contact, write_keys
from steward_core.clients.service import client_to_change
from steward_core.custom_fields.models import FieldIndexEntry
from steward_core.forms.models import FormRecord
from steward_core.permissions import CLIENTS_EDIT
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession

Fields = Mapping[str, Any]
_DEFAULTS: Fields = dict.fromkeys(CONTACT_FIELDS) | {"roles": ["contact"], "main": False, "phone_tail": None}


@command("clients.contact.add", "新建联系人", "Add a contact", permission=CLIENTS_EDIT)
async def add_contact(session: WriteSession, client_id: UUID, *, fields: Fields, today: date) -> Contact:
    """A new contact of a client. `fields`: those of `rules.CONTACT_FIELDS` and `custom`. The first one is the main one;
    a new main contact takes the place of the old.

    Raises ClientNotFound, ClientIsMerged, InvalidInput naming every bad field, ContactHasLeft.
    """
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today)
    cleaned = clean_contact(fields, new=True)
    problems = list(cleaned.problems)
    custom = await check_custom_values(session, "contact", fields.get("custom"), problems)
    refuse(problems)
    values = {**_DEFAULTS, **cleaned.values, "custom": custom}
    if values["main"] and values["left_on"] is not None:
        raise ContactHasLeft(name=values["name"])
    if values["left_on"] is None and await _main(session, client.id) is None:
        values["main"] = True
    if values["main"]:
        await _step_down(session, client.id)
    contact = Contact(id=new_id(), client_id=client.id, created_by=session.actor.id, **values)
    session.add(contact)
    await session.flush()
    await write_keys(session, [keys_for_contact(client.id, contact.id, values)])
    await write_custom_index(session, "contact", contact.id, custom)
    after = {name: value for name, value in flat(values).items() if value is not None}
    await record(
        session,
        "clients.contact.add",
        Subject("contact", contact.id),
        after={"client_id": client.id, **after},
        personal=_personal(after),
    )
    return contact


@command("clients.contact.update", "修改联系人", "Change a contact", permission=CLIENTS_EDIT)
async def update_contact(
    session: WriteSession, contact_id: UUID, *, fields: Fields, today: date, expected_version: int | None = None
) -> Contact:
    """Change the given fields; None empties one, `custom` changes the given keys only. Who leaves (`left_on`) is found
    no more, and is the main contact no more.

    Raises ContactNotFound, ClientIsMerged, ContactChanged, InvalidInput naming every bad field, ContactHasLeft.
    """
    contact = await contact_to_change(session, contact_id, today, expected_version)
    cleaned = clean_contact(fields, new=False)
    problems, values = list(cleaned.problems), cleaned.values
    if "custom" in fields:
        values["custom"] = await check_custom_values(session, "contact", fields["custom"], problems, contact.custom)
    refuse(problems)
    columns = {**snapshot(contact), **values}
    if columns["left_on"] is not None and columns["main"]:
        if values.get("main"):
            raise ContactHasLeft(name=columns["name"])
        values["main"] = False
    elif values.get("main") and not contact.main:
        await _step_down(session, contact.client_id)
    elif contact.left_on is not None and columns["left_on"] is None and "main" not in values:
        values["main"] = await _main(session, contact.client_id) is None
    before = {name: getattr(contact, name) for name in values}
    keys = keys_for_contact(contact.client_id, contact.id, snapshot(contact))
    for name, value in values.items():
        setattr(contact, name, value)
    contact.updated_at = datetime.now(UTC)
    await session.flush()
    if before.get("main") and not contact.main:
        await lose_main_place(session, contact.client_id, contact.id)
    await write_keys(session, [keys_for_contact(contact.client_id, contact.id, columns)], before=[keys])
    if "custom" in values:
        await write_custom_index(session, "contact", contact.id, contact.custom, clear=True)
    await record(
        session,
        "clients.contact.update",
        Subject("contact", contact.id),
        before=flat(before),
        after=flat(values),
        personal=_personal(flat(before), flat(values)),
    )
    return contact


@command("clients.contact.remove", "删除联系人", "Remove a contact", permission=CLIENTS_EDIT)
async def remove_contact(
    session: WriteSession, contact_id: UUID, *, today: date, expected_version: int | None = None
) -> None:
    """Remove a contact with everything by which it is found. Who only left is given a `left_on` instead.

    Raises ContactNotFound, ClientIsMerged, ContactChanged, ContactHasRecords (form records tell of the person).
    """
    contact = await contact_to_change(session, contact_id, today, expected_version)
    if await session.scalar(select(records_about(session, contact).exists())):
        raise ContactHasRecords(name=contact.name)
    client_id, was_main, before = contact.client_id, contact.main, snapshot(contact)
    await write_keys(session, [], before=[keys_for_contact(client_id, contact.id, before)])
    await forget_entries(session, [contact.id])
    await session.delete(contact)
    await session.flush()
    if was_main:
        await lose_main_place(session, client_id, contact_id)
    values = {name: value for name, value in flat(before).items() if value is not None}
    subject = Subject("contact", contact_id)
    await record(session, "clients.contact.remove", subject, before=values, personal=_personal(values))


def records_about(session: WriteSession, contact: Contact) -> Select[UUID]:
    """The ids of the form records about a contact."""
    return select(FormRecord.id).where(
        session.within(FormRecord),
        FormRecord.client_id == contact.client_id,
        FormRecord.subject_kind == "contact",
        FormRecord.subject_id == contact.id,
    )


async def contact_to_change(
    session: WriteSession, contact_id: UUID, today: date, expected_version: int | None = None
) -> Contact:
    """The contact, its client locked first: all changes of one client's contacts wait for each other.

    Raises Forbidden, ContactNotFound, ClientIsMerged, ContactChanged.
    """
    require(session.actor, CLIENTS_EDIT)
    reach = CONTACT.within_reach(session, CLIENTS_EDIT, today)
    client_id = await session.scalar(
        select(Contact.client_id).where(session.within(Contact), Contact.id == contact_id, reach)
    )
    if client_id is None:
        raise ContactNotFound
    try:
        await client_to_change(session, client_id, CLIENTS_EDIT, today=today)
    except ClientNotFound:
        raise ContactNotFound from None
    contact = await session.find(Contact, Contact.id == contact_id, Contact.client_id == client_id, lock=True)
    if contact is None:
        raise ContactNotFound
    if expected_version is not None and contact.version != expected_version:
        raise ContactChanged(name=contact.name)
    return contact


def snapshot(contact: Contact) -> dict[str, Any]:
    """A contact's columns that commands change, by name."""
    return {name: getattr(contact, name) for name in (*CONTACT_FIELDS, "phone_tail", "custom")}


def _personal(*values: Fields) -> frozenset[str]:
    """The names of what the log keeps as digests: the tenant's own fields too, whatever they hold."""
    return frozenset(PERSONAL_OF_CONTACT).union(name for each in values for name in each if name.startswith("custom."))


async def forget_entries(session: WriteSession, row_ids: Sequence[UUID]) -> None:
    """Take rows out of the field index."""
    await session.execute(
        delete(FieldIndexEntry).where(session.within(FieldIndexEntry), FieldIndexEntry.row_id.in_(row_ids))
    )


async def _main(session: WriteSession, client_id: UUID) -> UUID | None:
    found: UUID | None = await session.scalar(
        select(Contact.id).where(session.within(Contact), Contact.client_id == client_id, Contact.main)
    )
    return found


async def _step_down(session: WriteSession, client_id: UUID) -> None:
    """Nobody is the client's main contact any more."""
    mains = select(Contact).where(session.within(Contact), Contact.client_id == client_id, Contact.main)
    for contact in await session.scalars(mains):
        contact.main = False


async def lose_main_place(session: WriteSession, client_id: UUID, gone: UUID) -> None:
    """The main contact is `gone`: who has been there longest takes the place."""
    longest = (
        select(Contact)
        .where(
            session.within(Contact),
            Contact.client_id == client_id,
            Contact.id != gone,
            Contact.left_on.is_(None),
        )
        .order_by(Contact.id)
        .limit(1)
    )
    for contact in await session.scalars(longest):
        contact.main = True
