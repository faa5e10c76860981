"""What a signed-in person does to the own account: password, second factor, recovery codes; and what a security
administrator may undo for another.

Edge-level. What weakens an account is written to the tenant's audit first and to the directory last: a crash in
between leaves an event too many, never a weakening that nobody sees. A second factor that is set up is recorded when
its code was right.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from steward_tenants.access.permissions import SESSIONS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden
from steward_tenants.signin import second_factor, throttle
from steward_tenants.signin.accounts import AccountFacts, facts_by_id, new_password_hash, store_password
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.errors import (
    NotEnrolled,
    NotOnOneself,
    SecondFactorMandatory,
    SharedAccount,
    WrongPassword,
)
from steward_tenants.signin.origin import NOWHERE, Origin
from steward_tenants.signin.passwords import verify_password
from steward_tenants.signin.queries import user_in_scope
from steward_tenants.signin.rules import ACCOUNT_LIMITS
from steward_tenants.signin.second_factor import Enrolment
from steward_tenants.signin.service import code_key
from steward_tenants.signin.sessions import end_account_sessions
from steward_tenants.texts import Bilingual

_Noted = Callable[[WriteSession], Awaitable[object]]


@dataclass(frozen=True)
class SecondFactorState:
    """Whether a second factor is set up, and how many recovery codes are unused."""

    enrolled: bool
    recovery_codes_left: int


def _own_account(caller: Caller) -> UUID:
    """Only a person's own session may change what proves the person: no API client, no operator."""
    if (
        caller.account_id is None
        or caller.sign_in_session_id is None
        or caller.token_id is not None
        or caller.actor.kind is not ActorKind.USER
    ):
        raise Forbidden(permission=Bilingual("本人登录会话", "One's own sign-in session"))
    return caller.account_id


async def _facts(database: Database, caller: Caller) -> AccountFacts:
    account_id = _own_account(caller)
    async with database.directory() as directory:
        return await facts_by_id(directory, account_id)


async def _prove_password(database: Database, facts: AccountFacts, password: str) -> None:
    """The present password, throttled apart from sign-in: a stolen session must not lock the person out of it."""
    key = f"present:{facts.id.hex}"
    async with database.directory() as directory:
        await throttle.attempt(directory, key, ACCOUNT_LIMITS)
    if not (await verify_password(facts.password_hash, password)).right:
        raise WrongPassword
    async with database.directory() as directory:
        await throttle.release(directory, key)


async def _note(database: Database, caller: Caller, origin: Origin, noted: _Noted) -> None:
    async with database.write(caller.tenant_id, caller.actor, request_id=origin.request_id) as session:
        await noted(session)


@command("signin.password.change", "修改密码", "Change one's password", permission=None, alone=False)
async def _note_password(session: WriteSession) -> None:
    await record(session, "signin.password.change", Subject("user", session.actor.id))


@command("signin.second_factor.enrol", "绑定第二因素", "Set up a second factor", permission=None, alone=False)
async def _note_enrolment(session: WriteSession) -> None:
    await record(session, "signin.second_factor.enrol", Subject("user", session.actor.id))


@command("signin.second_factor.remove", "解除第二因素", "Remove one's second factor", permission=None, alone=False)
async def _note_removal(session: WriteSession) -> None:
    await record(session, "signin.second_factor.remove", Subject("user", session.actor.id))


@command("signin.recovery_codes.renew", "更换恢复码", "Renew one's recovery codes", permission=None, alone=False)
async def _note_renewal(session: WriteSession) -> None:
    await record(session, "signin.recovery_codes.renew", Subject("user", session.actor.id))


async def change_password(
    database: Database, caller: Caller, present: str, new: str, *, origin: Origin = NOWHERE
) -> None:
    """Change one's own password; all sessions of the account but this one end, in all its tenants.

    Raises WrongPassword, InvalidInput, PasswordChanged, TooManyAttempts, Forbidden.
    """
    facts = await _facts(database, caller)
    await _prove_password(database, facts, present)
    password_hash = await new_password_hash(database, facts, new, (caller.actor.label,), field="new_password")
    await _note(database, caller, origin, _note_password)
    async with database.directory() as directory:
        await store_password(directory, facts.id, password_hash, replaces=facts.password_id)
    await end_account_sessions(database, facts.id, "password_changed", origin, except_session=caller.sign_in_session_id)


async def second_factor_state(database: Database, caller: Caller) -> SecondFactorState:
    """How one's own account is protected. Raises Forbidden."""
    facts = await _facts(database, caller)
    async with database.directory() as directory:
        left = await second_factor.recovery_codes_left(directory, facts.id)
    return SecondFactorState(facts.has_second_factor, left)


