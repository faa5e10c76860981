"""Clients: created, changed, moved in the tree and the life cycle, within everybody's reach."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients import service
from steward_core.clients.errors import (
    ClientChanged,
    ClientCodeTaken,
    ClientCycle,
    ClientIsMerged,
    ClientNotFound,
    ClientTreeTooDeep,
    OutsideReach,
    PossibleDuplicates,
    StatusMoveRefused,
)
from steward_core.clients.models import Client, ClientChange, ClientOwnership, ClientSearchKey, ClientStatus
from steward_core.clients.rules import MAX_LEVELS
from steward_core.industry.registry import registered
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import FieldProblem, Forbidden, InvalidInput
from steward_tenants.organisation.models import OrgUnit, UnitStatus
from steward_tenants.people.models import User, UserStatus
from steward_tenants.plugins.models import PluginSwitch
from steward_tenants.texts import Bilingual
from tests.core.clients.companies import SUPERVISES, TODAY, Company, acts_as, make_company
from tests.core.factories import make_client
from tests.core.industry import orchard
from tests.factories import TESTS, make_tenant
from tests.turns import meanwhile

HUAXIN = {
    "name": "北京华信网络有限公司",
    "kind": "company",
    "region": "北京市海淀区",
    "credit_code": "91350100M000100Y43",
}


async def create(database: Database, company: Company, actor: Actor, **fields: Any) -> Client:
    accept = fields.pop("accept_duplicates", False)
    async with database.write(company.tenant_id, actor) as session:
        return await service.create_client(
            session, fields={"kind": "company", **fields}, today=TODAY, accept_duplicates=accept
        )


async def rows_of(database: Database, company: Company, table: Any, client_id: UUID) -> list[Any]:
    async with database.read(company.tenant_id, TESTS) as session:
        return list(await session.scalars(select(table).where(session.within(table), table.client_id == client_id)))


async def events(database: Database, company: Company, action: str) -> list[AuditEvent]:
    async with database.read(company.tenant_id, TESTS) as session:
        return list(
            await session.scalars(
                select(AuditEvent)
                .where(session.within(AuditEvent), AuditEvent.action == action)
                .order_by(AuditEvent.id)
            )
        )


async def test_an_account_managers_new_client_is_her_own(database: Database) -> None:
    company = await make_company(database)
    fields = {**HUAXIN, "phone": "138 0000 1234", "tier": "A", "address": "中关村𠮷大街 1 号"}
    client = await create(database, company, company.as_manager, **fields)
    assert (client.owner_id, client.unit_id) == (company.manager.id, company.east.id)
    assert (client.status, client.basic_confirmed_on, client.pool_since) == ("prospect", TODAY, None)
    (ownership,) = await rows_of(database, company, ClientOwnership, client.id)
    assert (ownership.owner_id, ownership.valid_from, ownership.valid_until) == (
        company.manager.id,
        TODAY,
        date(9999, 12, 31),
    )
    (change,) = await rows_of(database, company, ClientChange, client.id)
    assert (change.field, change.before, change.after) == ("tier", None, "A")
    keys = {row.key for row in await rows_of(database, company, ClientSearchKey, client.id)}
    assert {"i:hxwlyxgs", "t:1234", "u:91350100m000100y43", "d:=北京华信网络"} <= keys
    (event,) = await events(database, company, "clients.client.create")
    assert event.subject_id == client.id
    assert event.changes["name"] == [None, HUAXIN["name"]]
    assert "13800001234" not in str(event.changes)


@pytest.mark.parametrize("give", ["owner_id", "unit_id", "deputy_id"])
async def test_only_who_may_assign_gives_clients_to_others(database: Database, give: str) -> None:
    company = await make_company(database)
    others = {"owner_id": company.deputy.id, "unit_id": company.west.id, "deputy_id": company.deputy.id}
    with pytest.raises(Forbidden):
        await create(database, company, company.as_manager, name="恒达商贸", **{give: others[give]})
    with pytest.raises(Forbidden):
        await create(database, company, company.as_manager, name="恒达商贸", owner_id=None)
    await create(database, company, company.as_manager, name="恒达商贸", owner_id=company.manager.id)


async def test_a_supervisor_creates_for_others_and_for_the_pool(database: Database) -> None:
    company = await make_company(database)
    boss = company.as_supervisor
    theirs = await create(
        database, company, boss, name="恒达商贸", owner_id=company.manager.id, deputy_id=company.deputy.id
    )
    assert (theirs.unit_id, theirs.deputy_id) == (company.east.id, company.deputy.id)
    pool = await create(database, company, boss, name="金鼎烟酒店", owner_id=None, unit_id=company.east.id)
    assert pool.owner_id is None
    assert pool.pool_since is not None
    nobodys = await create(database, company, boss, name="重庆恒通")
    assert (nobodys.owner_id, nobodys.unit_id) == (None, company.boss.unit_id)
    with pytest.raises(OutsideReach):
        await create(database, company, boss, name="西区客户", owner_id=company.stranger.id)
    async with database.read(company.tenant_id, TESTS) as session:
        assert await session.find(Client, Client.name == "西区客户") is None


async def test_what_a_client_refers_to_must_be_here_and_open(database: Database) -> None:
    company = await make_company(database)
    other = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        west, deputy = await session.get(OrgUnit, company.west.id), await session.get(User, company.deputy.id)
        assert west is not None
        assert deputy is not None
        west.status, deputy.status = UnitStatus.CLOSED, UserStatus.DISABLED
    actor = acts_as(company.boss, *SUPERVISES, scope=Scope.ALL)
    bad = {
        "name": "",
        "kind": "bank",
        "tier": "Z",
        "status": "dormant",
        "parent_id": "no id",
        "owner_id": company.deputy.id,
        "unit_id": company.west.id,
        "deputy_id": other.manager.id,
        "custom": {"colour": "红"},
    }
    with pytest.raises(InvalidInput) as refused:
        await create(database, company, actor, **bad)
    assert {".".join(problem.path): problem.code for problem in refused.value.problems} == {
        "name": "missing",
        "kind": "unknown",
        "tier": "unknown",
        "status": "status",
        "parent_id": "identifier",
        "owner_id": "unknown",
        "unit_id": "closed",
        "deputy_id": "unknown",
        "custom.colour": "unknown",
    }
    with pytest.raises(ClientNotFound):
        await create(database, company, actor, name="恒达", parent_id=new_id())


async def test_codes_are_unique_in_the_tenant(database: Database) -> None:
    company, other = await make_company(database), await make_company(database)
    await create(database, company, company.as_manager, name="恒达商贸", code="K𠮷1")
    await create(database, other, other.as_manager, name="恒达商贸", code="K𠮷1")
    second = await create(database, company, company.as_manager, name="金鼎烟酒", code="K2")
    with pytest.raises(ClientCodeTaken) as taken:
        await create(database, company, company.as_manager, name="通达物流", code="K𠮷1")
    assert "K𠮷1" in taken.value.text.zh
    async with database.write(company.tenant_id, company.as_manager) as session:
        with pytest.raises(ClientCodeTaken):
            await service.update_client(session, second.id, fields={"code": "K𠮷1"}, today=TODAY)


async def test_possible_duplicates_are_told_on_entry(database: Database) -> None:
    company = await make_company(database)
    mine = await create(database, company, company.as_manager, **HUAXIN)
    await create(database, company, company.as_stranger, name="上海金鼎商务酒店", region="北京市海淀区")
    with pytest.raises(PossibleDuplicates) as found:
        await create(database, company, company.as_manager, name="（北京）华讯网络有限责任公司", region="北京市海淀区")
    (candidate,) = found.value.candidates
    assert (candidate.id, candidate.reasons, candidate.in_reach) == (mine.id, ("near_equal_name",), True)
    with pytest.raises(PossibleDuplicates) as hidden:
        await create(database, company, company.as_manager, name="上海金顶商务酒店", region="北京市海淀区")
    (candidate,) = hidden.value.candidates
    assert (candidate.id, candidate.name, candidate.in_reach) == (None, None, False)
    told = hidden.value.as_dict("zh-CN")
    assert told["candidates"][0]["name"] == "已存在，归属其他机构"
    assert "金鼎" not in str(told)
    with pytest.raises(PossibleDuplicates) as same:
        await create(database, company, company.as_stranger, name="另一个名字", credit_code=HUAXIN["credit_code"])
    assert same.value.candidates[0].reasons == ("same_credit_code",)
    await create(database, company, company.as_manager, name="北京华讯网络", region="上海市")
    await create(database, company, company.as_manager, **HUAXIN, accept_duplicates=True)


async def test_a_change_is_partial_and_rewrites_the_keys(database: Database) -> None:
    company = await make_company(database)
    client = await create(database, company, company.as_manager, **HUAXIN, phone="13800001234", code="A1")
    async with database.write(company.tenant_id, company.as_manager) as session:
        changed = await service.update_client(
            session,
            client.id,
            fields={"name": "北京恒达网络有限公司", "phone": None, "short_name": "恒达𠮷"},
            today=TODAY,
            expected_version=1,
        )
        assert (changed.name, changed.phone, changed.code, changed.version) == ("北京恒达网络有限公司", None, "A1", 2)
    keys = {row.key for row in await rows_of(database, company, ClientSearchKey, client.id)}
    assert {"n:恒达𠮷", "d:=北京恒达网络", "c:a1"} <= keys
    assert not {key for key in keys if key.startswith("t:") or "华信" in key}
    (event,) = await events(database, company, "clients.client.update")
    assert event.changes["name"] == [HUAXIN["name"], "北京恒达网络有限公司"]
    assert event.changes["phone"][1] is None
    assert "1380000" not in str(event.changes)
    async with database.write(company.tenant_id, company.as_manager) as session:
        with pytest.raises(ClientChanged):
            await service.update_client(session, client.id, fields={"name": "别名"}, today=TODAY, expected_version=1)
        with pytest.raises(InvalidInput):
            await service.update_client(session, client.id, fields={"name": None, "owner_id": None}, today=TODAY)
        with pytest.raises(InvalidInput):
            await service.update_client(session, client.id, fields={"latitude": 30}, today=TODAY)
        await service.update_client(session, client.id, fields={"latitude": 30, "longitude": 104.5}, today=TODAY)
        with pytest.raises(InvalidInput):
            await service.update_client(session, client.id, fields={"longitude": None}, today=TODAY)


def reaching(company: Company) -> Mapping[str, tuple[Actor, bool, bool]]:
    """Who sees and who changes the manager's client whose deputy is the deputy."""
    return {
        "owner": (company.as_manager, True, True),
        "deputy": (company.as_deputy, True, True),
        "supervisor": (company.as_supervisor, True, True),
        "auditor": (company.as_auditor, True, False),
        "stranger": (company.as_stranger, False, False),
    }


