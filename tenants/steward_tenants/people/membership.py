"""A person's membership in a tenant: what touches both the directory and the tenant.

The two lie under different roles, so each function runs one transaction after the other, in an order in which a
crash in between leaves nothing that lets anybody in, and in which a repeat completes the work.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import literal, select, update
from sqlalchemy.dialects.postgresql import insert

from steward_tenants.access.permissions import PEOPLE_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Account, Membership
from steward_tenants.people import service
from steward_tenants.people.errors import AccountNotFound, PersonExists
from steward_tenants.people.models import User, UserStatus
from steward_tenants.people.rules import PROFILE, clean_person
from steward_tenants.people.service import Fields
from steward_tenants.signin.models import SessionKind, SignInSession


async def create_user(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    *,
    fields: Fields,
    today: date,
    unit_id: UUID | None = None,
    request_id: str = "",
) -> User:
    """Create a person in a tenant, invited, with the account of their login (found or made: nobody is told which).

    `fields`: `login`, `name` and any of `rules.PROFILE`. Account, then user, then membership: an account without
    membership signs in nowhere, and a user without one neither; a repeat finds both and completes the membership,
    the user's earlier data standing. The membership counts once the person has accepted: until then a tenant that
    knows somebody's login has no say in how they sign in elsewhere. Raises what `service.add_user` raises.
    """
    require(actor, PEOPLE_MANAGE)
    clean = clean_person(fields, allowed=PROFILE | {"login"})
    async with database.directory() as directory:
        await directory.execute(insert(Account).values(id=new_id(), login=clean["login"]).on_conflict_do_nothing())
        account_id: UUID = await directory.scalar(select(Account.id).where(Account.login == clean["login"]))
    return await _join(
        database, tenant_id, actor, account_id, fields=fields, today=today, unit_id=unit_id, request_id=request_id
    )


async def link_account(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    account_id: UUID,
    *,
    fields: Fields,
    today: date,
    unit_id: UUID | None = None,
    request_id: str = "",
) -> User:
    """Make an existing account a person of one more tenant. `fields` as for `create_user`, without `login`.

    Raises AccountNotFound and what `service.add_user` raises.
    """
    require(actor, PEOPLE_MANAGE)
    async with database.directory() as directory:
        login = await directory.scalar(select(Account.login).where(Account.id == account_id))
    if login is None:
        raise AccountNotFound
    given = {**fields, "login": login}
    return await _join(
        database, tenant_id, actor, account_id, fields=given, today=today, unit_id=unit_id, request_id=request_id
    )


async def _join(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    account_id: UUID,
    *,
    fields: Fields,
    today: date,
    unit_id: UUID | None,
    request_id: str,
) -> User:
    async with database.directory() as directory:
        member = await directory.find(
            Membership, Membership.account_id == account_id, Membership.tenant_id == tenant_id
        )
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        known = await session.find(User, User.account_id == account_id)
        if known is not None and (member is not None or known.status != UserStatus.INVITED):
            raise PersonExists(login=known.login)
        user = known or await service.add_user(
            session, account_id=account_id, fields=fields, today=today, unit_id=unit_id
        )
    async with database.directory() as directory:
        await directory.execute(
            insert(Membership)
            .values(account_id=account_id, tenant_id=tenant_id, user_id=user.id, active=False)
            .on_conflict_do_update(
                index_elements=[Membership.account_id, Membership.tenant_id], set_={"user_id": user.id}
            )
        )
    return user


async def disable_user(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    user_id: UUID,
    *,
    today: date,
    reason: str | None = None,
    request_id: str = "",
) -> User:
    """Shut a person out of one tenant; their other tenants are not touched.

    The user's row first: every session checks it, so nobody gets in even if the directory is reached only by a
    repeat. Raises what `service.disable_user` raises.
    """
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        user = await service.disable_user(session, user_id, today=today, reason=reason)
    await _set_active(database, tenant_id, user.account_id, active=False)
    return user


async def enable_user(
    database: Database, tenant_id: UUID, actor: Actor, user_id: UUID, *, today: date, request_id: str = ""
) -> User:
    """Let a disabled person in again: active if they have signed in here before, otherwise still invited, as a
    password of the account's may be another tenant's affair.

    The user's row first, where the right to do it is checked; the membership, still off, keeps the door shut until the
    last step. Raises what `service.enable_user` raises.
    """
    async with database.read(tenant_id, actor) as reading:
        known = await reading.scalar(
            select(literal(1))
            .where(
                reading.within(SignInSession),
                SignInSession.subject_id == user_id,
                SignInSession.kind == SessionKind.USER,
            )
            .limit(1)
        )
    status = UserStatus.INVITED if known is None else UserStatus.ACTIVE
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        user = await service.enable_user(session, user_id, today=today, status=status)
    await _set_active(database, tenant_id, user.account_id, active=user.status == UserStatus.ACTIVE)
    return user


async def _set_active(database: Database, tenant_id: UUID, account_id: UUID, *, active: bool) -> None:
    async with database.directory() as directory:
        await directory.execute(
            update(Membership)
            .where(Membership.account_id == account_id, Membership.tenant_id == tenant_id)
            .values(active=active)
        )
