"""What hangs on a client, moved to another one set-based: contacts, contracts, arrears, notes, files, form records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, bindparam, case, delete, or_, select, update
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from steward_core.clients.merge_errors import ArrearsClash
from steward_core.clients.models import (
    Arrears,
    Attachment,
    Client,
    ClientNote,
    ClientProduct,
    Contact,
    Contract,
    DuplicatePair,
    DuplicateStatus,
)
from steward_core.clients.search import keys_for_contact, write_keys
from steward_core.database.bulk import insert_many
from steward_core.forms.models import FormRecord
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.database.tables import TenantTable

_BELONGINGS: dict[str, tuple[Any, tuple[ColumnElement[bool], ...]]] = {}
_FILLED = ("position", "department", "email", "birthday", "preferences")


def belongs_to_client(name: str, table: type[TenantTable], *only: ColumnElement[bool]) -> None:
    """Declare that a table of a floor's other domain moves with its `client_id` as it is, or those of its rows that
    meet the conditions; a name stands once. What is open has followed to the survivor's owner by then."""
    if name in _BELONGINGS:
        raise ValueError(f"{name} belong to clients already")
    _BELONGINGS[name] = table, only


@dataclass(frozen=True)
class Moved:
    """The ids of the rows that moved or were joined, by what they are."""

    rows: Mapping[str, list[Any]] = field(default_factory=dict)

    def __add__(self, other: Moved) -> Moved:
        return Moved({**self.rows, **other.rows})

    def as_dict(self) -> dict[str, Any]:
        """For the record of the merge."""
        return dict(self.rows)


async def move_belongings(session: WriteSession, survivor: Client, absorbed: Client, *, add_arrears: bool) -> Moved:
    """Move everything that moves; the caller holds both clients. Raises ArrearsClash."""
    rows: dict[str, list[Any]] = {}
    rows["arrears_added"] = await _arrears(session, survivor.id, absorbed.id, add=add_arrears)
    joined = await _contacts(session, survivor, absorbed)
    rows["contacts_joined"] = [[str(gone), str(kept)] for gone, kept in joined.items()]
    rows["contacts"] = await _moved(session, Contact, survivor.id, absorbed.id, Contact.id.not_in(list(joined)))
    rows["form_records"] = await _form_records(session, survivor.id, absorbed.id, joined)
    tables: tuple[tuple[str, Any], ...] = (
        ("contracts", Contract),
        ("products", ClientProduct),
        ("arrears", Arrears),
        ("notes", ClientNote),
    )
    for name, table in tables:
        rows[name] = await _moved(session, table, survivor.id, absorbed.id)
    for name, (table, only) in _BELONGINGS.items():
        rows[name] = await _moved(session, table, survivor.id, absorbed.id, *only)
    rows["attachments"] = await _attachments(session, survivor.id, absorbed.id, rows["form_records"])
    rows["pairs"] = await _pairs(session, survivor.id, absorbed.id)
    return Moved({name: ids for name, ids in rows.items() if ids})