async def test_everybody_reaches_what_is_theirs(database: Database) -> None:
    company, other = await make_company(database), await make_company(database)
    client = await create(
        database,
        company,
        company.as_supervisor,
        name="恒达商贸",
        owner_id=company.manager.id,
        deputy_id=company.deputy.id,
    )
    for who, (actor, sees, changes) in reaching(company).items():
        async with database.write(company.tenant_id, actor) as session:
            if sees:
                found = await service.client_in_reach(session, client.id, CLIENTS_VIEW, today=TODAY)
                assert found.id == client.id, who
            else:
                with pytest.raises(ClientNotFound):
                    await service.client_in_reach(session, client.id, CLIENTS_VIEW, today=TODAY)
            if changes:
                await service.confirm_profile(session, client.id, which="basic", today=TODAY)
            else:
                with pytest.raises(ClientNotFound if who == "stranger" else Forbidden):
                    await service.confirm_profile(session, client.id, which="basic", today=TODAY)
    async with database.write(other.tenant_id, TESTS) as session:
        with pytest.raises(ClientNotFound):
            await service.client_in_reach(session, client.id, CLIENTS_EDIT, today=TODAY, lock=True)


async def test_the_life_cycle_keeps_its_history(database: Database) -> None:
    company = await make_company(database)
    client = await create(database, company, company.as_manager, name="恒达商贸")
    async with database.write(company.tenant_id, company.as_manager) as session:
        for status, reason in (
            ("active", "首单开通"),
            ("dormant", "半年未用"),
            ("closed", "已注销"),
            ("active", "重新开户"),
        ):
            await service.set_status(session, client.id, status=status, reason=reason, today=TODAY)
        with pytest.raises(StatusMoveRefused) as refused:
            await service.set_status(session, client.id, status="prospect", reason="误操作", today=TODAY)
        assert "在网→潜在" in refused.value.text.zh
        assert refused.value.advice.en == "It can go to: dormant, closed."
        for status, reason in (("closed", "  "), ("nonsense", "x"), ("closed", "x" * 501)):
            with pytest.raises(InvalidInput):
                await service.set_status(session, client.id, status=status, reason=reason, today=TODAY)
    changes = await rows_of(database, company, ClientChange, client.id)
    assert [(change.before, change.after, change.reason) for change in sorted(changes, key=lambda one: one.id)] == [
        ("prospect", "active", "首单开通"),
        ("active", "dormant", "半年未用"),
        ("dormant", "closed", "已注销"),
        ("closed", "active", "重新开户"),
    ]


