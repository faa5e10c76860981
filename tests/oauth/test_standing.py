"""Whoever is disabled or revoked is refused within a second, also by a process that has just seen the token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from steward_tenants.directory.models import Account, AccountStatus, Membership, Tenant, TenantStatus
from steward_tenants.oauth.models import ApiClient
from steward_tenants.oauth.service import end_tokens_of_user, revoke_client
from steward_tenants.people.models import User, UserStatus
from tests.factories import TESTS
from tests.oauth.world import ADMIN, Company, World

DEADLINE = 1.0
Change = Callable[[World, Company, Any, dict[str, Any]], Awaitable[object]]


async def _disable_user(world: World, company: Company, _client: Any, _tokens: dict[str, Any]) -> None:
    async with world.database.write(company.tenant_id, TESTS) as session:
        await session.execute(
            update(User).where(session.within(User), User.id == company.user.id).values(status=UserStatus.DISABLED)
        )


async def _disable_account(world: World, company: Company, _client: Any, _tokens: dict[str, Any]) -> None:
    async with world.database.directory() as directory:
        await directory.execute(
            update(Account).where(Account.id == company.user.account_id).values(status=AccountStatus.DISABLED)
        )


async def _end_membership(world: World, company: Company, _client: Any, _tokens: dict[str, Any]) -> None:
    async with world.database.directory() as directory:
        await directory.execute(
            update(Membership).where(Membership.account_id == company.user.account_id).values(active=False)
        )


async def _revoke_client(world: World, company: Company, client: Any, _tokens: dict[str, Any]) -> None:
    async with world.database.write(company.tenant_id, ADMIN) as session:
        assert await revoke_client(session, client.id) == 1


async def _revoke_token(world: World, _company: Company, client: Any, tokens: dict[str, Any]) -> None:
    answer = await world.http.post(
        "/oauth/revoke", data={"token": tokens["access_token"]}, auth=(client.client_id, client.secret)
    )
    assert answer.status_code == 200


async def _revoke_family(world: World, _company: Company, client: Any, tokens: dict[str, Any]) -> None:
    answer = await world.http.post(
        "/oauth/revoke", data={"token": tokens["refresh_token"]}, auth=(client.client_id, client.secret)
    )
    assert answer.status_code == 200


async def _end_tokens(world: World, company: Company, _client: Any, _tokens: dict[str, Any]) -> None:
    async with world.database.write(company.tenant_id, TESTS) as session:
        assert await end_tokens_of_user(session, company.user.id, "password reset") == 1


async def _suspend(world: World, company: Company, _client: Any, _tokens: dict[str, Any]) -> None:
    async with world.database.directory() as directory:
        await directory.execute(
            update(Tenant).where(Tenant.id == company.tenant_id).values(status=TenantStatus.SUSPENDED)
        )


@pytest.mark.parametrize(
    "change",
    [
        _disable_user,
        _disable_account,
        _end_membership,
        _revoke_client,
        _revoke_token,
        _revoke_family,
        _end_tokens,
        _suspend,
    ],
)
async def test_it_is_felt_within_a_second(world: World, company: Company, change: Change) -> None:
    client = await company.client(world.database)
    tokens = await world.tokens(company, client)
    assert (await world.whoami(tokens["access_token"])).status_code == 200
    await change(world, company, client, tokens)
    changed = time.monotonic()
    while (answer := await world.whoami(tokens["access_token"])).status_code == 200:
        assert time.monotonic() - changed < DEADLINE
        await asyncio.sleep(0.02)
    assert answer.status_code in (401, 403)
    refused = await world.refresh(client, tokens["refresh_token"])
    if change in (_disable_account, _end_membership):
        renewed = refused.json()["access_token"]
        assert (await world.whoami(renewed)).status_code == 401
        told = await world.http.post(
            "/oauth/introspect", data={"token": renewed}, auth=(client.client_id, client.secret or "")
        )
        assert told.json() == {"active": False}
    else:
        assert refused.status_code in (400, 401)
        assert "access_token" not in refused.json()


async def test_a_suspended_tenant_gives_no_tokens(world: World, company: Company) -> None:
    client, machine = await company.client(world.database), await company.machine(world.database)
    code = await world.code(company, client)
    await _suspend(world, company, client, {})
    await asyncio.sleep(0.5)
    for answer in (
        await world.redeem(client, code),
        await world.token(machine, grant_type="client_credentials"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    async with world.browser(company) as browser:
        asked = await browser.get("/oauth/authorize", params=world.query(client))
    assert (asked.status_code, asked.json()["code"]) == (403, "tenant_suspended")


async def test_a_user_disabled_between_code_and_token_gets_none(world: World, company: Company) -> None:
    client = await company.client(world.database)
    code = await world.code(company, client)
    await _disable_user(world, company, client, {})
    assert (await world.redeem(client, code)).json()["error"] == "invalid_grant"


async def test_a_permission_taken_from_the_client_is_gone_from_its_tokens(world: World, company: Company) -> None:
    machine = await company.machine(world.database)
    token = await world.own_token(machine)
    assert (await world.whoami(token)).json()["permissions"] == ["files.use", "people.view"]
    async with world.database.write(company.tenant_id, TESTS) as session:
        await session.execute(
            update(ApiClient)
            .where(session.within(ApiClient), ApiClient.id == machine.id)
            .values(permissions=["people.view"])
        )
    await asyncio.sleep(0.5)
    assert (await world.whoami(token)).json()["permissions"] == ["people.view"]
