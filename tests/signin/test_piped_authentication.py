"""Session tokens looked up over pipelines stand for the same callers as those looked up by sessions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, update

from steward_tenants.access.permissions import PEOPLE_MANAGE, PEOPLE_VIEW, SESSIONS_MANAGE
from steward_tenants.access.queries import today
from steward_tenants.database.actor import ActorKind, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.errors import Overloaded
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.directory.models import PasswordProfile, TenantStatus
from steward_tenants.errors import StewardError, TenantSuspended, Unauthenticated
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.authentication import TRUSTED_SECONDS, SessionAuthenticator
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.models import SignInSession
from steward_tenants.signin.opening import SignedIn, open_support_session
from steward_tenants.signin.session_statement import find_session
from steward_tenants.signin.sessions import revoke_user_sessions
from steward_tenants.signin.tokens import parse_session_token
from steward_tenants.single_flight import SingleFlight
from tests.factories import TESTS, actor_with, assign, make_role, make_tenant, make_unit
from tests.signin.people import Person, join, make_operator, make_person, set_tenant, signed_in
from tests.signin.test_sessions import change_session, end_access, grant_access, refused_after


@pytest_asyncio.fixture(loop_scope="session")
async def pipelines(database: Database) -> AsyncIterator[Pipelines]:
    made = Pipelines(database, 2)
    yield made
    await made.close()


def plainly(caller: Caller) -> tuple[Any, ...]:
    """A caller with the grants in no order: each way reads them in its own."""
    actor = caller.actor
    return (
        caller.tenant_id,
        caller.account_id,
        caller.expires_at,
        caller.sign_in_session_id,
        caller.scopes,
        (actor.kind, actor.id, actor.label, actor.unit_id, actor.sign_in_session_id),
        sorted(actor.grants, key=lambda grant: (str(grant.role_id), grant.scope, str(grant.unit_id))),
    )


async def both(database: Database, pipelines: Pipelines, token: str) -> Any:
    """What both ways say of a token, which is the same: a caller without order, or the kind of error."""
    answers = []
    for authenticator in (SessionAuthenticator(database), SessionAuthenticator(database, pipelines)):
        try:
            answers.append(plainly(await authenticator.authenticate(token)))
        except StewardError as error:
            answers.append((type(error), error.code))
    assert answers[0] == answers[1]
    return answers[0]


REFUSED = (Unauthenticated, Unauthenticated.code)
Change = Callable[[Database, Person, SignedIn], Awaitable[object]]


async def _user(database: Database, person: Person, **values: object) -> None:
    async with database.write(person.tenant_id, TESTS) as session:
        await session.execute(update(User).where(session.within(User), User.id == person.user.id).values(**values))


async def _disabled(database: Database, person: Person, opened: SignedIn) -> None:
    await _user(database, person, status=UserStatus.DISABLED)


async def _disabled_and_back(database: Database, person: Person, opened: SignedIn) -> None:
    await _user(database, person, disabled_at=datetime.now(UTC) + timedelta(seconds=1))


async def _disabled_once(database: Database, person: Person, opened: SignedIn) -> None:
    await _user(database, person, disabled_at=datetime.now(UTC) - timedelta(days=2))


async def _revoked(database: Database, person: Person, opened: SignedIn) -> None:
    await change_session(database, opened, revoked_at=func.now())


async def _idle(database: Database, person: Person, opened: SignedIn) -> None:
    await change_session(database, opened, last_seen_at=func.now() - timedelta(hours=8))


async def _nearly_idle(database: Database, person: Person, opened: SignedIn) -> None:
    await change_session(database, opened, last_seen_at=func.now() - timedelta(hours=7, minutes=59))


async def _expired(database: Database, person: Person, opened: SignedIn) -> None:
    await change_session(database, opened, expires_at=func.now())


async def _other_account(database: Database, person: Person, opened: SignedIn) -> None:
    await change_session(database, opened, account_id=new_id())


async def _other_user(database: Database, person: Person, opened: SignedIn) -> None:
    await change_session(database, opened, subject_id=new_id())


async def _nothing(database: Database, person: Person, opened: SignedIn) -> None:
    pass


@pytest.mark.parametrize("change", [_nothing, _disabled_once, _nearly_idle])
async def test_who_may_come_in_does_so_either_way(database: Database, pipelines: Pipelines, change: Change) -> None:
    person = await make_person(database, await make_tenant(database), name="欧阳“云”\\\n")
    opened = await signed_in(database, person)
    await change(database, person, opened)
    assert (await both(database, pipelines, opened.token))[1] == person.account_id


@pytest.mark.parametrize(
    "change", [_disabled, _disabled_and_back, _revoked, _idle, _expired, _other_account, _other_user]
)
async def test_who_may_not_is_refused_either_way(database: Database, pipelines: Pipelines, change: Change) -> None:
    person = await make_person(database, await make_tenant(database))
    opened = await signed_in(database, person)
    await change(database, person, opened)
    assert await both(database, pipelines, opened.token) == REFUSED


async def test_the_stricter_profile_holds_either_way(database: Database, pipelines: Pipelines) -> None:
    person = await make_person(database, await make_tenant(database, password_profile=PasswordProfile.DJBH3))
    opened = await signed_in(database, person)
    await change_session(database, opened, last_seen_at=func.now() - timedelta(minutes=29))
    assert await both(database, pipelines, opened.token) != REFUSED
    await change_session(database, opened, last_seen_at=func.now() - timedelta(minutes=30))
    assert await both(database, pipelines, opened.token) == REFUSED


async def test_grants_are_those_of_today_either_way(database: Database, pipelines: Pipelines) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        unit = make_unit(session)
        await session.flush()
        unit_id = unit.id
    person = await make_person(database, tenant_id, unit_id=unit_id)
    another = await make_person(database, tenant_id)
    day = today("Asia/Shanghai")
    spans: list[tuple[date, date | None]] = [
        (day, None),
        (day, day + timedelta(days=1)),
        (day - timedelta(days=9), day),
        (day + timedelta(days=1), None),
        (day - timedelta(days=9), day + timedelta(days=9)),
    ]
    async with database.write(tenant_id, TESTS) as session:
        roles = [make_role(session, given) for given in ([PEOPLE_VIEW], [PEOPLE_MANAGE, SESSIONS_MANAGE], [])]
        await session.flush()
        for number, (start, until) in enumerate(spans):
            made = assign(session, person.user, roles[number % 3], list(Scope)[number % len(Scope)])
            made.valid_from, made.valid_until = start, until
            made.unit_id = unit_id if number == 1 else made.unit_id
        assign(session, another.user, roles[1], Scope.ALL)
    grants = (await both(database, pipelines, (await signed_in(database, person)).token))[-1]
    assert {one.permissions for one in grants} == {
        frozenset({PEOPLE_VIEW.key}), frozenset({PEOPLE_MANAGE.key, SESSIONS_MANAGE.key}),
    }  # fmt: skip
    assert len(grants) == 3
    assert len((await both(database, pipelines, (await signed_in(database, another)).token))[-1]) == 1


async def test_a_session_is_of_its_own_tenant_only(database: Database, pipelines: Pipelines) -> None:
    person = await make_person(database, await make_tenant(database))
    other = await make_tenant(database)
    await join(database, person, other)
    async with database.write(person.tenant_id, TESTS) as session:
        opened_token = f"sts.{person.tenant_id.hex}.{'B' * 43}"
        session.add(_session_row(person, opened_token))
    assert (await both(database, pipelines, opened_token))[0] == person.tenant_id
    for tenant in (other, uuid4()):
        assert await both(database, pipelines, f"sts.{tenant.hex}.{'B' * 43}") == REFUSED
    # The very digest of one tenant's session, asked for in another: neither way finds it.
    parsed = parse_session_token(opened_token)
    assert parsed is not None
    assert await find_session(pipelines, other, parsed.digest, today("Asia/Shanghai")) is None
    assert await find_session(pipelines, person.tenant_id, parsed.digest, today("Asia/Shanghai"))


def _session_row(person: Person, token: str) -> SignInSession:
    parsed = parse_session_token(token)
    assert parsed is not None
    return SignInSession(
        id=new_id(),
        kind="user",
        subject_id=person.user.id,
        account_id=person.account_id,
        token_digest=parsed.digest,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )


async def test_a_suspended_tenant_is_told_as_such_either_way(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    opened = await signed_in(database, person)
    await set_tenant(database, person.tenant_id, status=TenantStatus.SUSPENDED)
    fresh = Database(database.settings)
    made = Pipelines(fresh, 1)
    try:
        assert (await both(fresh, made, opened.token))[0] is TenantSuspended
        assert await both(fresh, made, f"{opened.token[:-1]}{'A' if opened.token[-1] != 'A' else 'B'}") == REFUSED
    finally:
        await made.close()
        await fresh.dispose()
        await set_tenant(database, person.tenant_id, status=TenantStatus.ACTIVE)


async def test_support_comes_in_either_way_and_only_as_long_as_it_may(database: Database, pipelines: Pipelines) -> None:
    person = await make_person(database, await make_tenant(database))
    operator = await make_operator(database)
    access = await grant_access(database, person, operator.id)
    opened = await open_support_session(database, operator.id, person.tenant_id, access)
    assert (await both(database, pipelines, opened.token))[5][0] is ActorKind.SUPPORT
    await end_access(database, person.tenant_id, access)
    assert await both(database, pipelines, opened.token) == REFUSED


async def test_without_a_connection_the_other_way_answers(
    database: Database, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> Any:
        raise Overloaded

    opened = await signed_in(database, await make_person(database, await make_tenant(database)))
    monkeypatch.setattr(pipelines, "fetch", full)
    assert (await both(database, pipelines, opened.token))[3] == opened.session_id


async def test_use_is_noted_over_pipelines_too(database: Database, pipelines: Pipelines) -> None:
    opened = await signed_in(database, await make_person(database, await make_tenant(database)))
    await change_session(database, opened, last_seen_at=func.now() - timedelta(minutes=2))
    await SessionAuthenticator(database, pipelines).authenticate(opened.token)
    async with database.read(opened.tenant_id, TESTS) as session:
        row = await session.get(SignInSession, opened.session_id)
    assert row is not None
    assert datetime.now(UTC) - row.last_seen_at < timedelta(minutes=1)


@pytest.mark.parametrize("change", [_disabled, _revoked])
async def test_an_end_is_felt_within_a_second(database: Database, pipelines: Pipelines, change: Change) -> None:
    person = await make_person(database, await make_tenant(database))
    opened = await signed_in(database, person)
    authenticator = SessionAuthenticator(database, pipelines)
    using = [asyncio.create_task(refused_after(authenticator, opened.token)) for _ in range(8)]
    await asyncio.sleep(0.1)
    await change(database, person, opened)
    ended_at = time.monotonic()
    await asyncio.gather(*using)
    assert time.monotonic() - ended_at < 1.0


async def test_who_comes_after_the_end_does_not_share_an_old_answer(
    database: Database, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up that read the session before its end and is slow to answer is not joined by those who come later."""
    person = await make_person(database, await make_tenant(database))
    opened = await signed_in(database, person)
    await change_session(database, opened, last_seen_at=func.now() - timedelta(minutes=2))
    authenticator = SessionAuthenticator(database, pipelines)
    read, going_on = asyncio.Event(), asyncio.Event()

    async def slow(_caller: Caller) -> None:
        read.set()
        await going_on.wait()

    monkeypatch.setattr(authenticator, "_note_seen", slow)
    early = asyncio.create_task(authenticator.authenticate(opened.token))
    await read.wait()
    async with database.write(person.tenant_id, actor_with(SESSIONS_MANAGE)) as session:
        await revoke_user_sessions(session, person.user.id)
    await asyncio.sleep(TRUSTED_SECONDS + 0.05)
    late = asyncio.create_task(authenticator.authenticate(opened.token))
    await asyncio.sleep(0.2)
    going_on.set()
    await early
    with pytest.raises(Unauthenticated):
        await late
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(opened.token)


async def test_one_look_up_serves_all_who_ask_at_once() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    calls = 0

    async def look_up() -> int:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.02)
        return calls

    async def failing() -> int:
        await asyncio.sleep(0.01)
        raise Unauthenticated

    assert await asyncio.gather(*(flights.run("a", look_up) for _ in range(5))) == [1] * 5
    first = asyncio.create_task(flights.run("b", look_up))
    second = asyncio.create_task(flights.run("b", look_up))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
    failed = await asyncio.gather(*(flights.run("c", failing) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in failed] == [Unauthenticated] * 3
    assert await flights.run("c", look_up) == 3
    alone = asyncio.create_task(flights.run("d", failing))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.sleep(0.03)
    assert flights._under_way == {}
