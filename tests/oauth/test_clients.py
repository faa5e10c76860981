"""Commands on API clients, and the rules that a plan must keep."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from steward_tenants.access.models import Duty
from steward_tenants.access.permissions import (
    AUDIT_READ,
    CLIENTS_CONNECT,
    CLIENTS_MANAGE,
    PEOPLE_MANAGE,
    PEOPLE_VIEW,
    ROLES_GRANT,
)
from steward_tenants.audit.models import AuditEvent
from steward_tenants.commands.service import COMMANDS
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.oauth import queries
from steward_tenants.oauth.errors import ClientHasNoSecret, ClientNotFound, ClientOfOneself, ClientRevoked
from steward_tenants.oauth.models import AuthorizationCode, TokenGrant
from steward_tenants.oauth.rules import (
    ClientPlan,
    bearer_tenant,
    family_of,
    new_bearer,
    parse_client_id,
    plan_problems,
    public_client_id,
    redirect_problem,
    secret_matches,
)
from steward_tenants.oauth.service import connect_client, create_client, purge_expired, revoke_client
from tests.factories import TESTS, actor_with, make_tenant
from tests.oauth.world import ADMIN, CONNECTOR, REDIRECT, Company, World


def _plan(**values: Any) -> ClientPlan:
    return ClientPlan(**{"name": "抄表系统", "grant_types": ("client_credentials",), **values})


def _fields(plan: ClientPlan) -> list[str]:
    return sorted({".".join(problem.path) for problem in plan_problems(plan)})


async def test_a_secret_is_shown_once_and_stored_as_a_digest(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, ADMIN) as session:
        proposed = await create_client(session, _plan(permissions=(PEOPLE_VIEW.key,)))
    assert proposed.secret is None
    async with database.write(tenant_id, CONNECTOR) as session:
        made = await connect_client(session, proposed.id)
    assert parse_client_id(made.client_id) == (tenant_id, made.id)
    assert made.secret is not None
    assert len(made.secret) == 43
    async with database.read(tenant_id, ADMIN) as session:
        row = await queries.api_client(session, made.id)
        assert [client.id for client in await queries.api_clients(session)] == [made.id]
        events = await session.rows(
            select(AuditEvent.action, AuditEvent.changes).where(session.within(AuditEvent)).order_by(AuditEvent.id)
        )
    changes = dict(tuple(event) for event in events)
    assert row.secret_hash is not None
    assert made.secret not in row.secret_hash
    assert changes["oauth.client.connect"] == {"secret": [None, "•••"], "status": ["proposed", "active"]}
    assert changes["oauth.client.create"]["permissions"] == [None, ["people.view"]]


async def test_a_name_stands_once(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, ADMIN) as session:
        await create_client(session, _plan())
    async with database.write(tenant_id, ADMIN) as session:
        with pytest.raises(InvalidInput) as refused:
            await create_client(session, _plan())
    assert [problem.code for problem in refused.value.problems] == ["taken"]


async def test_only_the_security_administrator_manages_clients(database: Database) -> None:
    tenant_id = await make_tenant(database)
    commands = [info for key, info in COMMANDS.items() if key.startswith("oauth.")]
    assert {info.permission for info in commands} == {CLIENTS_MANAGE, CLIENTS_CONNECT}
    assert (CLIENTS_MANAGE.duty, CLIENTS_CONNECT.duty) == (Duty.SECURITY_ADMIN, Duty.TENANT_ADMIN)
    async with database.write(tenant_id, actor_with(PEOPLE_MANAGE)) as session:
        with pytest.raises(Forbidden):
            await create_client(session, _plan())
        with pytest.raises(Forbidden):
            await queries.api_clients(session)


async def test_the_old_secret_ends_with_its_rotation(world: World, company: Company) -> None:
    machine = await company.machine(world.database)
    async with world.database.write(company.tenant_id, CONNECTOR) as session:
        renewed = await connect_client(session, machine.id)
    assert (await world.token(machine, grant_type="client_credentials")).status_code == 401
    assert (await world.token(renewed, grant_type="client_credentials")).status_code == 200


async def test_a_revoked_client_stays_so(world: World, company: Company) -> None:
    client = await company.client(world.database)
    code = await world.code(company, client)
    async with world.database.write(company.tenant_id, ADMIN) as session:
        await revoke_client(session, client.id)
    async with world.database.write(company.tenant_id, ADMIN) as session:
        with pytest.raises(ClientRevoked):
            await revoke_client(session, client.id)
    async with world.database.write(company.tenant_id, CONNECTOR) as session:
        with pytest.raises(ClientRevoked):
            await connect_client(session, client.id)
    assert (await world.redeem(client, code)).json()["error"] == "invalid_client"
    async with world.browser(company) as browser:
        assert (await browser.get("/oauth/authorize", params=world.query(client))).status_code == 400


async def test_unknown_and_public_clients_have_no_secret_to_rotate(world: World, company: Company) -> None:
    public = await company.client(world.database, auth_method="none")
    async with world.database.write(company.tenant_id, CONNECTOR) as session:
        with pytest.raises(ClientHasNoSecret):
            await connect_client(session, public.id)
        with pytest.raises(ClientNotFound):
            await connect_client(session, uuid4())


async def test_granting_and_using_are_two_peoples_business(world: World, company: Company) -> None:
    """Whoever says what a client may do never holds its secret; whoever holds the secret cannot say what it may do."""
    both = actor_with(CLIENTS_MANAGE, CLIENTS_CONNECT)
    async with world.database.write(company.tenant_id, both) as session:
        proposed = await create_client(session, _plan(permissions=(PEOPLE_VIEW.key,)))
        with pytest.raises(ClientOfOneself):
            await connect_client(session, proposed.id)
    guess = replace(proposed, secret="x" * 43)
    assert (await world.token(guess, grant_type="client_credentials")).json()["error"] == "invalid_client"
    async with world.database.write(company.tenant_id, ADMIN) as session:
        with pytest.raises(Forbidden):
            await connect_client(session, proposed.id)
    async with world.database.write(company.tenant_id, CONNECTOR) as session:
        with pytest.raises(Forbidden):
            await create_client(session, _plan(name="另一个"))
        connected = await connect_client(session, proposed.id)
    assert (await world.token(connected, grant_type="client_credentials")).status_code == 200


async def test_what_has_ended_is_purged(world: World, company: Company) -> None:
    client = await company.client(world.database)
    await world.code(company, client)
    await world.tokens(company, client)
    await world.own_token(await company.machine(world.database))
    long_ago = datetime.now(UTC) - timedelta(days=60)
    async with world.database.write(company.tenant_id, TESTS) as session:
        assert await purge_expired(session) == 0
        await session.execute(
            update(AuthorizationCode).where(session.within(AuthorizationCode)).values(expires_at=long_ago)
        )
        await session.execute(update(TokenGrant).where(session.within(TokenGrant)).values(access_expires_at=long_ago))
        assert await purge_expired(session) == 2
        left = await session.scalar(select(func.count()).select_from(TokenGrant).where(session.within(TokenGrant)))
        assert left == 1
        await session.execute(update(TokenGrant).where(session.within(TokenGrant)).values(refresh_expires_at=long_ago))
        assert await purge_expired(session) == 1


def test_every_bad_field_is_named_at_once() -> None:
    plan = ClientPlan(
        name=" ",
        grant_types=("password",),
        permissions=("no.such",),
        redirect_uris=("http://boss.test/*",),
        auth_method="secret",
        unit_id=uuid4(),
    )
    assert _fields(plan) == [
        "authMethod",
        "grantTypes",
        "name",
        "permissions.0",
        "redirectUris",
        "redirectUris.0",
        "unitId",
    ]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, []),
        ({"permissions": ("people.view", "files.use")}, []),
        ({"permissions": (PEOPLE_MANAGE.key,)}, ["permissions.0"]),
        ({"permissions": ("people.view", AUDIT_READ.key)}, ["permissions.1"]),
        ({"auth_method": "none"}, ["authMethod"]),
        ({"redirect_uris": (REDIRECT,)}, ["redirectUris"]),
        ({"grant_types": ("authorization_code",)}, ["redirectUris"]),
        ({"grant_types": ("refresh_token",)}, ["grantTypes"]),
        ({"grant_types": ()}, ["grantTypes"]),
        ({"scope": Scope.SUBTREE}, ["unitId"]),
        ({"scope": Scope.SUBTREE, "unit_id": uuid4()}, []),
    ],
)
def test_what_a_client_that_acts_for_itself_may_be(values: dict[str, Any], fields: list[str]) -> None:
    assert _fields(_plan(**values)) == fields


@pytest.mark.parametrize(
    ("permissions", "fields"),
    [
        ((PEOPLE_MANAGE.key, PEOPLE_VIEW.key), []),
        ((AUDIT_READ.key, PEOPLE_VIEW.key), []),
        ((PEOPLE_MANAGE.key, ROLES_GRANT.key), ["permissions.0", "permissions.1"]),
        ((AUDIT_READ.key, "files.use"), ["permissions.1"]),
    ],
)
def test_a_client_for_people_keeps_the_duties_apart(permissions: tuple[str, ...], fields: list[str]) -> None:
    plan = _plan(grant_types=("authorization_code",), redirect_uris=(REDIRECT,), permissions=permissions)
    assert _fields(plan) == fields


@pytest.mark.parametrize(
    "uri",
    [
        "https://boss.test/callback",
        "https://boss.test:8443/callback?tenant=1",
        "http://127.0.0.1:7777/",
        "http://[::1]:7777/",
        "http://localhost/back",
    ],
)
def test_redirect_addresses_that_may_be_registered(uri: str) -> None:
    assert redirect_problem(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "http://boss.test/callback",
        "http://127.0.0.1.evil.test/",
        "https://boss.test/callback#part",
        "https://boss.test/callback#",
        "https://*.boss.test/",
        "https://boss.test/*",
        "https://user:secret@boss.test/",
        "https://boss.test/a/../b",
        "https://boss.test/ b",
        "https://boss.test/\tb",
        "https://boss.test\\@evil.test/",
        "https://银行.test/",
        "https:///callback",
        "https://boss.test:port/",
        "https://[::1/",
        "myapp://callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "//boss.test/",
        "/callback",
        "",
    ],
)
def test_redirect_addresses_that_may_not(uri: str) -> None:
    assert redirect_problem(uri) is not None


@given(st.text())
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    redirect_problem(text)
    assert parse_client_id(text) is None
    assert bearer_tenant(text) is None


@given(st.uuids(), st.uuids())
def test_names_lead_back_to_their_tenant(tenant_id: Any, client_id: Any) -> None:
    assert parse_client_id(public_client_id(tenant_id, client_id)) == (tenant_id, client_id)
    code = new_bearer(tenant_id)
    assert bearer_tenant(code) == tenant_id
    assert family_of(code) == family_of(code) != family_of(new_bearer(tenant_id))


def test_a_client_without_secret_matches_nothing() -> None:
    for presented in ("", "sha256:", "x"):
        assert not secret_matches(presented, None)
        assert not secret_matches(presented, "")


@pytest.mark.parametrize("name", ["", "x" * 101, "a\0b", "a\ud800", "银行\u202e助手", "a\u200bb", "a\nb"], ids=ascii)
def test_a_name_that_people_are_shown_has_visible_characters_only(name: str) -> None:
    assert _fields(_plan(name=name)) == ["name"]


@pytest.mark.parametrize(
    "address", ["https://a;sandbox/", "https://a,b/", "https://a'b/", f"https://a.example/{'x' * 2000}", "https://a\0/"]
)
def test_an_address_cannot_add_rules_to_the_pages_policy(address: str) -> None:
    assert redirect_problem(address) is not None
