"""Personal data: a copy of all of it, or nothing of it left; decided by somebody else; on record."""

from __future__ import annotations

import io
import json
import zipfile
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import func, select

from steward_tenants.access.errors import LastSecurityAdmin
from steward_tenants.access.models import Duty, RoleAssignment
from steward_tenants.access.permissions import FILES_USE, PEOPLE_VIEW, PRIVACY_DECIDE, ROLES_GRANT
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Actor, operator
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession
from steward_tenants.directory.models import Account, Credential, CredentialKind, Membership
from steward_tenants.errors import Forbidden
from steward_tenants.files.errors import FileNotFound
from steward_tenants.files.service import release, sweep
from steward_tenants.files.store import LocalFileStore
from steward_tenants.people.errors import PersonErased
from steward_tenants.people.models import User, UserStatus
from steward_tenants.privacy import subjects
from steward_tenants.privacy.errors import (
    DataMustBeKept,
    NotOnesOwnRequest,
    PrivacyRequestClosed,
    PrivacyRequestNotFound,
    PrivacyRequestOpen,
)
from steward_tenants.privacy.models import PrivacyRequest, PrivacyRequestKind
from steward_tenants.privacy.queries import privacy_requests
from steward_tenants.privacy.service import (
    copy_personal_data,
    erase_personal_data,
    open_privacy_request,
    refuse_privacy_request,
)
from steward_tenants.privacy.subjects import personal_data_source
from steward_tenants.signin.models import SignInSession
from steward_tenants.texts import Bilingual
from tests.cluster import Addresses
from tests.factories import TESTS, actor_with, assign, make_member, make_role, make_tenant
from tests.lifecycle.tenants import IDENTITY, NAME, Furnished, furnished_tenant

PHONE = "13800001234"


async def requested(database: Database, tenant: Furnished, kind: PrivacyRequestKind) -> UUID:
    async with database.write(tenant.id, actor_of(tenant)) as session:
        for old in await privacy_requests(session, open_only=True):
            old.status = "done"
        await session.flush()
        request = await open_privacy_request(session, kind, tenant.user_id, reason="本人要求")
    return request.id


def actor_of(tenant: Furnished) -> Actor:
    actor = actor_with()
    object.__setattr__(actor, "id", tenant.user_id)
    return actor


async def decider(database: Database, tenant_id: UUID) -> Actor:
    return actor_with(PRIVACY_DECIDE, user=await make_member(database, tenant_id))


async def test_a_copy_holds_everything_and_only_the_person_may_fetch_it(
    database: Database, store: LocalFileStore
) -> None:
    tenant = await furnished_tenant(database, store)
    request_id = await requested(database, tenant, PrivacyRequestKind.EXPORT)
    judge = await decider(database, tenant.id)
    row = await copy_personal_data(database, store, tenant.id, judge, request_id)
    assert row.expires_at is not None
    async with database.write(tenant.id, actor_of(tenant)) as session:
        await release(session, row.id)
        assert session.audited == ["read.file"]
        (request,) = [item for item in await privacy_requests(session) if item.id == request_id]
        assert (request.status, request.decided_by, request.file_id) == ("done", judge.id, row.id)
    async with database.write(tenant.id, actor_with(FILES_USE)) as session:
        with pytest.raises(FileNotFound):
            await release(session, row.id)
    packed = b"".join([chunk async for chunk in store.read(tenant.id, row.id)])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        data = json.loads(archive.read("personal-data.json"))["data"]
        text = archive.read("个人信息 personal-data.txt").decode("utf-8-sig")
    assert set(data) == set(subjects.SOURCES)
    person = data["person"][0]
    assert (person["name"], person["phone"], person["identity_number"], person["unit"]) == (
        NAME,
        PHONE,
        IDENTITY,
        "一部",
    )
    assert data["sessions"]
    assert data["files"]
    assert data["roles"]
    for part in ("姓名 / Name", "𠮷祥😀", PHONE, IDENTITY, "== 登录会话 / Sign-in sessions =="):
        assert part in text
    async with database.read(tenant.id, TESTS) as session:
        actions = await session.scalars(select(AuditEvent.action).where(session.within(AuditEvent)))
    assert {"privacy.request", "read.personal_data", "privacy.decide", "files.create"} <= set(actions)


