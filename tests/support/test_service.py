"""Support access: no way in without it, in one role, for a while, watched, ended at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from steward_tenants.access.models import Duty
from steward_tenants.access.permissions import (
    AUDIT_READ,
    PEOPLE_MANAGE,
    PEOPLE_VIEW,
    ROLES_GRANT,
    SIGNIN_POLICY,
    SUPPORT_GRANT,
)
from steward_tenants.access.service import install_builtin_roles
from steward_tenants.audit.service import Subject, record
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.actor import Actor, operator
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Account, AccountStatus
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.signin.errors import SupportAccessEnded
from steward_tenants.signin.models import SignInSession
from steward_tenants.signin.opening import open_support_session, support_actor
from steward_tenants.support.errors import OperatorNotFound, SupportAccessNotFound, SupportRoleRefused
from steward_tenants.support.models import SupportAccess
from steward_tenants.support.queries import support_accesses
from steward_tenants.support.service import add_support_access, end_support_access, grant_support_access
from tests.factories import TESTS, actor_with, make_account, make_member, make_role, make_tenant


async def prepared(database: Database) -> tuple[UUID, Actor, Account]:
    """A tenant, its security admin, and an operator of the platform."""
    tenant_id = await make_tenant(database)
    member = await make_member(database, tenant_id)
    async with database.write(tenant_id, TESTS) as session:
        await install_builtin_roles(session)
    account = await make_account(database, is_operator=True)
    return tenant_id, actor_with(SUPPORT_GRANT, user=member), account


async def test_without_a_grant_an_operator_has_no_way_in(database: Database) -> None:
    tenant_id, security, account = await prepared(database)
    with pytest.raises(SupportAccessEnded):
        await open_support_session(database, account.id, tenant_id)
    async with database.write(tenant_id, operator("ops", account.id)) as session:
        with pytest.raises(Forbidden):
            await add_support_access(
                session, operator_account_id=account.id, operator_login=account.login, hours=1, reason="x"
            )
    other_tenant, _, _ = await prepared(database)
    await grant_support_access(database, tenant_id, security, operator_login=account.login, hours=1, reason="排查")
    with pytest.raises(SupportAccessEnded):
        await open_support_session(database, account.id, other_tenant)
    stranger = await make_account(database, is_operator=True)
    with pytest.raises(SupportAccessEnded):
        await open_support_session(database, stranger.id, tenant_id)


async def test_a_grant_lets_one_operator_read_and_the_tenant_watches_and_ends_it(database: Database) -> None:
    tenant_id, security, account = await prepared(database)
    access = await grant_support_access(
        database, tenant_id, security, operator_login=account.login.upper(), hours=2, reason="排查登录问题😀"
    )
    opened = await open_support_session(database, account.id, tenant_id)
    assert opened.expires_at <= access.expires_at
    async with database.write(tenant_id, TESTS) as session:
        session.actor = await support_actor(session, access)
        assert PEOPLE_VIEW.key in session.actor.permissions
        assert PEOPLE_MANAGE.key not in session.actor.permissions
        await record(session, "read.people", Subject("user"))
    async with database.read(tenant_id, security) as session:
        (use,) = await support_accesses(session, live_only=True)
    assert (use.live, use.sessions, use.open_sessions, use.role_key) == (True, 1, 1, "support")
    assert use.events == 2  # the session opened, and the read
    async with database.write(tenant_id, security) as session:
        await end_support_access(session, access.id)
        await end_support_access(session, access.id)
        revoked = await session.scalars(
            select(SignInSession.revoked_reason).where(
                session.within(SignInSession), SignInSession.support_access_id == access.id
            )
        )
    assert revoked == ["support_ended"]
    with pytest.raises(SupportAccessEnded):
        await open_support_session(database, account.id, tenant_id)
    async with database.read(tenant_id, actor_with(AUDIT_READ)) as session:
        assert await support_accesses(session, live_only=True) == []
        (use,) = await support_accesses(session)
    assert (use.live, use.open_sessions, use.access.ended_by) == (False, 0, security.id)


async def test_an_expired_grant_is_no_grant(database: Database) -> None:
    tenant_id, security, account = await prepared(database)
    access = await grant_support_access(
        database, tenant_id, security, operator_login=account.login, hours=1, reason="x"
    )
    past = datetime.now(UTC) - timedelta(seconds=1)
    async with database.write(tenant_id, TESTS) as session:
        await session.execute(
            update(SupportAccess)
            .where(session.within(SupportAccess), SupportAccess.id == access.id)
            .values(granted_at=past - timedelta(hours=1), expires_at=past)
        )
    with pytest.raises(SupportAccessEnded):
        await open_support_session(database, account.id, tenant_id)
    async with database.read(tenant_id, security) as session:
        assert [use.live for use in await support_accesses(session)] == [False]


async def test_only_operators_only_for_a_while_only_with_a_reason(database: Database) -> None:
    tenant_id, security, account = await prepared(database)
    ordinary = await make_account(database)
    disabled = await make_account(database, is_operator=True, status=AccountStatus.DISABLED)
    for login in (ordinary.login, disabled.login, "nobody@example.test"):
        with pytest.raises(OperatorNotFound):
            await grant_support_access(database, tenant_id, security, operator_login=login, hours=1, reason="x")
    for hours, reason, paths in ((0, "x", 1), (73, "x", 1), (1000, "  ", 2)):
        with pytest.raises(InvalidInput) as refused:
            await grant_support_access(
                database, tenant_id, security, operator_login=account.login, hours=hours, reason=reason
            )
        assert len(refused.value.problems) == paths
    async with database.write(tenant_id, actor_with(SIGNIN_POLICY)) as session:
        await set_setting(session, "support.hours", 4)
    with pytest.raises(InvalidInput):
        await grant_support_access(database, tenant_id, security, operator_login=account.login, hours=5, reason="x")
    with pytest.raises(Forbidden):
        await grant_support_access(
            database, tenant_id, actor_with(PEOPLE_VIEW), operator_login=account.login, hours=1, reason="x"
        )
    async with database.write(tenant_id, security) as session:
        with pytest.raises(SupportAccessNotFound):
            await end_support_access(session, account.id)


async def test_other_roles_need_the_right_to_grant_them_and_administrative_ones_are_never_given(
    database: Database,
) -> None:
    tenant_id, security, account = await prepared(database)
    async with database.write(tenant_id, TESTS) as session:
        business = make_role(session, [PEOPLE_VIEW])
        admin = make_role(session, [PEOPLE_MANAGE], duty=Duty.TENANT_ADMIN)
        posing = make_role(session, [PEOPLE_VIEW], builtin=False)

    async def grant(actor: Actor, role_key: str) -> SupportAccess:
        return await grant_support_access(
            database,
            tenant_id,
            actor,
            operator_login=account.login,
            hours=1,
            reason="x",
            role_key=role_key,
        )

    for key in (business.key, admin.key, posing.key, "nothing"):
        with pytest.raises(SupportRoleRefused):
            await grant(security, key)
    granter = actor_with(SUPPORT_GRANT, ROLES_GRANT)
    object.__setattr__(granter, "id", security.id)
    assert (await grant(granter, business.key)).role_id == business.id
    with pytest.raises(SupportRoleRefused):
        await grant(granter, admin.key)
