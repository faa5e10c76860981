"""Mutations of every group of commands really run, and answer what they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from steward_core.clients.models import Arrears, Client, ClientNote, Contact, Contract, HandOver, Product
from steward_core.custom_fields.models import CustomField
from steward_core.trusted_documents.models import TrustedDocument
from steward_tenants.access import permissions as p
from steward_tenants.access.models import Duty, RoleAssignment
from steward_tenants.access.service import install_builtin_roles
from steward_tenants.configuration.models import TenantSetting
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.oauth.models import ApiClient
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.privacy.models import PrivacyRequest
from steward_tenants.signin.models import SignInSession
from tests.core.clients.companies import acts_as
from tests.factories import TESTS, assign, make_member, make_role
from tests.gql.mutations.asking import ask
from tests.gql.mutations.place import Place

NEW: dict[str, Any] = {"name": "远山科技", "kind": "company", "latitude": "31.2", "longitude": "121.5"}


async def test_clients(place: Place) -> None:
    client_id = (await place.ask("createClient", fields={**NEW, "ownerId": str(place.manager.id)}))["client"]
    answer = await place.ask("updateClient", clientId=str(client_id), fields={"shortName": "远山"}, version=1)
    assert answer == {"client": client_id}
    await place.ask("setClientTier", clientId=str(client_id), tier="A", reason="年度评定")
    await place.ask("setClientStatus", clientId=str(client_id), status="ACTIVE", reason="签约")
    await place.ask("setClientParent", clientId=str(client_id), parentId=str(place.client_id))
    await place.ask("setClientDeputy", clientId=str(client_id), deputyId=str(place.boss.id))
    await place.ask("confirmClientProfile", clientId=str(client_id), which="PERSONAL")
    (client,) = await place.rows(Client, Client.id == client_id)
    assert (client.short_name, client.tier, client.status) == ("远山", "A", "active")
    assert (client.parent_id, client.deputy_id) == (place.client_id, place.boss.id)
    assert client.personal_confirmed_on is not None
    await place.ask("setClientDeputy", clientId=str(client_id), deputyId=None)
    (client,) = await place.rows(Client, Client.id == client_id)
    assert client.deputy_id is None


async def test_wrong_fields_are_named_where_they_stand(place: Place) -> None:
    with pytest.raises(InvalidInput) as refused:
        await place.ask(
            "createClient", fields={"name": "某店", "kind": "nothing", "creditCode": "123", "custom": {"x": 1}}
        )
    paths = {problem.path for problem in refused.value.problems}
    assert {("fields", "kind"), ("fields", "credit_code"), ("fields", "custom", "x")} <= paths
    with pytest.raises(InvalidInput) as refused:
        await place.ask("setClientTier", clientId=str(place.client_id), tier="Z", reason=" ")
    assert {problem.path for problem in refused.value.problems} == {("tier",), ("reason",)}


async def test_the_command_asks_for_its_permission(place: Place) -> None:
    with pytest.raises(Forbidden):
        await place.ask("createClient", place.as_manager_with(), fields=NEW)


async def test_contacts_and_notes(place: Place) -> None:
    client = str(place.client_id)
    contact = (await place.ask("addContact", clientId=client, fields={"name": "钱七", "roles": ["KEY_PERSON"]}))[
        "contact"
    ]
    await place.ask("updateContact", contactId=str(contact), fields={"birthday": "1980-02-29"})
    (row,) = await place.rows(Contact)
    assert (row.id, row.roles, str(row.birthday)) == (contact, ["key_person"], "1980-02-29")
    erased = await place.ask("eraseContact", contactId=str(contact), reason="本人要求")
    assert erased == {"contact": contact, "records": 0, "attachments": []}
    second = (await place.ask("addContact", clientId=client, fields={"name": "孙八"}))["contact"]
    assert await place.ask("removeContact", contactId=str(second)) == {"id": second}
    note = (await place.ask("writeNote", clientId=client, body="下周回访"))["note"]
    await place.ask("pinNote", noteId=str(note), pinned=True)
    await place.ask("editNote", noteId=str(note), body="本周回访")
    (kept,) = await place.rows(ClientNote)
    assert (kept.body, kept.pinned) == ("本周回访", True)
    assert await place.ask("removeNote", noteId=str(note)) == {"id": note}


async def test_contracts_products_and_arrears(place: Place) -> None:
    client = str(place.client_id)
    fields = {"number": "HT-1", "title": "专线", "startOn": "2026-01-01", "endOn": "2026-12-31", "amount": "1200000"}
    contract = (await place.ask("createContract", clientId=client, fields=fields))["contract"]
    await place.ask("changeContract", contractId=str(contract), fields={"note": "含税"}, version=1)
    renewed = await place.ask(
        "renewContract", contractId=str(contract), fields={"number": "HT-2", "endOn": "2027-12-31"}
    )
    assert renewed["contract"] != contract
    assert {(one.number, one.amount) for one in await place.rows(Contract)} == {("HT-1", 1200000), ("HT-2", 1200000)}
    product = (await place.ask("saveProduct", fields={"code": "P1", "name": "专线 100M"}))["product"]
    use = await place.ask(
        "addClientProduct", clientId=client, productId=str(product), fields={"quantity": "2.5", "monthlyAmount": "9900"}
    )
    await place.ask("endClientProduct", clientProductId=str(use["clientProduct"]), reason="退订")
    await place.ask("retireProduct", productId=str(product))
    (row,) = await place.rows(Product)
    assert row.retired
    owed = {"period": "2026-10", "amount": "5000", "dueOn": "2026-11-01"}
    arrears = (await place.ask("recordArrears", clientId=client, fields=owed))["arrears"]
    await place.ask("payArrears", arrearsId=str(arrears), amount="1000", on="2026-11-20")
    with pytest.raises(InvalidInput) as refused:
        await place.ask("payArrears", arrearsId=str(arrears), amount="99999")
    assert refused.value.problems[0].path == ("amount",)
    await place.ask("correctArrears", arrearsId=str(arrears), fields={"amount": "6000"}, reason="更正")
    await place.ask("settleArrears", arrearsId=str(arrears))
    (owed_row,) = await place.rows(Arrears)
    assert (owed_row.amount, owed_row.paid) == (6000, 6000)


async def test_rows_of_arrears_and_facts(place: Place) -> None:
    client = str(place.client_id)
    line = {"clientId": client, "fields": {"period": "2026-09", "amount": "5000", "dueOn": "2026-10-01"}}
    assert await place.ask("recordManyArrears", rows=[line]) == {"added": 1, "changed": 0, "same": 0}
    with pytest.raises(InvalidInput) as refused:
        await place.ask("recordManyArrears", rows=[line, {**line, "clientId": str(uuid4())}])
    assert refused.value.problems[0].path == ("rows", "1", "client_id")
    fact = {"clientId": client, "metric": "revenue", "period": "2026-10", "value": "880000"}
    recorded = await place.ask("recordFacts", rows=[fact], source="billing")
    assert (recorded["recorded"], recorded["corrected"], recorded["unchanged"]) == (1, 0, 0)
    corrected = await place.ask(
        "correctFact", clientId=client, metric="revenue", period="2026-10", value="1", source="billing", reason="更正"
    )
    assert corrected["corrected"] == 1
    done = await place.ask(
        "withdrawFact", clientId=client, metric="revenue", period="2026-10-01", source="billing", reason="误录"
    )
    assert done == {"done": True}
    metric = await place.ask("saveMetric", key="lines", values={"titleZh": "线路", "titleEn": "Lines", "measure": "条"})
    assert metric == {"metric": "lines"}


async def test_the_pool_and_hand_overs(place: Place) -> None:
    client = str(place.client_id)
    assert await place.ask("returnClientToPool", clientId=client, reason="长期无活动") == {"client": place.client_id}
    answer = await place.ask("assignPoolClients", clientIds=[client], ownerId=str(place.boss.id), reason="分配")
    assert answer == {"assigned": 1, "clients": [place.client_id]}
    plan = await place.ask(
        "planHandOver",
        selection={"clientIds": [client]},
        toOwnerId=str(place.manager.id),
        effectiveOn="2026-12-01",
        reason="离职移交",
        toUnit="KEEP",
    )
    await place.ask("undoHandOver", handOverId=str(plan["handOver"]))
    (row,) = await place.rows(HandOver)
    assert row.status == "undone"
    with pytest.raises(InvalidInput) as refused:
        await place.ask("planHandOver", selection={}, effectiveOn="2026-12-01", reason="离职移交", toOwnerId=None)
    assert refused.value.problems[0].path == ("selection",)


async def test_duplicates_are_merged(place: Place) -> None:
    second = (await place.ask("createClient", fields=NEW))["client"]
    answer = await place.ask("mergeClients", survivorId=str(place.client_id), absorbedId=str(second), take=["latitude", "longitude"], reason="重复")  # fmt: skip
    assert answer["client"] == place.client_id
    assert isinstance(answer["moved"], dict)


async def test_policies_and_custom_fields(place: Place) -> None:
    assert await place.ask("saveClientKind", key="school", titleZh="学校", titleEn="School") == {"clientKind": "school"}
    assert await place.ask("saveClientTier", key="D", titleZh="D 类", titleEn="Tier D", rank=9) == {"clientTier": "D"}
    values = {"titleZh": "楼宇", "titleEn": "Building", "rules": {"longest": 50}}
    field = (await place.ask("createCustomField", target="client", key="building", kind="TEXT", values=values))[
        "customField"
    ]
    await place.ask("changeCustomField", fieldId=str(field), changes={"titleZh": "楼栋"}, version=1)
    assert await place.ask("reorderCustomFields", target="client", keys=["building"]) == {"customFields": [field]}
    await place.ask("updateClient", clientId=str(place.client_id), fields={"custom": {"building": "三号楼"}})
    (client,) = await place.rows(Client)
    assert client.custom == {"building": "三号楼"}
    await place.ask("retireCustomField", fieldId=str(field))
    await place.ask("reviveCustomField", fieldId=str(field))
    (row,) = await place.rows(CustomField)
    assert (row.title_zh, row.retired) == ("楼栋", False)
    with pytest.raises(InvalidInput) as refused:
        await place.ask("changeCustomField", fieldId=str(field), changes={"titleZh": ""})
    assert refused.value.problems[0].path == ("changes", "title_zh")


async def test_settings_and_documents(place: Place) -> None:
    assert await place.ask("setSetting", key="imports.megabytes", value=20) == {"key": "imports.megabytes"}
    (setting,) = await place.rows(TenantSetting)
    assert setting.value == 20
    await place.ask("resetSetting", key="imports.megabytes")
    assert await place.rows(TenantSetting) == []
    with pytest.raises(InvalidInput):
        await place.ask("setSetting", key="imports.megabytes", value=None)
    document = (await place.ask("trustDocument", name="首页", text="query Home { me { id } }"))["document"]
    (row,) = await place.rows(TrustedDocument)
    assert row.id == document
    assert await place.ask("withdrawDocument", digest=row.digest) == {"digest": row.digest}


async def test_plugins(place: Place) -> None:
    answer = await place.ask("enablePlugin", plugin="telecom")
    assert (answer["plugin"], answer["enabled"], answer["runs"]) == ("telecom", True, [])
    assert {change["part"] for change in answer["rows"]} == {"kinds", "tiers", "metrics"}
    with pytest.raises(InvalidInput) as refused:
        await place.ask("configurePlugin", plugin="telecom", settings={"nothing": 1})
    assert refused.value.problems[0].path == ("settings", "nothing")
    configured = await place.ask("configurePlugin", plugin="telecom", settings={})
    assert (configured["plugin"], configured["enabled"]) == ("telecom", True)
    assert (await place.ask("disablePlugin", plugin="telecom", reason="试用结束"))["enabled"] is False


async def test_runs(place: Place) -> None:
    run = (await place.ask("requestRun", TESTS, kind="CLIENTS_CONTRACTS_END", period="2026-11"))["run"]
    assert await place.ask("cancelRun", TESTS, runId=str(run), reason="重复") == {"run": run}
    assert await place.ask("endPastContracts", TESTS) == {"ended": 0}
    assert await place.ask("applyDueHandOvers", TESTS) == {"applied": 0}


async def test_imports_in_memory(place: Place) -> None:
    rows = [{"code": "K-9", "name": "新店", "kind": "shop"}]
    answer = await place.ask("takeRows", TESTS, target="client", rows=rows, options={"match": "code"})
    assert (answer["created"], len(answer["ids"])) == (1, 1)
    mapping = await place.ask("saveImportMapping", target="client", name="月报", columns={"名称": "name"})
    assert isinstance(mapping["mapping"], UUID)
    assert await place.ask("deleteImportMapping", target="client", name="月报") == {"name": "月报"}


async def test_units(place: Place) -> None:
    unit = (await place.ask("createUnit", code="N1", name="城北一组", parentId=str(place.unit.id)))["unit"]
    await place.ask("changeUnit", unitId=str(unit), version=1, name="城北一部")
    assert await place.ask("moveUnit", unitId=str(unit), parentId=None, on="2027-01-01") == {"unit": unit}
    assert await place.ask("cancelUnitMove", unitId=str(unit), on="2027-01-01") == {"unit": unit}
    (row,) = await place.rows(OrgUnit, OrgUnit.id == unit)
    assert row.name == "城北一部"


async def test_people_and_roles(place: Place) -> None:
    person = await make_member(place.database, place.tenant_id, unit_id=place.unit.id)
    who = acts_as(place.boss, p.PEOPLE_VIEW, p.PEOPLE_MANAGE, scope=Scope.ALL)
    await place.ask("updatePerson", who, personId=str(person.id), fields={"title": "组长", "locale": "EN"}, version=1)
    (row,) = await place.rows(User, User.id == person.id)
    assert (row.title, row.locale) == ("组长", "en")
    with pytest.raises(InvalidInput) as refused:
        await place.ask("updatePerson", who, personId=str(person.id), fields={"phone": "12"}, version=2)
    assert refused.value.problems[0].path == ("fields", "phone")
    security = await _security(place)
    role = await place.ask(
        "createRole", security, key="visitor", titleZh="访客", titleEn="Visitor", permissions=["clients.view"]
    )
    await place.ask("editRole", security, roleId=str(role["role"]), version=1, titleEn="Guest")
    granted = await place.ask("assignRole", security, personId=str(person.id), roleId=str(role["role"]), scope="OWN")
    (assignment,) = await place.rows(RoleAssignment, RoleAssignment.id == granted["roleAssignment"])
    assert assignment.scope == "own"
    assert await place.ask("revokeRole", security, assignmentId=str(assignment.id)) == {"id": assignment.id}
    ended = await place.ask("revokePersonSessions", security, personId=str(person.id))
    assert ended == {"ended": 0}


async def _security(place: Place) -> Actor:
    """A security administrator."""
    user = await make_member(place.database, place.tenant_id)
    grants = (p.ROLES_MANAGE, p.ROLES_GRANT, p.SESSIONS_MANAGE, p.SUPPORT_GRANT, p.PEOPLE_VIEW, p.CLIENTS_CONNECT)
    async with place.database.write(place.tenant_id, TESTS) as session:
        await install_builtin_roles(session)
        role = make_role(session, grants, Duty.SECURITY_ADMIN)
        await session.flush()
        assign(session, user, role)
    return acts_as(user, *grants, scope=Scope.ALL)


async def test_api_clients_and_their_secrets(place: Place) -> None:
    plan = {"name": "报表系统", "grantTypes": ["client_credentials"], "permissions": ["clients.view"], "scope": "ALL"}
    proposed = await place.ask("createApiClient", plan=plan)
    assert proposed["secret"] is None
    security = await _security(place)
    connected = await place.ask("connectApiClient", security, apiClientId=str(proposed["apiClient"]))
    assert connected["secret"]
    assert connected["clientId"] == proposed["clientId"]
    assert (await place.ask("revokeApiClient", apiClientId=str(proposed["apiClient"])))["tokens"] == 0
    (row,) = await place.rows(ApiClient)
    assert row.status == "revoked"
    with pytest.raises(InvalidInput) as refused:
        await place.ask("createApiClient", plan={**plan, "name": "另一个", "grantTypes": ["password"]})
    assert refused.value.problems[0].path == ("plan", "grantTypes")


async def test_personal_data_requests(place: Place) -> None:
    asks = place.as_manager
    request = await place.ask("requestPersonalData", asks, kind="EXPORT", personId=str(place.manager.id))
    await place.ask("refusePersonalDataRequest", requestId=str(request["privacyRequest"]), reason="资料不全")
    (row,) = await place.rows(PrivacyRequest)
    assert row.status == "refused"


async def test_only_a_session_of_ones_own_manages_sessions(place: Place) -> None:
    with pytest.raises(Forbidden):
        await place.ask("changeLocale", locale="EN")
    async with place.database.write(place.tenant_id, TESTS) as session:
        row = SignInSession(
            id=uuid4(),
            subject_id=place.boss.id,
            account_id=place.boss.account_id,
            token_digest=uuid4().bytes,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        session.add(row)
    who = place.asked(sign_in_session_id=row.id)
    assert await ask(who, "changeLocale", locale="EN") == {"done": True}
    (boss,) = await place.rows(User, User.id == place.boss.id)
    assert boss.locale == "en"
