"""Trusting documents, and withdrawing trust."""

from __future__ import annotations

from sqlalchemy import func, select

from steward_core.trusted_documents.errors import DocumentNotTrusted, TooManyTrustedDocuments
from steward_core.trusted_documents.models import LONGEST_NAME, LONGEST_TEXT, TrustedDocument
from steward_core.trusted_documents.rules import digest_of, read_digest
from steward_tenants.access.permissions import SETTINGS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid

MOST_DOCUMENTS = 2_000
TURN = "trusted_documents"


@command("documents.trust", "登记受信任文档", "Trust a document", permission=SETTINGS_MANAGE)
async def trust_document(session: WriteSession, *, name: str, text: str) -> TrustedDocument:
    """Trust a query document. The same text again gives the same row, under the new name.

    Raises Forbidden, InvalidInput, TooManyTrustedDocuments.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise invalid(
            "name", "length", f"名称应为 1 到 {LONGEST_NAME} 个字符。", f"Use 1 to {LONGEST_NAME} characters."
        )
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise invalid(
            "text", "length", f"文档应为 1 到 {LONGEST_TEXT} 个字符。", f"Use 1 to {LONGEST_TEXT} characters."
        )
    await take_turn(session, TURN)
    digest = digest_of(text)
    row = await session.find(TrustedDocument, TrustedDocument.digest == digest, lock=True)
    before = None
    if row is not None:
        before, row.name = {"name": row.name}, name
    else:
        held = await session.scalar(select(func.count()).where(session.within(TrustedDocument)))
        if held >= MOST_DOCUMENTS:
            raise TooManyTrustedDocuments(most=MOST_DOCUMENTS)
        row = TrustedDocument(id=new_id(), digest=digest, name=name, text=text, created_by=session.actor.id)
        session.add(row)
    await session.flush()
    await session.refresh(row)
    after = {"name": name, "digest": digest}
    await record(session, "documents.trust", Subject("trusted_document", row.id), before=before, after=after)
    return row


@command("documents.withdraw", "撤销受信任文档", "Withdraw a trusted document", permission=SETTINGS_MANAGE)
async def withdraw_document(session: WriteSession, digest: str) -> None:
    """Trust a document no longer; processes notice within seconds. Raises Forbidden, DocumentNotTrusted,
    DigestUnreadable."""
    row = await session.find(TrustedDocument, TrustedDocument.digest == read_digest(digest), lock=True)
    if row is None:
        raise DocumentNotTrusted
    await session.delete(row)
    before = {"name": row.name, "digest": row.digest}
    await record(session, "documents.withdraw", Subject("trusted_document", row.id), before=before)
