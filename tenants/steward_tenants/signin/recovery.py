"""Links that reach a person by mail: the invitation to a tenant, and the reset of a password.

Edge-level: directory and tenant transactions follow one another, never one inside the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, literal, or_, select, update

from steward_tenants.access.models import Duty, Role, RoleAssignment
from steward_tenants.access.permissions import PEOPLE_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.directory.models import Membership, Tenant, TenantStatus, TokenPurpose
from steward_tenants.errors import NotFound, TenantSuspended, invalid
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin import one_time, throttle
from steward_tenants.signin.accounts import (
    AccountFacts,
    facts_by_id,
    login_name,
    new_password_hash,
    store_password,
)
from steward_tenants.signin.background import run_soon
from steward_tenants.signin.errors import NotInvited, TokenSpent, UserDisabled
from steward_tenants.signin.letters import invitation_letter, reset_letter
from steward_tenants.signin.mail import Mailer
from steward_tenants.signin.opening import SIGN_IN, user_actor
from steward_tenants.signin.origin import NOWHERE, Origin
from steward_tenants.signin.passwords import verify_password
from steward_tenants.signin.rules import (
    ACCOUNT_LIMITS,
    ADDRESS_LIMITS,
    INVITATION_LIFE,
    REQUEST_LIMITS,
    RESET_LIFE,
)
from steward_tenants.signin.service import code_key
from steward_tenants.signin.sessions import end_account_sessions


@dataclass(frozen=True)
class Invitation:
    """An invitation that was made. `mailed_to` is None when the person has no address: hand `url` over then."""

    url: str
    token: str
    expires_at: datetime
    mailed_to: str | None


@dataclass(frozen=True)
class Joined:
    """Who accepted an invitation, and to which tenant."""

    login: str
    tenant_key: str


def address_of(user: User) -> str | None:
    """Where a person gets mail: their own address, else a login that is one."""
    address = user.email or user.login
    return address if "@" in address else None


@command("signin.invite", "邀请人员登录", "Invite a person to sign in", permission=PEOPLE_MANAGE, alone=False)
async def note_invitation(session: WriteSession, user_id: UUID) -> User:
    """Check that a user can be invited, and record the invitation. Raises NotFound, NotInvited."""
    user = await session.get(User, user_id)
    if user is None:
        raise NotFound(kind="用户 / user")
    if user.status != UserStatus.INVITED:
        raise NotInvited
    await record(session, "signin.invite", Subject("user", user.id))
    return user


async def invite(
    database: Database,
    mailer: Mailer,
    tenant_id: UUID,
    actor: Actor,
    user_id: UUID,
    *,
    public_url: str,
    request_id: str = "",
) -> Invitation:
    """Send a user the link that lets it set a password and start. A crash after the audit leaves no link: repeat.

    The link goes to the login when that is an address: an account's password is nobody's but the person's, whatever
    address a tenant notes. Raises Forbidden, NotFound, NotInvited; OSError or SMTPException when mail fails.
    """
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        user = await note_invitation(session, user_id)
    async with database.directory() as directory:
        tenant_name = await directory.scalar(select(Tenant.name).where(Tenant.id == tenant_id))
        issued = await one_time.issue(
            directory,
            TokenPurpose.INVITATION,
            user.account_id,
            INVITATION_LIFE,
            tenant_id=tenant_id,
            detail={"user_id": str(user.id)},
        )
    url = f"{public_url}/invitation#token={issued.token}"
    mailed_to = user.login if "@" in user.login else address_of(user)
    if mailed_to is not None:
        await mailer.send(invitation_letter(mailed_to, user.name, tenant_name, url, issued.expires_at))
    return Invitation(url, issued.token, issued.expires_at, mailed_to)


async def accept_invitation(database: Database, token: str, password: str, *, origin: Origin = NOWHERE) -> Joined:
    """Set the password and become active. A person who has a password already proves it instead: an invitation
    to one more tenant must not be a way to replace it.

    The user becomes active first and the token is spent last, so that a crash in between leaves a link that still
    works. Raises TokenSpent, InvalidInput, TooManyAttempts, TenantSuspended, UserDisabled, PasswordChanged.
    """
    async with database.directory() as directory:
        row = await one_time.peek(directory, token, TokenPurpose.INVITATION)
        if row is None or row.tenant_id is None:
            raise TokenSpent
        facts = await facts_by_id(directory, row.account_id)
        tenant = await directory.find(Tenant, Tenant.id == row.tenant_id)
    if tenant is None or not facts.active:
        raise TokenSpent
    if tenant.status != TenantStatus.ACTIVE:
        raise TenantSuspended
    user_id = UUID(row.detail["user_id"])
    async with database.read(tenant.id, SIGN_IN) as reading:
        user = await reading.get(User, user_id)
    if user is None or user.account_id != facts.id or user.status not in (UserStatus.INVITED, UserStatus.ACTIVE):
        raise UserDisabled
    password_hash = None
    if facts.password_hash is None:
        password_hash = await new_password_hash(database, facts, password, (user.name,))
    else:
        await _prove_present_password(database, facts, password, origin)
    async with database.write(tenant.id, user_actor(user), request_id=origin.request_id) as session:
        await _activate(session, user_id)
    async with database.directory() as directory:
        if not await one_time.spend(directory, token, TokenPurpose.INVITATION):
            raise TokenSpent
        if password_hash is not None:
            await store_password(directory, facts.id, password_hash, replaces=None)
        await directory.execute(
            update(Membership)
            .where(Membership.account_id == facts.id, Membership.tenant_id == tenant.id)
            .values(active=True)
        )
    return Joined(facts.login, tenant.key)


async def _prove_present_password(database: Database, facts: AccountFacts, password: str, origin: Origin) -> None:
    async with database.directory() as directory:
        key = throttle.login_key(directory, facts.login)
        if origin.address is not None:
            await throttle.attempt(directory, throttle.address_key(directory, origin.address), ADDRESS_LIMITS)
        await throttle.attempt(directory, key, ACCOUNT_LIMITS)
    if not (await verify_password(facts.password_hash, password)).right:
        raise invalid(
            "password",
            "existing_password",
            "您已有账号，请输入现有密码；忘记时请先重置密码。",
            "You have an account already: give its password, or reset it first.",
        )
    async with database.directory() as directory:
        if origin.address is not None:
            await throttle.give_back(directory, throttle.address_key(directory, origin.address), ADDRESS_LIMITS)
        await throttle.release(directory, key)


@command("signin.invitation.accept", "接受邀请", "Accept an invitation", permission=None, alone=False)
async def _activate(session: WriteSession, user_id: UUID) -> None:
    user = await session.get(User, user_id, lock=True)
    if user is None or user.status not in (UserStatus.INVITED, UserStatus.ACTIVE):
        raise UserDisabled
    before = user.status
    user.status = UserStatus.ACTIVE
    await record(
        session,
        "signin.invitation.accept",
        Subject("user", user.id),
        before={"status": before},
        after={"status": UserStatus.ACTIVE},
    )


async def request_reset(
    database: Database, mailer: Mailer, login: str, *, public_url: str, origin: Origin = NOWHERE
) -> None:
    """Mail a reset link to the person of this login, if there is one. Does and answers the same when there is none;
    the mail goes after the answer. Raises TooManyAttempts, known login or not."""
    name = login_name(login)
    async with database.directory() as directory:
        if origin.address is not None:
            await throttle.attempt(directory, throttle.address_key(directory, origin.address), ADDRESS_LIMITS)
        await throttle.attempt(directory, f"reset.{throttle.login_key(directory, name)}", REQUEST_LIMITS)
    async with database.directory() as directory:
        issued, account_id = await one_time.issue_for_login(directory, TokenPurpose.PASSWORD_RESET, name, RESET_LIFE)
    if account_id is not None:
        url = f"{public_url}/password-reset#token={issued.token}"
        run_soon(_mail_reset(database, mailer, account_id, url), "reset mail")


async def _mail_reset(database: Database, mailer: Mailer, account_id: UUID, url: str) -> None:
    async with database.directory() as directory:
        facts = await facts_by_id(directory, account_id)
    address = await _reset_address(database, facts)
    if address is not None:
        await mailer.send(reset_letter(address, facts.login, url))


async def _reset_address(database: Database, facts: AccountFacts) -> str | None:
    """The login when it is an address; otherwise what the account's only tenant notes. One of several tenants must
    not be able to direct the link to itself, nor whoever keeps a tenant's address book to an administrator's account:
    administrators whose login is no address turn to the operator."""
    if "@" in facts.login:
        return facts.login
    if len(facts.seats) != 1:
        return None
    seat = facts.seats[0]
    async with database.read(seat.tenant_id, SIGN_IN) as session:
        user = await session.get(User, seat.user_id)
        if user is None or await _administers(session, user.id):
            return None
    return address_of(user)


async def _administers(session: TenantSession, user_id: UUID) -> bool:
    """Whether a person holds one of the administrative duties, or will; wherever on earth the tenant's day is."""
    held = await session.scalar(
        select(literal(1))
        .select_from(RoleAssignment)
        .join(Role, and_(session.within(Role), Role.id == RoleAssignment.role_id))
        .where(
            session.within(RoleAssignment),
            RoleAssignment.user_id == user_id,
            or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until >= func.current_date()),
            Role.duty != Duty.BUSINESS,
        )
        .limit(1)
    )
    return held is not None


