"""One-time tokens: a link or a step of a sign-in. Stored as their digest, used by DELETE … RETURNING."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import Account, AccountStatus, OneTimeToken, TokenPurpose
from steward_tenants.signin.tokens import digest, new_token


class Issued(NamedTuple):
    """A fresh token and when it ends."""

    token: str
    expires_at: datetime


async def issue(
    directory: DirectorySession,
    purpose: TokenPurpose,
    account_id: UUID,
    life: timedelta,
    *,
    tenant_id: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> Issued:
    """Make and store a token."""
    issued = Issued(new_token(), datetime.now(UTC) + life)
    await directory.execute(
        insert(OneTimeToken).values(
            digest=digest(issued.token),
            purpose=purpose,
            account_id=account_id,
            tenant_id=tenant_id,
            detail=detail or {},
            expires_at=issued.expires_at,
        )
    )
    return issued


async def issue_for_login(
    directory: DirectorySession, purpose: TokenPurpose, login: str, life: timedelta
) -> tuple[Issued, UUID | None]:
    """Make a token that replaces earlier ones of this purpose, if an active account has the login: the same two
    statements whether or not it has. Gives the token and the account's id."""
    issued = Issued(new_token(), datetime.now(UTC) + life)
    owner = select(Account.id).where(Account.login == login, Account.status == AccountStatus.ACTIVE)
    await directory.execute(
        delete(OneTimeToken).where(
            OneTimeToken.purpose == purpose, OneTimeToken.account_id.in_(owner.scalar_subquery())
        )
    )
    row = select(
        literal(digest(issued.token)),
        literal(purpose.value),
        Account.id,
        literal({}, JSONB),
        literal(issued.expires_at),
    ).where(Account.login == login, Account.status == AccountStatus.ACTIVE)
    account_id: UUID | None = await directory.scalar(
        insert(OneTimeToken)
        .from_select(["digest", "purpose", "account_id", "detail", "expires_at"], row)
        .returning(OneTimeToken.account_id)
    )
    return issued, account_id


async def peek(directory: DirectorySession, token: str, purpose: TokenPurpose) -> OneTimeToken | None:
    """The row of a token that is still good, or None."""
    return await directory.find(
        OneTimeToken,
        OneTimeToken.digest == digest(token),
        OneTimeToken.purpose == purpose,
        OneTimeToken.expires_at > func.now(),
    )


async def spend(directory: DirectorySession, token: str, purpose: TokenPurpose) -> bool:
    """Use a token up; False when it is unknown, expired or another request was faster."""
    statement = (
        delete(OneTimeToken)
        .where(
            OneTimeToken.digest == digest(token),
            OneTimeToken.purpose == purpose,
            OneTimeToken.expires_at > func.now(),
        )
        .returning(OneTimeToken.account_id)
    )
    return await directory.scalar(statement) is not None


async def forget_expired(directory: DirectorySession) -> int:
    """Remove tokens that are past their time; for the sweeper. Says how many."""
    gone = await directory.rows(
        delete(OneTimeToken).where(OneTimeToken.expires_at <= func.now()).returning(OneTimeToken.account_id)
    )
    return len(gone)
