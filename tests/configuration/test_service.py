"""Settings and facts of a tenant: declared, validated, on record, and each with its permission."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from steward_tenants.access.permissions import SETTINGS_MANAGE, SIGNIN_POLICY
from steward_tenants.audit.models import AuditEvent
from steward_tenants.configuration.errors import SettingChangedMeanwhile, SettingNotFound
from steward_tenants.configuration.models import TenantSetting
from steward_tenants.configuration.queries import all_settings, all_tenants, get_setting, tenant_facts
from steward_tenants.configuration.service import (
    change_facts,
    change_signin_policy,
    reset_setting,
    set_setting,
)
from steward_tenants.configuration.settings import FILE_MEGABYTES, SETTINGS, SUPPORT_HOURS, declare_setting
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.factories import TESTS, actor_with, make_tenant

ADMIN = actor_with(SETTINGS_MANAGE)
SECURITY = actor_with(SIGNIN_POLICY)


async def test_a_setting_has_its_default_until_it_is_set_and_again_after_a_reset(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, ADMIN) as session:
        assert await get_setting(session, FILE_MEGABYTES) == FILE_MEGABYTES.default
        await set_setting(session, "files.megabytes", 20, expected_version=0)
    async with database.write(tenant_id, ADMIN) as session:
        assert await get_setting(session, FILE_MEGABYTES) == 20
        state = (await all_settings(session))["files.megabytes"]
        assert (state.value, state.version, state.changed_by) == (20, 1, ADMIN.id)
        await set_setting(session, "files.megabytes", 30, expected_version=1)
    async with database.write(tenant_id, ADMIN) as session:
        with pytest.raises(SettingChangedMeanwhile):
            await set_setting(session, "files.megabytes", 40, expected_version=1)
        await reset_setting(session, "files.megabytes")
        assert await get_setting(session, FILE_MEGABYTES) == FILE_MEGABYTES.default
    async with database.read(tenant_id, ADMIN) as session:
        changes = await session.scalars(
            select(AuditEvent.changes).where(session.within(AuditEvent)).order_by(AuditEvent.at)
        )
        assert [change["files.megabytes"] for change in changes] == [[10, 20], [20, 30], [30, 10]]
        assert set(await all_settings(session)) == set(SETTINGS)


@pytest.mark.parametrize("value", [0, 5000, "many", None, 1.5, []])
async def test_a_bad_value_is_refused_and_named(database: Database, value: object) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, ADMIN) as session:
        with pytest.raises(InvalidInput) as refused:
            await set_setting(session, "files.megabytes", value)
        assert refused.value.problems[0].path[0] == "value"
        assert await get_setting(session, FILE_MEGABYTES) == FILE_MEGABYTES.default


async def test_each_setting_names_who_may_change_it(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, ADMIN) as session:
        with pytest.raises(Forbidden):
            await set_setting(session, SUPPORT_HOURS.key, 4)
        with pytest.raises(Forbidden):
            await reset_setting(session, SUPPORT_HOURS.key)
        with pytest.raises(SettingNotFound):
            await set_setting(session, "no.such", 4)
    async with database.write(tenant_id, SECURITY) as session:
        await set_setting(session, SUPPORT_HOURS.key, 4)


async def test_a_stored_value_that_no_longer_fits_falls_back_to_the_default(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        session.add(TenantSetting(key="files.megabytes", value="huge", changed_by=TESTS.id))
    async with database.read(tenant_id, TESTS) as session:
        assert await get_setting(session, FILE_MEGABYTES) == FILE_MEGABYTES.default


def test_a_setting_is_declared_once_with_a_valid_default_and_both_titles() -> None:
    with pytest.raises(ValueError, match="twice"):
        declare_setting("files.megabytes", int, 1, "甲", "a")
    with pytest.raises(ValueError, match="int"):
        declare_setting("tests.bad", int, "x", "甲", "a")
    assert "tests.bad" not in SETTINGS
    assert all(setting.title.zh and setting.title.en and setting.schema() for setting in SETTINGS.values())


async def test_facts_change_with_the_permission_and_stand_on_record(database: Database) -> None:
    tenant_id = await make_tenant(database)
    changed = await change_facts(
        database, tenant_id, ADMIN, name="新名称𠮷😀", locale="en", time_zone="Asia/Urumqi", expected_version=1
    )
    assert (changed.name, changed.locale, changed.time_zone, changed.version) == (
        "新名称𠮷😀",
        "en",
        "Asia/Urumqi",
        2,
    )
    assert await tenant_facts(database, changed.key) == changed
    assert changed in await all_tenants(database)
    with pytest.raises(SettingChangedMeanwhile):
        await change_facts(database, tenant_id, ADMIN, name="x", expected_version=1)
    with pytest.raises(Forbidden):
        await change_facts(database, tenant_id, SECURITY, name="x")
    with pytest.raises(InvalidInput) as refused:
        await change_facts(database, tenant_id, ADMIN, name="", locale="fr", time_zone="x")
    assert [problem.path[0] for problem in refused.value.problems] == ["name", "locale", "time_zone"]
    async with database.read(tenant_id, TESTS) as session:
        events = await session.scalars(select(AuditEvent.changes).where(session.within(AuditEvent)))
    assert events == [
        {
            "name": ["测试公司", "新名称𠮷😀"],
            "locale": ["zh-CN", "en"],
            "time_zone": ["Asia/Shanghai", "Asia/Urumqi"],
        }
    ]


async def test_the_sign_in_policy_is_the_security_admins(database: Database) -> None:
    tenant_id = await make_tenant(database)
    changed = await change_signin_policy(
        database,
        tenant_id,
        SECURITY,
        password_profile="djbh3",
        second_factor_required=True,
        allowed_origins=["https://crm.example"],
    )
    assert changed.password_profile == "djbh3"
    assert changed.second_factor_required
    assert changed.allowed_origins == ("https://crm.example",)
    emptied = await change_signin_policy(database, tenant_id, SECURITY, allowed_origins=[])
    assert (emptied.allowed_origins, emptied.second_factor_required) == ((), True)
    with pytest.raises(Forbidden):
        await change_signin_policy(database, tenant_id, ADMIN, second_factor_required=False)
    with pytest.raises(InvalidInput) as refused:
        await change_signin_policy(database, tenant_id, SECURITY, password_profile="none", allowed_origins=["http://x"])
    assert len(refused.value.problems) == 2


async def test_two_changes_at_once_both_hold(database: Database) -> None:
    tenant_id = await make_tenant(database)
    await asyncio.gather(
        change_facts(database, tenant_id, ADMIN, name="甲公司"),
        change_signin_policy(database, tenant_id, SECURITY, second_factor_required=True),
    )
    facts = await tenant_facts(database, tenant_id)
    assert (facts.name, facts.second_factor_required, facts.version) == ("甲公司", True, 3)
