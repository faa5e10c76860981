"""Sign-in over HTTP: a small application with the router, the problems and the edge."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pyotp
import pytest
import pytest_asyncio
from fastapi import FastAPI

from steward_server.api import problems, signin
from steward_server.api.edge import SESSION_COOKIE, Edge
from steward_server.api.origins import AllowedOrigins
from steward_server.settings import Settings
from steward_tenants.access.permissions import PEOPLE_MANAGE, PEOPLE_VIEW
from steward_tenants.database.database import Database
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.files.store import LocalFileStore
from steward_tenants.oauth.authentication import AccessTokenAuthenticator
from steward_tenants.people.models import UserStatus
from steward_tenants.signin.accounts import require_new_password
from steward_tenants.signin.authentication import SessionAuthenticator
from steward_tenants.signin.background import settled
from steward_tenants.signin.mail import Letter
from steward_tenants.signin.recovery import invite
from steward_tenants.valkey import Valkey
from tests import plain_http
from tests.cluster import Addresses
from tests.factories import TESTS, actor_with, assign, make_member, make_role, make_tenant
from tests.server.api.live import make_settings
from tests.signin.people import (
    OTHER_PASSWORD,
    PASSWORD,
    Person,
    enrol,
    join,
    make_person,
    set_tenant,
    tenant_key,
)


class Outbox:
    """Keeps letters."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    async def send(self, letter: Letter) -> None:
        self.letters.append(letter)


def application(database: Database, settings: Settings, outbox: Outbox) -> FastAPI:
    app = FastAPI()
    app.state.edge = Edge(
        settings=settings,
        database=database,
        valkey=Valkey("redis://127.0.0.1:1/0"),
        sessions=SessionAuthenticator(database),
        access_tokens=AccessTokenAuthenticator(database, settings.public_url, settings.public_url),
        mailer=outbox,
        file_store=LocalFileStore(settings.files_path),
        origins=AllowedOrigins(database),
        pipelines=Pipelines(database, 1),
    )
    problems.install(app)
    app.include_router(signin.router)
    return app


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest_asyncio.fixture(loop_scope="session")
async def client(
    database: Database, addresses: Addresses, database_name: str, tmp_path: Path, outbox: Outbox
) -> AsyncIterator[httpx.AsyncClient]:
    settings = make_settings(addresses, database_name, tmp_path, 8000, public_url="https://steward.example.test")
    transport = httpx.ASGITransport(application(database, settings, outbox))
    async with plain_http.AsyncClient(transport=transport, base_url="https://steward.example.test") as made:
        yield made


