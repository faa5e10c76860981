"""Accounts and their passwords in the directory. Hashing happens outside of every transaction."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import (
    Account,
    AccountStatus,
    Credential,
    CredentialKind,
    Membership,
    PasswordProfile,
    Tenant,
    TenantStatus,
)
from steward_tenants.errors import NotFound, invalid
from steward_tenants.signin.errors import PasswordChanged
from steward_tenants.signin.origin import printable
from steward_tenants.signin.passwords import checked_hash
from steward_tenants.signin.rules import PROFILES, SignInPolicy, strictest

LONGEST_LOGIN = 254
KEPT_PASSWORDS = 24
"""How many replaced passwords stay, hashed, for the re-use check."""


@dataclass(frozen=True)
class Seat:
    """An account's place in one tenant, with what sign-in needs to know of the tenant."""

    tenant_id: UUID
    tenant_key: str
    tenant_name: str
    tenant_status: TenantStatus
    profile: PasswordProfile
    second_factor_required: bool
    user_id: UUID
    active: bool
    support: bool = False
    """True for an operator who comes under support access; `user_id` is then the operator's account."""

    @property
    def policy(self) -> SignInPolicy:
        """The figures of the tenant's profile."""
        return PROFILES[self.profile]


@dataclass(frozen=True)
class AccountFacts:
    """What the directory knows of an account. `password_id` names the credential that `password_hash` is of."""

    id: UUID
    login: str
    active: bool
    is_operator: bool
    password_id: UUID | None
    password_hash: str | None
    password_since: datetime | None
    must_change: bool
    has_second_factor: bool
    seats: tuple[Seat, ...]

    @property
    def open_seats(self) -> tuple[Seat, ...]:
        """The seats that the person may sign in to, as far as the directory knows."""
        return tuple(seat for seat in self.seats if seat.active)

    @property
    def policy(self) -> SignInPolicy:
        """The strictest figures of all the account's tenants."""
        return strictest(seat.policy for seat in self.open_seats)

    @property
    def words(self) -> tuple[str, ...]:
        """What a password may not be built from, as far as the directory knows."""
        return (
            self.login,
            *(word for seat in self.seats for word in (seat.tenant_key, seat.tenant_name)),
        )


def login_name(login: str) -> str:
    """The stored form of a login: NFKC, case folded, without surrounding blanks and unprintable characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", login).casefold())
    return printable(folded, LONGEST_LOGIN).strip().lower()


async def facts_by_login(directory: DirectorySession, login: str) -> AccountFacts | None:
    """The account of a login. Runs the same statements whether or not there is one."""
    return await _facts(directory, Account.login == login)


async def facts_by_id(directory: DirectorySession, account_id: UUID) -> AccountFacts:
    """The account of this id. Raises NotFound."""
    facts = await _facts(directory, Account.id == account_id)
    if facts is None:
        raise NotFound(kind="账号 / account")
    return facts


async def _facts(directory: DirectorySession, condition: ColumnElement[bool]) -> AccountFacts | None:
    password, totp = aliased(Credential), aliased(Credential)
    head = (
        await directory.rows(
            select(
                Account.id,
                Account.login,
                Account.status,
                Account.is_operator,
                password.id,
                password.secret,
                password.created_at,
                func.coalesce(password.must_change, False),
                totp.id.is_not(None),
            )
            .outerjoin(
                password,
                and_(
                    password.account_id == Account.id,
                    password.kind == CredentialKind.PASSWORD,
                    password.spent_at.is_(None),
                ),
            )
            .outerjoin(
                totp,
                and_(
                    totp.account_id == Account.id,
                    totp.kind == CredentialKind.TOTP,
                    totp.spent_at.is_(None),
                    totp.confirmed_at.is_not(None),
                ),
            )
            .where(condition)
        )
    )[:1]
    seats = await directory.rows(
        select(
            Tenant.id,
            Tenant.key,
            Tenant.name,
            Tenant.status,
            Tenant.password_profile,
            Tenant.second_factor_required,
            Membership.user_id,
            Membership.active,
        )
        .join(Membership, Membership.tenant_id == Tenant.id)
        .join(Account, Account.id == Membership.account_id)
        .where(condition)
        .order_by(Tenant.key)
    )
    if not head:
        return None
    account_id, login, status, operator, password_id, secret, since, must_change, enrolled = head[0]
    listed = tuple(
        Seat(tenant_id, key, name, TenantStatus(state), PasswordProfile(profile), required, user_id, active)
        for tenant_id, key, name, state, profile, required, user_id, active in seats
    )
    return AccountFacts(
        id=account_id,
        login=login,
        active=status == AccountStatus.ACTIVE,
        is_operator=operator,
        password_id=password_id,
        password_hash=secret,
        password_since=since,
        must_change=must_change,
        has_second_factor=enrolled,
        seats=listed,
    )


async def operator_seat(directory: DirectorySession, account_id: UUID, tenant_id: UUID) -> Seat | None:
    """The seat of an operator in a tenant that it is no member of; a second factor is always required of it."""
    tenant = await directory.find(Tenant, Tenant.id == tenant_id)
    if tenant is None:
        return None
    return Seat(
        tenant.id,
        tenant.key,
        tenant.name,
        TenantStatus(tenant.status),
        PasswordProfile(tenant.password_profile),
        second_factor_required=True,
        user_id=account_id,
        active=True,
        support=True,
    )


async def ensure_account(directory: DirectorySession, login: str, *, is_operator: bool = False) -> UUID:
    """The account of a login, made when there is none. Raises InvalidInput for an unusable login."""
    name = login_name(login)
    if len(login) > LONGEST_LOGIN:
        raise invalid("login", "length", f"登录名最长 {LONGEST_LOGIN} 个字符。", f"At most {LONGEST_LOGIN} characters.")
    if len(name) < 3 or any(character.isspace() for character in name):
        raise invalid("login", "login", "登录名至少 3 个字符，不含空格。", "Use at least 3 characters, no blanks.")
    await directory.execute(
        insert(Account)
        .values(id=new_id(), login=name, is_operator=is_operator)
        .on_conflict_do_nothing(index_elements=[Account.login])
    )
    account_id: UUID = await directory.scalar(select(Account.id).where(Account.login == name))
    return account_id


async def earlier_hashes(directory: DirectorySession, account_id: UUID, policy: SignInPolicy) -> tuple[str, ...]:
    """Hashes of the last passwords that may not come again, newest first."""
    statement = (
        select(Credential.secret)
        .where(Credential.account_id == account_id, Credential.kind == CredentialKind.PASSWORD)
        .order_by(Credential.spent_at.desc().nulls_first(), Credential.id.desc())
        .limit(policy.remembered)
    )
    return tuple(await directory.scalars(statement))


async def new_password_hash(
    database: Database,
    facts: AccountFacts,
    password: str,
    names: Collection[str] = (),
    *,
    field: str = "password",
) -> str:
    """Check a new password against the account's strictest policy and hash it. Raises InvalidInput."""
    async with database.directory() as directory:
        earlier = await earlier_hashes(directory, facts.id, facts.policy)
    return await checked_hash(password, facts.policy, (*facts.words, *names), earlier, field=field)


