"""Commands that end sessions: one's own, another's, an account's everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update

from steward_tenants.access.permissions import SESSIONS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Account, AccountStatus, Membership, PlatformEvent
from steward_tenants.errors import NotFound
from steward_tenants.oauth.models import TokenGrant
from steward_tenants.people.models import User
from steward_tenants.signin.models import SignInSession
from steward_tenants.signin.opening import SIGN_IN
from steward_tenants.signin.origin import NOWHERE, Origin
from steward_tenants.signin.queries import user_in_scope
from steward_tenants.texts import LOCALES, Locale


async def end_sessions(session: WriteSession, reason: str, *conditions: ColumnElement[bool]) -> list[UUID]:
    """Revoke this tenant's open sessions that meet `conditions`; `reason` is a word for the list, not a sentence."""
    ended = await session.scalars(
        update(SignInSession)
        .where(session.within(SignInSession), SignInSession.revoked_at.is_(None), *conditions)
        .values(revoked_at=func.now(), revoked_reason=reason)
        .returning(SignInSession.id)
    )
    return list(ended)


async def end_all_of_user(
    session: WriteSession, user_id: UUID, reason: str, *, except_session: UUID | None = None
) -> list[UUID]:
    """Revoke a user's sessions and the tokens that API clients hold for the user, in this tenant."""
    ended = await end_sessions(
        session,
        reason,
        SignInSession.subject_id == user_id,
        SignInSession.id.is_distinct_from(except_session),
    )
    await session.execute(
        update(TokenGrant)
        .where(session.within(TokenGrant), TokenGrant.user_id == user_id, TokenGrant.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )
    return ended


@command("signin.sign_out", "退出登录", "Sign out", permission=None)
async def sign_out(session: WriteSession) -> None:
    """End the session that the request came with. Doing it again changes nothing."""
    own = session.actor.sign_in_session_id
    if own is not None:
        await end_sessions(session, "signed_out", SignInSession.id == own)
    await record(session, "signin.sign_out", Subject("session", own))


@command("signin.session.revoke", "撤销自己的会话", "Revoke one of one's own sessions", permission=None)
async def revoke_own_session(session: WriteSession, session_id: UUID) -> None:
    """End one of the actor's own sessions. Raises NotFound."""
    ended = await end_sessions(
        session, "revoked", SignInSession.id == session_id, SignInSession.subject_id == session.actor.id
    )
    if not ended:
        raise NotFound(kind="会话 / session")
    await record(session, "signin.session.revoke", Subject("session", session_id))


@command("signin.session.revoke_others", "撤销自己的其他会话", "Revoke one's other sessions", permission=None)
async def revoke_other_sessions(session: WriteSession) -> int:
    """End all of the actor's sessions but the one that asks; says how many."""
    ended = await end_sessions(
        session,
        "revoked",
        SignInSession.subject_id == session.actor.id,
        SignInSession.id.is_distinct_from(session.actor.sign_in_session_id),
    )
    subject = Subject("user", session.actor.id)
    await record(session, "signin.session.revoke_others", subject, after={"sessions": ended})
    return len(ended)


@command(
    "signin.session.revoke_user",
    "撤销他人的会话",
    "Revoke another's sessions",
    permission=SESSIONS_MANAGE,
)
async def revoke_user_sessions(session: WriteSession, user_id: UUID, session_ids: Sequence[UUID] | None = None) -> int:
    """End a user's sessions (None: all, with the tokens that API clients hold for the user); says how many.

    Raises Forbidden, NotFound (outside the actor's scope, too).
    """
    await user_in_scope(session, user_id)
    if session_ids is None:
        ended = await end_all_of_user(session, user_id, "revoked_by_admin")
    else:
        ended = await end_sessions(
            session,
            "revoked_by_admin",
            SignInSession.subject_id == user_id,
            SignInSession.id.in_(session_ids),
        )
    subject = Subject("user", user_id)
    await record(session, "signin.session.revoke_user", subject, after={"sessions": ended})
    return len(ended)


@command("signin.locale.change", "更改界面语言", "Change one's language", permission=None)
async def change_locale(session: WriteSession, locale: Locale) -> None:
    """Set the language of the actor's own user. Raises NotFound for actors that are no users."""
    assert locale in LOCALES
    user = await session.get(User, session.actor.id, lock=True)
    if user is None:
        raise NotFound(kind="用户 / user")
    before = user.locale
    user.locale = locale
    await record(
        session,
        "signin.locale.change",
        Subject("user", user.id),
        before={"locale": before},
        after={"locale": locale},
    )


async def end_account_sessions(
    database: Database,
    account_id: UUID,
    reason: str,
    origin: Origin = NOWHERE,
    *,
    except_session: UUID | None = None,
) -> int:
    """End an account's sessions (but `except_session`) in all its tenants; says how many.

    Each tenant in its own transaction and recorded there. Doing it again changes nothing, so a crash in between is
    mended by a repeat.
    """
    async with database.directory() as directory:
        seats = await directory.rows(
            select(Membership.tenant_id, Membership.user_id).where(Membership.account_id == account_id)
        )
    count = 0
    for tenant_id, user_id in seats:
        async with database.write(tenant_id, SIGN_IN, request_id=origin.request_id, even_suspended=True) as session:
            ended = await end_all_of_user(session, user_id, reason, except_session=except_session)
            count += len(ended)
            if ended:
                after = {"sessions": ended, "reason": reason}
                await record(session, "signin.session.end", Subject("user", user_id), after=after)
    return count


async def set_account_status(database: Database, account_id: UUID, status: AccountStatus, *, operator: str) -> None:
    """Disable an account everywhere or make it active again, on the platform's record under `operator`.

    Disabling comes before ending its sessions, so that none is opened in between. Operators only.
    """
    async with database.directory() as directory:
        await directory.execute(update(Account).where(Account.id == account_id).values(status=status))
        detail = {"account_id": str(account_id)}
        directory.add(PlatformEvent(operator=operator, action=f"account.{status.value}", detail=detail))
    if status is AccountStatus.DISABLED:
        await end_account_sessions(database, account_id, "account_disabled")


async def forget_ended_sessions(session: WriteSession, keep_days: int = 200) -> int:
    """Remove sessions that ended more than `keep_days` ago; for the sweeper. Says how many."""
    gone = await session.scalars(
        delete(SignInSession)
        .where(
            session.within(SignInSession),
            SignInSession.expires_at < func.now() - func.make_interval(0, 0, 0, keep_days),
        )
        .returning(SignInSession.id)
    )
    return len(gone)
