"""Mutations with their own transactions: people, support, personal data, imports, runs, exports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from steward_core.clients.models import Client
from steward_core.imports.models import ImportBatch
from steward_core.permissions import CLIENTS_EXPORT, CLIENTS_VIEW
from steward_core.runs.errors import RunNotFound
from steward_core.runs.models import Run
from steward_core.runs.service import RUN_KINDS, RunTools, declare_run_kind, request_run
from steward_graphql.declared.scalars import enum_name
from steward_graphql.errors import InvitationNotMailed
from steward_graphql.mutations.runs import ASKED_FOR, MOST_SECONDS
from steward_tenants.access import permissions as p
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import AccountStatus
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.files.models import StoredFile
from steward_tenants.files.service import release, upload
from steward_tenants.people.models import User
from steward_tenants.privacy.models import PrivacyRequest
from steward_tenants.support.models import SupportAccess
from tests.core.clients.companies import acts_as
from tests.factories import TESTS, make_account, make_member
from tests.gql.mutations.asking import ask
from tests.gql.mutations.place import Place


def fresh() -> str:
    return f"zhao-{uuid4().hex[:10]}@example.test"


async def test_a_person_is_created_and_invited(place: Place) -> None:
    login = fresh()
    answer = await place.ask(
        "createPerson", fields={"login": login, "name": "赵一", "title": "客户经理"}, unitId=str(place.unit.id)
    )
    assert (answer["mailedTo"], answer["url"]) == (login, None)
    assert answer["expiresAt"] is not None
    (user,) = await place.rows(User, User.id == answer["person"])
    assert (user.status, user.unit_id, user.title) == ("invited", place.unit.id, "客户经理")
    letters = list((place.folder / "mail").iterdir())
    assert len(letters) == 1
    again = await place.ask("invitePerson", personId=str(user.id))
    assert (again["person"], again["mailedTo"]) == (user.id, login)
    with pytest.raises(InvalidInput) as refused:
        await place.ask("createPerson", fields={"login": "x", "name": "赵一"})
    assert refused.value.problems[0].path == ("fields", "login")


class _Broken:
    async def send(self, _letter: Any) -> None:
        raise OSError


async def test_a_letter_that_cannot_be_sent_leaves_the_person(place: Place) -> None:
    who = place.asked()
    object.__setattr__(who, "mailer", _Broken())
    answer = await ask(who, "createPerson", fields={"login": fresh(), "name": "赵二"})
    assert (answer["mailedTo"], answer["url"], answer["expiresAt"]) == (None, None, None)
    with pytest.raises(InvitationNotMailed):
        await ask(who, "invitePerson", personId=str(answer["person"]))


async def test_people_are_shut_out_and_let_in(place: Place) -> None:
    person = await make_member(place.database, place.tenant_id, unit_id=place.unit.id)
    await place.ask("disablePerson", personId=str(person.id), reason="离职")
    (row,) = await place.rows(User, User.id == person.id)
    assert row.status == "disabled"
    assert (await place.ask("enablePerson", personId=str(person.id)))["person"] == person.id
    answer = await place.ask("resetSecondFactor", personId=str(person.id))
    assert answer == {"person": person.id, "done": True}
    with pytest.raises(Forbidden):
        await place.ask("disablePerson", place.as_manager, personId=str(person.id), reason="离职")


async def test_support_and_the_tenant(place: Place) -> None:
    operator = await make_account(place.database, is_operator=True, status=AccountStatus.ACTIVE)
    with pytest.raises(InvalidInput) as refused:
        await place.ask("grantSupportAccess", operatorLogin=operator.login, hours=1000, reason="排查")
    assert refused.value.problems[0].path == ("hours",)
    assert await place.rows(SupportAccess) == []
    answer = await place.ask("changeTenant", name="华信通信")
    assert (answer["name"], answer["timeZone"]) == ("华信通信", "Asia/Shanghai")
    with pytest.raises(InvalidInput) as refused:
        await place.ask("changeTenant", timeZone="Nowhere")
    assert refused.value.problems[0].path == ("time_zone",)


async def test_personal_data_is_copied_for_the_person(place: Place) -> None:
    request = await place.ask("requestPersonalData", place.as_manager, kind="EXPORT", personId=str(place.manager.id))
    answer = await place.ask("copyPersonalData", requestId=str(request["privacyRequest"]))
    assert answer["privacyRequest"] == request["privacyRequest"]
    assert answer["file"] == answer["fileId"]
    assert answer["download"] == f"/files/{answer['fileId']}"
    (row,) = await place.rows(PrivacyRequest)
    assert (row.status, row.file_id) == ("done", answer["fileId"])


async def uploaded(place: Place, content: bytes, name: str = "客户.csv") -> StoredFile:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    who = place.asked()
    return await upload(
        place.database, who.tools.files, place.tenant_id, who.caller.actor, chunks(), name=name, media_type="text/csv"
    )


async def test_an_uploaded_file_is_imported(place: Place) -> None:
    file = await uploaded(place, "客户编码,客户名称,客户类型\nM-1,甲店,shop\nM-2,乙店,shop\n".encode())
    begun = await place.ask("startImport", fileId=str(file.id), target="client", seconds=5)
    (batch,) = await place.rows(ImportBatch)
    assert (begun["importBatch"], batch.status, batch.counts["created"]) == (batch.id, "checked", 2)
    run = (await place.ask("applyImport", batchId=str(batch.id)))["run"]
    assert (await place.ask("advanceRun", runId=str(run), seconds=5)) == {"run": run}
    assert {"甲店", "乙店"} <= await place.names()
    undo = (await place.ask("undoImport", batchId=str(batch.id)))["run"]
    await place.ask("advanceRun", runId=str(undo), seconds=5)
    assert not {"甲店", "乙店"} & await place.names()


async def test_an_import_waits_when_nobody_drives_it(place: Place) -> None:
    file = await uploaded(place, "客户编码,客户名称,客户类型\nM-1,甲店,shop\n".encode())
    begun = await place.ask(
        "startImport", fileId=str(file.id), target="client", columns={"客户名称": "name", "客户类型": "kind"}
    )
    (run,) = await place.rows(Run, Run.id == begun["run"])
    assert run.status == "waiting"
    with pytest.raises(InvalidInput) as refused:
        await place.ask("startImport", fileId=str(file.id), target="client", options={"mode": "sometimes"})
    assert refused.value.problems[0].path == ("options", "mode")


STEPS: list[int] = []


async def _slow(session: WriteSession, run: Run, tools: RunTools) -> bool:
    run.done += 1
    STEPS.append(run.done)
    await asyncio.sleep(0.4)
    return run.done >= 8


async def test_a_run_is_driven_for_a_while(place: Place) -> None:
    if "tests.slow" not in RUN_KINDS:
        declare_run_kind("tests.slow", "慢任务", "Slow work", CLIENTS_VIEW, _slow)
    async with place.database.write(place.tenant_id, place.as_boss) as session:
        run = (await request_run(session, "tests.slow")).id
    await place.ask("advanceRun", runId=str(run), seconds=1)
    (row,) = await place.rows(Run, Run.id == run)
    assert row.status == "running"
    assert 0 < row.done < 8
    with pytest.raises(RunNotFound):
        await place.ask("advanceRun", place.as_manager, runId=str(run), seconds=1)
    for seconds in (0, MOST_SECONDS + 1):
        with pytest.raises(InvalidInput) as refused:
            await place.ask("advanceRun", runId=str(run), seconds=seconds)
        assert refused.value.problems[0].path == ("seconds",)
    await place.ask("advanceRun", runId=str(run), seconds=MOST_SECONDS)
    (row,) = await place.rows(Run, Run.id == run)
    assert (row.status, row.done) == ("done", 8)


@pytest.mark.parametrize("kind", ASKED_FOR)
async def test_what_is_asked_for_by_itself_has_all_that_it_needs(place: Place, kind: str) -> None:
    run = (await place.ask("requestRun", kind=enum_name(kind), period="2026-11"))["run"]
    await place.ask("advanceRun", runId=str(run), seconds=MOST_SECONDS)
    (row,) = await place.rows(Run, Run.id == run)
    assert (row.status, row.error) == ("done", None)


async def _broken(session: WriteSession, run: Run, tools: RunTools) -> bool:
    if run.done:
        raise KeyError(run.kind)
    run.done = 1
    return False


async def test_a_run_that_fails_says_why(place: Place) -> None:
    if "tests.broken" not in RUN_KINDS:
        declare_run_kind("tests.broken", "坏任务", "Broken work", CLIENTS_VIEW, _broken)
    async with place.database.write(place.tenant_id, place.as_boss) as session:
        run = (await request_run(session, "tests.broken")).id
    assert await place.ask("advanceRun", runId=str(run), seconds=5) == {"run": run}
    (row,) = await place.rows(Run, Run.id == run)
    assert row.status == "failed"
    assert row.error is not None
    await place.ask("resumeRun", runId=str(run))


async def bytes_of(place: Place, file_id: UUID) -> bytes:
    store = place.asked().tools.files
    return b"".join([chunk async for chunk in store.read(place.tenant_id, file_id)])


async def test_clients_are_exported_into_a_file_of_ones_own(place: Place) -> None:
    answer = await place.ask(
        "exportClients", format="CSV", fields=["name", "phone"], clients={"statuses": ["ACTIVE"], "text": None}
    )
    assert answer["rows"] == 1
    content = (await bytes_of(place, answer["fileId"])).decode("utf-8-sig")
    assert "恒达商贸" in content
    assert "13900003333" not in content
    shown = await place.ask("exportClients", format="CSV", reveal=True)
    assert "13900003333" in (await bytes_of(place, shown["fileId"])).decode("utf-8-sig")
    (row,) = await place.rows(StoredFile, StoredFile.id == answer["fileId"])
    assert (row.purpose, row.owner_id) == ("export", place.boss.id)
    assert row.expires_at is not None
    assert row.expires_at - row.created_at < timedelta(days=8)
    assert (await place.actions()).count("read.export") == 2
    async with place.database.write(place.tenant_id, place.as_boss) as session:
        await release(session, answer["fileId"])
    none = await place.ask("exportClients", clients={"inPool": True})
    assert none["rows"] == 0


async def test_other_rows_are_exported(place: Place) -> None:
    await place.ask("addContact", clientId=str(place.client_id), fields={"name": "钱七"})
    answer = await place.ask("exportRows", what="contact")
    assert answer["rows"] == 1
    assert (await bytes_of(place, answer["fileId"])).startswith(b"PK")
    with pytest.raises(InvalidInput) as refused:
        await place.ask("exportRows", what="contact", fields=["nothing"])
    assert refused.value.problems[0].path == ("fields", "nothing")
    with pytest.raises(Forbidden):
        await place.ask("exportClients", place.as_manager)


async def test_people_and_the_audit_log_are_exported(place: Place) -> None:
    people = await place.ask("exportPeople", text="")
    assert place.manager.login in (await bytes_of(place, people["fileId"])).decode("utf-8-sig")
    auditor = acts_as(place.manager, p.AUDIT_EXPORT, scope=Scope.ALL)
    since, until = "2026-01-01T00:00:00+08:00", "2026-12-31T00:00:00+08:00"
    log = await place.ask("exportAuditLog", auditor, since=since, until=until, form="CSV")
    assert (await bytes_of(place, log["fileId"])).startswith(b"\xef\xbb\xbf")
    empty = await place.ask("exportAuditLog", auditor, since=since, until="2026-01-02T00:00:00+08:00")
    assert await bytes_of(place, empty["fileId"]) == b""
    with pytest.raises(InvalidInput):
        await place.ask("exportAuditLog", auditor, since=since, until="2027-12-31T00:00:00+08:00")
    reader = place.as_manager_with(CLIENTS_EXPORT, CLIENTS_VIEW, scope=Scope.ALL)
    other = acts_as(place.boss, CLIENTS_EXPORT, scope=Scope.ALL)
    for actor, file in ((other, log), (reader, people)):
        async with place.database.write(place.tenant_id, actor) as session:
            with pytest.raises(Exception, match="file"):
                await release(session, file["fileId"])
    assert {"read.audit", "read.people.export"} <= {one.action for one in await place.rows(AuditEvent)}


async def test_nothing_stays_of_an_export_that_failed(place: Place) -> None:
    who = place.asked(TESTS)
    with pytest.raises(Exception, match="target"):
        await ask(who, "exportRows", what="nothing")
    assert await place.rows(StoredFile) == []
    assert not [path for path in (place.folder / "files").rglob("*") if path.is_file()]
    assert len(await place.rows(Client)) == 1
