"""Tiers and kinds of a tenant's own, and the policies in force."""

from __future__ import annotations

from typing import Any

import pytest

from steward_core.clients.errors import KindNotFound, NotTenantsOwn, TierChanged, TierNotFound
from steward_core.clients.models import ClientKind, ClientTier
from steward_core.clients.policies import (
    FRESHNESS,
    ClientPolicies,
    FreshnessRule,
    kinds,
    policies_in_force,
    save_kind,
    save_tier,
    tiers,
)
from steward_core.clients.service import create_client, set_tier
from steward_core.industry.registry import registered
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.plugins.models import PluginSwitch
from tests.core.clients.companies import TODAY, make_company
from tests.core.industry import orchard
from tests.factories import TESTS


async def test_tiers_are_made_changed_and_retired(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, company.as_administrator) as session:
        tier = await save_tier(
            session, "vip", title_zh="贵宾𠮷", title_en="Guest of honour", rank=1, expected_version=0
        )
        assert (tier.version, tier.plugin) == (1, "")
        await save_tier(session, "vip", title_zh="贵宾", title_en="VIP", rank=2, retired=True, expected_version=1)
        with pytest.raises(TierChanged):
            await save_tier(session, "vip", title_zh="贵宾", title_en="VIP", rank=2, expected_version=1)
        with pytest.raises(TierChanged):
            await save_tier(session, "A", title_zh="甲", title_en="A", rank=2, expected_version=0)
        with pytest.raises(TierNotFound):
            await save_tier(session, "none", title_zh="无", title_en="None", rank=2, expected_version=3)
        assert [line.key for line in await tiers(session)] == ["key", "A", "B", "C"]
        (vip,) = [line for line in await tiers(session, with_retired=True) if line.key == "vip"]
        assert (vip.title.zh, vip.rank, vip.retired) == ("贵宾", 2, True)
    async with database.write(company.tenant_id, company.as_manager) as session:
        with pytest.raises(InvalidInput) as refused:
            await create_client(session, fields={"name": "恒达", "kind": "company", "tier": "vip"}, today=TODAY)
        assert refused.value.problems[0].code == "retired"


async def test_who_has_a_retired_tier_keeps_it(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, company.as_manager) as session:
        client = await create_client(session, fields={"name": "恒达", "kind": "company", "tier": "A"}, today=TODAY)
    async with database.write(company.tenant_id, company.as_administrator) as session:
        await save_tier(session, "A", title_zh="甲", title_en="A", rank=2, retired=True)
    async with database.write(company.tenant_id, company.as_supervisor) as session:
        changed = await set_tier(session, client.id, tier="B", reason="降级", today=TODAY)
        assert changed.tier == "B"
        with pytest.raises(InvalidInput):
            await set_tier(session, client.id, tier="A", reason="恢复", today=TODAY)


async def test_kinds_are_made_changed_and_retired(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, company.as_administrator) as session:
        await save_kind(session, "school", title_zh="学校", title_en="School")
        await save_kind(session, "shop", title_zh="门店", title_en="Shop", retired=True)
        with pytest.raises(KindNotFound):
            await save_kind(session, "none", title_zh="无", title_en="None", expected_version=3)
        assert [line.key for line in await kinds(session)] == ["company", "school"]
    async with database.write(company.tenant_id, company.as_manager) as session:
        with pytest.raises(InvalidInput):
            await create_client(session, fields={"name": "恒达", "kind": "shop"}, today=TODAY)