async def test_an_erased_person_is_nowhere_to_be_found(
    database: Database, store: LocalFileStore, addresses: Addresses, database_name: str
) -> None:
    tenant = await furnished_tenant(database, store)
    async with database.directory() as directory:
        account = await directory.find(Account, Account.login == tenant.login)
        assert account is not None
        directory.add(Credential(account_id=account.id, kind=CredentialKind.PASSWORD, secret="x"))
    copy_id = await requested(database, tenant, PrivacyRequestKind.EXPORT)
    judge = await decider(database, tenant.id)
    dsn = addresses.superuser(database_name)
    assert "app.tenant_user" in found_anywhere(dsn, tenant.id, NAME)
    assert "directory.account" in found_anywhere(dsn, tenant.id, tenant.login)
    copy = await copy_personal_data(database, store, tenant.id, judge, copy_id)
    request_id = await requested(database, tenant, PrivacyRequestKind.ERASURE)
    await erase_personal_data(database, tenant.id, judge, request_id, reason="依法删除")
    async with database.read(tenant.id, TESTS) as session:
        user = await session.get(User, tenant.user_id)
        assert user is not None
        assert user.status == UserStatus.ERASED
        assert user.identity_number is None
        for table, column in ((SignInSession, SignInSession.subject_id), (RoleAssignment, RoleAssignment.user_id)):
            count = select(func.count()).select_from(table).where(session.within(table), column == tenant.user_id)
            assert await session.scalar(count) == 0
    await sweep(database, store, tenant.id, TESTS)
    assert copy.id not in {kept.file_id for kept in await store.listing(tenant.id)}
    for secret in (NAME, "𠮷祥", PHONE, tenant.login):
        assert found_anywhere(dsn, tenant.id, secret) == []
    with pytest.raises(PrivacyRequestClosed):
        await erase_personal_data(database, tenant.id, judge, request_id)
    async with database.write(tenant.id, judge) as session:
        with pytest.raises(PersonErased):
            await open_privacy_request(session, PrivacyRequestKind.EXPORT, tenant.user_id)


def found_anywhere(dsn: str, tenant_id: UUID, secret: str) -> list[str]:
    """Tables of this tenant, and of the directory, with a row that shows `secret`."""
    found = []
    with psycopg.connect(dsn.replace("postgresql+psycopg", "postgresql")) as connection:
        tables = connection.execute(
            "select format('%I.%I', n.nspname, c.relname), n.nspname = 'app' from pg_class c"
            " join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ('app', 'directory')"
        ).fetchall()
        for table, of_tenants in tables:
            where = "and t.tenant_id = %s" if of_tenants else "and %s is not null"
            row = connection.execute(
                f"select count(*) from {table} t where strpos(to_jsonb(t)::text, %s) > 0 {where}",
                [json.dumps(secret, ensure_ascii=False)[1:-1], tenant_id],
            ).fetchone()
            assert row is not None
            if row[0]:
                found.append(table)
    return found


async def test_someone_in_two_tenants_is_erased_from_one(database: Database, store: LocalFileStore) -> None:
    tenant = await furnished_tenant(database, store)
    other = await make_tenant(database)
    async with database.directory() as directory:
        account = await directory.find(Account, Account.login == tenant.login)
        assert account is not None
        directory.add(Membership(account_id=account.id, tenant_id=other, user_id=uuid4()))
    request_id = await requested(database, tenant, PrivacyRequestKind.ERASURE)
    await erase_personal_data(database, tenant.id, await decider(database, tenant.id), request_id)
    async with database.directory() as directory:
        left = await directory.scalars(select(Membership.tenant_id).where(Membership.account_id == account.id))
        assert left == [other]


