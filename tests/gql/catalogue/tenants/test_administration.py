"""API clients, support accesses, personal-data requests, files and sessions of a tenant of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from steward_graphql.catalogue.administration import (
    API_CLIENT,
    PRIVACY_REQUEST,
    SIGN_IN_SESSION,
    STORED_FILE,
    SUPPORT_ACCESS,
)
from steward_tenants.access.permissions import (
    AUDIT_READ,
    CLIENTS_MANAGE,
    FILES_USE,
    PRIVACY_DECIDE,
    SESSIONS_MANAGE,
    SUPPORT_GRANT,
)
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.actor import Actor, ActorKind, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.files.models import StoredFile
from steward_tenants.oauth.models import ApiClient
from steward_tenants.oauth.rules import public_client_id
from steward_tenants.privacy.models import PrivacyRequest
from steward_tenants.signin.models import SignInSession
from steward_tenants.signin.queries import own_sessions, sessions_of_user
from steward_tenants.support.models import SupportAccess
from steward_tenants.support.queries import support_accesses
from tests.factories import TESTS, actor_with, make_role, make_tenant, make_user
from tests.gql.catalogue.tenants.reading import Reading

TODAY = date(2026, 11, 5)


async def test_each_sees_what_the_queries_show(database: Database) -> None:
    tenant_id, later = await make_tenant(database), datetime.now(UTC) + timedelta(hours=1)
    async with database.write(tenant_id, TESTS) as session:
        anna, ben = make_user(session), make_user(session)
        role = make_role(session, (FILES_USE,))
        await session.flush()
        client = ApiClient(
            id=new_id(), name="计费系统", secret_hash="secret", grant_types=["client_credentials"], created_by=anna.id
        )
        access = SupportAccess(
            id=new_id(), operator_account_id=new_id(), operator_login="ops@example.test", role_id=role.id,
            reason="排查", granted_by=anna.id, expires_at=later,
        )  # fmt: skip
        requests = [
            PrivacyRequest(id=new_id(), kind="export", subject_user_id=one.id, requested_by=one.id)
            for one in (anna, ben)
        ]
        files = [
            StoredFile(
                id=new_id(), purpose=purpose, name="a.csv", media_type="text/csv", size=7, sha256=b"\x01\xff",
                owner_id=owner.id, expires_at=None if kept else later - timedelta(hours=2),
            )
            for purpose, owner, kept in (
                ("upload", anna, True), ("upload", ben, True), ("upload", anna, False), ("export", anna, True),
                ("personal_data", ben, True), ("tenant_export", anna, True),
            )
        ]  # fmt: skip
        sessions = [
            SignInSession(
                id=new_id(), subject_id=one.id, account_id=one.account_id, token_digest=new_id().bytes,
                expires_at=later if place else later - timedelta(hours=2),
            )
            for one in (anna, ben) for place in (0, 1)
        ]  # fmt: skip
        session.add(client, access, *requests, *files, *sessions)
    operator = Actor(ActorKind.SUPPORT, access.operator_account_id, "ops@example.test")
    async with database.write(tenant_id, operator) as session:
        await record(session, "read.audit", Subject("audit"))

    def reading(*permissions: object, scope: Scope = Scope.ALL, user: object = anna) -> Reading:
        return Reading(database, tenant_id, actor_with(*permissions, scope=scope, user=user), TODAY)  # type: ignore[arg-type]

    (row,) = await reading(CLIENTS_MANAGE).rows(API_CLIENT, "clientId", "status", "scope")
    assert tuple(row) == (public_client_id(tenant_id, client.id), "proposed", "all")
    assert await reading(FILES_USE).rows(API_CLIENT, "id") == []

    for permission in (AUDIT_READ, SUPPORT_GRANT):
        one = reading(permission)
        (row,) = await one.rows(SUPPORT_ACCESS, "id", "roleKey", "live", "sessions", "openSessions", "events")
        async with database.read(tenant_id, one.actor) as watching:
            (use,) = await support_accesses(watching)
        assert tuple(row) == (use.access.id, use.role_key, use.live, use.sessions, use.open_sessions, use.events)
        assert use.events == 1
    assert await reading(FILES_USE).rows(SUPPORT_ACCESS, "id") == []

    assert len(await reading(PRIVACY_DECIDE).rows(PRIVACY_REQUEST, "id")) == 2
    assert [row.subjectId for row in await reading().rows(PRIVACY_REQUEST, "subjectId")] == [anna.id]

    shown = await reading(FILES_USE).rows(STORED_FILE, "purpose", "ownerId", "sha256")
    assert sorted((row.purpose, row.ownerId == anna.id) for row in shown) == [
        ("export", True), ("upload", False), ("upload", True),
    ]  # fmt: skip
    assert {row.sha256 for row in shown} == {"01ff"}
    own = await reading(FILES_USE, scope=Scope.OWN, user=ben).rows(STORED_FILE, "purpose")
    assert sorted(row.purpose for row in own) == ["personal_data", "upload"]
    assert [row.purpose for row in await reading(user=ben).rows(STORED_FILE, "purpose")] == ["personal_data"]

    plain, manager = reading(), reading(SESSIONS_MANAGE)
    async with database.read(tenant_id, plain.actor) as watching:
        mine = {one.id for one in await own_sessions(watching)}
    async with database.read(tenant_id, manager.actor) as watching:
        theirs = {one.id for one in await sessions_of_user(watching, ben.id)}
    assert len(mine) == len(theirs) == 1
    assert {row.id for row in await plain.rows(SIGN_IN_SESSION, "id")} == mine
    assert {row.id for row in await manager.rows(SIGN_IN_SESSION, "id")} == mine | theirs