async def test_a_merged_client_is_final(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        into = make_client(session, owner_id=company.manager.id)
        client = make_client(
            session, owner_id=company.manager.id, status=ClientStatus.MERGED, merged_into_id=None, name="旧客户"
        )
    async with database.write(company.tenant_id, company.as_manager) as session:
        for refused in (
            service.update_client(session, client.id, fields={"name": "新名"}, today=TODAY),
            service.set_status(session, client.id, status="active", reason="恢复", today=TODAY),
            service.set_parent(session, client.id, parent_id=None, today=TODAY),
            service.set_parent(session, into.id, parent_id=client.id, today=TODAY),
            service.confirm_profile(session, client.id, which="basic", today=TODAY),
        ):
            with pytest.raises(ClientIsMerged):
                await refused


async def test_a_tier_changes_with_a_reason(database: Database) -> None:
    company = await make_company(database)
    client = await create(database, company, company.as_manager, name="恒达商贸", tier="B")
    async with database.write(company.tenant_id, company.as_manager) as session:
        with pytest.raises(Forbidden):
            await service.set_tier(session, client.id, tier="A", reason="收入增长", today=TODAY)
    source_id = new_id()
    async with database.write(company.tenant_id, company.as_supervisor) as session:
        await service.set_tier(
            session, client.id, tier="A", reason="收入增长", today=TODAY, source="grading", source_id=source_id
        )
        await service.set_tier(session, client.id, tier=None, reason="重新评定", today=TODAY, expected_version=2)
        for tier in (None, "Z"):
            with pytest.raises(InvalidInput):
                await service.set_tier(session, client.id, tier=tier, reason="x", today=TODAY)
    _, raised, cleared = sorted(await rows_of(database, company, ClientChange, client.id), key=lambda one: one.id)
    assert (raised.before, raised.after, raised.source, raised.source_id) == ("B", "A", "grading", source_id)
    assert (cleared.before, cleared.after, cleared.changed_by) == ("A", None, company.boss.id)


async def test_a_deputy_is_somebody_else_who_works_here(database: Database) -> None:
    company = await make_company(database)
    client = await create(database, company, company.as_manager, name="恒达商贸")
    async with database.write(company.tenant_id, company.as_supervisor) as session:
        for wrong in (company.manager.id, new_id()):
            with pytest.raises(InvalidInput):
                await service.set_deputy(session, client.id, deputy_id=wrong, today=TODAY)
        await service.set_deputy(session, client.id, deputy_id=company.deputy.id, today=TODAY)
    async with database.write(company.tenant_id, company.as_deputy) as session:
        await service.update_client(session, client.id, fields={"potential_needs": "专线扩容"}, today=TODAY)
        with pytest.raises(Forbidden):
            await service.set_deputy(session, client.id, deputy_id=None, today=TODAY)


async def test_confirming_a_profile(database: Database) -> None:
    company = await make_company(database)
    client = await create(database, company, company.as_manager, name="恒达商贸")
    later = date(2026, 8, 3)
    async with database.write(company.tenant_id, company.as_manager) as session:
        await service.confirm_profile(session, client.id, which="personal", today=later)
        changed = await service.client_in_reach(session, client.id, CLIENTS_VIEW, today=later)
        assert (changed.basic_confirmed_on, changed.personal_confirmed_on) == (TODAY, later)
        assert changed.last_activity_on == later
        with pytest.raises(InvalidInput):
            await service.confirm_profile(session, client.id, which="other", today=later)  # type: ignore[arg-type]


async def test_trees_have_no_cycles_and_an_end(database: Database) -> None:
    company = await make_company(database)
    actor = company.as_manager
    async with database.write(company.tenant_id, TESTS) as session:
        chain = [
            make_client(session, owner_id=company.manager.id, unit_id=company.east.id) for _ in range(MAX_LEVELS + 1)
        ]
        strange = make_client(session, owner_id=company.stranger.id)
    async with database.write(company.tenant_id, actor) as session:
        for parent, child in pairwise(chain[:MAX_LEVELS]):
            await service.set_parent(session, child.id, parent_id=parent.id, today=TODAY)
        for parent in (chain[0], chain[5], chain[MAX_LEVELS - 1]):
            with pytest.raises(ClientCycle):
                await service.set_parent(session, chain[0].id, parent_id=parent.id, today=TODAY)
        last = chain[MAX_LEVELS]
        with pytest.raises(ClientTreeTooDeep):
            await service.set_parent(session, last.id, parent_id=chain[MAX_LEVELS - 1].id, today=TODAY)
        with pytest.raises(ClientTreeTooDeep):
            await service.set_parent(session, chain[0].id, parent_id=last.id, today=TODAY)
        with pytest.raises(ClientNotFound):
            await service.set_parent(session, last.id, parent_id=strange.id, today=TODAY)
        with pytest.raises(ClientTreeTooDeep):
            await service.create_client(
                session,
                fields={"name": "底层门店", "kind": "shop", "parent_id": chain[MAX_LEVELS - 1].id},
                today=TODAY,
            )
        await service.set_parent(session, chain[6].id, parent_id=None, today=TODAY)
        await service.set_parent(session, chain[0].id, parent_id=last.id, today=TODAY)


async def test_two_moves_at_once_make_no_cycle(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        one = make_client(session, owner_id=company.manager.id)
        two = make_client(session, owner_id=company.manager.id)
    error = await meanwhile(
        database,
        company.tenant_id,
        company.as_manager,
        lambda session: service.set_parent(session, one.id, parent_id=two.id, today=TODAY),
        lambda session: service.set_parent(session, two.id, parent_id=one.id, today=TODAY),
    )
    assert isinstance(error, ClientCycle)


async def test_many_moves_at_once_never_block_each_other(database: Database) -> None:
    """Who moves a client waits for the turn before holding a row that another move refers to."""
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        pairs = [[make_client(session, owner_id=company.manager.id).id for _ in range(2)] for _ in range(8)]

    async def move(client_id: UUID, parent_id: UUID) -> None:
        async with database.write(company.tenant_id, company.as_manager) as session:
            await service.set_parent(session, client_id, parent_id=parent_id, today=TODAY)

    moves = [move(*ids) for one, two in pairs for ids in ((one, two), (two, one))]
    errors = [error for error in await asyncio.gather(*moves, return_exceptions=True) if error is not None]
    assert [type(error) for error in errors] == [ClientCycle] * 8


async def test_an_actor_without_the_permission_changes_nothing(database: Database) -> None:
    company = await make_company(database)
    tenant_id = await make_tenant(database)
    with pytest.raises(Forbidden):
        await create(database, company, company.as_auditor, name="恒达")
    async with database.write(tenant_id, company.as_manager) as session:
        with pytest.raises(InvalidInput):
            await service.create_client(session, fields={"name": "恒达", "kind": "company"}, today=TODAY)


async def test_an_industry_may_refuse_a_client(database: Database) -> None:
    company = await make_company(database)
    client = await create(database, company, company.as_manager, name="恒达商贸")

    def check_client(settings: Any, client: Mapping[str, Any]) -> list[FieldProblem]:
        text = Bilingual("果园客户须有地址。", "An orchard has an address.")
        return [] if client["address"] else [FieldProblem(("address",), "orchard.address", text)]

    with registered(orchard.plugin(hooks={"check_client": check_client})):
        async with database.write(company.tenant_id, TESTS) as session:
            session.add(PluginSwitch(plugin="orchard", enabled=True, settings={"trees": 55}))
        with pytest.raises(InvalidInput) as refused:
            await create(database, company, company.as_manager, name="金鼎果园")
        assert refused.value.problems[0].code == "orchard.address"
        async with database.write(company.tenant_id, company.as_manager) as session:
            with pytest.raises(InvalidInput):
                await service.update_client(session, client.id, fields={"trade": "果品"}, today=TODAY)
            await service.update_client(session, client.id, fields={"address": "果园路 1 号"}, today=TODAY)