async def test_a_plugins_tiers_are_the_plugins(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        session.add(
            ClientTier(key="star5", title_zh="五星", title_en="Five stars", rank=1, plugin="tobacco"),
            ClientKind(key="retailer", title_zh="零售户", title_en="Retailer", plugin="tobacco"),
        )
    async with database.write(company.tenant_id, company.as_administrator) as session:
        with pytest.raises(NotTenantsOwn):
            await save_tier(session, "star5", title_zh="五", title_en="Five", rank=1)
        with pytest.raises(NotTenantsOwn):
            await save_kind(session, "retailer", title_zh="店", title_en="Shop")


async def test_only_policy_makers_make_policies(database: Database) -> None:
    company = await make_company(database)
    for actor in (company.as_manager, company.as_supervisor, company.as_auditor):
        async with database.write(company.tenant_id, actor) as session:
            with pytest.raises(Forbidden):
                await save_tier(session, "x", title_zh="甲", title_en="X", rank=1)
            with pytest.raises(Forbidden):
                await set_setting(session, "clients.freshness", [])


@pytest.mark.parametrize("key", ["", "a b", "甲", "x" * 41, "-a", "a\0"])
async def test_bad_definitions_are_refused_whole(database: Database, key: str) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, company.as_administrator) as session:
        with pytest.raises(InvalidInput) as refused:
            await save_tier(session, key, title_zh="", title_en="x" * 61, rank=0)
        assert {problem.path[0] for problem in refused.value.problems} == {"key", "title_zh", "title_en", "rank"}


async def test_the_policies_in_force(database: Database) -> None:
    company, other = await make_company(database), await make_company(database)
    async with database.write(company.tenant_id, company.as_administrator) as session:
        assert await policies_in_force(session) == ClientPolicies()
        rules = [{"tiers": ["A"], "basic_months": 2, "personal_months": 6}, {"basic_months": 6, "personal_months": 12}]
        await set_setting(session, "clients.freshness", rules)
        await set_setting(session, "clients.dormant_after_days", 90)
        await set_setting(session, "clients.contract_warning_days", [45])
        await set_setting(session, "clients.birthday_days", 3)
        await set_setting(session, "clients.code_required", True)
        assert await policies_in_force(session) == ClientPolicies(
            freshness=(
                FreshnessRule(tiers=("A",), basic_months=2, personal_months=6),
                FreshnessRule(basic_months=6, personal_months=12),
            ),
            dormant_after_days=90,
            contract_warning_days=(45,),
            birthday_days=3,
            code_required=True,
        )
    async with database.write(other.tenant_id, other.as_manager) as session:
        assert await policies_in_force(session) == ClientPolicies()
    async with database.write(company.tenant_id, company.as_manager) as session:
        with pytest.raises(InvalidInput) as refused:
            await create_client(session, fields={"name": "恒达", "kind": "company"}, today=TODAY)
        assert refused.value.problems[0].path == ("code",)


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"tiers": ["A"], "basic_months": 1, "personal_months": 1}],
        [{"basic_months": 1, "personal_months": 1}, {"basic_months": 2, "personal_months": 1}],
        [{"tiers": ["A", "A"], "basic_months": 1, "personal_months": 1}, {"basic_months": 2, "personal_months": 1}],
        [{"basic_months": 0, "personal_months": 1}],
        [{"basic_months": 61, "personal_months": 1}],
        [{"basic_months": 1, "personal_months": 1, "extra": 1}],
    ],
)
async def test_freshness_rules_leave_no_gap_and_no_overlap(database: Database, rules: list[dict[str, Any]]) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, company.as_administrator) as session:
        with pytest.raises(InvalidInput):
            await set_setting(session, FRESHNESS.key, rules)


async def test_an_enabled_industry_says_how_its_tiers_are_kept_fresh(database: Database) -> None:
    company = await make_company(database)
    gold = FreshnessRule(tiers=("gold",), basic_months=3, personal_months=6)
    with registered(orchard.plugin()):
        async with database.write(company.tenant_id, TESTS) as session:
            session.add(PluginSwitch(plugin="orchard", enabled=True, settings={"trees": 55}))
        async with database.read(company.tenant_id, company.as_manager) as session:
            assert (await policies_in_force(session)).freshness[0] == gold
        async with database.write(company.tenant_id, company.as_administrator) as session:
            await set_setting(session, FRESHNESS.key, [{"basic_months": 2, "personal_months": 2}])
            rules = (await policies_in_force(session)).freshness
            assert [rule.tiers for rule in rules] == [()]