async def _moved(
    session: WriteSession, table: Any, survivor_id: UUID, absorbed_id: UUID, *conditions: ColumnElement[bool]
) -> list[Any]:
    values: dict[str, Any] = {"client_id": survivor_id}
    if hasattr(table, "version"):
        values["version"] = table.version + 1
    statement = (
        update(table)
        .where(session.within(table), table.client_id == absorbed_id, *conditions)
        .values(values)
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(str(row_id) for row_id in await session.scalars(statement))


async def _arrears(session: WriteSession, survivor_id: UUID, absorbed_id: UUID, *, add: bool) -> list[Any]:
    """Arrears of both for the same period and source: added to the survivor's, or refused."""
    theirs = aliased(Arrears)
    clashes = await session.rows(
        select(Arrears, theirs)
        .join(theirs, and_(theirs.period == Arrears.period, theirs.source == Arrears.source))
        .where(
            session.within(Arrears),
            session.within(theirs),
            Arrears.client_id == survivor_id,
            theirs.client_id == absorbed_id,
        )
        .order_by(Arrears.period, Arrears.source)
        .with_for_update()
    )
    if clashes and not add:
        raise ArrearsClash([f"{row[0].period} ({row[0].source})" for row in clashes])
    added = []
    for kept, gone in clashes:
        added.append(
            {
                "period": kept.period,
                "source": kept.source,
                "amounts": [kept.amount, gone.amount],
                "paid": [kept.paid, gone.paid],
            }
        )
        kept.amount, kept.paid = kept.amount + gone.amount, kept.paid + gone.paid
        kept.due_on = min(kept.due_on, gone.due_on)
        settled = [day for day in (kept.settled_on, gone.settled_on) if day is not None]
        kept.settled_on = max(settled) if settled and kept.paid == kept.amount else None
        kept.updated_at = datetime.now(UTC)
        await session.delete(gone)
    await session.flush()
    return added


async def _contacts(session: WriteSession, survivor: Client, absorbed: Client) -> dict[UUID, UUID]:
    """Join contacts of equal phones and rewrite the search keys of all the absorbed's; answers who went into whom."""
    rows = await session.scalars(
        select(Contact)
        .where(session.within(Contact), Contact.client_id.in_([survivor.id, absorbed.id]))
        .order_by(Contact.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    kept = [row for row in rows if row.client_id == survivor.id]
    coming = [row for row in rows if row.client_id == absorbed.id]
    by_phone = {row.phone: row for row in reversed(kept) if row.phone}
    has_main = any(row.main for row in kept)
    before, after, joined = [], [], {}
    for contact in coming:
        before.append(_keys(absorbed.id, contact))
        same = by_phone.pop(contact.phone, None) if contact.phone else None
        if same is not None:
            joined[contact.id] = same.id
            _fill(same, contact)
        else:
            contact.main = contact.main and not has_main
            after.append(_keys(survivor.id, contact))
    await session.flush()
    await write_keys(session, after, before=before)
    return joined


def _fill(kept: Contact, gone: Contact) -> None:
    for name in _FILLED:
        if getattr(kept, name) is None:
            setattr(kept, name, getattr(gone, name))
    kept.roles = [*kept.roles, *(role for role in gone.roles if role not in kept.roles)]
    kept.updated_at = datetime.now(UTC)


def _keys(client_id: UUID, contact: Contact) -> Any:
    values = {name: getattr(contact, name) for name in ("name", "phone", "left_on")}
    return keys_for_contact(client_id, contact.id, values)


async def _form_records(
    session: WriteSession, survivor_id: UUID, absorbed_id: UUID, joined: Mapping[UUID, UUID]
) -> list[Any]:
    """Records about the client and its contacts. Where the slot is taken at the survivor, a record stays."""
    subjects = {absorbed_id: survivor_id, **joined}
    new_subject = case(
        *((FormRecord.subject_id == old, bindparam(None, new, type_=UuidType())) for old, new in subjects.items()),
        else_=FormRecord.subject_id,
    )
    taken = aliased(FormRecord)
    free = or_(
        FormRecord.slot.is_(None),
        ~select(taken.id)
        .where(
            session.within(taken),
            taken.form == FormRecord.form,
            taken.slot == FormRecord.slot,
            taken.subject_id == new_subject,
            taken.id != FormRecord.id,
        )
        .correlate(FormRecord)
        .exists(),
    )
    statement = (
        update(FormRecord)
        .where(session.within(FormRecord), FormRecord.client_id == absorbed_id, free)
        .values(client_id=survivor_id, subject_id=new_subject, version=FormRecord.version + 1)
        .returning(FormRecord.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(str(row_id) for row_id in await session.scalars(statement))


async def _attachments(session: WriteSession, survivor_id: UUID, absorbed_id: UUID, records: list[Any]) -> list[Any]:
    """Files of the client, its contracts, notes and moved records. One that hangs on both clients stays once."""
    there = aliased(Attachment)
    of_client = and_(Attachment.subject_kind == "client", Attachment.subject_id == absorbed_id)
    twice = (
        select(there.id)
        .where(session.within(there), there.subject_id == survivor_id, there.file_id == Attachment.file_id)
        .correlate(Attachment)
        .exists()
    )
    await session.execute(
        delete(Attachment)
        .where(session.within(Attachment), Attachment.client_id == absorbed_id, of_client, twice)
        .execution_options(synchronize_session=False)
    )
    moved_records = any_(bindparam(None, [UUID(one) for one in records], type_=ARRAY(UuidType())))
    goes = or_(Attachment.subject_kind != "record", Attachment.subject_id == moved_records)
    subject = case((of_client, bindparam(None, survivor_id, type_=UuidType())), else_=Attachment.subject_id)
    statement = (
        update(Attachment)
        .where(session.within(Attachment), Attachment.client_id == absorbed_id, goes)
        .values(client_id=survivor_id, subject_id=subject)
        .returning(Attachment.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(str(row_id) for row_id in await session.scalars(statement))


async def _pairs(session: WriteSession, survivor_id: UUID, absorbed_id: UUID) -> list[Any]:
    """The pair of the two is decided; other open pairs of the absorbed go on as pairs of the survivor."""
    one, other = DuplicatePair.first_id, DuplicatePair.second_id
    pairs = await session.scalars(
        select(DuplicatePair)
        .where(
            session.within(DuplicatePair),
            or_(one == absorbed_id, other == absorbed_id),
            DuplicatePair.status != DuplicateStatus.MERGED.value,
        )
        .order_by(DuplicatePair.id)
        .with_for_update()
    )
    further: list[tuple[UUID, UUID, list[str], str]] = []
    for pair in pairs:
        third = pair.second_id if pair.first_id == absorbed_id else pair.first_id
        if third != survivor_id:
            further.append((min(third, survivor_id), max(third, survivor_id), list(pair.reasons), pair.status))
        pair.status, pair.decided_by = DuplicateStatus.MERGED, session.actor.id
        pair.decided_at = datetime.now(UTC)
    await session.flush()
    await insert_many(
        session,
        DuplicatePair,
        {
            "id": [new_id() for _ in further],
            "first_id": [pair[0] for pair in further],
            "second_id": [pair[1] for pair in further],
            "reasons": [pair[2] for pair in further],
            "status": [pair[3] for pair in further],
        },
        unless_there=True,
    )
    return [str(pair.id) for pair in pairs]
