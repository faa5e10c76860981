"""Making, suspending and resuming tenants; exporting into the tenant's own file store."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from steward_tenants.access.grants import assign_role
from steward_tenants.access.queries import today
from steward_tenants.access.service import install_builtin_roles
from steward_tenants.audit.service import Subject, record
from steward_tenants.configuration.queries import TenantFacts, tenant_facts, tenant_row
from steward_tenants.configuration.rules import (
    key_problem,
    locale_problem,
    name_problem,
    origin_problems,
    time_zone_problem,
)
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import DirectorySession, WriteSession
from steward_tenants.directory.models import Account, Membership, PasswordProfile, Tenant, TenantStatus
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.files.models import StoredFile
from steward_tenants.files.service import TENANT_EXPORT, add_file
from steward_tenants.files.store import CHUNK, FileStore
from steward_tenants.lifecycle.archive import LARGEST_ARCHIVE
from steward_tenants.lifecycle.deletion import hold_unfinished, purge_begun
from steward_tenants.lifecycle.errors import DeletionUnderWay, TenantKeyTaken, TenantNotReady
from steward_tenants.lifecycle.export import Progress, export_tenant, silent
from steward_tenants.lifecycle.furnishing import furnish
from steward_tenants.lifecycle.operators import changed_tenant, platform_event, require_operator
from steward_tenants.lifecycle.rules import EXPORT_DAYS
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.organisation.service import create_unit
from steward_tenants.people.models import User
from steward_tenants.people.rules import Unacceptable, clean_person, normalise_login
from steward_tenants.people.service import add_user
from steward_tenants.texts import Bilingual

CREATING = "creating"
ROOT_CODE = "ROOT"


@dataclass(frozen=True)
class Founder:
    """One of the first two people of a tenant."""

    login: str
    name: str


@dataclass(frozen=True)
class Created:
    """A new tenant with its root unit and its first two people, who are to be invited."""

    tenant: TenantFacts
    root_unit_id: UUID
    admin_id: UUID
    security_admin_id: UUID


async def create_tenant(
    database: Database,
    actor: Actor,
    *,
    key: str,
    name: str,
    admin: Founder,
    security_admin: Founder,
    locale: str = "zh-CN",
    time_zone: str = "Asia/Shanghai",
    password_profile: PasswordProfile = PasswordProfile.MODERN,
    second_factor_required: bool = False,
    allowed_origins: tuple[str, ...] = (),
    root_name: str | None = None,
) -> Created:
    """Make a tenant: directory row, then its content in one transaction, then memberships and `active` in one.

    Until the last step nobody gets in, so a crash is harmless; a repeat with the same key completes the work. The
    tenant admin and the security admin are two people, both appointed by the operator, since nobody grants themselves.
    Raises InvalidInput (naming every bad field), TenantKeyTaken, Forbidden.
    """
    require_operator(actor)
    found = [
        key_problem(key),
        name_problem(name),
        locale_problem(locale),
        time_zone_problem(time_zone),
        *origin_problems(allowed_origins),
        *_founder_problems(admin, security_admin),
    ]
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise InvalidInput(problems=problems)
    founders = [normalise_login(admin.login), normalise_login(security_admin.login)]
    facts: dict[str, object] = {
        "name": name,
        "locale": locale,
        "time_zone": time_zone,
        "password_profile": PasswordProfile(password_profile).value,
        "second_factor_required": second_factor_required,
        "allowed_origins": list(allowed_origins),
    }
    try:
        async with database.directory() as directory:
            tenant_id = await _reserve(directory, key, facts)
            accounts = await _accounts(directory, founders)
    except IntegrityError:
        raise TenantKeyTaken(key=key) from None
    async with database.write(tenant_id, actor, even_suspended=True) as session:
        await hold_unfinished(database, session, CREATING)
        day = today(time_zone)
        root = await session.find(OrgUnit, OrgUnit.code == ROOT_CODE)
        if root is None:
            root = await _furnish(session, root_name or name, facts)
        root_id = root.id
        roles = await install_builtin_roles(session)
        people = []
        for account_id, founder, role in zip(
            accounts, (admin, security_admin), ("tenant_admin", "security_admin"), strict=True
        ):
            user = await session.find(User, User.account_id == account_id)
            if user is None:
                fields = {"login": founder.login, "name": founder.name}
                user = await add_user(session, account_id=account_id, fields=fields, today=day, unit_id=root_id)
                await assign_role(session, user_id=user.id, role_id=roles[role], scope=Scope.ALL, today=day)
            people.append(user.id)
        await furnish(session)
    async with database.directory() as directory:
        for account_id, user_id in zip(accounts, people, strict=True):
            await directory.execute(
                insert(Membership)
                .values(account_id=account_id, tenant_id=tenant_id, user_id=user_id)
                .on_conflict_do_nothing()
            )
        row = await tenant_row(directory, tenant_id, lock=True)
        if row.status == TenantStatus.RESTORING:
            row.status, row.status_reason, row.status_at = TenantStatus.ACTIVE, None, datetime.now(UTC)
            platform_event(directory, actor, "tenant.create", tenant_id, {"key": key, **facts})
    database.forget_status(tenant_id)
    return Created(await tenant_facts(database, tenant_id), root_id, people[0], people[1])


def _founder_problems(admin: Founder, security_admin: Founder) -> list[FieldProblem]:
    problems, logins = [], []
    for path, founder in (("admin", admin), ("security_admin", security_admin)):
        try:
            logins.append(normalise_login(founder.login))
        except Unacceptable as refused:
            problems.append(FieldProblem((path, "login"), refused.code, refused.message))
        try:
            clean_person({"name": founder.name}, allowed=frozenset({"name"}))
        except InvalidInput as refused:
            problems += [FieldProblem((path, *item.path), item.code, item.message) for item in refused.problems]
    if len(logins) == 2 and logins[0] == logins[1]:
        text = Bilingual(
            "三权分立：安全管理员须与租户管理员不是同一人。",
            "Separation of duties: the security admin is another person than the tenant admin.",
        )
        problems.append(FieldProblem(("security_admin", "login"), "same_person", text))
    return problems


async def _reserve(directory: DirectorySession, key: str, facts: dict[str, object]) -> UUID:
    """The directory's row: a new one, or that of an earlier attempt which did not end."""
    row = await directory.find(Tenant, Tenant.key == key, lock=True)
    if row is None:
        row = Tenant(id=new_id(), key=key, status=TenantStatus.RESTORING, status_reason=CREATING, **facts)
        directory.add(row)
        await directory.flush()
    elif row.status != TenantStatus.RESTORING or row.status_reason != CREATING:
        raise TenantKeyTaken(key=key)
    else:
        for field, value in facts.items():
            setattr(row, field, value)
    return row.id