async def confirm_reset(database: Database, token: str, new_password: str, *, origin: Origin = NOWHERE) -> None:
    """Set a new password by a reset link, end all sessions of the account in all its tenants, and lift its lock.

    Sessions are ended before as well as after, so that a crash in between leaves none older than the reset.
    Raises TokenSpent, InvalidInput, PasswordChanged.
    """
    async with database.directory() as directory:
        row = await one_time.peek(directory, token, TokenPurpose.PASSWORD_RESET)
        if row is None:
            raise TokenSpent
        facts = await facts_by_id(directory, row.account_id)
    if not facts.active:
        raise TokenSpent
    names = await _names(database, facts)
    password_hash = await new_password_hash(database, facts, new_password, names, field="new_password")
    await end_account_sessions(database, facts.id, "password_reset", origin)
    async with database.directory() as directory:
        if not await one_time.spend(directory, token, TokenPurpose.PASSWORD_RESET):
            raise TokenSpent
        await store_password(directory, facts.id, password_hash, replaces=facts.password_id)
        await throttle.release(directory, throttle.login_key(directory, facts.login))
        await throttle.release(directory, code_key(facts.id))
    await end_account_sessions(database, facts.id, "password_reset", origin)
    for seat in facts.seats:
        async with database.write(
            seat.tenant_id, SIGN_IN, request_id=origin.request_id, even_suspended=True
        ) as session:
            await record(session, "signin.password.reset", Subject("user", seat.user_id))


async def _names(database: Database, facts: AccountFacts) -> list[str]:
    """What the account's tenants call the person."""
    names = []
    for seat in facts.seats:
        async with database.read(seat.tenant_id, SIGN_IN, even_suspended=True) as session:
            user = await session.get(User, seat.user_id)
            if user is not None:
                names.append(user.name)
    return names
