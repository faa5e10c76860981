"""Files that hang on clients, their contracts, notes, form records and proposals. Who reaches the client opens them.

An uploaded file becomes an attachment when it is first attached: from then on it is no longer opened or deleted as
somebody's upload, but through what it hangs on. When it hangs nowhere any more it goes out of use.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.exc import IntegrityError

from steward_core.clients.checks import problem, refuse
from steward_core.clients.errors import ClientNotFound
from steward_core.clients.holdings import cleaned, line, row_to_change
from steward_core.clients.holdings_errors import AttachedAlready, AttachmentNotFound
from steward_core.clients.models import Attachment, Client, ClientNote, Contract
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.row_kinds import ATTACHMENT, CLIENT
from steward_core.clients.service import client_to_change
from steward_core.forms.models import FormRecord
from steward_core.opportunities.models import Opportunity, Proposal
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem
from steward_tenants.files.errors import FileNotFound
from steward_tenants.files.models import StoredFile
from steward_tenants.files.queries import available
from steward_tenants.files.service import UPLOAD, declare_purpose, release_attached

PURPOSE = declare_purpose("attachment", CLIENTS_VIEW, direct=False)


class AttachedTo(StrEnum):
    """What a file hangs on."""

    CLIENT = "client"
    CONTRACT = "contract"
    NOTE = "note"
    RECORD = "record"
    PROPOSAL = "proposal"


@command("clients.attachment.add", "添加客户附件", "Attach a file", permission=CLIENTS_EDIT)
async def attach(
    session: WriteSession,
    client_id: UUID,
    *,
    file_id: UUID,
    title: str,
    today: date,
    subject_kind: AttachedTo = AttachedTo.CLIENT,
    subject_id: UUID | None = None,
) -> Attachment:
    """Hang a file that the actor uploaded on a client, or on a contract, note, form record or proposal of it.

    Raises ClientNotFound, ClientIsMerged, InvalidInput, FileNotFound, AttachedAlready.
    """
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today)
    values, problems = cleaned({"title": title}, {"title": line(200)}, {"title"}, new=True)
    subject = client.id if subject_kind is AttachedTo.CLIENT else subject_id
    problems += await _subject_problems(session, client.id, subject_kind, subject)
    refuse(problems)
    file = await session.find(
        StoredFile,
        StoredFile.id == file_id,
        StoredFile.owner_id == session.actor.id,
        StoredFile.purpose.in_([UPLOAD.key, PURPOSE.key]),
        available(session),
        lock=True,
    )
    if file is None:
        raise FileNotFound
    attachment = Attachment(
        id=new_id(),
        client_id=client.id,
        subject_kind=subject_kind.value,
        subject_id=subject,
        file_id=file.id,
        title=values["title"],
        created_by=session.actor.id,
    )
    try:
        async with session.savepoint():
            session.add(attachment)
            await session.flush()
    except IntegrityError as error:
        if getattr(getattr(error.orig, "diag", None), "constraint_name", "") == (
            "uq_attachment_tenant_id_subject_id_file_id"
        ):
            raise AttachedAlready from error
        raise
    file.purpose, file.expires_at = PURPOSE.key, None
    await record(
        session,
        "clients.attachment.add",
        Subject("attachment", attachment.id),
        after={
            "client_id": client.id,
            "subject_kind": subject_kind.value,
            "subject_id": subject,
            "file_id": file.id,
            "title": attachment.title,
        },
    )
    return attachment


@command("clients.attachment.remove", "移除客户附件", "Remove an attachment", permission=CLIENTS_EDIT)
async def detach(session: WriteSession, attachment_id: UUID, *, today: date) -> None:
    """Take a file off; when it hangs nowhere else, it goes out of use and its bytes go with the next sweep.

    Raises AttachmentNotFound, ClientIsMerged.
    """
    attachment, _ = await row_to_change(session, ATTACHMENT, attachment_id, AttachmentNotFound, today=today)
    file = await session.find(StoredFile, StoredFile.id == attachment.file_id, lock=True)
    before = {"client_id": attachment.client_id, "file_id": attachment.file_id, "title": attachment.title}
    await session.delete(attachment)
    await session.flush()
    others = await session.scalar(
        select(func.count())
        .select_from(Attachment)
        .where(session.within(Attachment), Attachment.file_id == attachment.file_id)
    )
    if file is not None and not others:
        file.deleted_at = await session.scalar(select(func.now()))
    await record(session, "clients.attachment.remove", Subject("attachment", attachment_id), before=before)


async def open_attachment(session: WriteSession, attachment_id: UUID, *, today: date) -> StoredFile:
    """The file of an attachment, for who reaches its client; put on record. The edge reads the bytes after the commit.

    Raises Forbidden, AttachmentNotFound, FileNotFound.
    """
    require(session.actor, CLIENTS_VIEW)
    reach = ATTACHMENT.within_reach(session, CLIENTS_VIEW, today)
    attachment = await session.find(Attachment, Attachment.id == attachment_id, reach)
    if attachment is None:
        raise AttachmentNotFound
    return await release_attached(session, attachment.file_id, PURPOSE)


@dataclass(frozen=True)
class AttachmentLine:
    """An attachment as lists show it; `size` in bytes."""

    id: UUID
    client_id: UUID
    subject_kind: AttachedTo
    subject_id: UUID
    file_id: UUID
    title: str
    file_name: str
    media_type: str
    size: int
    created_at: datetime
    created_by: UUID


async def attachments_page(
    session: TenantSession,
    client_id: UUID,
    *,
    today: date,
    subject_kind: AttachedTo | None = None,
    subject_id: UUID | None = None,
    paging: Paging | None = None,
) -> Page[AttachmentLine]:
    """Files on a client and what belongs to it, the latest first. Raises Forbidden, ClientNotFound, InvalidInput."""
    require(session.actor, CLIENTS_VIEW)
    if await session.find(Client, Client.id == client_id, CLIENT.within_reach(session, CLIENTS_VIEW, today)) is None:
        raise ClientNotFound
    statement = (
        select(Attachment, StoredFile)
        .join(StoredFile, and_(session.within(StoredFile), StoredFile.id == Attachment.file_id))
        .where(
            session.within(Attachment),
            Attachment.client_id == client_id,
            ATTACHMENT.within_reach(session, CLIENTS_VIEW, today),
        )
    )
    if subject_kind is not None:
        statement = statement.where(Attachment.subject_kind == subject_kind.value)
    if subject_id is not None:
        statement = statement.where(Attachment.subject_id == subject_id)
    order = Order("latest", ((Attachment.created_at, datetime), (Attachment.id, UUID)), descending=True)
    return await one_page(session, statement, order, paging or Paging(), _line)


async def _subject_problems(
    session: WriteSession, client_id: UUID, kind: AttachedTo, subject_id: UUID | None
) -> list[FieldProblem]:
    found: Any = client_id
    if kind is AttachedTo.CONTRACT:
        found = await session.find(Contract, Contract.id == subject_id, Contract.client_id == client_id)
    elif kind is AttachedTo.NOTE:
        mine = ClientNote.client_id == client_id
        found = await session.find(ClientNote, ClientNote.id == subject_id, mine, ClientNote.removed_at.is_(None))
    elif kind is AttachedTo.RECORD:
        found = await session.find(FormRecord, FormRecord.id == subject_id, FormRecord.client_id == client_id)
    elif kind is AttachedTo.PROPOSAL:
        found = await session.scalar(
            select(Proposal.id)
            .join(Opportunity, and_(session.within(Opportunity), Opportunity.id == Proposal.opportunity_id))
            .where(session.within(Proposal), Proposal.id == subject_id, Opportunity.client_id == client_id)
        )
    if found is not None:
        return []
    return [problem("subject_id", "unknown", "该客户没有此对象。", "The client has no such thing.")]


def _line(row: Any) -> AttachmentLine:
    attachment: Attachment = row[0]
    file: StoredFile = row[1]
    return AttachmentLine(
        attachment.id,
        attachment.client_id,
        AttachedTo(attachment.subject_kind),
        attachment.subject_id,
        attachment.file_id,
        attachment.title,
        file.name,
        file.media_type,
        file.size,
        attachment.created_at,
        attachment.created_by,
    )
