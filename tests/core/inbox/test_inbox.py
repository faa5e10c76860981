"""The inbox: what waits appears to whoever may decide, and goes when it is decided."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from steward_core.clients.models import ClientStatus, DuplicatePair, HandOver, HandOverItem, HandOverStatus
from steward_core.forms.service import move_record, save_record
from steward_core.gradings.models import Grading, GradingObjection, GradingStatus, ObjectionStatus
from steward_core.imports.models import ImportBatch, ImportStatus
from steward_core.inbox.items import InboxItem, InboxKind
from steward_core.inbox.queries import inbox_counts, inbox_fingerprint, inbox_of
from steward_core.permissions import (
    CLIENTS_MERGE,
    CLIENTS_VIEW,
    FORMS_EDIT,
    FORMS_VIEW,
    GRADINGS_DECIDE,
    GRADINGS_OBJECT,
    GRADINGS_VIEW,
    RECORDS_IMPORT,
)
from steward_core.runs.models import Run, RunStatus
from steward_tenants.access.permissions import PRIVACY_DECIDE
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import InvalidInput
from steward_tenants.files.models import StoredFile
from steward_tenants.privacy.models import PrivacyRequestKind
from steward_tenants.privacy.service import open_privacy_request, refuse_privacy_request
from tests.core.factories import make_client
from tests.core.forms.workshop import Place, installed, make_place
from tests.factories import TESTS, actor_with, make_unit, make_user

TODAY = date(2026, 11, 5)
WISH = "workshop.wish"


@pytest_asyncio.fixture
async def place(database: Database) -> AsyncIterator[Place]:
    """A tenant of its own with the industry on, and a client."""
    with installed():
        yield await make_place(database)


async def inbox(database: Database, tenant_id: UUID, actor: Actor, **wanted: Any) -> list[InboxItem]:
    async with database.read(tenant_id, actor) as session:
        items = await inbox_of(session, today=TODAY, **wanted)
        counts = await inbox_counts(session, today=TODAY)
    if not wanted:
        sums = {
            kind: sum(item.count if kind is InboxKind.DUPLICATES else 1 for item in items if item.kind is kind)
            for kind in counts
        }
        assert counts == sums
    return items


async def kinds(database: Database, tenant_id: UUID, actor: Actor) -> list[InboxKind]:
    return [item.kind for item in await inbox(database, tenant_id, actor)]


async def test_forms_wait_for_somebody_else(database: Database, place: Place) -> None:
    anna, ben = actor_with(FORMS_EDIT, FORMS_VIEW), actor_with(FORMS_EDIT, FORMS_VIEW)
    carl, dora = actor_with(FORMS_EDIT, FORMS_VIEW, scope=Scope.OWN), actor_with(FORMS_VIEW)
    async with database.write(place.tenant_id, anna) as session:
        wish = await save_record(session, WISH, place.client_id, {"reason": "老客户"}, today=TODAY, state="submitted")
    assert await inbox(database, place.tenant_id, anna) == []
    (item,) = await inbox(database, place.tenant_id, ben)
    assert (item.kind, item.id, item.client_id) == (InboxKind.FORM_APPROVAL, wish.id, place.client_id)
    assert "待审批" in item.title.zh
    for actor in (carl, dora, actor_with(CLIENTS_VIEW)):
        assert await inbox(database, place.tenant_id, actor) == []
    async with database.write(place.tenant_id, ben) as session:
        await move_record(session, wish.id, "approve", today=TODAY)
    assert await inbox(database, place.tenant_id, ben) == []


async def test_whoever_wrote_an_earlier_version_has_nothing_to_decide(database: Database, place: Place) -> None:
    anna, ben, carl = (actor_with(FORMS_EDIT, FORMS_VIEW) for _ in range(3))
    async with database.write(place.tenant_id, anna) as session:
        wish = await save_record(session, WISH, place.client_id, {"reason": "甲"}, today=TODAY, state="submitted")
    for editor, reason in ((carl, "乙"), (anna, "丙")):
        async with database.write(place.tenant_id, ben) as session:
            await move_record(session, wish.id, "reject", today=TODAY, reason="不全")
        assert await inbox(database, place.tenant_id, ben) == []
        values = {"reason": reason}
        async with database.write(place.tenant_id, editor) as session:
            await save_record(session, WISH, place.client_id, values, today=TODAY, record_id=wish.id, state="submitted")
    assert await inbox(database, place.tenant_id, carl) == []
    assert await kinds(database, place.tenant_id, ben) == [InboxKind.FORM_APPROVAL]


async def test_forms_of_other_tenants_and_of_plugins_that_are_off_do_not_wait(database: Database, place: Place) -> None:
    other = await make_place(database)
    anna, ben = actor_with(FORMS_EDIT, FORMS_VIEW), actor_with(FORMS_EDIT, FORMS_VIEW)
    async with database.write(other.tenant_id, anna) as session:
        await save_record(session, WISH, other.client_id, {"reason": "甲"}, today=TODAY, state="submitted")
    assert await inbox(database, place.tenant_id, ben) == []
    assert len(await inbox(database, other.tenant_id, ben)) == 1


async def test_objections_wait_and_their_decisions_are_told(database: Database, place: Place) -> None:
    raiser, decider = actor_with(GRADINGS_OBJECT, GRADINGS_VIEW), actor_with(GRADINGS_DECIDE)
    stranger = actor_with(GRADINGS_DECIDE, GRADINGS_VIEW, scope=Scope.OWN)
    async with database.write(place.tenant_id, TESTS) as session:
        unit = make_unit(session)
        await session.flush()
        grading = Grading(
            id=new_id(), scheme="x.y", unit_id=unit.id, period="2026Q3", period_start=date(2026, 7, 1),
            period_end=date(2026, 10, 1), revision=1, status=GradingStatus.PREVIEW, rule_version=1, policy={},
            input_names=[], counts={}, requested_by=new_id(),
        )  # fmt: skip
        session.add(grading)
        wish = await save_record(session, WISH, place.client_id, {"reason": "甲"}, today=TODAY)
        await session.flush()
        objection = GradingObjection(
            id=new_id(), grading_id=grading.id, client_id=place.client_id, record_id=wish.id, reason="有误",
            claimed={}, corrections={}, raised_by=raiser.id, status=ObjectionStatus.OPEN,
        )  # fmt: skip
        session.add(objection)
    assert [item.id for item in await inbox(database, place.tenant_id, decider)] == [objection.id]
    assert await inbox(database, place.tenant_id, raiser) == []
    assert await inbox(database, place.tenant_id, stranger) == []
    for status, said in ((ObjectionStatus.UPHELD, "upheld"), (ObjectionStatus.REJECTED, "rejected")):
        async with database.write(place.tenant_id, TESTS) as session:
            row = await session.get(GradingObjection, objection.id)
            assert row is not None
            row.status, row.decided_at = status.value, datetime.now(UTC)
        (item,) = await inbox(database, place.tenant_id, raiser)
        assert item.kind is InboxKind.OBJECTION_DECIDED
        assert said in item.title.en
        assert await inbox(database, place.tenant_id, decider) == []
    async with database.write(place.tenant_id, TESTS) as session:
        row = await session.get(GradingObjection, objection.id)
        assert row is not None
        row.decided_at = datetime.now(UTC) - timedelta(days=8)
    assert await inbox(database, place.tenant_id, raiser) == []


async def test_personal_data_requests_wait_for_others(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, TESTS) as session:
        person = make_user(session)
    own, decider = actor_with(PRIVACY_DECIDE, user=person), actor_with(PRIVACY_DECIDE)
    async with database.write(place.tenant_id, own) as session:
        request = await open_privacy_request(session, PrivacyRequestKind.ERASURE, person.id)
    (item,) = await inbox(database, place.tenant_id, decider)
    assert (item.kind, item.id) == (InboxKind.PRIVACY_REQUEST, request.id)
    assert item.title.en.endswith("erasure")
    assert await inbox(database, place.tenant_id, own) == []
    assert await inbox(database, place.tenant_id, actor_with(CLIENTS_VIEW)) == []
    async with database.write(place.tenant_id, decider) as session:
        await refuse_privacy_request(session, request.id, reason="仍在职")
    assert await inbox(database, place.tenant_id, decider) == []


async def test_imports_and_runs_are_told_to_whose_they_are(database: Database, place: Place) -> None:
    own, other = actor_with(RECORDS_IMPORT), actor_with(RECORDS_IMPORT)
    async with database.write(place.tenant_id, own) as session:
        file = StoredFile(
            id=new_id(), purpose="import", name="客户.xlsx", media_type="text/csv", size=1, sha256=b"x", owner_id=own.id
        )
        session.add(file)
        await session.flush()
        batch = ImportBatch(
            id=new_id(), target="client", status=ImportStatus.CHECKED, file_id=file.id, file_name="客户.xlsx",
            columns={}, created_by=own.id,
        )  # fmt: skip
        done = Run(
            id=new_id(), kind="import.apply", status=RunStatus.DONE, requested_by=own.id, finished_at=datetime.now(UTC)
        )
        check = Run(
            id=new_id(), kind="import.check", status=RunStatus.DONE, requested_by=own.id, finished_at=datetime.now(UTC)
        )
        foreign = Run(id=new_id(), kind="clients.duplicates", status=RunStatus.DONE, requested_by=own.id)
        old = Run(
            id=new_id(), kind="import.undo", status=RunStatus.DONE, requested_by=own.id,
            finished_at=datetime.now(UTC) - timedelta(days=8),
        )  # fmt: skip
        session.add(batch, done, check, foreign, old)
    found = {item.kind: item for item in await inbox(database, place.tenant_id, own)}
    assert set(found) == {InboxKind.IMPORT_WAITING, InboxKind.RUN_ENDED}
    assert found[InboxKind.IMPORT_WAITING].title.zh.endswith("客户.xlsx")
    assert found[InboxKind.RUN_ENDED].id == done.id
    assert await inbox(database, place.tenant_id, other) == []
    async with database.write(place.tenant_id, own) as session:
        row = await session.get(ImportBatch, batch.id)
        assert row is not None
        row.status = ImportStatus.FAILED.value
    assert InboxKind.IMPORT_FAILED in await kinds(database, place.tenant_id, own)


async def test_hand_overs_are_told_to_the_receiver(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, TESTS) as session:
        person, somebody = make_user(session), make_user(session)
        clients = [make_client(session) for _ in range(2)]
        await session.flush()
        hand_over = HandOver(
            id=new_id(), effective_on=date(2026, 12, 1), reason="调岗", clients=2, requested_by=somebody.id
        )
        session.add(hand_over)
        await session.flush()
        session.add(
            *(HandOverItem(hand_over_id=hand_over.id, client_id=one.id, to_owner_id=person.id) for one in clients)
        )
    actor, other = actor_with(CLIENTS_VIEW, user=person), actor_with(CLIENTS_VIEW, user=somebody)
    (item,) = await inbox(database, place.tenant_id, actor)
    assert (item.kind, item.id, item.client_id, item.count) == (InboxKind.HAND_OVER_PLANNED, hand_over.id, None, 2)
    assert "2026-12-01" in item.title.zh
    assert await inbox(database, place.tenant_id, other) == []
    async with database.write(place.tenant_id, TESTS) as session:
        row = await session.get(HandOver, hand_over.id)
        assert row is not None
        row.status, row.applied_at = HandOverStatus.APPLIED.value, datetime.now(UTC)
        moved = await session.find(HandOverItem, HandOverItem.client_id == clients[0].id)
        assert moved is not None
        moved.outcome = "moved"
    (item,) = await inbox(database, place.tenant_id, actor)
    assert (item.kind, item.count) == (InboxKind.HAND_OVER_DONE, 1)


async def test_duplicates_are_one_counted_line(database: Database, place: Place) -> None:
    async with database.write(place.tenant_id, TESTS) as session:
        person = make_user(session)
        await session.flush()
        mine, twin, third = make_client(session, owner_id=person.id), make_client(session), make_client(session)
        gone = make_client(session, status=ClientStatus.MERGED)
        await session.flush()
        for first, second in ((mine, twin), (twin, third), (mine, gone)):
            session.add(DuplicatePair(id=new_id(), first_id=first.id, second_id=second.id, reasons=["near_equal_name"]))
    (item,) = await inbox(database, place.tenant_id, actor_with(CLIENTS_MERGE))
    assert (item.kind, item.id, item.count) == (InboxKind.DUPLICATES, None, 2)
    (item,) = await inbox(database, place.tenant_id, actor_with(CLIENTS_MERGE, scope=Scope.OWN, user=person))
    assert item.count == 1
    assert await inbox(database, place.tenant_id, actor_with(CLIENTS_VIEW)) == []


async def test_limits_kinds_and_the_print(database: Database, place: Place) -> None:
    anna, ben = actor_with(FORMS_EDIT, FORMS_VIEW), actor_with(FORMS_EDIT, FORMS_VIEW, CLIENTS_MERGE)

    async def printed() -> object:
        async with database.read(place.tenant_id, ben) as session:
            return await inbox_fingerprint(session, today=TODAY)

    empty = await printed()
    ids = []
    for reason in ("甲", "乙", "丙"):
        async with database.write(place.tenant_id, anna) as session:
            client = make_client(session)
            await session.flush()
            wish = await save_record(session, WISH, client.id, {"reason": reason}, today=TODAY, state="submitted")
            ids.append(wish.id)
    full = await printed()
    assert full != empty
    assert full == await printed()
    newest = await inbox(database, place.tenant_id, ben, limit=2)
    assert [item.id for item in newest] == ids[:0:-1]
    assert await inbox(database, place.tenant_id, ben, kinds=[InboxKind.DUPLICATES]) == []
    assert len(await inbox(database, place.tenant_id, ben, kinds=[InboxKind.FORM_APPROVAL])) == 3
    async with database.write(place.tenant_id, ben) as session:
        await move_record(session, ids[0], "approve", today=TODAY)
    assert await printed() not in (full, empty)
    async with database.read(place.tenant_id, ben) as reading:
        for limit in (0, 101):
            with pytest.raises(InvalidInput):
                await inbox_of(reading, today=TODAY, limit=limit)
