"""Signing in, step by step: password, tenant, second factor, a new password where one is due, a session.

Edge-level: each function opens its own transactions, the directory's and the tenant's one after the other, never one
inside the other (both would wait for connections of one pool). A crash in between leaves at worst a session whose
token nobody has, or a counted attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, update

from steward_tenants.audit.service import Subject, record
from steward_tenants.database.database import Database
from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import Credential, OneTimeToken, Tenant, TenantStatus, TokenPurpose
from steward_tenants.errors import StewardError, TenantSuspended
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin import one_time, second_factor, throttle
from steward_tenants.signin.accounts import (
    AccountFacts,
    Seat,
    facts_by_id,
    facts_by_login,
    login_name,
    new_password_hash,
    operator_seat,
    still_valid,
    store_password,
)
from steward_tenants.signin.background import run_soon
from steward_tenants.signin.errors import (
    ChallengeExpired,
    CodeRefused,
    InvitationPending,
    SignInFailed,
    UserDisabled,
)
from steward_tenants.signin.opening import (
    SIGN_IN,
    SignedIn,
    open_support_session,
    open_user_session,
    take_back,
    user_actor,
)
from steward_tenants.signin.origin import NOWHERE, Origin
from steward_tenants.signin.passwords import Verified, verify_password
from steward_tenants.signin.rules import (
    ACCOUNT_LIMITS,
    ADDRESS_LIMITS,
    CHALLENGE_LIFE,
    Step,
    next_step,
    password_expired,
)
from steward_tenants.signin.second_factor import Enrolment


@dataclass(frozen=True)
class TenantChoice:
    """The password was right; the person belongs to several tenants and has to name one: (key, name) each."""

    tenants: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Challenge:
    """The password was right; `step` has to be done with this token before it ends."""

    step: Step
    token: str
    expires_at: datetime


Outcome = SignedIn | Challenge | TenantChoice


@dataclass(frozen=True)
class _Proof:
    """What has been shown so far: for which seat, with which password credential, with a second factor or not."""

    seat: Seat
    password_id: UUID
    second_factor: bool = False


async def sign_in(
    database: Database,
    login: str,
    password: str,
    *,
    tenant_key: str | None = None,
    origin: Origin = NOWHERE,
) -> Outcome:
    """Sign in with a password, as a member of `tenant_key` (None: of the only tenant, else `TenantChoice`).

    Raises TooManyAttempts, SignInFailed (alike for whatever is wrong before the password was right), TenantSuspended,
    UserDisabled, InvitationPending, SupportAccessEnded.
    """
    facts = await prove_password(database, login, password, tenant_key=tenant_key, origin=origin)
    async with database.directory() as directory:
        seat = await _chosen_seat(directory, facts, tenant_key)
    if isinstance(seat, TenantChoice):
        return seat
    if not seat.active:
        raise await _why_shut(database, seat)
    assert facts.password_id is not None
    return await _advance(database, facts, _Proof(seat, facts.password_id), origin)


async def prove_password(
    database: Database,
    login: str,
    password: str,
    *,
    tenant_key: str | None = None,
    origin: Origin = NOWHERE,
) -> AccountFacts:
    """The active account whose login and password these are. The attempt is counted before it is made.

    Raises TooManyAttempts, SignInFailed.
    """
    name = login_name(login)
    async with database.directory() as directory:
        await count_attempt(directory, throttle.login_key(directory, name), origin)
        facts = await facts_by_login(directory, name)
    verified = await verify_password(facts.password_hash if facts else None, password)
    if facts is None or not verified.right or not facts.active:
        if facts is not None:
            run_soon(_note_failure(database, facts, tenant_key, "password", origin), "audit of a sign-in")
        raise SignInFailed
    async with database.directory() as directory:
        await settle_attempt(directory, throttle.login_key(directory, name), origin)
        await _keep_better_hash(directory, facts, verified)
    return facts


async def count_attempt(directory: DirectorySession, key: str, origin: Origin) -> None:
    """Count an attempt against the address and `key`, always in this order. Raises TooManyAttempts."""
    if origin.address is not None:
        await throttle.attempt(directory, throttle.address_key(directory, origin.address), ADDRESS_LIMITS)
    await throttle.attempt(directory, key, ACCOUNT_LIMITS)


async def settle_attempt(directory: DirectorySession, key: str, origin: Origin) -> None:
    """The attempt succeeded: the address gets it back, `key` is free again."""
    if origin.address is not None:
        await throttle.give_back(directory, throttle.address_key(directory, origin.address), ADDRESS_LIMITS)
    await throttle.release(directory, key)


async def _keep_better_hash(directory: DirectorySession, facts: AccountFacts, verified: Verified) -> None:
    if verified.better_hash is not None:
        await directory.execute(
            update(Credential)
            .where(Credential.id == facts.password_id, Credential.secret == facts.password_hash)
            .values(secret=verified.better_hash)
        )


async def _chosen_seat(directory: DirectorySession, facts: AccountFacts, tenant_key: str | None) -> Seat | TenantChoice:
    if tenant_key is not None:
        return await _named_seat(directory, facts, tenant_key.strip().lower())
    if not facts.open_seats:
        if not facts.seats:
            raise SignInFailed
        return facts.seats[0]
    usable = [seat for seat in facts.open_seats if seat.tenant_status is TenantStatus.ACTIVE]
    if not usable:
        raise TenantSuspended
    if len(usable) > 1:
        return TenantChoice(tuple((seat.tenant_key, seat.tenant_name) for seat in usable))
    return usable[0]


async def _named_seat(directory: DirectorySession, facts: AccountFacts, key: str) -> Seat:
    seat = next((seat for seat in facts.seats if seat.tenant_key == key), None)
    if seat is None and facts.is_operator and key.isprintable():
        tenant_id = await directory.scalar(select(Tenant.id).where(Tenant.key == key))
        seat = await operator_seat(directory, facts.id, tenant_id) if tenant_id else None
    if seat is None:
        raise SignInFailed
    if seat.active and seat.tenant_status is not TenantStatus.ACTIVE:
        raise TenantSuspended
    return seat


async def _why_shut(database: Database, seat: Seat) -> StewardError:
    """Why a seat is not open: its invitation is, or the person has been disabled. Raises TenantSuspended."""
    async with database.read(seat.tenant_id, SIGN_IN) as session:
        user = await session.get(User, seat.user_id)
    return InvitationPending() if user is not None and user.status == UserStatus.INVITED else UserDisabled()


async def _advance(database: Database, facts: AccountFacts, proof: _Proof, origin: Origin) -> Outcome:
    """The next step, or the session when nothing is left to do."""
    expired = facts.password_since is not None and password_expired(
        facts.password_since, datetime.now(UTC), facts.policy
    )
    step = next_step(
        has_second_factor=facts.has_second_factor,
        passed_second_factor=proof.second_factor,
        must_change=facts.must_change or expired,
        second_factor_required=proof.seat.second_factor_required,
    )
    if step is Step.DONE:
        return await _finish(database, facts, proof, origin)
    detail = {"step": step, "password": str(proof.password_id), "second_factor": proof.second_factor}
    async with database.directory() as directory:
        issued = await one_time.issue(
            directory,
            TokenPurpose.SECOND_FACTOR,
            facts.id,
            CHALLENGE_LIFE,
            tenant_id=proof.seat.tenant_id,
            detail=detail,
        )
    return Challenge(step, issued.token, issued.expires_at)


async def _finish(database: Database, facts: AccountFacts, proof: _Proof, origin: Origin) -> SignedIn:
    """Open the session, then look whether the password was replaced meanwhile: a reset ends the sessions that it
    finds, and this one may have come after it looked."""
    seat = proof.seat
    try:
        if seat.support:
            opened = await open_support_session(
                database, facts.id, seat.tenant_id, None, origin, second_factor=proof.second_factor
            )
        else:
            opened = await open_user_session(database, seat, facts.id, origin, second_factor=proof.second_factor)
    except (UserDisabled, InvitationPending) as error:
        run_soon(_note_failure(database, facts, seat.tenant_key, error.code, origin), "audit of a sign-in")
        raise
    async with database.directory() as directory:
        valid = await still_valid(directory, facts.id, proof.password_id)
    if not valid:
        await take_back(database, opened, "password_changed")
        raise SignInFailed
    return opened


async def _note_failure(
    database: Database, facts: AccountFacts, tenant_key: str | None, reason: str, origin: Origin
) -> None:
    """Record `signin.failed` in the audit of the tenant named; when none of the account's was, in all of them."""
    named = [seat for seat in facts.seats if seat.tenant_key == tenant_key]
    for seat in named or facts.seats:
        if seat.tenant_status is TenantStatus.ACTIVE:
            async with database.write(seat.tenant_id, SIGN_IN, request_id=origin.request_id) as session:
                await record(session, "signin.failed", Subject("user", seat.user_id), after={"reason": reason})