async def token_of(client: httpx.AsyncClient, person: Person, password: str = PASSWORD) -> dict[str, str]:
    """The header of a fresh session, without its cookie."""
    answer = await client.post("/sign-in", json={"login": person.login, "password": password})
    assert answer.json()["status"] == "signed_in", answer.text
    client.cookies.clear()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_signing_in_answers_a_token_and_sets_a_cookie(database: Database, client: httpx.AsyncClient) -> None:
    person = await make_person(database, await make_tenant(database, name="河东电信"), name="林小溪")
    async with database.write(person.tenant_id, TESTS) as session:
        role = make_role(session, [PEOPLE_VIEW])
        await session.flush()
        assign(session, person.user, role)
    answer = await client.post("/sign-in", json={"login": person.login, "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["status"], body["token_type"]) == ("signed_in", "Bearer")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}={body['access_token']};")
    for part in ("HttpOnly", "SameSite=lax", "Secure", "Path=/", "Max-Age="):
        assert part in cookie
    me = (await client.get("/me")).json()
    assert (me["name"], me["login"], me["kind"]) == ("林小溪", person.login, "user")
    assert me["tenant"]["name"] == "河东电信"
    assert me["permissions"] == [{"key": "people.view", "title": {"zh": "查看人员", "en": "See people"}}]
    client.cookies.clear()
    assert (await client.get("/me")).status_code == 401
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    assert (await client.get("/me", headers=bearer)).json() == me


async def test_without_https_the_cookie_is_not_marked_secure(
    database: Database, addresses: Addresses, database_name: str, tmp_path: Path, outbox: Outbox
) -> None:
    person = await make_person(database, await make_tenant(database))
    app = application(database, make_settings(addresses, database_name, tmp_path, 8000), outbox)
    async with plain_http.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        answer = await client.post("/sign-in", json={"login": person.login, "password": PASSWORD})
    assert "Secure" not in answer.headers["set-cookie"]


async def test_refusals_are_problems_that_tell_nothing(database: Database, client: httpx.AsyncClient) -> None:
    person = await make_person(database, await make_tenant(database))
    texts = set()
    for login in (person.login, "nobody@example.test"):
        answer = await client.post("/sign-in", json={"login": login, "password": "wrong"})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        texts.add((body["code"], body["title"], body.get("detail")))
    assert len(texts) == 1
    for body in ({"login": person.login}, {"login": 3, "password": "x"}, {"login": "x" * 300, "password": "x"}):
        assert (await client.post("/sign-in", json=body)).status_code == 422
    for _ in range(5):
        last = await client.post("/sign-in", json={"login": person.login, "password": "wrong"})
    assert last.status_code == 429
    assert 500 < int(last.headers["retry-after"]) <= 600
    await settled()


async def test_steps_over_http(database: Database, client: httpx.AsyncClient) -> None:
    first, second = await make_tenant(database), await make_tenant(database, second_factor_required=True)
    person = await make_person(database, first)
    await join(database, person, second)
    sign_in = {"login": person.login, "password": PASSWORD}
    choice = (await client.post("/sign-in", json=sign_in)).json()
    assert choice["status"] == "tenant_required"
    assert {item["key"] for item in choice["tenants"]} == {
        await tenant_key(database, first),
        await tenant_key(database, second),
    }
    assert "access_token" not in choice
    sign_in["tenant"] = await tenant_key(database, second)
    step = (await client.post("/sign-in", json=sign_in)).json()
    assert step["status"] == "second_factor_enrolment_required"
    secret = (await client.post("/sign-in/second-factor/enrolment", json={"challenge": step["challenge"]})).json()[
        "secret"
    ]
    done = await client.post(
        "/sign-in/second-factor/enrolment/confirm",
        json={"challenge": step["challenge"], "code": pyotp.TOTP(secret).at(int(time.time()) - 30)},
    )
    assert done.json()["status"] == "signed_in"
    assert len(done.json()["recovery_codes"]) == 10
    step = (await client.post("/sign-in", json=sign_in)).json()
    assert step["status"] == "second_factor_required"
    answer = {"challenge": step["challenge"], "code": "000000x"}
    refused = await client.post("/sign-in/second-factor", json=answer)
    assert (refused.status_code, refused.json()["code"]) == (401, "code_refused")
    answer["code"] = done.json()["recovery_codes"][0]
    assert (await client.post("/sign-in/second-factor", json=answer)).json()["status"] == "signed_in"
    again = await client.post("/sign-in/second-factor", json=answer)
    assert again.json()["code"] == "challenge_expired"
    await settled()


async def test_a_due_password_over_http(database: Database, client: httpx.AsyncClient) -> None:
    tenant_id = await make_tenant(database)
    person = await make_person(database, tenant_id)
    async with database.directory() as directory:
        await require_new_password(directory, person.account_id)
    step = (await client.post("/sign-in", json={"login": person.login, "password": PASSWORD})).json()
    assert step["status"] == "password_change_required"
    body = {"challenge": step["challenge"], "new_password": "short"}
    weak = await client.post("/sign-in/password", json=body)
    assert weak.status_code == 422
    assert "new_password" in weak.text
    body["new_password"] = OTHER_PASSWORD
    assert (await client.post("/sign-in/password", json=body)).json()["status"] == "signed_in"


async def test_invitation_and_reset_over_http(database: Database, client: httpx.AsyncClient, outbox: Outbox) -> None:
    tenant_id = await make_tenant(database)
    user = await make_member(database, tenant_id, status=UserStatus.INVITED)
    url = "https://steward.example.test"
    invitation = await invite(database, outbox, tenant_id, actor_with(PEOPLE_MANAGE), user.id, public_url=url)
    body = {"token": invitation.token, "password": PASSWORD}
    joined = await client.post("/invitations/accept", json=body)
    assert joined.json() == {"login": user.login, "tenant": await tenant_key(database, tenant_id)}
    assert (await client.post("/invitations/accept", json=body)).status_code == 410
    answers = [
        await client.post("/password-reset/request", json={"login": login})
        for login in (user.login, "nobody-at-all@example.test")
    ]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    await settled()
    found = re.search(r"#token=([\w-]+)", outbox.letters[-1].text)
    assert found is not None
    body = {"token": found[1], "new_password": OTHER_PASSWORD}
    assert (await client.post("/password-reset/confirm", json=body)).status_code == 204
    assert (await client.post("/password-reset/confirm", json=body)).status_code == 410
    person = Person(tenant_id, user, user.login, user.account_id)
    await token_of(client, person, OTHER_PASSWORD)


async def test_ones_own_account_over_http(database: Database, client: httpx.AsyncClient) -> None:
    person = await make_person(database, await make_tenant(database))
    here, there = await token_of(client, person), await token_of(client, person)
    listed = (await client.get("/me/sessions", headers=here)).json()
    assert [line["current"] for line in listed].count(True) == 1
    other = next(line["id"] for line in listed if not line["current"])
    assert (await client.delete(f"/me/sessions/{other}", headers=here)).status_code == 204
    assert (await client.delete(f"/me/sessions/{other}", headers=here)).status_code == 404
    assert (await client.get("/me", headers=there)).status_code == 401
    await token_of(client, person)
    assert (await client.delete("/me/sessions", headers=here)).json() == {"ended": 1}
    assert (await client.patch("/me", json={"locale": "en"}, headers=here)).status_code == 204
    assert (await client.patch("/me", json={"locale": "fr"}, headers=here)).status_code == 422
    assert (await client.get("/me", headers=here)).json()["locale"] == "en"
    change = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await client.post("/me/password", json=change, headers=here)).status_code == 204
    wrong = await client.post("/me/password", json=change, headers=here)
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    assert (await client.post("/sign-out", headers=here)).status_code == 204
    assert (await client.post("/sign-out", headers=here)).status_code == 401


