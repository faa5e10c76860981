"""The second factor on the way in: codes that work once, recovery codes, enrolment where it is demanded."""

from __future__ import annotations

import asyncio
import time

import pyotp
import pytest
from sqlalchemy import select

from steward_tenants.database.database import Database
from steward_tenants.directory.models import (
    Credential,
)
from steward_tenants.errors import TooManyAttempts
from steward_tenants.signin.background import settled
from steward_tenants.signin.errors import (
    ChallengeExpired,
    CodeRefused,
)
from steward_tenants.signin.opening import SignedIn
from steward_tenants.signin.rules import ACCOUNT_LIMITS, Step
from steward_tenants.signin.service import (
    Challenge,
    answer_with_code,
    begin_enrolment,
    change_due_password,
    finish_enrolment,
    sign_in,
)
from tests.factories import make_tenant
from tests.signin.people import (
    OTHER_PASSWORD,
    PASSWORD,
    actions,
    enrol,
    events,
    make_person,
)


async def test_the_second_factor_is_asked_and_a_code_works_once(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    secret, _ = await enrol(database, person.account_id)
    now = time.time()
    code = pyotp.TOTP(secret).at(int(now))
    challenges = [await sign_in(database, person.login, PASSWORD) for _ in range(2)]
    assert all(isinstance(item, Challenge) and item.step is Step.SECOND_FACTOR for item in challenges)
    first, second = (item.token for item in challenges if isinstance(item, Challenge))
    with pytest.raises(CodeRefused):
        await answer_with_code(database, first, "000000" if code != "000000" else "111111", at=now)
    opened = await answer_with_code(database, first, f" {code[:3]} {code[3:]} ", at=now)
    assert isinstance(opened, SignedIn)
    for challenge, error in ((second, CodeRefused), (first, ChallengeExpired)):
        with pytest.raises(error):
            await answer_with_code(database, challenge, code, at=now)
    await settled()
    reasons = [
        event.changes["reason"][1]
        for event in await events(database, person.tenant_id)
        if event.action == "signin.failed"
    ]
    assert reasons == ["code_refused", "code_refused"]


@pytest.mark.parametrize(("offset", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
async def test_codes_of_neighbouring_steps_are_taken(database: Database, offset: int, taken: bool) -> None:
    person = await make_person(database, await make_tenant(database))
    secret, _ = await enrol(database, person.account_id)
    challenge = await sign_in(database, person.login, PASSWORD)
    assert isinstance(challenge, Challenge)
    now = time.time()
    code = pyotp.TOTP(secret).at(int(now) + offset)
    if taken:
        await answer_with_code(database, challenge.token, code, at=now)
    else:
        with pytest.raises(CodeRefused):
            await answer_with_code(database, challenge.token, code, at=now)
    await settled()


@pytest.mark.parametrize("recovery", [False, True])
async def test_one_code_used_twice_at_once_opens_one_session(database: Database, recovery: bool) -> None:
    person = await make_person(database, await make_tenant(database))
    secret, codes = await enrol(database, person.account_id)
    now = time.time()
    code = codes[3].lower() if recovery else pyotp.TOTP(secret).at(int(now))
    challenges = [await sign_in(database, person.login, PASSWORD) for _ in range(4)]
    results = await asyncio.gather(
        *(answer_with_code(database, item.token, code, at=now) for item in challenges if isinstance(item, Challenge)),
        return_exceptions=True,
    )
    kinds = [type(result) for result in results]
    assert sorted(kind.__name__ for kind in kinds) == ["CodeRefused"] * 3 + ["SignedIn"]
    await settled()


async def test_guessing_codes_locks_and_the_right_password_does_not_unlock(database: Database) -> None:
    person = await make_person(database, await make_tenant(database))
    secret, _ = await enrol(database, person.account_id)
    now = time.time()
    right = {pyotp.TOTP(secret).at(int(now) + step) for step in (-30, 0, 30)}
    wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in right)
    for _ in range(ACCOUNT_LIMITS.attempts):
        challenge = await sign_in(database, person.login, PASSWORD)
        assert isinstance(challenge, Challenge)
        with pytest.raises(CodeRefused):
            await answer_with_code(database, challenge.token, wrong, at=now)
    assert isinstance(challenge, Challenge)
    with pytest.raises(TooManyAttempts):
        await answer_with_code(database, challenge.token, pyotp.TOTP(secret).at(int(now)), at=now)
    await settled()


async def test_a_tenant_can_demand_the_second_factor(database: Database) -> None:
    tenant_id = await make_tenant(database, second_factor_required=True)
    person = await make_person(database, tenant_id)
    challenge = await sign_in(database, person.login, PASSWORD)
    assert isinstance(challenge, Challenge)
    assert challenge.step is Step.ENROL
    with pytest.raises(ChallengeExpired):
        await answer_with_code(database, challenge.token, "000000")
    with pytest.raises(ChallengeExpired):
        await change_due_password(database, challenge.token, OTHER_PASSWORD)
    enrolment = await begin_enrolment(database, challenge.token)
    enrolment = await begin_enrolment(database, challenge.token)
    assert enrolment.uri.startswith("otpauth://totp/")
    opened, codes = await finish_enrolment(database, challenge.token, pyotp.TOTP(enrolment.secret).now())
    assert isinstance(opened, SignedIn)
    assert len(set(codes)) == 10
    assert await actions(database, tenant_id) == ["signin.second_factor.enrol", "signin.succeeded"]
    async with database.directory() as directory:
        stored = await directory.scalars(select(Credential.secret).where(Credential.account_id == person.account_id))
    assert not any(enrolment.secret in text or codes[0].replace("-", "") in text for text in stored)
