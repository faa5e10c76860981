"""Notes on clients: whose they are, who removes them, what a list shows."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.errors import ClientIsMerged, ClientNotFound
from steward_core.clients.holdings_errors import HoldingChanged, NoteNotFound, NoteOfAnother, NotesFull
from steward_core.clients.models import Client, ClientNote, ClientStatus
from steward_core.clients.notes import MOST_PINNED, edit_note, notes_page, pin_note, remove_note, write_note
from steward_core.clients.pages import Paging
from steward_core.permissions import CLIENTS_ASSIGN, CLIENTS_EDIT, CLIENTS_VIEW
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput
from tests.core.factories import make_client
from tests.factories import TESTS, actor_with, make_tenant

TODAY = date(2026, 11, 2)
AUTHOR, COLLEAGUE = (actor_with(CLIENTS_EDIT, CLIENTS_VIEW) for _ in range(2))
HEAD = actor_with(CLIENTS_EDIT, CLIENTS_VIEW, CLIENTS_ASSIGN)
STRANGER = actor_with(CLIENTS_EDIT, CLIENTS_VIEW, scope=Scope.OWN)


async def a_client(database: Database) -> tuple[UUID, UUID]:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        return tenant, make_client(session).id


async def test_only_the_author_edits(database: Database) -> None:
    tenant, client_id = await a_client(database)
    async with database.write(tenant, AUTHOR) as session:
        note = await write_note(session, client_id, body=" 客户计划扩容\r\n年底前签 ", today=TODAY)
        assert (note.body, note.author_id) == ("客户计划扩容\n年底前签", AUTHOR.id)
        await edit_note(session, note.id, body="改为明年初签", today=TODAY, expected_version=1)
        with pytest.raises(HoldingChanged):
            await edit_note(session, note.id, body="再改", today=TODAY, expected_version=1)
        for body in ("", " ", "坏\x00字", "长" * 4001):
            with pytest.raises(InvalidInput):
                await write_note(session, client_id, body=body, today=TODAY)
        events = await session.scalars(
            select(AuditEvent.changes).where(session.within(AuditEvent), AuditEvent.subject_id == note.id)
        )
        assert len(events) == 2
        assert "签" not in str(events)
    for other in (COLLEAGUE, HEAD):
        async with database.write(tenant, other) as session:
            with pytest.raises(NoteOfAnother):
                await edit_note(session, note.id, body="他人修改", today=TODAY)
    async with database.write(tenant, STRANGER) as session:
        with pytest.raises(NoteNotFound):
            await edit_note(session, note.id, body="他人修改", today=TODAY)
        with pytest.raises(ClientNotFound):
            await write_note(session, client_id, body="看不见", today=TODAY)
        with pytest.raises(ClientNotFound):
            await notes_page(session, client_id=client_id, today=TODAY)


async def test_removed_by_its_author_or_a_supervisor(database: Database) -> None:
    tenant, client_id = await a_client(database)
    async with database.write(tenant, AUTHOR) as session:
        notes = [await write_note(session, client_id, body="备注", today=TODAY) for _ in range(2)]
    async with database.write(tenant, COLLEAGUE) as session:
        with pytest.raises(NoteOfAnother):
            await remove_note(session, notes[0].id, today=TODAY)
    for note, remover in zip(notes, (AUTHOR, HEAD), strict=True):
        async with database.write(tenant, remover) as session:
            await remove_note(session, note.id, today=TODAY, reason="写错客户")
            with pytest.raises(NoteNotFound):
                await remove_note(session, note.id, today=TODAY)
    async with database.read(tenant, HEAD) as session:
        assert (await notes_page(session, client_id=client_id, today=TODAY)).rows == ()
        kept = await session.scalars(select(ClientNote.body).where(session.within(ClientNote)))
        assert list(kept) == ["", ""]


async def test_pinned_ones_come_first(database: Database) -> None:
    tenant, client_id = await a_client(database)
    ids = []
    for number in range(MOST_PINNED + 2):
        async with database.write(tenant, AUTHOR) as session:
            ids.append((await write_note(session, client_id, body=f"第{number}条", today=TODAY)).id)
    async with database.write(tenant, COLLEAGUE) as session:
        for note_id in ids[:MOST_PINNED]:
            await pin_note(session, note_id, pinned=True, today=TODAY)
        with pytest.raises(NotesFull):
            await pin_note(session, ids[-1], pinned=True, today=TODAY)
        with pytest.raises(NotesFull):
            await write_note(session, client_id, body="置顶", pinned=True, today=TODAY)
        await pin_note(session, ids[0], pinned=False, today=TODAY)
    async with database.read(tenant, HEAD) as session:
        seen: list[UUID] = []
        cursor: str | None = None
        while True:
            page = await notes_page(session, client_id=client_id, today=TODAY, paging=Paging(3, cursor))
            seen += [line.id for line in page.rows]
            if (cursor := page.next_cursor) is None:
                break
        assert seen == [*reversed(ids[1:MOST_PINNED]), ids[6], ids[5], ids[0]]
        assert (await notes_page(session, author_id=HEAD.id, today=TODAY)).rows == ()


async def test_merged_clients_take_no_notes(database: Database) -> None:
    tenant, client_id = await a_client(database)
    async with database.write(tenant, AUTHOR) as session:
        client = await session.get(Client, client_id)
        assert client is not None
        client.status = ClientStatus.MERGED
        await session.flush()
        with pytest.raises(ClientIsMerged):
            await write_note(session, client_id, body="备注", today=TODAY)
