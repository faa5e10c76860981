"""The OpenAPI document against every role: no server error, nothing undocumented, no way past authentication."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import Failure, FailureGroup

from steward_server import demo
from steward_tenants.access.queries import actor_of, today
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Tenant
from steward_tenants.oauth.rules import CLIENT_CREDENTIALS, ClientPlan
from steward_tenants.oauth.service import connect_client, create_client
from steward_tenants.people.models import User
from tests import plain_http
from tests.cluster import Addresses
from tests.factories import TESTS
from tests.server.api.live import Live, serving

PASSWORD = "Quiet-Lantern-Meadow-2291"
ROLES = ("nobody", "tenant_admin", "security_admin", "auditor", "supervisor", "account_manager", "api_client")
EXAMPLES = 40 if os.environ.get("STEWARD_TEST_FULL") == "1" else 3
OPEN = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/sign-in",
    "/sign-in/second-factor",
    "/sign-in/second-factor/enrolment",
    "/sign-in/second-factor/enrolment/confirm",
    "/sign-in/password",
    "/invitations/accept",
    "/password-reset/request",
    "/password-reset/confirm",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/authorize",
    "/oauth/jwks",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
}


@pytest.fixture(scope="module")
def company(
    addresses: Addresses, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Live, dict[str, str]]]:
    """The demo companies behind a server, and a bearer token for each role."""
    name = f"steward_roles_{worker_id}"
    addresses.clone(name)
    with serving(addresses, name, tmp_path_factory.mktemp("roles")) as live:
        live.run(demo.ensure(live.edge.database, PASSWORD))
        logins = {person.role: person.login for person in reversed(demo.TELECOM.people)}
        tokens = {"nobody": ""}
        for role in ROLES[1:-1]:
            answer = plain_http.post(f"{live.url}/sign-in", json={"login": logins[role], "password": PASSWORD})
            tokens[role] = answer.json()["access_token"]
        tokens["api_client"] = client_token(live, live.run(make_client(live.edge.database)))
        yield live, tokens
    addresses.drop(name)


async def make_client(database: Database) -> tuple[str, str]:
    async with database.directory() as directory:
        tenant = await directory.find(Tenant, Tenant.key == "huaxin")
    assert tenant is not None
    async with database.write(tenant.id, TESTS) as session:
        security = await session.find(User, User.login == demo.TELECOM.people[1].login)
        assert security is not None
        session.actor = await actor_of(session, security, today(tenant.time_zone))
        plan = ClientPlan("BOSS", (CLIENT_CREDENTIALS,), ("people.view", "files.use"), scope=Scope.ALL)
        proposed = await create_client(session, plan)
    async with database.write(tenant.id, TESTS) as session:
        made = await connect_client(session, proposed.id)
    assert made.secret is not None
    return made.client_id, made.secret


def client_token(live: Live, credentials: tuple[str, str]) -> str:
    answer = plain_http.post(
        f"{live.url}/oauth/token", data={"grant_type": CLIENT_CREDENTIALS, "scope": "people.view"}, auth=credentials
    )
    token: str = answer.json()["access_token"]
    return token


@pytest.fixture(scope="module")
def operations(company: tuple[Live, dict[str, str]]) -> list[Any]:
    """Every operation that is declared, read once for all roles."""
    live, _ = company
    schema = schemathesis.openapi.from_url(f"{live.url}/openapi.json")
    return [cast("Any", found).ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_meets_a_server_error_or_gets_past_authentication(
    company: tuple[Live, dict[str, str]], operations: list[Any], role: str
) -> None:
    _, tokens = company
    headers = {"Authorization": f"Bearer {tokens[role]}"} if tokens[role] else {}
    for operation in operations:
        # Signing out or ending one's sessions would make the rest of the walk anonymous.
        if (operation.method.lower(), operation.path) in {
            ("post", "/sign-out"),
            ("delete", "/me/sessions"),
        } and headers:
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def walk(case: Any) -> None:
            answer = case.call(headers=headers, allow_redirects=False, timeout=30)
            place = f"{role} {case.method} {case.path}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code < 500 or answer.status_code == 503, place
            assert "Traceback" not in answer.text, place
            assert "psycopg" not in answer.text, place
            if role == "nobody" and case.operation.path not in OPEN:
                assert answer.status_code in (401, 404, 405, 413, 415, 422), place
            try:
                case.validate_response(answer, checks=[schemathesis.checks.not_a_server_error])
            except (Failure, FailureGroup) as failure:
                raise AssertionError(place) from failure

        walk()


def test_what_is_open_to_nobody_is_a_closed_list(company: tuple[Live, dict[str, str]], operations: list[Any]) -> None:
    live, _ = company
    for operation in operations:
        path = operation.path.replace("{session_id}", str(UUID(int=7))).replace("{file_id}", str(UUID(int=7)))
        answer = plain_http.request(operation.method.upper(), live.url + path, json={})
        if operation.path in OPEN:
            continue
        assert answer.status_code in (401, 422), (operation.path, answer.status_code)
        if answer.status_code == 422:
            assert answer.json()["code"] == "invalid_input"
