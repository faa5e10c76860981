"""Signing in step by step, against the database."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from steward_tenants.access.permissions import PEOPLE_MANAGE
from steward_tenants.database.database import Database
from steward_tenants.directory.models import (
    Account,
    AccountStatus,
    Credential,
    CredentialKind,
    Membership,
    PasswordProfile,
    TenantStatus,
    Throttle,
)
from steward_tenants.errors import InvalidInput, TenantSuspended, TooManyAttempts
from steward_tenants.people.membership import create_user
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin import passwords, service, throttle
from steward_tenants.signin.accounts import facts_by_id, set_password
from steward_tenants.signin.background import settled
from steward_tenants.signin.errors import (
    ChallengeExpired,
    InvitationPending,
    SignInFailed,
    UserDisabled,
)
from steward_tenants.signin.mail import Letter
from steward_tenants.signin.models import SignInSession
from steward_tenants.signin.opening import SignedIn, open_user_session
from steward_tenants.signin.origin import Origin
from steward_tenants.signin.recovery import accept_invitation, invite
from steward_tenants.signin.rules import ACCOUNT_LIMITS, PROFILES, AttemptLimits, Step
from steward_tenants.signin.service import (
    Challenge,
    TenantChoice,
    answer_with_code,
    change_due_password,
    sign_in,
)
from tests.conftest import HASHING
from tests.factories import TESTS, actor_with, make_tenant
from tests.signin.people import (
    OTHER_PASSWORD,
    PASSWORD,
    actions,
    enrol,
    events,
    join,
    make_person,
    set_tenant,
    signed_in,
    tenant_key,
)


async def test_a_right_password_opens_a_session_and_both_outcomes_are_audited(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    with pytest.raises(SignInFailed):
        await sign_in(database, person.login, "nicht das richtige")
    await settled()
    opened = await sign_in(
        database, f" {person.login.upper()} ", PASSWORD, origin=Origin("192.0.2.7", "测试浏览器\x00/1", "r-1")
    )
    assert isinstance(opened, SignedIn)
    assert opened.token.startswith(f"sts.{person.tenant_id.hex}.")
    seen = await events(database, person.tenant_id)
    assert [event.action for event in seen] == ["signin.failed", "signin.succeeded"]
    assert seen[0].changes == {"reason": [None, "password"]}
    assert (seen[1].actor_id, seen[1].request_id) == (person.user.id, "r-1")
    assert person.login not in str([event.changes for event in seen])
    async with database.read(person.tenant_id, TESTS) as session:
        row = await session.get(SignInSession, opened.session_id)
    assert row is not None
    assert opened.token.encode() not in row.token_digest
    assert (row.address, row.user_agent) == ("192.0.2.7", "测试浏览器/1")
    assert row.expires_at - row.created_at > timedelta(days=29)


async def test_what_is_wrong_is_not_told(database: Database) -> None:
    tenant_id = await make_tenant(database)
    person, disabled = await make_person(database, tenant_id), await make_person(database, tenant_id)
    async with database.directory() as directory:
        await directory.execute(
            update(Account).where(Account.id == disabled.account_id).values(status=AccountStatus.DISABLED)
        )
    other_key = await tenant_key(database, await make_tenant(database))
    texts = set()
    for login, password, key in (
        (f"nobody-{uuid4()}", PASSWORD, None),
        (person.login, "wrong", None),
        (person.login, PASSWORD, other_key),
        (person.login, PASSWORD, "no-such-tenant"),
        (person.login, PASSWORD, "\x00\ud800"),
        (disabled.login, PASSWORD, None),
        ("\x00", "\ud800", None),
        (person.login, "x" * 100_000, None),
    ):
        with pytest.raises(SignInFailed) as raised:
            await sign_in(database, login, password, tenant_key=key)
        texts.add((str(raised.value.as_dict("zh-CN")), raised.value.status))
    assert len(texts) == 1
    await settled()


async def test_an_unknown_login_costs_as_much_hashing_as_a_known_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make_person(database, await make_tenant(database))
    verified: list[str] = []
    verify = passwords.HASHER.verify

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(hasher, name)

        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored.rsplit("$", 2)[0])
            return verify(stored, password)

    hasher = passwords.HASHER
    monkeypatch.setattr(passwords, "HASHER", Counting())
    for login in (person.login, f"nobody-{uuid4()}"):
        with pytest.raises(SignInFailed):
            await sign_in(database, login, "wrong password, same work")
    assert len(verified) == 2
    assert len(set(verified)) == 1
    await settled()


async def test_the_account_locks_after_five_failures_known_or_not_and_is_released(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    waits = []
    for login in (person.login, f"nobody-{uuid4()}@example.test"):
        for _ in range(ACCOUNT_LIMITS.attempts):
            with pytest.raises(SignInFailed):
                await sign_in(database, login, "wrong")
        with pytest.raises(TooManyAttempts) as raised:
            await sign_in(database, login, PASSWORD)
        waits.append(raised.value.values["seconds"])
    assert all(590 <= int(str(wait)) <= 600 for wait in waits)
    async with database.directory() as directory:
        key = throttle.login_key(directory, person.login)
        await directory.execute(
            update(Throttle).where(Throttle.key == key).values(locked_until=func.now() - timedelta(seconds=1))
        )
    assert isinstance(await sign_in(database, person.login, PASSWORD), SignedIn)
    async with database.directory() as directory:
        assert await directory.find(Throttle, Throttle.key == key) is None
    await settled()


async def test_locks_grow_to_a_cap_and_a_window_forgets(database: Database) -> None:
    key = f"test:{uuid4()}"

    async def locked_for() -> float | None:
        async with database.directory() as directory:
            left = await directory.scalar(
                select(func.extract("epoch", Throttle.locked_until - func.now())).where(Throttle.key == key)
            )
        return None if left is None else float(left)

    async def once_more() -> None:
        async with database.directory() as directory:
            await directory.execute(update(Throttle).where(Throttle.key == key).values(locked_until=func.now()))
        async with database.directory() as directory:
            await throttle.attempt(directory, key, ACCOUNT_LIMITS)

    for _ in range(4):
        async with database.directory() as directory:
            await throttle.attempt(directory, key, ACCOUNT_LIMITS)
    assert await locked_for() is None
    locks = []
    for _ in range(5):
        await once_more()
        locks.append(round(await locked_for() or 0, -1))
    assert locks == [600, 1200, 1800, 1800, 1800]
    async with database.directory() as directory:
        await directory.execute(
            update(Throttle)
            .where(Throttle.key == key)
            .values(window_ends_at=func.now() - timedelta(seconds=1), locked_until=None)
        )
    async with database.directory() as directory:
        await throttle.attempt(directory, key, ACCOUNT_LIMITS)
    assert await locked_for() is None


async def test_attempts_at_the_same_time_do_not_outrun_the_limit(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    results = await asyncio.gather(
        *(sign_in(database, person.login, f"wrong {n}") for n in range(20)), return_exceptions=True
    )
    kinds = [type(result) for result in results]
    assert kinds.count(SignInFailed) == ACCOUNT_LIMITS.attempts
    assert kinds.count(TooManyAttempts) == 20 - ACCOUNT_LIMITS.attempts
    await settled()


async def test_an_address_is_limited_over_many_logins_and_successes_do_not_count(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = AttemptLimits(3, 600, 60, 900)
    monkeypatch.setattr(service, "ADDRESS_LIMITS", few)
    person = await make_person(database, await make_tenant(database))
    origin = Origin(address=f"2001:db8::{uuid4().hex[:4]}")
    for _ in range(4):
        assert isinstance(await sign_in(database, person.login, PASSWORD, origin=origin), SignedIn)
    for _ in range(3):
        with pytest.raises(SignInFailed):
            await sign_in(database, f"nobody-{uuid4()}", "wrong", origin=origin)
    with pytest.raises(TooManyAttempts):
        await sign_in(database, person.login, PASSWORD, origin=origin)


async def test_several_tenants_have_to_be_told_apart(database: Database) -> None:
    first, second = await make_tenant(database, name="河东电信"), await make_tenant(database, name="河西烟草")
    person = await make_person(database, first)
    await join(database, person, second)
    with pytest.raises(SignInFailed):
        await sign_in(database, person.login, "wrong")
    choice = await sign_in(database, person.login, PASSWORD)
    assert isinstance(choice, TenantChoice)
    assert {name for _, name in choice.tenants} == {"河东电信", "河西烟草"}
    opened = await sign_in(database, person.login, PASSWORD, tenant_key=await tenant_key(database, second))
    assert isinstance(opened, SignedIn)
    assert opened.tenant_id == second
    await set_tenant(database, second, status=TenantStatus.SUSPENDED)
    alone = await sign_in(database, person.login, PASSWORD)
    assert isinstance(alone, SignedIn)
    assert alone.tenant_id == first
    with pytest.raises(TenantSuspended):
        await sign_in(database, person.login, PASSWORD, tenant_key=await tenant_key(database, second))
    await settled()


async def test_a_disabled_user_and_an_open_invitation_are_told_after_the_right_password(
    database: Database,
) -> None:
    tenant_id = await make_tenant(database)
    disabled = await make_person(database, tenant_id, status=UserStatus.DISABLED)
    invited = await make_person(database, tenant_id, status=UserStatus.INVITED)
    barred = await make_person(database, tenant_id)
    async with database.directory() as directory:
        await directory.execute(
            update(Membership).where(Membership.account_id == barred.account_id).values(active=False)
        )
    for person, error in ((disabled, UserDisabled), (invited, InvitationPending), (barred, UserDisabled)):
        with pytest.raises(SignInFailed):
            await sign_in(database, person.login, "wrong")
        with pytest.raises(error):
            await sign_in(database, person.login, PASSWORD)
    await settled()


async def test_a_tenant_that_knows_a_login_has_no_say_until_the_person_accepts(database: Database) -> None:
    own = await make_tenant(database)
    curious = await make_tenant(database, password_profile=PasswordProfile.DJBH3, second_factor_required=True)
    person = await make_person(database, own)
    made = await create_user(
        database,
        curious,
        actor_with(PEOPLE_MANAGE),
        fields={"login": person.login, "name": "甲"},
        today=date(2026, 7, 1),
    )
    opened = await sign_in(database, person.login, PASSWORD)
    assert isinstance(opened, SignedIn)
    assert opened.tenant_id == own
    async with database.directory() as directory:
        facts = await facts_by_id(directory, person.account_id)
    assert facts.policy == PROFILES[PasswordProfile.MODERN]
    key = await tenant_key(database, curious)
    with pytest.raises(InvitationPending):
        await sign_in(database, person.login, PASSWORD, tenant_key=key)
    letters = Letters()
    invitation = await invite(database, letters, curious, actor_with(PEOPLE_MANAGE), made.id, public_url="https://s")
    await accept_invitation(database, invitation.token, PASSWORD)
    assert isinstance(await sign_in(database, person.login, PASSWORD), TenantChoice)
    await settled()


class Letters:
    """A mailer that sends nothing."""

    async def send(self, letter: Letter) -> None:
        """Nothing."""


async def test_the_strictest_of_all_tenants_decides(database: Database) -> None:
    modern = await make_tenant(database)
    strict = await make_tenant(database, password_profile=PasswordProfile.DJBH3)
    person = await make_person(database, modern)
    await set_password(database, person.account_id, "梧桐叶落满了旧站台的长椅")
    await join(database, person, strict)
    with pytest.raises(InvalidInput) as raised:
        await set_password(database, person.account_id, "梧桐叶落满了新站台的长椅")
    assert [problem.code for problem in raised.value.problems] == ["too_few_classes"]
    await set_password(database, person.account_id, PASSWORD + "Q")
    async with database.directory() as directory:
        await directory.execute(
            update(Credential)
            .where(Credential.account_id == person.account_id, Credential.spent_at.is_(None))
            .values(created_at=func.now() - timedelta(days=90))
        )
    due = await sign_in(database, person.login, PASSWORD + "Q", tenant_key=await tenant_key(database, modern))
    assert isinstance(due, Challenge)
    assert due.step is Step.PASSWORD


async def test_a_due_password_is_changed_on_the_way_and_none_of_the_last_five_comes_again(
    database: Database,
) -> None:
    tenant_id = await make_tenant(database, password_profile=PasswordProfile.DJBH3)
    person = await make_person(database, tenant_id)
    used = [f"{OTHER_PASSWORD}{n}" for n in range(5)]
    for password in used:
        await set_password(database, person.account_id, password, must_change=True)
    due = await sign_in(database, person.login, used[-1])
    assert isinstance(due, Challenge)
    for password in used:
        with pytest.raises(InvalidInput) as raised:
            await change_due_password(database, due.token, password)
        assert [problem.code for problem in raised.value.problems] == ["used_before"]
    opened = await change_due_password(database, due.token, PASSWORD + "Q")
    assert isinstance(opened, SignedIn)
    with pytest.raises(ChallengeExpired):
        await change_due_password(database, due.token, OTHER_PASSWORD)
    assert await actions(database, tenant_id) == ["signin.password.change", "signin.succeeded"]
    async with database.read(tenant_id, TESTS) as session:
        row = await session.get(SignInSession, opened.session_id)
    assert row is not None
    assert row.expires_at - row.created_at < timedelta(hours=12, minutes=1)


async def test_a_challenge_ends_after_five_minutes_and_with_the_password(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    secret, _ = await enrol(database, person.account_id)
    challenge = await sign_in(database, person.login, PASSWORD)
    assert isinstance(challenge, Challenge)
    left = challenge.expires_at - datetime.now(UTC)
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
    await set_password(database, person.account_id, OTHER_PASSWORD)
    with pytest.raises(ChallengeExpired):
        await answer_with_code(database, challenge.token, pyotp.TOTP(secret).now())


async def test_a_password_replaced_during_the_sign_in_opens_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make_person(database, await make_tenant(database))
    open_session = open_user_session

    async def slow(*args: object, **kwargs: object) -> SignedIn:
        opened = await open_session(*args, **kwargs)  # type: ignore[arg-type]
        await set_password(database, person.account_id, OTHER_PASSWORD)
        return opened

    monkeypatch.setattr(service, "open_user_session", slow)
    with pytest.raises(SignInFailed):
        await sign_in(database, person.login, PASSWORD)
    async with database.read(person.tenant_id, TESTS) as session:
        open_ones = await session.scalars(
            select(SignInSession.id).where(session.within(SignInSession), SignInSession.revoked_at.is_(None))
        )
    assert list(open_ones) == []


async def test_a_hash_with_weaker_parameters_is_renewed_when_the_person_signs_in(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHER", HASHING)
    person = await make_person(database, await make_tenant(database))
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    async with database.directory() as directory:
        await directory.execute(
            update(Credential).where(Credential.account_id == person.account_id).values(secret=weak)
        )
    await signed_in(database, person)
    async with database.directory() as directory:
        facts = await facts_by_id(directory, person.account_id)
    assert facts.password_hash is not None
    assert facts.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_two_changes_at_once_leave_one_password(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    results = await asyncio.gather(
        *(set_password(database, person.account_id, f"{OTHER_PASSWORD}-{n}") for n in range(4)),
        return_exceptions=True,
    )
    assert results.count(None) == 1
    async with database.directory() as directory:
        current = await directory.scalars(
            select(Credential.id).where(
                Credential.account_id == person.account_id,
                Credential.kind == CredentialKind.PASSWORD,
                Credential.spent_at.is_(None),
            )
        )
    assert len(current) == 1


async def test_a_user_row_of_another_account_lets_nobody_in(database: Database) -> None:
    tenant_id = await make_tenant(database)
    person, other = await make_person(database, tenant_id), await make_person(database, tenant_id)
    async with database.directory() as directory:
        await directory.execute(
            update(Membership).where(Membership.account_id == person.account_id).values(user_id=other.user.id)
        )
    with pytest.raises(SignInFailed):
        await sign_in(database, person.login, PASSWORD)
    async with database.read(tenant_id, TESTS) as session:
        assert await session.get(User, other.user.id) is not None


async def test_past_counters_are_forgotten_and_standing_locks_are_not(database: Database) -> None:
    past, locked = f"test:{uuid4()}", f"test:{uuid4()}"
    async with database.directory() as directory:
        for key in (past, *[locked] * ACCOUNT_LIMITS.attempts):
            await throttle.attempt(directory, key, ACCOUNT_LIMITS)
        await directory.execute(
            update(Throttle)
            .where(Throttle.key.in_((past, locked)))
            .values(window_ends_at=func.now() - timedelta(seconds=1))
        )
    async with database.directory() as directory:
        assert await throttle.forget_past(directory) >= 1
        left = await directory.scalars(select(Throttle.key).where(Throttle.key.in_((past, locked))))
    assert list(left) == [locked]


async def test_a_flood_of_sign_ins_is_sent_away_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "WAITING_AT_MOST", 2)
    results = await asyncio.gather(
        *(passwords.verify_password(None, PASSWORD) for _ in range(5)), return_exceptions=True
    )
    assert [type(result) for result in results].count(TooManyAttempts) == 3
    assert not (await passwords.verify_password(None, PASSWORD)).right