async def _resume(database: Database, challenge: str, *steps: Step) -> tuple[OneTimeToken, AccountFacts, _Proof]:
    """What a challenge stands for. Raises ChallengeExpired when it is over or is for another step."""
    async with database.directory() as directory:
        row = await one_time.peek(directory, challenge, TokenPurpose.SECOND_FACTOR)
        if row is None or row.tenant_id is None or row.detail.get("step") not in steps:
            raise ChallengeExpired
        facts = await facts_by_id(directory, row.account_id)
        seat = next((seat for seat in facts.open_seats if seat.tenant_id == row.tenant_id), None)
        if seat is None and facts.is_operator:
            seat = await operator_seat(directory, facts.id, row.tenant_id)
    password_id = UUID(row.detail["password"])
    if seat is None or not facts.active or facts.password_id != password_id:
        raise ChallengeExpired
    return row, facts, _Proof(seat, password_id, bool(row.detail["second_factor"]))


async def answer_with_code(
    database: Database, challenge: str, code: str, *, origin: Origin = NOWHERE, at: float | None = None
) -> Outcome:
    """Go on with a code of the authenticator app or a recovery code.

    Raises ChallengeExpired, CodeRefused, TooManyAttempts, and what `sign_in` raises at the end.
    """
    _, facts, proof = await _resume(database, challenge, Step.SECOND_FACTOR)
    key = code_key(facts.id)
    async with database.directory() as directory:
        await count_attempt(directory, key, origin)
    try:
        async with database.directory() as directory:
            await second_factor.verify(directory, facts.id, code, at=at)
            if not await one_time.spend(directory, challenge, TokenPurpose.SECOND_FACTOR):
                raise ChallengeExpired
    except CodeRefused as error:
        run_soon(_note_failure(database, facts, proof.seat.tenant_key, error.code, origin), "audit of a sign-in")
        raise
    async with database.directory() as directory:
        await settle_attempt(directory, key, origin)
    return await _advance(database, facts, _Proof(proof.seat, proof.password_id, True), origin)


