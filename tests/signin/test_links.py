"""Invitations, resets, and the mails that carry them."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update

from steward_tenants.access.models import Duty, RoleAssignment
from steward_tenants.access.permissions import PEOPLE_MANAGE
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Membership, OneTimeToken, PasswordProfile, TokenPurpose
from steward_tenants.errors import Forbidden, InvalidInput, TooManyAttempts, Unauthenticated
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin import one_time
from steward_tenants.signin.authentication import SessionAuthenticator
from steward_tenants.signin.background import settled
from steward_tenants.signin.errors import NotInvited, SignInFailed, TokenSpent, UserDisabled
from steward_tenants.signin.mail import FolderMailer, Letter, SmtpMailer
from steward_tenants.signin.opening import SignedIn
from steward_tenants.signin.recovery import accept_invitation, confirm_reset, invite, request_reset
from steward_tenants.signin.rules import ACCOUNT_LIMITS
from steward_tenants.signin.service import sign_in
from tests.factories import (
    TESTS,
    actor_with,
    assign,
    make_account,
    make_member,
    make_role,
    make_tenant,
    make_user,
)
from tests.signin.people import (
    OTHER_PASSWORD,
    PASSWORD,
    actions,
    give_password,
    join,
    make_person,
    signed_in,
    tenant_key,
)

PUBLIC = "https://steward.example.test"
ADMIN = actor_with(PEOPLE_MANAGE)


class Outbox:
    """Keeps letters."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    async def send(self, letter: Letter) -> None:
        self.letters.append(letter)

    def token(self) -> str:
        found = re.search(r"#token=([\w-]{43})", self.letters[-1].text)
        assert found is not None
        return found[1]


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


async def status_of(database: Database, user: User) -> str:
    async with database.read(user.tenant_id, TESTS) as session:
        row = await session.get(User, user.id)
    assert row is not None
    return row.status


async def test_an_invited_person_sets_a_password_and_signs_in(database: Database, outbox: Outbox) -> None:
    tenant_id = await make_tenant(database, name="河东电信")
    user = await make_member(database, tenant_id, status=UserStatus.INVITED, name="林小溪")
    invitation = await invite(database, outbox, tenant_id, ADMIN, user.id, public_url=PUBLIC)
    assert invitation.mailed_to == user.login
    assert invitation.token == outbox.token()
    assert "河东电信" in outbox.letters[0].text
    with pytest.raises(InvalidInput) as raised:
        await accept_invitation(database, invitation.token, "林小溪林小溪林小溪林小溪")
    assert {problem.code for problem in raised.value.problems} == {"own_words"}
    joined = await accept_invitation(database, invitation.token, PASSWORD)
    assert (joined.login, joined.tenant_key) == (user.login, await tenant_key(database, tenant_id))
    with pytest.raises(TokenSpent):
        await accept_invitation(database, invitation.token, OTHER_PASSWORD)
    assert isinstance(await sign_in(database, user.login, PASSWORD), SignedIn)
    assert await actions(database, tenant_id) == [
        "signin.invite",
        "signin.invitation.accept",
        "signin.succeeded",
    ]


async def test_an_invitation_accepted_twice_at_once_counts_once(database: Database, outbox: Outbox) -> None:
    tenant_id = await make_tenant(database)
    user = await make_member(database, tenant_id, status=UserStatus.INVITED)
    token = (await invite(database, outbox, tenant_id, ADMIN, user.id, public_url=PUBLIC)).token
    results = await asyncio.gather(
        *(accept_invitation(database, token, f"{OTHER_PASSWORD}-{n}") for n in range(3)),
        return_exceptions=True,
    )
    winners = [n for n, result in enumerate(results) if not isinstance(result, BaseException)]
    assert len(winners) == 1
    assert isinstance(await sign_in(database, user.login, f"{OTHER_PASSWORD}-{winners[0]}"), SignedIn)


async def test_an_invitation_lasts_seven_days_and_only_its_digest_is_stored(database: Database, outbox: Outbox) -> None:
    tenant_id = await make_tenant(database)
    user = await make_member(database, tenant_id, status=UserStatus.INVITED)
    token = (await invite(database, outbox, tenant_id, ADMIN, user.id, public_url=PUBLIC)).token
    async with database.directory() as directory:
        row = await one_time.peek(directory, token, TokenPurpose.INVITATION)
        assert row is not None
        assert timedelta(days=6, hours=23) < row.expires_at - row.created_at <= timedelta(days=7, minutes=1)
        assert token.encode() not in row.digest
        assert await one_time.peek(directory, token, TokenPurpose.PASSWORD_RESET) is None
        await directory.execute(
            update(OneTimeToken)
            .where(OneTimeToken.digest == row.digest)
            .values(expires_at=func.now() - timedelta(seconds=1))
        )
    with pytest.raises(TokenSpent):
        await accept_invitation(database, token, PASSWORD)
    async with database.directory() as directory:
        assert await one_time.forget_expired(directory) >= 1
    assert await status_of(database, user) == UserStatus.INVITED


