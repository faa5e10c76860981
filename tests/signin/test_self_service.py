"""What a signed-in person does to the own account, and what security may undo for another."""

from __future__ import annotations

import time
from dataclasses import replace

import pyotp
import pytest

from steward_tenants.access.permissions import PEOPLE_MANAGE, SESSIONS_MANAGE
from steward_tenants.database.actor import ActorKind, operator
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput, TooManyAttempts, Unauthenticated
from steward_tenants.signin.errors import (
    AlreadyEnrolled,
    CodeRefused,
    NotEnrolled,
    NotOnOneself,
    SecondFactorMandatory,
    SharedAccount,
    SignInFailed,
    WrongPassword,
)
from steward_tenants.signin.opening import SignedIn
from steward_tenants.signin.rules import ACCOUNT_LIMITS
from steward_tenants.signin.self_service import (
    begin_second_factor,
    change_password,
    confirm_second_factor,
    remove_second_factor,
    renew_recovery_codes,
    reset_second_factor,
    reset_second_factor_as_operator,
    second_factor_state,
)
from steward_tenants.signin.service import Challenge, answer_with_code, sign_in
from tests.factories import actor_with, make_tenant
from tests.signin.people import (
    OTHER_PASSWORD,
    PASSWORD,
    actions,
    caller_of,
    enrol,
    join,
    make_person,
    set_tenant,
    signed_in,
    tenant_key,
)


async def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(database: Database) -> None:
    first, second = await make_tenant(database), await make_tenant(database)
    person = await make_person(database, first)
    here, elsewhere = await signed_in(database, person), await signed_in(database, person)
    await join(database, person, second)
    abroad = await sign_in(database, person.login, PASSWORD, tenant_key=await tenant_key(database, second))
    assert isinstance(abroad, SignedIn)
    caller = await caller_of(database, here)
    with pytest.raises(WrongPassword):
        await change_password(database, caller, "wrong", OTHER_PASSWORD)
    with pytest.raises(InvalidInput) as raised:
        await change_password(database, caller, PASSWORD, f"{person.user.name}-2026")
    assert raised.value.problems[0].path == ("new_password",)
    with pytest.raises(InvalidInput):
        await change_password(database, caller, PASSWORD, PASSWORD)
    await change_password(database, caller, PASSWORD, OTHER_PASSWORD)
    await caller_of(database, here)
    for ended in (elsewhere, abroad):
        with pytest.raises(Unauthenticated):
            await caller_of(database, ended)
    with pytest.raises(SignInFailed):
        await sign_in(database, person.login, PASSWORD)
    assert "signin.password.change" in await actions(database, first)


async def test_guessing_the_present_password_is_limited_and_does_not_lock_the_person_out(
    database: Database,
) -> None:
    person = await make_person(database, await make_tenant(database))
    caller = await caller_of(database, await signed_in(database, person))
    for _ in range(ACCOUNT_LIMITS.attempts):
        with pytest.raises(WrongPassword):
            await change_password(database, caller, "wrong", OTHER_PASSWORD)
    with pytest.raises(TooManyAttempts):
        await change_password(database, caller, PASSWORD, OTHER_PASSWORD)
    await signed_in(database, person)


