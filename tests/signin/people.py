"""People who can sign in: a member with a password, an actor from a token, a code of an authenticator app."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

import pyotp
from sqlalchemy import insert, select, update

from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Account, Credential, CredentialKind, Membership, Tenant
from steward_tenants.people.models import User
from steward_tenants.signin import second_factor
from steward_tenants.signin.authentication import SessionAuthenticator
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.opening import SignedIn
from steward_tenants.signin.passwords import hash_password
from steward_tenants.signin.service import sign_in
from tests.factories import TESTS, make_account, make_member, make_user

PASSWORD = "雨后的青石板-7路电车站"
OTHER_PASSWORD = "三棵梧桐树/晚风Quartz92"


@dataclass(frozen=True)
class Person:
    """A member of one tenant with a password."""

    tenant_id: UUID
    user: User
    login: str
    account_id: UUID


async def give_password(database: Database, account_id: UUID, password: str = PASSWORD) -> None:
    """Give the account a password, unchecked."""
    secret = await hash_password(password)
    async with database.directory() as directory:
        await directory.execute(
            insert(Credential).values(id=new_id(), account_id=account_id, kind=CredentialKind.PASSWORD, secret=secret)
        )


async def make_person(database: Database, tenant_id: UUID, **values: object) -> Person:
    """A member with `PASSWORD`."""
    user = await make_member(database, tenant_id, **values)
    await give_password(database, user.account_id)
    return Person(tenant_id, user, user.login, user.account_id)


async def join(database: Database, person: Person, tenant_id: UUID, **values: object) -> User:
    """The same person in one more tenant."""
    async with database.write(tenant_id, TESTS) as session:
        user = make_user(session, account_id=person.account_id, login=person.login, **values)
    async with database.directory() as directory:
        directory.add(Membership(account_id=person.account_id, tenant_id=tenant_id, user_id=user.id))
    return user


async def make_operator(database: Database) -> Account:
    """An operator with `PASSWORD`, member of no tenant."""
    account = await make_account(database, is_operator=True)
    await give_password(database, account.id)
    return account


async def signed_in(database: Database, person: Person, password: str = PASSWORD) -> SignedIn:
    """An open session of the person."""
    outcome = await sign_in(database, person.login, password)
    assert isinstance(outcome, SignedIn)
    return outcome


async def caller_of(database: Database, opened: SignedIn) -> Caller:
    """Who the session's token stands for, looked up afresh."""
    return await SessionAuthenticator(database).authenticate(opened.token)


async def enrol(database: Database, account_id: UUID) -> tuple[str, list[str]]:
    """A confirmed second factor, whose codes of the present are all unused: the secret and the recovery codes."""
    past = time.time() - 600
    async with database.directory() as directory:
        enrolment = await second_factor.begin(directory, account_id, "login")
    async with database.directory() as directory:
        code = pyotp.TOTP(enrolment.secret).at(int(past))
        codes = await second_factor.confirm(directory, account_id, code, at=past)
    return enrolment.secret, codes


async def set_tenant(database: Database, tenant_id: UUID, **values: object) -> None:
    """Change the directory's row of a tenant."""
    async with database.directory() as directory:
        await directory.execute(update(Tenant).where(Tenant.id == tenant_id).values(**values))


async def tenant_key(database: Database, tenant_id: UUID) -> str:
    """The tenant's short name."""
    async with database.directory() as directory:
        tenant = await directory.find(Tenant, Tenant.id == tenant_id)
    assert tenant is not None
    return tenant.key


async def events(database: Database, tenant_id: UUID) -> list[AuditEvent]:
    """The tenant's audit events, oldest first."""
    async with database.read(tenant_id, TESTS, even_suspended=True) as session:
        rows = await session.scalars(
            select(AuditEvent).where(session.within(AuditEvent)).order_by(AuditEvent.at, AuditEvent.id)
        )
    return list(rows)


async def actions(database: Database, tenant_id: UUID) -> list[str]:
    """The actions in the tenant's audit, oldest first."""
    return [event.action for event in await events(database, tenant_id)]
