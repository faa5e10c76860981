"""Erasing what is kept of a contact: an outside person may ask for it, and the client's history stays whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update

from steward_core.clients.checks import refuse
from steward_core.clients.contacts import (
    contact_to_change,
    forget_entries,
    lose_main_place,
    records_about,
    snapshot,
)
from steward_core.clients.models import Attachment
from steward_core.clients.rules import reason_problem
from steward_core.clients.search import keys_for_contact, write_keys
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.permissions import CLIENTS_EDIT
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.session import WriteSession
from steward_tenants.people.rules import line_of_text

ERASED_NAME = "已删除"
_ERASED = {
    "name": ERASED_NAME,
    "roles": ["contact"],
    "main": False,
    "position": None,
    "department": None,
    "phone": None,
    "phone_tail": None,
    "email": None,
    "birthday": None,
    "preferences": None,
    "custom": {},
}


Eraser = Callable[[WriteSession, Sequence[UUID]], Awaitable[None]]
"""Empties what a domain above keeps of rows that are erased: the contact's id, and those of the records about it."""
ELSEWHERE: dict[str, Eraser] = {}


def erase_elsewhere(key: str, eraser: Eraser) -> None:
    """Declare a domain that keeps copies of contacts or of form records; a key stands once."""
    if key in ELSEWHERE:
        raise ValueError(f"eraser {key} is declared twice")
    ELSEWHERE[key] = eraser


@dataclass(frozen=True)
class ContactErased:
    """How many form records about the contact were emptied. `attachments` are files that hang on these records: a
    person looks whether they tell of the contact."""

    contact_id: UUID
    records: int
    attachments: tuple[UUID, ...]


@command("clients.contact.erase", "清除联系人个人信息", "Erase a contact's personal data", permission=CLIENTS_EDIT)
async def erase_contact(
    session: WriteSession, contact_id: UUID, *, reason: str, today: date, expected_version: int | None = None
) -> ContactErased:
    """Erase a person who asked for it: name, phone, e-mail, birthday, preferences, position and custom fields go, and
    with them all by which the person was found; form records about the person stay as empty records without their
    revisions. There is no way back. The contact stays as one who has left, so that what refers to it holds.

    Raises ContactNotFound, ClientIsMerged, ContactChanged, InvalidInput.
    """
    problem = reason_problem(reason)
    refuse([problem] if problem else [])
    contact = await contact_to_change(session, contact_id, today, expected_version)
    before = snapshot(contact)
    await write_keys(session, [], before=[keys_for_contact(contact.client_id, contact.id, before)])
    for name, value in _ERASED.items():
        setattr(contact, name, value)
    contact.left_on = contact.left_on or today
    contact.updated_at = datetime.now(UTC)
    await session.flush()
    if before["main"]:
        await lose_main_place(session, contact.client_id, contact.id)
    about = records_about(session, contact)
    records = await session.scalars(about.order_by(FormRecord.id).with_for_update())
    attachments = await _attachments(session, records)
    await forget_entries(session, [contact.id, *records])
    await _empty(session, records)
    for eraser in ELSEWHERE.values():
        await eraser(session, [contact.id, *records])
    gone = [name for name, value in before.items() if value and name not in ("roles", "main", "left_on", "phone_tail")]
    await record(
        session,
        "clients.contact.erase",
        Subject("contact", contact.id),
        after={"client_id": contact.client_id, "erased": sorted(gone), "records": len(records)},
        reason=line_of_text(reason, 500),
    )
    return ContactErased(contact.id, len(records), attachments)


async def _attachments(session: WriteSession, records: Sequence[UUID]) -> tuple[UUID, ...]:
    if not records:
        return ()
    return tuple(
        await session.scalars(
            select(Attachment.id)
            .where(session.within(Attachment), Attachment.subject_id.in_(records))
            .order_by(Attachment.id)
        )
    )


async def _empty(session: WriteSession, records: Sequence[UUID]) -> None:
    if not records:
        return
    await session.execute(delete(FormRevision).where(session.within(FormRevision), FormRevision.record_id.in_(records)))
    await session.execute(
        update(FormRecord)
        .where(session.within(FormRecord), FormRecord.id.in_(records))
        .values(
            document={},
            computed={},
            custom={},
            title=ERASED_NAME,
            updated_at=func.now(),
            updated_by=session.actor.id,
            version=FormRecord.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