async def test_the_second_factor_over_http(database: Database, client: httpx.AsyncClient) -> None:
    person = await make_person(database, await make_tenant(database))
    here = await token_of(client, person)
    secret = (await client.post("/me/second-factor", headers=here)).json()["secret"]
    code = pyotp.TOTP(secret).now()
    codes = (await client.post("/me/second-factor/confirm", json={"code": code}, headers=here)).json()
    assert (await client.get("/me/second-factor", headers=here)).json() == {
        "enrolled": True,
        "recovery_codes_left": 10,
    }
    proof = {"password": PASSWORD}
    fresh = (await client.post("/me/recovery-codes", json=proof, headers=here)).json()["recovery_codes"]
    assert not set(fresh) & set(codes["recovery_codes"])
    removal = {**proof, "code": fresh[0]}
    gone = await client.request("DELETE", "/me/second-factor", json=removal, headers=here)
    assert gone.status_code == 204
    assert (await client.get("/me/second-factor", headers=here)).json()["enrolled"] is False


async def test_a_cookie_alone_changes_nothing(database: Database, client: httpx.AsyncClient) -> None:
    person = await make_person(database, await make_tenant(database))
    await client.post("/sign-in", json={"login": person.login, "password": PASSWORD})
    foreign = {"Origin": "https://evil.example.test"}
    assert (await client.post("/sign-out", headers=foreign)).status_code == 403
    own = {"Origin": "https://steward.example.test"}
    signed_out = await client.post("/sign-out", headers=own)
    assert signed_out.status_code == 204
    assert f'{SESSION_COOKIE}=""' in signed_out.headers["set-cookie"]
    assert (await client.get("/me")).status_code == 401


async def test_a_suspended_tenant_is_said_clearly(database: Database, client: httpx.AsyncClient) -> None:
    person = await make_person(database, await make_tenant(database))
    await set_tenant(database, person.tenant_id, status="suspended")
    await enrol(database, person.account_id)
    answer = await client.post("/sign-in", json={"login": person.login, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