def code_key(account_id: UUID) -> str:
    """The throttle's key for second-factor codes of an account; a right password does not reset it."""
    return f"code:{account_id.hex}"


async def begin_enrolment(database: Database, challenge: str) -> Enrolment:
    """Start the enrolment that the tenant demands before it opens a session. Raises ChallengeExpired."""
    _, facts, proof = await _resume(database, challenge, Step.ENROL)
    async with database.directory() as directory:
        return await second_factor.begin(directory, facts.id, facts.login, proof.seat.tenant_name)


async def finish_enrolment(
    database: Database, challenge: str, code: str, *, origin: Origin = NOWHERE, at: float | None = None
) -> tuple[Outcome, list[str]]:
    """Confirm that enrolment with its first code and sign in; gives the recovery codes too.

    Raises ChallengeExpired, CodeRefused, NotEnrolled, TooManyAttempts.
    """
    _, facts, proof = await _resume(database, challenge, Step.ENROL)
    key = code_key(facts.id)
    async with database.directory() as directory:
        await count_attempt(directory, key, origin)
    async with database.directory() as directory:
        codes = await second_factor.confirm(directory, facts.id, code, at=at)
        if not await one_time.spend(directory, challenge, TokenPurpose.SECOND_FACTOR):
            raise ChallengeExpired
    async with database.directory() as directory:
        await settle_attempt(directory, key, origin)
        facts = await facts_by_id(directory, facts.id)
    await _note(database, proof.seat, "signin.second_factor.enrol", origin)
    return await _advance(database, facts, _Proof(proof.seat, proof.password_id, True), origin), codes


async def change_due_password(
    database: Database, challenge: str, new_password: str, *, origin: Origin = NOWHERE
) -> Outcome:
    """Replace a password that has expired or must be changed, and go on.

    Raises ChallengeExpired, InvalidInput, PasswordChanged.
    """
    _, facts, proof = await _resume(database, challenge, Step.PASSWORD)
    password_hash = await new_password_hash(database, facts, new_password, field="new_password")
    async with database.directory() as directory:
        if not await one_time.spend(directory, challenge, TokenPurpose.SECOND_FACTOR):
            raise ChallengeExpired
        password_id = await store_password(directory, facts.id, password_hash, replaces=proof.password_id)
        facts = await facts_by_id(directory, facts.id)
    await _note(database, proof.seat, "signin.password.change", origin)
    return await _advance(database, facts, _Proof(proof.seat, password_id, proof.second_factor), origin)


async def _note(database: Database, seat: Seat, action: str, origin: Origin) -> None:
    """Record in the tenant's audit what a member did to its account on the way in."""
    if seat.support:
        return
    try:
        async with database.write(seat.tenant_id, SIGN_IN, request_id=origin.request_id) as session:
            user = await session.get(User, seat.user_id)
            if user is not None:
                session.actor = user_actor(user)
                await record(session, action, Subject("user", user.id))
    except StewardError:
        # The tenant was suspended this moment: the next step tells the person.
        return
