"""Notes on clients: written, edited by their author, pinned, removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, Text, Uuid, case, func, insert, literal, select

from steward_core.clients.checks import refuse
from steward_core.clients.errors import ClientNotFound
from steward_core.clients.holdings import cleaned, row_to_change, text
from steward_core.clients.holdings_errors import NoteNotFound, NoteOfAnother, NotesFull
from steward_core.clients.models import Client, ClientNote, ClientStatus
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.row_kinds import CLIENT, NOTE
from steward_core.clients.service import client_to_change
from steward_core.permissions import CLIENTS_ASSIGN, CLIENTS_EDIT, CLIENTS_VIEW
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, Values, event_values, record, recorded_after
from steward_tenants.commands.at_once import Acting, AtOnce, Given, WritesAtOnce, declare_at_once
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import InvalidInput

MOST_PINNED = 5
PERSONAL = ("body",)
"""What people write about clients may be about persons: the audit log keeps digests."""


@command("clients.note.write", "填写客户备注", "Write a note on a client", permission=CLIENTS_EDIT)
async def write_note(
    session: WriteSession, client_id: UUID, *, body: str, today: date, pinned: bool = False
) -> ClientNote:
    """A new note. Raises ClientNotFound, ClientIsMerged, InvalidInput, NotesFull."""
    clean = _body(body)
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today)
    if pinned:
        await _check_room(session, client.id)
    note = ClientNote(id=new_id(), client_id=client.id, author_id=session.actor.id, body=clean, pinned=pinned)
    session.add(note)
    after = {"client_id": client.id, "body": clean, "pinned": pinned}
    await record(session, "clients.note.write", Subject("client_note", note.id), after=after, personal=PERSONAL)
    return note


def _written_at_once(session: TenantSession, today: date, given: Given) -> WritesAtOnce:
    """`write_note` of a note that is not pinned, on a client that may be changed."""
    client = (
        select(Client.tenant_id, Client.id)
        .where(
            session.within(Client),
            Client.id == given("client_id", Uuid()),
            CLIENT.within_reach(session, CLIENTS_EDIT, today),
            Client.status != ClientStatus.MERGED,
        )
        .with_for_update()
        .cte("client_to_change")
    )
    columns = {name: given(name, kind) for name, kind in (("id", Uuid()), ("author_id", Uuid()), ("body", Text()))}
    note = (
        insert(ClientNote)
        .from_select(
            ["tenant_id", "client_id", *columns],
            select(client.c.tenant_id, client.c.id, *columns.values()),
            include_defaults=False,
        )
        .returning(*cast(Table, ClientNote.__table__).c)
        .cte("written")
    )
    return WritesAtOnce(note, (recorded_after(note, given, "clients.note.write", "client_note"),))


def _values_at_once(acting: Acting, given: Values) -> Values | None:
    try:
        body = _body(given["body"])
    except InvalidInput:
        return None
    if given.get("pinned"):
        return None
    note_id, client_id = new_id(), given["client_id"]
    after = {"client_id": client_id, "body": body, "pinned": False}
    event = event_values(acting, after=after, personal=PERSONAL)
    return {"id": note_id, "client_id": client_id, "author_id": acting.actor.id, "body": body, **event}


WRITE_NOTE_AT_ONCE = declare_at_once(AtOnce("clients.note.write", _written_at_once, _values_at_once))


@command("clients.note.edit", "修改客户备注", "Edit a note on a client", permission=CLIENTS_EDIT)
async def edit_note(
    session: WriteSession, note_id: UUID, *, body: str, today: date, expected_version: int | None = None
) -> ClientNote:
    """Change the text of one's own note. Raises NoteNotFound, ClientIsMerged, NoteOfAnother, HoldingChanged,
    InvalidInput."""
    clean = _body(body)
    note = await _to_change(session, note_id, today, expected_version)
    if note.author_id != session.actor.id:
        raise NoteOfAnother
    before = {"body": note.body}
    note.body, note.edited_at = clean, datetime.now(UTC)
    subject = Subject("client_note", note.id)
    await record(session, "clients.note.edit", subject, before=before, after={"body": clean}, personal=PERSONAL)
    return note


@command("clients.note.pin", "置顶客户备注", "Pin a note on a client", permission=CLIENTS_EDIT)
async def pin_note(session: WriteSession, note_id: UUID, *, pinned: bool, today: date) -> ClientNote:
    """Put a note on top, or take it down again; of each client at most `MOST_PINNED` are.

    Raises NoteNotFound, ClientIsMerged, NotesFull.
    """
    note = await _to_change(session, note_id, today)
    if pinned and not note.pinned:
        await _check_room(session, note.client_id)
    before = {"pinned": note.pinned}
    note.pinned = pinned
    subject = Subject("client_note", note.id)
    await record(session, "clients.note.pin", subject, before=before, after={"pinned": pinned})
    return note


@command("clients.note.remove", "删除客户备注", "Remove a note on a client", permission=CLIENTS_EDIT)
async def remove_note(session: WriteSession, note_id: UUID, *, today: date, reason: str | None = None) -> None:
    """Take the text of a note away: one's own, or with `clients.assign` over the client anybody's.

    Raises NoteNotFound, ClientIsMerged, NoteOfAnother.
    """
    note = await _to_change(session, note_id, today)
    if note.author_id != session.actor.id:
        reach = CLIENT.within_reach(session, CLIENTS_ASSIGN, today)
        if await session.find(Client, Client.id == note.client_id, reach) is None:
            raise NoteOfAnother
    before = {"body": note.body, "pinned": note.pinned}
    note.body, note.pinned, note.removed_at = "", False, datetime.now(UTC)
    await record(
        session,
        "clients.note.remove",
        Subject("client_note", note.id),
        before=before,
        after={"body": "", "pinned": False},
        personal=PERSONAL,
        reason=reason,
    )


@dataclass(frozen=True)
class NoteLine:
    """A note as lists show it."""

    id: UUID
    client_id: UUID
    author_id: UUID
    body: str
    pinned: bool
    created_at: datetime
    edited_at: datetime | None
    version: int


async def notes_page(
    session: TenantSession,
    *,
    today: date,
    client_id: UUID | None = None,
    author_id: UUID | None = None,
    paging: Paging | None = None,
) -> Page[NoteLine]:
    """Notes on clients in the actor's scope, pinned ones first, then the latest. Raises Forbidden, InvalidInput,
    ClientNotFound."""
    require(session.actor, CLIENTS_VIEW)
    statement = select(ClientNote).where(
        session.within(ClientNote),
        ClientNote.removed_at.is_(None),
        NOTE.within_reach(session, CLIENTS_VIEW, today),
    )
    if client_id is not None:
        reach = CLIENT.within_reach(session, CLIENTS_VIEW, today)
        if await session.find(Client, Client.id == client_id, reach) is None:
            raise ClientNotFound
        statement = statement.where(ClientNote.client_id == client_id)
    if author_id is not None:
        statement = statement.where(ClientNote.author_id == author_id)
    pinned = case((ClientNote.pinned, literal("1", Text())), else_=literal("0", Text()))
    keys: tuple[tuple[Any, type[Any]], ...] = (
        (pinned, str),
        (ClientNote.created_at, datetime),
        (ClientNote.id, UUID),
    )
    return await one_page(session, statement, Order("latest", keys, descending=True), paging or Paging(), _line)


def _body(body: Any) -> str:
    values, problems = cleaned({"body": body}, {"body": text}, {"body"}, new=True)
    refuse(problems)
    return str(values["body"])


async def _to_change(
    session: WriteSession, note_id: UUID, today: date, expected_version: int | None = None
) -> ClientNote:
    note, _ = await row_to_change(session, NOTE, note_id, NoteNotFound, today=today, expected_version=expected_version)
    if note.removed_at is not None:
        raise NoteNotFound
    found: ClientNote = note
    return found


async def _check_room(session: WriteSession, client_id: UUID) -> None:
    pinned = await session.scalar(
        select(func.count())
        .select_from(ClientNote)
        .where(session.within(ClientNote), ClientNote.client_id == client_id, ClientNote.pinned)
    )
    if pinned >= MOST_PINNED:
        raise NotesFull(limit=MOST_PINNED)


def _line(row: Any) -> NoteLine:
    note: ClientNote = row[0]
    return NoteLine(
        note.id,
        note.client_id,
        note.author_id,
        note.body,
        note.pinned,
        note.created_at,
        note.edited_at,
        note.version,
    )