async def test_a_second_factor_is_set_up_used_renewed_and_removed(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    caller = await caller_of(database, await signed_in(database, person))
    for refused in (
        renew_recovery_codes(database, caller, PASSWORD),
        remove_second_factor(database, caller, PASSWORD, "000000"),
        confirm_second_factor(database, caller, "000000"),
    ):
        with pytest.raises(NotEnrolled):
            await refused
    enrolment = await begin_second_factor(database, caller)
    assert f"secret={enrolment.secret}" in enrolment.uri
    with pytest.raises(CodeRefused):
        await confirm_second_factor(database, caller, "wrong!")
    assert isinstance(await sign_in(database, person.login, PASSWORD), SignedIn), "not confirmed, not asked"
    now = time.time()
    totp = pyotp.TOTP(enrolment.secret)
    codes = await confirm_second_factor(database, caller, totp.at(int(now)), at=now)
    assert len(set(codes)) == 10
    with pytest.raises(AlreadyEnrolled):
        await begin_second_factor(database, caller)
    with pytest.raises(NotEnrolled):
        await confirm_second_factor(database, caller, totp.at(int(now) + 30), at=now)
    challenge = await sign_in(database, person.login, PASSWORD)
    assert isinstance(challenge, Challenge)
    with pytest.raises(CodeRefused):
        await answer_with_code(database, challenge.token, totp.at(int(now)), at=now)
    assert isinstance(await answer_with_code(database, challenge.token, codes[0]), SignedIn)
    state = await second_factor_state(database, caller)
    assert (state.enrolled, state.recovery_codes_left) == (True, 9)
    with pytest.raises(WrongPassword):
        await renew_recovery_codes(database, caller, "wrong")
    fresh = await renew_recovery_codes(database, caller, PASSWORD)
    challenge = await sign_in(database, person.login, PASSWORD)
    assert isinstance(challenge, Challenge)
    with pytest.raises(CodeRefused):
        await answer_with_code(database, challenge.token, codes[1])
    with pytest.raises(WrongPassword):
        await remove_second_factor(database, caller, "wrong", fresh[0])
    with pytest.raises(CodeRefused):
        await remove_second_factor(database, caller, PASSWORD, codes[1])
    await remove_second_factor(database, caller, PASSWORD, fresh[0])
    assert isinstance(await sign_in(database, person.login, PASSWORD), SignedIn)
    done = await actions(database, person.tenant_id)
    for action in ("second_factor.enrol", "recovery_codes.renew", "second_factor.remove"):
        assert f"signin.{action}" in done


async def test_a_mandatory_second_factor_stays(database: Database) -> None:
    tenant_id = await make_tenant(database)
    person = await make_person(database, tenant_id)
    caller = await caller_of(database, await signed_in(database, person))
    _, codes = await enrol(database, person.account_id)
    await set_tenant(database, tenant_id, second_factor_required=True)
    with pytest.raises(SecondFactorMandatory):
        await remove_second_factor(database, caller, PASSWORD, codes[0])


async def test_only_a_persons_own_session_touches_the_account(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    caller = await caller_of(database, await signed_in(database, person))
    for stranger in (
        replace(caller, account_id=None),
        replace(caller, sign_in_session_id=None),
        replace(caller, actor=replace(caller.actor, kind=ActorKind.SUPPORT)),
        replace(caller, actor=replace(caller.actor, kind=ActorKind.CLIENT)),
    ):
        with pytest.raises(Forbidden):
            await change_password(database, stranger, PASSWORD, OTHER_PASSWORD)
        with pytest.raises(Forbidden):
            await begin_second_factor(database, stranger)


async def test_security_resets_anothers_second_factor_but_not_its_own(database: Database) -> None:
    tenant_id = await make_tenant(database)
    person = await make_person(database, tenant_id)
    opened = await signed_in(database, person)
    await enrol(database, person.account_id)
    with pytest.raises(Forbidden):
        await reset_second_factor(database, tenant_id, actor_with(PEOPLE_MANAGE), person.user.id)
    with pytest.raises(NotOnOneself):
        await reset_second_factor(database, tenant_id, actor_with(SESSIONS_MANAGE, user=person.user), person.user.id)
    await reset_second_factor(database, tenant_id, actor_with(SESSIONS_MANAGE), person.user.id)
    with pytest.raises(Unauthenticated):
        await caller_of(database, opened)
    assert isinstance(await sign_in(database, person.login, PASSWORD), SignedIn)
    assert "signin.second_factor.reset" in await actions(database, tenant_id)


async def test_one_tenant_alone_does_not_weaken_a_shared_account(database: Database) -> None:
    first, second = await make_tenant(database), await make_tenant(database)
    person = await make_person(database, first)
    user = await join(database, person, second)
    await enrol(database, person.account_id)
    with pytest.raises(SharedAccount):
        await reset_second_factor(database, second, actor_with(SESSIONS_MANAGE), user.id)
    key = await tenant_key(database, first)
    assert isinstance(await sign_in(database, person.login, PASSWORD, tenant_key=key), Challenge)
    await reset_second_factor_as_operator(database, person.account_id, operator("tests"))
    assert isinstance(await sign_in(database, person.login, PASSWORD, tenant_key=key), SignedIn)
    for tenant_id in (first, second):
        assert "signin.second_factor.reset" in await actions(database, tenant_id)