async def store_password(
    directory: DirectorySession,
    account_id: UUID,
    password_hash: str,
    *,
    replaces: UUID | None,
    must_change: bool = False,
) -> UUID:
    """Put a new password in the place of credential `replaces` (None: there was none). Gives its credential's id.

    Raises PasswordChanged when another request was faster.
    """
    if replaces is not None:
        ended = update(Credential).where(
            Credential.id == replaces, Credential.account_id == account_id, Credential.spent_at.is_(None)
        )
        if await directory.scalar(ended.values(spent_at=func.now()).returning(Credential.id)) is None:
            raise PasswordChanged
    credential_id = new_id()
    try:
        async with directory.savepoint():
            await directory.execute(
                insert(Credential).values(
                    id=credential_id,
                    account_id=account_id,
                    kind=CredentialKind.PASSWORD,
                    secret=password_hash,
                    must_change=must_change,
                )
            )
    except IntegrityError:
        raise PasswordChanged from None
    kept = aliased(Credential)
    newest = (
        select(kept.id)
        .where(kept.account_id == account_id, kept.kind == CredentialKind.PASSWORD)
        .order_by(kept.spent_at.desc().nulls_first(), kept.id.desc())
        .limit(KEPT_PASSWORDS)
    )
    await directory.execute(
        delete(Credential).where(
            Credential.account_id == account_id,
            Credential.kind == CredentialKind.PASSWORD,
            Credential.spent_at.is_not(None),
            Credential.id.not_in(newest),
        )
    )
    return credential_id


async def set_password(database: Database, account_id: UUID, password: str, *, must_change: bool = False) -> None:
    """Give an account a password (command line, demo tenants). Sessions stay; `signin.recovery` ends them on a reset.

    Raises NotFound, InvalidInput, PasswordChanged.
    """
    async with database.directory() as directory:
        facts = await facts_by_id(directory, account_id)
    password_hash = await new_password_hash(database, facts, password)
    async with database.directory() as directory:
        await store_password(directory, account_id, password_hash, replaces=facts.password_id, must_change=must_change)


async def require_new_password(directory: DirectorySession, account_id: UUID) -> None:
    """Have the person choose another password at the next sign-in."""
    await directory.execute(
        update(Credential)
        .where(
            Credential.account_id == account_id,
            Credential.kind == CredentialKind.PASSWORD,
            Credential.spent_at.is_(None),
        )
        .values(must_change=True)
    )


async def still_valid(directory: DirectorySession, account_id: UUID, password_id: UUID) -> bool:
    """Whether the account is active and this credential is still its password."""
    found = await directory.scalar(
        select(literal(1))
        .select_from(Account)
        .join(Credential, Credential.account_id == Account.id)
        .where(
            Account.id == account_id,
            Account.status == AccountStatus.ACTIVE,
            Credential.id == password_id,
            Credential.spent_at.is_(None),
        )
    )
    return found is not None