async def test_an_invitation_does_not_replace_a_password_that_exists(database: Database, outbox: Outbox) -> None:
    home, guest = await make_tenant(database), await make_tenant(database)
    person = await make_person(database, home)
    user = await join(database, person, guest, status=UserStatus.INVITED, email="someone@elsewhere.test")
    invitation = await invite(database, outbox, guest, ADMIN, user.id, public_url=PUBLIC)
    assert invitation.mailed_to == person.login
    for _ in range(ACCOUNT_LIMITS.attempts - 1):
        with pytest.raises(InvalidInput) as raised:
            await accept_invitation(database, invitation.token, OTHER_PASSWORD)
    assert raised.value.problems[0].code == "existing_password"
    assert await status_of(database, user) == UserStatus.INVITED
    await accept_invitation(database, invitation.token, PASSWORD)
    assert await status_of(database, user) == UserStatus.ACTIVE
    assert isinstance(
        await sign_in(database, person.login, PASSWORD, tenant_key=await tenant_key(database, guest)), SignedIn
    )


async def test_only_those_who_manage_people_invite_and_only_the_invited(database: Database, outbox: Outbox) -> None:
    tenant_id = await make_tenant(database)
    invited = await make_member(database, tenant_id, status=UserStatus.INVITED)
    active = await make_member(database, tenant_id)
    with pytest.raises(Forbidden):
        await invite(database, outbox, tenant_id, actor_with(), invited.id, public_url=PUBLIC)
    with pytest.raises(NotInvited):
        await invite(database, outbox, tenant_id, ADMIN, active.id, public_url=PUBLIC)
    token = (await invite(database, outbox, tenant_id, ADMIN, invited.id, public_url=PUBLIC)).token
    async with database.write(tenant_id, TESTS) as session:
        row = await session.get(User, invited.id)
        assert row is not None
        row.status = UserStatus.DISABLED
    with pytest.raises(UserDisabled):
        await accept_invitation(database, token, PASSWORD)


async def test_a_reset_ends_all_sessions_in_all_tenants_and_lifts_the_lock(database: Database, outbox: Outbox) -> None:
    first, second = await make_tenant(database), await make_tenant(database)
    person = await make_person(database, first)
    opened = [await signed_in(database, person)]
    await join(database, person, second)
    for tenant_id in (first, second):
        outcome = await sign_in(database, person.login, PASSWORD, tenant_key=await tenant_key(database, tenant_id))
        assert isinstance(outcome, SignedIn)
        opened.append(outcome)
    for _ in range(ACCOUNT_LIMITS.attempts):
        with pytest.raises(SignInFailed):
            await sign_in(database, person.login, "wrong")
    with pytest.raises(TooManyAttempts):
        await sign_in(database, person.login, PASSWORD)
    await request_reset(database, outbox, person.login, public_url=PUBLIC)
    await settled()
    assert outbox.letters[-1].to == person.login
    token = outbox.token()
    with pytest.raises(InvalidInput):
        await confirm_reset(database, token, "short")
    with pytest.raises(InvalidInput):
        await confirm_reset(database, token, PASSWORD)
    await confirm_reset(database, token, OTHER_PASSWORD)
    for session in opened:
        with pytest.raises(Unauthenticated):
            await SessionAuthenticator(database).authenticate(session.token)
    with pytest.raises(TokenSpent):
        await confirm_reset(database, token, OTHER_PASSWORD + "2")
    fresh = await sign_in(database, person.login, OTHER_PASSWORD, tenant_key=await tenant_key(database, first))
    assert isinstance(fresh, SignedIn)
    for tenant_id in (first, second):
        assert "signin.password.reset" in await actions(database, tenant_id)


async def test_asking_for_a_reset_tells_nothing_and_is_limited(database: Database, outbox: Outbox) -> None:
    person = await make_person(database, await make_tenant(database))
    for login in (person.login, f"nobody-{uuid4()}@example.test"):
        for _ in range(3):
            await request_reset(database, outbox, login, public_url=PUBLIC)
        with pytest.raises(TooManyAttempts):
            await request_reset(database, outbox, login, public_url=PUBLIC)
    await settled()
    assert {letter.to for letter in outbox.letters} == {person.login}
    async with database.directory() as directory:
        left = await directory.scalars(
            select(OneTimeToken.created_at).where(OneTimeToken.account_id == person.account_id)
        )
    assert len(left) == 1, "a newer link replaces the older ones"


async def test_no_single_tenant_directs_the_link_of_a_shared_account(database: Database, outbox: Outbox) -> None:
    first, second = await make_tenant(database), await make_tenant(database)
    account = await make_account(database, login=f"person-{uuid4().hex[:8]}")
    await give_password(database, account.id)
    for number, tenant_id in enumerate((first, second)):
        async with database.write(tenant_id, TESTS) as session:
            user = make_user(session, account_id=account.id, login=account.login, email=f"tenant{number}@example.test")
        async with database.directory() as directory:
            directory.add(Membership(account_id=account.id, tenant_id=tenant_id, user_id=user.id))
        await request_reset(database, outbox, account.login, public_url=PUBLIC)
        await settled()
    assert [letter.to for letter in outbox.letters] == ["tenant0@example.test"]


