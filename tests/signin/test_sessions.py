"""Sessions: who a token stands for, how they end, and how soon an end is felt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from steward_tenants.access.permissions import PEOPLE_VIEW, SESSIONS_MANAGE
from steward_tenants.database.actor import ActorKind, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import AccountStatus, PasswordProfile, TenantStatus
from steward_tenants.errors import Forbidden, NotFound, StewardError, TenantSuspended, Unauthenticated
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin import authentication
from steward_tenants.signin.authentication import SessionAuthenticator
from steward_tenants.signin.errors import SupportAccessEnded
from steward_tenants.signin.models import SignInSession
from steward_tenants.signin.opening import SignedIn, open_support_session
from steward_tenants.signin.queries import own_sessions, sessions_of_user
from steward_tenants.signin.rules import Step
from steward_tenants.signin.service import Challenge, answer_with_code, sign_in
from steward_tenants.signin.sessions import (
    change_locale,
    forget_ended_sessions,
    revoke_other_sessions,
    revoke_own_session,
    revoke_user_sessions,
    set_account_status,
    sign_out,
)
from steward_tenants.support.models import SupportAccess
from tests.factories import TESTS, actor_with, assign, make_role, make_tenant
from tests.signin.people import (
    PASSWORD,
    Person,
    actions,
    caller_of,
    enrol,
    make_operator,
    make_person,
    set_tenant,
    signed_in,
    tenant_key,
)

DEADLINE = 1.0
"""Seconds within which the end of a session, user, access or tenant has to be felt."""


async def change_session(database: Database, opened: SignedIn, **values: object) -> None:
    async with database.write(opened.tenant_id, TESTS) as session:
        await session.execute(
            update(SignInSession)
            .where(session.within(SignInSession), SignInSession.id == opened.session_id)
            .values(**values)
        )


async def set_status(database: Database, person: Person, status: UserStatus) -> None:
    async with database.write(person.tenant_id, TESTS) as session:
        user = await session.get(User, person.user.id)
        assert user is not None
        user.status = status


async def refused_after(authenticator: SessionAuthenticator, token: str) -> float:
    """Seconds until a token in constant use is refused for the first time."""
    started = time.monotonic()
    while True:
        try:
            await authenticator.authenticate(token)
        except (Unauthenticated, TenantSuspended):
            return time.monotonic() - started
        assert time.monotonic() - started < 5
        await asyncio.sleep(0.01)


async def test_a_token_stands_for_its_user_with_the_grants_of_today(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    async with database.write(person.tenant_id, TESTS) as session:
        role = make_role(session, [PEOPLE_VIEW])
        await session.flush()
        assign(session, person.user, role, Scope.TEAM)
    opened = await signed_in(database, person)
    caller = await caller_of(database, opened)
    assert (caller.tenant_id, caller.account_id) == (person.tenant_id, person.account_id)
    assert caller.sign_in_session_id == caller.actor.sign_in_session_id == opened.session_id
    assert (caller.actor.kind, caller.actor.id) == (ActorKind.USER, person.user.id)
    assert caller.actor.permissions == {PEOPLE_VIEW.key}
    assert caller.scopes is None
    assert caller.expires_at == opened.expires_at


async def test_anything_but_the_token_is_refused(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    other = await make_tenant(database)
    token = (await signed_in(database, person)).token
    authenticator = SessionAuthenticator(database)
    head, tenant, secret = token.split(".")
    for wrong in (
        "",
        token + "A",
        token[:-1],
        f"{head}.{other.hex}.{secret}",
        f"{head}.{uuid4().hex}.{secret}",
        f"{head}.{tenant}.{'A' * 43}",
        f"{head}.{tenant.upper()}.{secret}",
        f"{token}\n",
        "sts.\ud800.x",
        secret,
    ):
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(wrong)


End = Callable[[Database, Person, SignedIn], Awaitable[object]]


async def _disable_user(database: Database, person: Person, opened: SignedIn) -> None:
    await set_status(database, person, UserStatus.DISABLED)


async def _revoke(database: Database, person: Person, opened: SignedIn) -> None:
    async with database.write(person.tenant_id, actor_with(SESSIONS_MANAGE)) as session:
        await revoke_user_sessions(session, person.user.id, [opened.session_id])


async def _suspend(database: Database, person: Person, opened: SignedIn) -> None:
    await set_tenant(database, person.tenant_id, status=TenantStatus.SUSPENDED)


async def _disable_account(database: Database, person: Person, opened: SignedIn) -> None:
    await set_account_status(database, person.account_id, AccountStatus.DISABLED, operator="tests")


@pytest.mark.parametrize("end", [_disable_user, _revoke, _suspend, _disable_account])
async def test_an_end_is_felt_within_a_second(database: Database, end: End) -> None:
    person = await make_person(database, await make_tenant(database))
    opened = await signed_in(database, person)
    authenticator = SessionAuthenticator(database)
    await authenticator.authenticate(opened.token)
    using = asyncio.create_task(refused_after(authenticator, opened.token))
    await asyncio.sleep(0.05)
    await end(database, person, opened)
    ended_at = time.monotonic()
    await using
    assert time.monotonic() - ended_at < DEADLINE


async def test_signing_out_is_felt_at_once_in_the_same_process(database: Database) -> None:
    opened = await signed_in(database, await make_person(database, await make_tenant(database)))
    authenticator = SessionAuthenticator(database)
    caller = await authenticator.authenticate(opened.token)
    for _ in range(2):
        async with database.write(caller.tenant_id, caller.actor) as session:
            await sign_out(session)
    authenticator.forget(opened.token)
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(opened.token)


@pytest.mark.parametrize(
    ("profile", "idle", "alive"),
    [
        (PasswordProfile.MODERN, timedelta(hours=7, minutes=59), True),
        (PasswordProfile.MODERN, timedelta(hours=8), False),
        (PasswordProfile.DJBH3, timedelta(minutes=29), True),
        (PasswordProfile.DJBH3, timedelta(minutes=30), False),
    ],
)
async def test_rest_ends_a_session(database: Database, profile: PasswordProfile, idle: timedelta, alive: bool) -> None:
    person = await make_person(database, await make_tenant(database, password_profile=profile))
    opened = await signed_in(database, person)
    await change_session(database, opened, last_seen_at=func.now() - idle)
    if alive:
        await caller_of(database, opened)
    else:
        with pytest.raises(Unauthenticated):
            await caller_of(database, opened)


async def test_age_ends_a_session(database: Database) -> None:
    opened = await signed_in(database, await make_person(database, await make_tenant(database)))
    await change_session(database, opened, expires_at=func.now())
    with pytest.raises(Unauthenticated):
        await caller_of(database, opened)


async def test_use_is_noted_at_most_once_a_minute(database: Database) -> None:
    opened = await signed_in(database, await make_person(database, await make_tenant(database)))

    async def seen() -> datetime:
        async with database.read(opened.tenant_id, TESTS) as session:
            row = await session.get(SignInSession, opened.session_id)
        assert row is not None
        return row.last_seen_at

    first = await seen()
    await caller_of(database, opened)
    assert await seen() == first
    await change_session(database, opened, last_seen_at=first - timedelta(minutes=2))
    await caller_of(database, opened)
    assert await seen() > first


async def test_what_is_believed_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "KNOWN_AT_MOST", 3)
    person = await make_person(database, await make_tenant(database))
    authenticator = SessionAuthenticator(database)
    for _ in range(5):
        await authenticator.authenticate((await signed_in(database, person)).token)
    assert len(authenticator._believed) == 3


async def test_people_see_and_end_their_own_sessions(database: Database) -> None:
    tenant_id = await make_tenant(database)
    person, other = await make_person(database, tenant_id), await make_person(database, tenant_id)
    mine = [await signed_in(database, person) for _ in range(3)]
    theirs = await signed_in(database, other)
    actor = (await caller_of(database, mine[0])).actor
    async with database.read(tenant_id, actor) as reading:
        lines = await own_sessions(reading)
    assert {line.id for line in lines} == {opened.session_id for opened in mine}
    assert [line.id for line in lines if line.current] == [mine[0].session_id]
    async with database.write(tenant_id, actor) as session:
        await revoke_own_session(session, mine[1].session_id)
    for foreign in (theirs.session_id, mine[1].session_id, new_id()):
        with pytest.raises(NotFound):
            async with database.write(tenant_id, actor) as session:
                await revoke_own_session(session, foreign)
    async with database.write(tenant_id, actor) as session:
        assert await revoke_other_sessions(session) == 1
    await caller_of(database, mine[0])
    await caller_of(database, theirs)
    for opened in mine[1:]:
        with pytest.raises(Unauthenticated):
            await caller_of(database, opened)
    done = await actions(database, tenant_id)
    assert done[-2:] == ["signin.session.revoke", "signin.session.revoke_others"]


async def test_security_ends_the_sessions_of_others_within_its_scope(database: Database) -> None:
    tenant_id = await make_tenant(database)
    person = await make_person(database, tenant_id)
    opened = await signed_in(database, person)
    for actor, error in (
        (actor_with(PEOPLE_VIEW), Forbidden),
        (actor_with(SESSIONS_MANAGE, scope=Scope.OWN), NotFound),
    ):
        with pytest.raises(error):
            async with database.write(tenant_id, actor) as session:
                await revoke_user_sessions(session, person.user.id)
        with pytest.raises(error):
            async with database.read(tenant_id, actor) as reading:
                await sessions_of_user(reading, person.user.id)
    security = actor_with(SESSIONS_MANAGE)
    async with database.read(tenant_id, security) as reading:
        assert [line.id for line in await sessions_of_user(reading, person.user.id)] == [opened.session_id]
    async with database.write(tenant_id, security) as session:
        assert await revoke_user_sessions(session, person.user.id) == 1
    with pytest.raises(NotFound):
        async with database.write(await make_tenant(database), security) as session:
            await revoke_user_sessions(session, person.user.id)


async def test_a_person_changes_the_own_language(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    actor = (await caller_of(database, await signed_in(database, person))).actor
    async with database.write(person.tenant_id, actor) as session:
        await change_locale(session, "en")
    async with database.read(person.tenant_id, TESTS) as reading:
        user = await reading.get(User, person.user.id)
    assert user is not None
    assert user.locale == "en"


async def test_long_ended_sessions_are_forgotten(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    old, fresh = await signed_in(database, person), await signed_in(database, person)
    await change_session(database, old, expires_at=func.now() - timedelta(days=201))
    async with database.write(person.tenant_id, TESTS) as session:
        assert await forget_ended_sessions(session) == 1
    await caller_of(database, fresh)


async def grant_access(database: Database, person: Person, operator: UUID, **values: object) -> UUID:
    async with database.write(person.tenant_id, TESTS) as session:
        role = make_role(session, [PEOPLE_VIEW])
        await session.flush()
        access = SupportAccess(
            **{
                "id": new_id(),
                "operator_account_id": operator,
                "operator_login": "operator@example.test",
                "role_id": role.id,
                "reason": "排查问题",
                "granted_by": person.user.id,
                "expires_at": datetime.now(UTC) + timedelta(hours=1),
                **values,
            }
        )
        session.add(access)
    return access.id


async def end_access(database: Database, tenant_id: UUID, access_id: UUID) -> None:
    async with database.write(tenant_id, TESTS) as session:
        access = await session.get(SupportAccess, access_id)
        assert access is not None
        access.ended_at = datetime.now(UTC)


async def test_an_operator_comes_in_only_while_the_tenant_lets_it(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    operator = await make_operator(database)
    with pytest.raises(SupportAccessEnded):
        await open_support_session(database, operator.id, person.tenant_id, new_id())
    access_id = await grant_access(database, person, operator.id)
    with pytest.raises(SupportAccessEnded):
        await open_support_session(database, new_id(), person.tenant_id, access_id)
    opened = await open_support_session(database, operator.id, person.tenant_id, access_id)
    assert opened.expires_at <= datetime.now(UTC) + timedelta(hours=1)
    authenticator = SessionAuthenticator(database)
    caller = await authenticator.authenticate(opened.token)
    assert (caller.actor.kind, caller.actor.id) == (ActorKind.SUPPORT, operator.id)
    assert caller.actor.permissions == {PEOPLE_VIEW.key}
    assert await actions(database, person.tenant_id) == ["support.session.opened"]
    using = asyncio.create_task(refused_after(authenticator, opened.token))
    await asyncio.sleep(0.05)
    await end_access(database, person.tenant_id, access_id)
    ended_at = time.monotonic()
    await using
    assert time.monotonic() - ended_at < DEADLINE
    with pytest.raises(SupportAccessEnded):
        await open_support_session(database, operator.id, person.tenant_id, access_id)


async def test_an_operator_signs_in_with_two_factors_to_a_tenant_that_lets_it(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    operator = await make_operator(database)
    key = await tenant_key(database, person.tenant_id)
    enrolling = await sign_in(database, operator.login, PASSWORD, tenant_key=key)
    assert isinstance(enrolling, Challenge)
    assert enrolling.step is Step.ENROL
    _, codes = await enrol(database, operator.id)

    async def two_factors(code: str) -> object:
        challenge = await sign_in(database, operator.login, PASSWORD, tenant_key=key)
        assert isinstance(challenge, Challenge)
        return await answer_with_code(database, challenge.token, code)

    with pytest.raises(SupportAccessEnded):
        await two_factors(codes[0])
    await grant_access(database, person, operator.id)
    opened = await two_factors(codes[1])
    assert isinstance(opened, SignedIn)
    assert (await caller_of(database, opened)).actor.kind is ActorKind.SUPPORT
    with pytest.raises(StewardError):
        await sign_in(database, operator.login, PASSWORD)


async def test_sessions_of_one_tenant_are_not_seen_in_another(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    opened = await signed_in(database, person)
    async with database.read(await make_tenant(database), TESTS) as session:
        found = await session.scalars(
            select(SignInSession.id).where(session.within(SignInSession), SignInSession.id == opened.session_id)
        )
    assert list(found) == []