async def begin_second_factor(database: Database, caller: Caller) -> Enrolment:
    """A fresh secret for the authenticator app; it counts once confirmed. Raises AlreadyEnrolled, Forbidden."""
    facts = await _facts(database, caller)
    async with database.directory() as directory:
        return await second_factor.begin(directory, facts.id, facts.login)


async def confirm_second_factor(
    database: Database, caller: Caller, code: str, *, origin: Origin = NOWHERE, at: float | None = None
) -> list[str]:
    """Switch the second factor on; gives the recovery codes, shown this once.

    Raises NotEnrolled, CodeRefused, TooManyAttempts, Forbidden.
    """
    facts = await _facts(database, caller)
    await _count_code(database, facts)
    async with database.directory() as directory:
        codes = await second_factor.confirm(directory, facts.id, code, at=at)
        await throttle.release(directory, code_key(facts.id))
    await _note(database, caller, origin, _note_enrolment)
    return codes


async def remove_second_factor(
    database: Database,
    caller: Caller,
    password: str,
    code: str,
    *,
    origin: Origin = NOWHERE,
    at: float | None = None,
) -> None:
    """Take one's second factor away, with password and code.

    Raises SecondFactorMandatory, NotEnrolled, WrongPassword, CodeRefused, TooManyAttempts, Forbidden.
    """
    facts = await _facts(database, caller)
    if not facts.has_second_factor:
        raise NotEnrolled
    if any(seat.second_factor_required for seat in facts.open_seats):
        raise SecondFactorMandatory
    await _prove_password(database, facts, password)
    await _prove_code(database, facts, code, at)
    await _note(database, caller, origin, _note_removal)
    async with database.directory() as directory:
        await second_factor.remove(directory, facts.id)


async def renew_recovery_codes(
    database: Database, caller: Caller, password: str, *, origin: Origin = NOWHERE
) -> list[str]:
    """Fresh recovery codes in the place of the old ones. Raises NotEnrolled, WrongPassword, TooManyAttempts."""
    facts = await _facts(database, caller)
    if not facts.has_second_factor:
        raise NotEnrolled
    await _prove_password(database, facts, password)
    await _note(database, caller, origin, _note_renewal)
    async with database.directory() as directory:
        return await second_factor.renew_recovery_codes(directory, facts.id)


async def _count_code(database: Database, facts: AccountFacts) -> None:
    async with database.directory() as directory:
        await throttle.attempt(directory, code_key(facts.id), ACCOUNT_LIMITS)


async def _prove_code(database: Database, facts: AccountFacts, code: str, at: float | None) -> None:
    await _count_code(database, facts)
    async with database.directory() as directory:
        await second_factor.verify(directory, facts.id, code, at=at)
        await throttle.release(directory, code_key(facts.id))


@command(
    "signin.second_factor.reset",
    "重置他人的第二因素",
    "Reset another's second factor",
    permission=SESSIONS_MANAGE,
    alone=False,
)
async def _note_reset(session: WriteSession, user_id: UUID) -> UUID:
    user = await user_in_scope(session, user_id)
    if user.id == session.actor.id:
        raise NotOnOneself
    await record(session, "signin.second_factor.reset", Subject("user", user.id))
    return user.account_id


async def reset_second_factor(
    database: Database, tenant_id: UUID, actor: Actor, user_id: UUID, *, request_id: str = ""
) -> None:
    """Take a lost second factor away from another person and end their sessions. A crash after the audit leaves it
    in place: repeat.

    Raises Forbidden, NotFound, NotOnOneself, SharedAccount when the account belongs to other tenants as well.
    """
    async with database.read(tenant_id, actor) as reading:
        user = await user_in_scope(reading, user_id)
    async with database.directory() as directory:
        facts = await facts_by_id(directory, user.account_id)
    if facts.is_operator or any(seat.tenant_id != tenant_id for seat in facts.seats):
        raise SharedAccount
    async with database.write(tenant_id, actor, request_id=request_id) as session:
        await _note_reset(session, user_id)
    async with database.directory() as directory:
        await second_factor.remove(directory, facts.id)
    await end_account_sessions(database, facts.id, "second_factor_reset")


async def reset_second_factor_as_operator(
    database: Database, account_id: UUID, actor: Actor, *, request_id: str = ""
) -> None:
    """The same by an operator, for accounts that no single tenant may weaken: recorded in every tenant of the
    account. A crash after the audit leaves the second factor in place: repeat. Raises NotFound."""
    async with database.directory() as directory:
        facts = await facts_by_id(directory, account_id)
    for seat in facts.seats:
        async with database.write(seat.tenant_id, actor, request_id=request_id, even_suspended=True) as session:
            await record(session, "signin.second_factor.reset", Subject("user", seat.user_id))
    async with database.directory() as directory:
        await second_factor.remove(directory, account_id)
    await end_account_sessions(database, account_id, "second_factor_reset")