@pytest.mark.parametrize("duty", [Duty.TENANT_ADMIN, Duty.SECURITY_ADMIN, Duty.AUDITOR])
async def test_who_keeps_the_address_book_does_not_get_an_administrators_link(
    database: Database, outbox: Outbox, duty: Duty
) -> None:
    tenant_id = await make_tenant(database)
    account = await make_account(database, login=f"admin-{uuid4().hex[:8]}")
    await give_password(database, account.id)
    async with database.write(tenant_id, TESTS) as session:
        user = make_user(session, account_id=account.id, login=account.login, email="mine@example.test")
        await session.flush()
        role = make_role(session, [], duty)
        await session.flush()
        assignment = assign(session, user, role)
    async with database.directory() as directory:
        directory.add(Membership(account_id=account.id, tenant_id=tenant_id, user_id=user.id))
    await request_reset(database, outbox, account.login, public_url=PUBLIC)
    await settled()
    assert outbox.letters == []
    async with database.write(tenant_id, TESTS) as session:
        found = await session.get(RoleAssignment, assignment.id)
        assert found is not None
        await session.delete(found)
    await request_reset(database, outbox, account.login, public_url=PUBLIC)
    await settled()
    assert [letter.to for letter in outbox.letters] == ["mine@example.test"]


async def test_a_reset_follows_the_strictest_policy(database: Database, outbox: Outbox) -> None:
    tenant_id = await make_tenant(database, password_profile=PasswordProfile.DJBH3)
    person = await make_person(database, tenant_id)
    await request_reset(database, outbox, person.login, public_url=PUBLIC)
    await settled()
    with pytest.raises(InvalidInput) as raised:
        await confirm_reset(database, outbox.token(), "雨后的青石板路上有七只白猫")
    assert [problem.code for problem in raised.value.problems] == ["too_few_classes"]


class Sink:
    """A mail server that keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 sink")
        while line := (await reader.readline()).decode().strip():
            verb = line.split(":")[0].split()[0].upper()
            if verb == "EHLO":
                await say("250 sink")
            elif verb == "DATA":
                await say("354 go on")
                body = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append(body[:-5])
                await say("250 kept")
            elif verb == "QUIT":
                await say("221 bye")
                break
            else:
                await say("250 ok")
        writer.close()
        await writer.wait_closed()


@pytest_asyncio.fixture(loop_scope="session")
async def sink() -> AsyncIterator[Sink]:
    kept = Sink()
    server = await asyncio.start_server(kept.serve, "127.0.0.1", 0)
    kept.port = server.sockets[0].getsockname()[1]
    async with server:
        yield kept


async def test_mail_goes_over_smtp(sink: Sink) -> None:
    mailer = SmtpMailer(f"smtp://127.0.0.1:{sink.port}", "管家 <steward@example.test>")
    await mailer.send(Letter("someone@example.test", "管家：邀请", "您好，\n.点在行首\n"))
    message = email.message_from_bytes(sink.mails[0], policy=email.policy.default)
    assert message["To"] == "someone@example.test"
    assert message["Subject"] == "管家：邀请"
    assert message.get_content().splitlines() == ["您好，", ".点在行首"]


async def test_a_letter_with_a_key_bears_the_same_message_id_each_time(sink: Sink) -> None:
    mailer = SmtpMailer(f"smtp://127.0.0.1:{sink.port}", "管家 <steward@example.test>")
    for key in ("0af3", "0af3", "77", None, None):
        await mailer.send(Letter("someone@example.test", "管家", "您好", key))
    ids = [email.message_from_bytes(mail, policy=email.policy.default)["Message-ID"] for mail in sink.mails]
    assert ids[:3] == ["<0af3@example.test>", "<0af3@example.test>", "<77@example.test>"]
    assert len({*ids}) == 4


async def test_no_password_goes_over_a_bare_connection(sink: Sink) -> None:
    mailer = SmtpMailer(f"smtp://user:secret@127.0.0.1:{sink.port}", "steward@example.test")
    with pytest.raises(OSError, match="without TLS"):
        await mailer.send(Letter("someone@example.test", "x", "y"))
    assert sink.mails == []


async def test_the_folder_keeps_letters_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "寄出 邮件"
    await FolderMailer(folder).send(Letter("someone@example.test", "管家：邀请", "您好"))
    (file,) = folder.iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert message.get_content().strip() == "您好"


async def test_a_mail_that_cannot_be_sent_disturbs_nobody(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        async def send(self, letter: Letter) -> None:
            raise OSError(f"cannot reach {letter.to}")

    person = await make_person(database, await make_tenant(database))
    await request_reset(database, Broken(), person.login, public_url=PUBLIC)
    await settled()
    assert "reset mail failed: OSError" in caplog.text
    assert person.login not in caplog.text
