"""Files on clients: hung on by who uploaded them, opened by who reaches the client, from either kind of store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from uuid import UUID

import pytest

from steward_core.clients.attachments import AttachedTo, attach, attachments_page, detach, open_attachment
from steward_core.clients.contracts import create_contract
from steward_core.clients.errors import ClientNotFound
from steward_core.clients.holdings_errors import AttachedAlready, AttachmentNotFound
from steward_core.clients.models import Client
from steward_core.clients.notes import remove_note, write_note
from steward_core.clients.pages import Paging
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_tenants.access.permissions import FILES_USE
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import InvalidInput
from steward_tenants.files.errors import FileNotFound
from steward_tenants.files.service import delete_file, release, sweep, upload
from tests.core.factories import make_client
from tests.factories import TESTS, actor_with, make_tenant, make_user
from tests.files.conftest import objects, place, service  # noqa: F401 - fixtures
from tests.files.places import Place
from tests.turns import meanwhile

TODAY = date(2026, 11, 2)
PDF = b"%PDF-1.7 contract"


async def _bytes() -> AsyncIterator[bytes]:
    yield PDF


class Desk:
    """A client, its owner, a colleague who reaches nothing, and a supervisor."""

    def __init__(self, database: Database, place: Place) -> None:  # noqa: F811
        self.database, self.place = database, place

    async def open(self) -> Desk:
        self.tenant = await make_tenant(self.database)
        async with self.database.write(self.tenant, TESTS) as session:
            people = [make_user(session) for _ in range(2)]
            await session.flush()
            self.client_id = make_client(session, owner_id=people[0].id).id
        may = (CLIENTS_EDIT, CLIENTS_VIEW, FILES_USE)
        self.owner, self.colleague = (actor_with(*may, scope=Scope.OWN, user=person) for person in people)
        self.head = actor_with(*may)
        return self

    async def uploaded(self, name: str = "合同.pdf", *, by_head: bool = False) -> UUID:
        file = await upload(
            self.database,
            self.place.store,
            self.tenant,
            self.head if by_head else self.owner,
            _bytes(),
            name=name,
            media_type="application/pdf",
        )
        return file.id

    async def attached(self, file_id: UUID, title: str = "合同扫描件") -> UUID:
        async with self.database.write(self.tenant, self.owner) as session:
            attachment = await attach(session, self.client_id, file_id=file_id, title=title, today=TODAY)
            return attachment.id

    async def read(self, file_id: UUID) -> bytes:
        async with self.database.write(self.tenant, self.head) as session:
            page = await attachments_page(session, self.client_id, today=TODAY)
            (line,) = (line for line in page.rows if line.file_id == file_id)
            stored = await open_attachment(session, line.id, today=TODAY)
            assert session.audited == ["read.file"]
        return b"".join([chunk async for chunk in self.place.store.read(self.tenant, stored.id)])


@pytest.fixture
async def desk(database: Database, place: Place) -> Desk:  # noqa: F811
    """A desk over either kind of store."""
    return await Desk(database, place).open()


async def test_opened_by_who_reaches_the_client_and_not_as_an_upload(desk: Desk) -> None:
    file_id = await desk.uploaded()
    attachment_id = await desk.attached(file_id)
    assert await desk.read(file_id) == PDF
    async with desk.database.write(desk.tenant, desk.owner) as session:
        with pytest.raises(FileNotFound):
            await release(session, file_id)
        with pytest.raises(FileNotFound):
            await delete_file(session, file_id)
    async with desk.database.write(desk.tenant, desk.colleague) as session:
        with pytest.raises(AttachmentNotFound):
            await open_attachment(session, attachment_id, today=TODAY)
        with pytest.raises(AttachmentNotFound):
            await detach(session, attachment_id, today=TODAY)
        with pytest.raises(ClientNotFound):
            await attachments_page(session, desk.client_id, today=TODAY)
    async with desk.database.write(desk.tenant, TESTS) as session:
        client = await session.get(Client, desk.client_id)
        assert client is not None
        client.owner_id = desk.colleague.id
    async with desk.database.write(desk.tenant, desk.owner) as session:
        with pytest.raises(AttachmentNotFound):
            await open_attachment(session, attachment_id, today=TODAY)


async def test_off_everything_its_bytes_go(desk: Desk) -> None:
    file_id = await desk.uploaded()
    first = await desk.attached(file_id)
    async with desk.database.write(desk.tenant, desk.owner) as session:
        contract = await create_contract(
            session, desk.client_id, fields={"number": "HT-1", "title": "专线", "start_on": TODAY}, today=TODAY
        )
        second = await attach(
            session,
            desk.client_id,
            file_id=file_id,
            title="合同",
            today=TODAY,
            subject_kind=AttachedTo.CONTRACT,
            subject_id=contract.id,
        )
    async with desk.database.write(desk.tenant, desk.owner) as session:
        await detach(session, first, today=TODAY)
    assert await sweep(desk.database, desk.place.store, desk.tenant, TESTS) == 0
    assert await desk.read(file_id) == PDF
    async with desk.database.write(desk.tenant, desk.owner) as session:
        await detach(session, second.id, today=TODAY)
        with pytest.raises(AttachmentNotFound):
            await detach(session, second.id, today=TODAY)
    assert await sweep(desk.database, desk.place.store, desk.tenant, TESTS) == 1
    assert desk.place.remains() == 0


async def test_what_cannot_be_attached(desk: Desk) -> None:
    own, heads = await desk.uploaded(), await desk.uploaded(by_head=True)
    await desk.attached(own)
    async with desk.database.write(desk.tenant, desk.owner) as session:
        note = await write_note(session, desk.client_id, body="见附件", today=TODAY)
        with pytest.raises(AttachedAlready):
            await attach(session, desk.client_id, file_id=own, title="又一次", today=TODAY)
        for unknown in (heads, new_id()):
            with pytest.raises(FileNotFound):
                await attach(session, desk.client_id, file_id=unknown, title="他人的", today=TODAY)
        for kind, subject in (
            (AttachedTo.CONTRACT, note.id),
            (AttachedTo.NOTE, None),
            (AttachedTo.RECORD, desk.client_id),
        ):
            with pytest.raises(InvalidInput) as refused:
                await attach(
                    session,
                    desk.client_id,
                    file_id=own,
                    title="",
                    today=TODAY,
                    subject_kind=kind,
                    subject_id=subject,
                )
            assert [problem.path for problem in refused.value.problems] == [("title",), ("subject_id",)]
        on_note = {"subject_kind": AttachedTo.NOTE, "subject_id": note.id}
        await attach(session, desk.client_id, file_id=own, title="备注附件", today=TODAY, **on_note)  # type: ignore[arg-type]
        await remove_note(session, note.id, today=TODAY)
        page = await attachments_page(session, desk.client_id, today=TODAY, subject_kind=AttachedTo.NOTE)
        assert [line.title for line in page.rows] == ["备注附件"]
        whole = await attachments_page(session, desk.client_id, today=TODAY, paging=Paging(size=1))
        rest = await attachments_page(session, desk.client_id, today=TODAY, paging=Paging(1, whole.next_cursor))
        assert {line.title for line in (*whole.rows, *rest.rows)} == {"备注附件", "合同扫描件"}
        assert {line.file_name for line in whole.rows} == {"合同.pdf"}
        assert whole.rows[0].size == len(PDF)


async def test_of_two_who_attach_the_same_at_once_one_does(desk: Desk) -> None:
    file_id = await desk.uploaded()

    async def attaching(session: object) -> None:
        await attach(session, desk.client_id, file_id=file_id, title="扫描件", today=TODAY)  # type: ignore[arg-type]

    error = await meanwhile(desk.database, desk.tenant, desk.owner, attaching, attaching)
    assert isinstance(error, AttachedAlready)
