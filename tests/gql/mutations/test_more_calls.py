"""Further groups of commands: gradings, attachments, files, support, configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from steward_core.clients.models import Attachment
from steward_core.configuration_file.service import export_configuration
from steward_core.gradings.models import Grading, GradingObjection
from steward_tenants.access.service import install_builtin_roles
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.directory.models import AccountStatus
from steward_tenants.errors import InvalidInput
from steward_tenants.files.models import StoredFile
from steward_tenants.files.service import upload
from steward_tenants.support.models import SupportAccess
from tests.core.clients.companies import acts_as
from tests.core.gradings.county import SCHEME, fill_county, make_county
from tests.factories import TESTS, make_account
from tests.gql.mutations.asking import ask, asked
from tests.gql.mutations.place import ALL, Place


async def test_a_grading_from_its_request_to_an_objection(database: Database, place: Place) -> None:
    county = await make_county(database, 3)
    await fill_county(database, county)
    head = acts_as(place.boss, *ALL, scope=Scope.ALL)
    who = asked(database, county.tenant_id, head, folder=place.folder)
    answer = await ask(who, "requestGrading", schemeKey=SCHEME, unitId=str(county.unit_id))
    await ask(who, "advanceRun", runId=str(answer["run"]), seconds=20)
    grading: dict[str, Any] = {"gradingId": str(answer["grading"])}
    assert await ask(who, "bindGrading", **grading, reason="通过") == {"grading": answer["grading"]}
    with pytest.raises(InvalidInput) as refused:
        await ask(
            who, "objectToGrading", **grading, clientId=str(county.clients[0]), reason="有误", claimed={"nothing": 1}
        )
    assert refused.value.problems[0].path == ("claimed", "nothing")
    raised = await ask(who, "objectToGrading", **grading, clientId=str(county.clients[0]), reason="数量有误")
    objection = {"objectionId": str(raised["objection"])}
    other = asked(database, county.tenant_id, acts_as(place.manager, *ALL, scope=Scope.ALL))
    assert await ask(other, "decideObjection", **objection, upheld=False, reason="数据无误") == raised
    async with database.read(county.tenant_id, TESTS) as session:
        row = await session.get(GradingObjection, raised["objection"])
        assert row is not None
        assert row.status == "rejected"
        kept = await session.get(Grading, answer["grading"])
        assert kept is not None
        assert kept.status == "bound"


async def test_files_are_attached_and_deleted(place: Place) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7 ..."

    who = place.asked()
    file = await upload(
        place.database,
        who.tools.files,
        place.tenant_id,
        place.as_boss,
        chunks(),
        name="合同.pdf",
        media_type="application/pdf",
    )
    client = str(place.client_id)
    attached = await place.ask(
        "addAttachment", clientId=client, fileId=str(file.id), title="合同扫描件", subjectKind="CLIENT"
    )
    (row,) = await place.rows(Attachment)
    assert (row.id, row.subject_kind, row.subject_id) == (attached["attachment"], "client", place.client_id)
    assert await place.ask("removeAttachment", attachmentId=str(row.id)) == {"id": row.id}
    exported = await place.ask("exportClients")
    assert await place.ask("deleteFile", fileId=str(exported["fileId"])) == {"id": exported["fileId"]}
    (gone,) = await place.rows(StoredFile, StoredFile.id == exported["fileId"])
    assert gone.deleted_at is not None


async def test_support_is_granted_and_ended(place: Place) -> None:
    async with place.database.write(place.tenant_id, TESTS) as session:
        await install_builtin_roles(session)
    operator = await make_account(place.database, is_operator=True, status=AccountStatus.ACTIVE)
    granted = await place.ask("grantSupportAccess", operatorLogin=operator.login, hours=2, reason="排查")
    assert await place.ask("endSupportAccess", accessId=str(granted["supportAccess"])) == granted
    (row,) = await place.rows(SupportAccess)
    assert (row.id, row.ended_by) == (granted["supportAccess"], place.boss.id)


async def test_a_configuration_is_applied(place: Place) -> None:
    async with place.database.read(place.tenant_id, place.as_boss) as session:
        document = dict(await export_configuration(session, tenant="x", today=place.asked().today))
    assert await place.ask("applyConfiguration", document=document) == {"changes": []}
    kinds = [*document["kinds"], {**document["kinds"][0], "key": "school"}]
    answer = await place.ask("applyConfiguration", document={**document, "kinds": kinds}, sections=["kinds"])
    (change,) = answer["changes"]
    assert (change["section"], change["key"], change["kind"]) == ("kinds", "school", "added")