async def _accounts(directory: DirectorySession, logins: list[str]) -> list[UUID]:
    await directory.execute(
        insert(Account)
        .values([{"id": new_id(), "login": login} for login in logins])
        .on_conflict_do_nothing(index_elements=[Account.login])
    )
    rows = await directory.rows(select(Account.login, Account.id).where(Account.login.in_(logins)))
    known = {row.login: row.id for row in rows}
    return [known[login] for login in logins]


async def _furnish(session: WriteSession, root_name: str, facts: dict[str, object]) -> OrgUnit:
    await record(session, "tenant.create", Subject("tenant", session.tenant_id), after=facts)
    day = today(str(facts["time_zone"]))
    return await create_unit(session, code=ROOT_CODE, name=root_name, today=day, kind="company")


async def suspend_tenant(database: Database, tenant: UUID | str, actor: Actor, *, reason: str) -> TenantFacts:
    """Shut the tenant: people, clients and jobs are refused with `tenant_suspended`; nothing is lost. Again is no
    error. Raises TenantNotFound, TenantNotReady, Forbidden."""
    async with changed_tenant(database, tenant, actor, "tenant.suspend", reason=reason) as row:
        if row.status in (TenantStatus.RESTORING, TenantStatus.DELETING):
            raise TenantNotReady(status=row.status)
        if row.status == TenantStatus.ACTIVE:
            row.status, row.status_reason, row.status_at = TenantStatus.SUSPENDED, reason, datetime.now(UTC)
    return await tenant_facts(database, tenant)


async def resume_tenant(
    database: Database, tenant: UUID | str, actor: Actor, *, reason: str | None = None
) -> TenantFacts:
    """Open a suspended tenant again; also one that waits for deletion, until erasing has begun.

    Again is no error. Raises TenantNotFound, TenantNotReady, DeletionUnderWay, Forbidden.
    """
    async with changed_tenant(database, tenant, actor, "tenant.resume", reason=reason) as row:
        if row.status == TenantStatus.RESTORING:
            raise TenantNotReady(status=row.status)
        if row.status == TenantStatus.DELETING:
            async with database.directory() as directory:
                begun = await purge_begun(directory, row.id)
            if begun:
                raise DeletionUnderWay
        if row.status != TenantStatus.ACTIVE:
            row.status, row.status_reason, row.status_at = TenantStatus.ACTIVE, None, datetime.now(UTC)
            row.delete_after = None
    return await tenant_facts(database, tenant)


async def export_into_files(
    database: Database, store: FileStore, tenant_id: UUID, actor: Actor, *, progress: Progress = silent
) -> StoredFile:
    """Export the tenant into its own file store, for those with `tenant.export` to fetch within `EXPORT_DAYS`.

    Raises Forbidden, TenantNotFound.
    """
    with tempfile.TemporaryDirectory(prefix="steward-export-") as folder:
        target = Path(folder) / "export.zip"
        exported = await export_tenant(database, store, tenant_id, actor, target, progress=progress)
        file_id = new_id()
        written = await store.write(tenant_id, file_id, _bytes_of(target), LARGEST_ARCHIVE)
    moment = exported.manifest.exported_at
    async with database.write(tenant_id, actor) as session:
        return await add_file(
            session,
            file_id,
            written,
            TENANT_EXPORT,
            name=f"{exported.manifest.tenant.key}-{moment:%Y%m%dT%H%M%SZ}.steward.zip",
            media_type="application/zip",
            owner_id=actor.id,
            expires_at=moment + timedelta(days=EXPORT_DAYS),
        )


async def _bytes_of(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