async def test_data_that_must_be_kept_refuse_an_erasure_whole(database: Database, store: LocalFileStore) -> None:
    tenant = await furnished_tenant(database, store)
    request_id = await requested(database, tenant, PrivacyRequestKind.ERASURE)
    judge = await decider(database, tenant.id)

    async def nothing(_session: TenantSession, _user: User) -> list[dict[str, object]]:
        return []

    async def kept(_session: TenantSession, _user: User) -> Bilingual:
        return Bilingual("工资单须保存至2030年", "pay slips are kept until 2030")

    personal_data_source("tests.pay", "工资", "Pay", nothing, retained=kept)
    try:
        with pytest.raises(DataMustBeKept) as refused:
            await erase_personal_data(database, tenant.id, judge, request_id)
    finally:
        del subjects.SOURCES["tests.pay"]
    assert "2030" in refused.value.text.zh
    assert "2030" in refused.value.text.en
    async with database.read(tenant.id, TESTS) as session:
        user = await session.get(User, tenant.user_id)
        assert user is not None
        assert user.name == NAME
    await erase_personal_data(database, tenant.id, judge, request_id)


async def test_nobody_decides_about_themselves_and_operators_not_at_all(
    database: Database, store: LocalFileStore
) -> None:
    tenant = await furnished_tenant(database, store)
    request_id = await requested(database, tenant, PrivacyRequestKind.ERASURE)
    oneself = actor_with(PRIVACY_DECIDE)
    object.__setattr__(oneself, "id", tenant.user_id)
    with pytest.raises(NotOnesOwnRequest):
        await erase_personal_data(database, tenant.id, oneself, request_id)
    with pytest.raises(Forbidden):
        await erase_personal_data(database, tenant.id, actor_with(PEOPLE_VIEW), request_id)
    with pytest.raises(Forbidden):
        await erase_personal_data(database, tenant.id, operator("ops"), request_id)
    judge = await decider(database, tenant.id)
    with pytest.raises(PrivacyRequestNotFound):
        await copy_personal_data(database, store, tenant.id, judge, request_id)
    async with database.write(tenant.id, judge) as session:
        with pytest.raises(PrivacyRequestOpen):
            await open_privacy_request(session, PrivacyRequestKind.ERASURE, tenant.user_id)
        refused = await refuse_privacy_request(session, request_id, reason="在职人员")
        assert (refused.status, refused.decision_reason) == ("refused", "在职人员")
    async with database.write(tenant.id, judge) as session:
        with pytest.raises(PrivacyRequestClosed):
            await refuse_privacy_request(session, request_id, reason="again")
    stranger = actor_with(PEOPLE_VIEW)
    async with database.write(tenant.id, stranger) as session:
        assert await privacy_requests(session) == []
        with pytest.raises(Forbidden):
            await open_privacy_request(session, PrivacyRequestKind.EXPORT, tenant.user_id)
        assert await session.get(PrivacyRequest, request_id) is not None


async def test_the_last_security_admin_stays(database: Database, store: LocalFileStore) -> None:
    tenant = await furnished_tenant(database, store)
    async with database.write(tenant.id, TESTS) as session:
        user = await session.get(User, tenant.user_id)
        assert user is not None
        role = make_role(session, [ROLES_GRANT], duty=Duty.SECURITY_ADMIN)
        await session.flush()
        assign(session, user, role)
    request_id = await requested(database, tenant, PrivacyRequestKind.ERASURE)
    judge = await decider(database, tenant.id)
    with pytest.raises(LastSecurityAdmin):
        await erase_personal_data(database, tenant.id, judge, request_id)
    async with database.directory() as directory:
        members = select(func.count()).where(Membership.user_id == tenant.user_id)
        assert await directory.scalar(members) == 1
