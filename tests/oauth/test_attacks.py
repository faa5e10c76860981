"""What an attacker tries on codes, refresh tokens, redirect addresses and confirmations: each attempt is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from steward_server.api.edge import SESSION_COOKIE
from steward_tenants.oauth.grants import lock_family
from steward_tenants.oauth.models import AuthorizationCode, TokenGrant
from steward_tenants.oauth.rules import new_bearer, public_client_id
from steward_tenants.signin.models import SignInSession
from tests.factories import TESTS
from tests.oauth.world import (
    ISSUER,
    OTHER_REDIRECT,
    REDIRECT,
    VERIFIER,
    Company,
    World,
    challenge_of,
    make_company,
    sent_back,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


# Codes


async def test_a_code_works_once_and_its_replay_ends_what_it_gave(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    code = await world.code(company, boss)
    tokens = (await world.redeem(boss, code)).json()
    renewed = (await world.refresh(boss, tokens["refresh_token"])).json()
    replay = await world.redeem(boss, code)
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    await asyncio.sleep(0.5)
    assert (await world.whoami(tokens["access_token"])).status_code == 401
    assert (await world.whoami(renewed["access_token"])).status_code == 401
    assert (await world.refresh(boss, renewed["refresh_token"])).json()["error"] == "invalid_grant"
    assert "oauth.code.replayed" in await company.actions(world.database)


async def test_of_many_uses_of_a_code_at_once_one_wins(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    code = await world.code(company, boss)
    answers = await asyncio.gather(*(world.redeem(boss, code) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400, 400]


async def test_a_code_is_of_no_use_to_another_client(world: World, company: Company) -> None:
    boss, thief = await company.client(world.database), await company.client(world.database)
    code = await world.code(company, boss)
    assert (await world.redeem(thief, code)).json()["error"] == "invalid_grant"
    assert (await world.redeem(boss, code)).status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"redirect_uri": OTHER_REDIRECT},
        {"redirect_uri": REDIRECT + "/"},
        {"redirect_uri": ""},
        {"code_verifier": "w" * 64},
        {"code_verifier": challenge_of(VERIFIER)},
        {"code_verifier": "short"},
        {"code_verifier": ""},
    ],
)
async def test_a_code_needs_its_own_redirect_address_and_verifier(
    world: World, company: Company, form: dict[str, str]
) -> None:
    boss = await company.client(world.database)
    code = await world.code(company, boss)
    refused = await world.redeem(boss, code, **form)
    assert refused.status_code == 400
    assert refused.json()["error"] in ("invalid_grant", "invalid_request")
    assert (await world.redeem(boss, code)).json()["error"] == "invalid_grant"


async def test_an_expired_code_is_refused(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    code = await world.code(company, boss)
    async with world.database.write(company.tenant_id, TESTS) as session:
        await session.execute(
            update(AuthorizationCode)
            .where(session.within(AuthorizationCode))
            .values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        )
    assert (await world.redeem(boss, code)).json()["error"] == "invalid_grant"


async def test_a_code_lasts_ten_minutes_at_most(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    await world.code(company, boss)
    async with world.database.read(company.tenant_id, TESTS) as session:
        row = await session.find(AuthorizationCode)
    assert row is not None
    assert row.expires_at <= datetime.now(UTC) + timedelta(minutes=10)


# Authorization requests


@pytest.mark.parametrize(
    "values",
    [
        {"code_challenge_method": "plain", "code_challenge": VERIFIER},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": ""},
        {"code_challenge_method": "s256"},
        {"code_challenge": ""},
        {"code_challenge": "short"},
        {"code_challenge": "", "code_challenge_method": ""},
    ],
)
@pytest.mark.parametrize("auth_method", ["client_secret_basic", "none"])
async def test_pkce_cannot_be_downgraded(
    world: World, company: Company, values: dict[str, str], auth_method: str
) -> None:
    boss = await company.client(world.database, auth_method=auth_method)
    query = {name: value for name, value in world.query(boss, **values).items() if value}
    async with world.browser(company) as browser:
        back = sent_back(await browser.get("/oauth/authorize", params=query))
    assert (back["error"], back["state"], back["iss"]) == ("invalid_request", "s-1", ISSUER)


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.test/callback",
        REDIRECT + "/",
        REDIRECT + "?x=1",
        REDIRECT + "#x",
        REDIRECT.upper(),
        "https://boss.test/callback/../evil",
        "https://boss.test:443/callback",
        "https://boss.test@evil.test/callback",
        "http://boss.test/callback",
        'https://boss.test/"地址"',
        "javascript:alert(1)",
        "",
    ],
)
async def test_a_redirect_address_must_be_the_registered_one_to_the_letter(
    world: World, company: Company, uri: str
) -> None:
    boss = await company.client(world.database)
    async with world.browser(company) as browser:
        refused = await browser.get("/oauth/authorize", params=world.query(boss, redirect_uri=uri))
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_request"
    assert "location" not in refused.headers


async def test_the_redirect_address_of_another_client_is_not_good(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    other = await company.client(world.database, redirect_uris=("https://other.test/callback",))
    async with world.browser(company) as browser:
        refused = await browser.get(
            "/oauth/authorize", params=world.query(boss, redirect_uri="https://other.test/callback")
        )
    assert refused.status_code == 400
    assert other.client_id not in refused.text


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": '"码'}, "unsupported_response_type"),
        ({"scope": "people.view roles.manage"}, "invalid_scope"),
        ({"scope": "nothing.known"}, "invalid_scope"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.test/r"}, "request_uri_not_supported"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "none"}, "consent_required"),
        ({"nonce": "n" * 300}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
    ],
)
async def test_what_is_not_supported_is_told_to_the_client(
    world: World, company: Company, values: dict[str, str], error: str
) -> None:
    boss = await company.client(world.database)
    async with world.browser(company) as browser:
        answer = await browser.get("/oauth/authorize", params=world.query(boss, **values))
    assert answer.status_code == 303
    back = sent_back(answer)
    assert (back["error"], back["state"], back["iss"]) == (error, "s-1", ISSUER)


async def test_a_repeated_parameter_is_refused(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    query = [*world.query(boss).items(), ("redirect_uri", "https://evil.test/")]
    async with world.browser(company) as browser:
        assert (await browser.get(f"/oauth/authorize?{urlencode(query)}")).status_code == 400
    body = f"grant_type=client_credentials&grant_type=client_credentials&client_id={boss.client_id}"
    assert (await world.http.post("/oauth/token", content=body, headers=FORM)).status_code == 400


async def test_without_a_signed_in_person_there_is_no_code(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    nobody = await world.http.get("/oauth/authorize", params=world.query(boss))
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    silent = sent_back(await world.http.get("/oauth/authorize", params=world.query(boss, prompt="none")))
    assert silent["error"] == "login_required"
    stranger = await make_company(world.database)
    async with world.browser(stranger) as browser:
        assert (await browser.get("/oauth/authorize", params=world.query(boss))).status_code == 401


async def test_a_token_cannot_authorize_further_clients(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    tokens = await world.tokens(company, boss)
    refused = await world.http.get(
        "/oauth/authorize",
        params=world.query(boss),
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_persons_session")


async def test_a_client_that_acts_for_itself_gets_no_code(world: World, company: Company) -> None:
    meter = await company.machine(world.database)
    async with world.browser(company) as browser:
        refused = await browser.get("/oauth/authorize", params=world.query(meter))
    assert refused.status_code == 400


async def test_an_old_sign_in_is_not_enough_when_a_fresh_one_is_asked_for(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    async with world.database.write(company.tenant_id, TESTS) as session:
        await session.execute(
            update(SignInSession)
            .where(session.within(SignInSession))
            .values(created_at=datetime.now(UTC) - timedelta(hours=1))
        )
    async with world.browser(company) as browser:
        for asked in ({"max_age": "600"}, {"prompt": "login"}):
            assert (await browser.get("/oauth/authorize", params=world.query(boss, **asked))).status_code == 401
        enough = await browser.get("/oauth/authorize", params=world.query(boss, max_age="7200"))
        assert enough.status_code == 200


# Confirmations


async def test_a_confirmation_belongs_to_one_request_of_one_session(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    async with world.browser(company) as browser:
        fields = (await browser.get("/oauth/authorize", params=world.query(boss))).json()["fields"]
        own = {"Origin": ISSUER}
        for changed in (
            {"confirmation": ""},
            {"confirmation": "9999999999.00000000000000000000000000000000"},
            {"confirmation": fields["confirmation"].replace(".", ".0")},
            {"confirmation": "1." + fields["confirmation"].partition(".")[2]},
            {"scope": "files.use"},
            {"redirect_uri": OTHER_REDIRECT},
            {"code_challenge": challenge_of("x" * 64)},
            {"state": "s-2"},
        ):
            refused = await browser.post(
                "/oauth/authorize", data={**fields, "decision": "allow", **changed}, headers=own
            )
            assert (refused.status_code, refused.json()["code"]) == (403, "confirmation_invalid"), changed
        foreign = await browser.post(
            "/oauth/authorize", data={**fields, "decision": "allow"}, headers={"Origin": "https://evil.test"}
        )
        assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")
    other = await make_company(world.database)
    async with world.browser(other) as browser:
        refused = await browser.post("/oauth/authorize", data={**fields, "decision": "allow"}, headers=own)
    assert refused.status_code == 401


async def test_a_session_that_has_ended_confirms_nothing(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    async with world.browser(company) as browser:
        fields = (await browser.get("/oauth/authorize", params=world.query(boss))).json()["fields"]
        browser.cookies.delete(SESSION_COOKIE)
        late = await browser.post("/oauth/authorize", data={**fields, "decision": "allow"}, headers={"Origin": ISSUER})
    assert late.status_code == 401


# Refresh tokens


async def test_a_refresh_token_used_again_ends_its_family(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    first = await world.tokens(company, boss)
    second = (await world.refresh(boss, first["refresh_token"])).json()
    third = (await world.refresh(boss, second["refresh_token"])).json()
    assert (await world.whoami(third["access_token"])).status_code == 200
    reused = await world.refresh(boss, first["refresh_token"])
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    await asyncio.sleep(0.5)
    assert (await world.whoami(third["access_token"])).status_code == 401
    assert (await world.refresh(boss, third["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await company.actions(world.database)).count("oauth.refresh.reused") == 1


async def test_of_two_uses_of_a_refresh_token_at_once_one_wins(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    for _ in range(5):
        tokens = await world.tokens(company, boss)
        answers = await asyncio.gather(*(world.refresh(boss, tokens["refresh_token"]) for _ in range(4)))
        won = [answer.json() for answer in answers if answer.status_code == 200]
        assert len(won) == 1
        assert (await world.refresh(boss, won[0]["refresh_token"])).json()["error"] == "invalid_grant"


async def test_rotating_and_ending_a_family_wait_for_each_other(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    first = await world.tokens(company, boss)
    second = (await world.refresh(boss, first["refresh_token"])).json()
    async with world.database.read(company.tenant_id, TESTS) as session:
        family_id = (await session.scalars(select(TokenGrant.family_id).where(session.within(TokenGrant))))[0]
    with world.database.blocking(company.tenant_id, TESTS) as holder:
        lock_family(holder, family_id)
        rotation = asyncio.create_task(world.refresh(boss, second["refresh_token"]))
        reuse = asyncio.create_task(world.refresh(boss, first["refresh_token"]))
        done, _ = await asyncio.wait({rotation, reuse}, timeout=0.5)
        assert not done
    answer, refused = await rotation, await reuse
    assert refused.status_code == 400
    if answer.status_code == 200:
        assert (await world.refresh(boss, answer.json()["refresh_token"])).status_code == 400


async def test_scopes_cannot_grow_at_refresh(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    tokens = await world.tokens(company, boss, scope="offline_access people.view")
    grown = await world.refresh(boss, tokens["refresh_token"], scope="people.view files.use")
    assert (grown.status_code, grown.json()["error"]) == (400, "invalid_scope")
    shrunk = (await world.refresh(boss, tokens["refresh_token"], scope="people.view")).json()
    assert shrunk["scope"] == "people.view"
    whole = (await world.refresh(boss, shrunk["refresh_token"])).json()
    assert whole["scope"] == "offline_access people.view"


async def test_a_refresh_token_is_of_no_use_to_another_client_or_tenant(world: World, company: Company) -> None:
    boss, thief = await company.client(world.database), await company.client(world.database)
    other = await make_company(world.database)
    stranger = await other.client(world.database)
    tokens = await world.tokens(company, boss)
    for client in (thief, stranger):
        assert (await world.refresh(client, tokens["refresh_token"])).json()["error"] == "invalid_grant"
    moved = f"{other.tenant_id.hex}.{tokens['refresh_token'].partition('.')[2]}"
    assert (await world.refresh(stranger, moved)).json()["error"] == "invalid_grant"
    assert (await world.refresh(boss, tokens["refresh_token"])).status_code == 200


async def test_rotation_does_not_lengthen_a_familys_life(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    tokens = await world.tokens(company, boss)

    async def end() -> int:
        told = await world.http.post(
            "/oauth/introspect",
            data={"token": tokens["refresh_token"]},
            auth=(boss.client_id, boss.secret or ""),
        )
        return int(told.json()["exp"])

    before = await end()
    await asyncio.sleep(1.1)
    tokens = (await world.refresh(boss, tokens["refresh_token"])).json()
    assert await end() == before


# Clients


async def test_a_client_must_prove_itself_the_way_it_is_registered(world: World, company: Company) -> None:
    meter = await company.machine(world.database)
    form = {"grant_type": "client_credentials"}
    assert meter.secret is not None
    attempts = [
        {"data": form, "auth": (meter.client_id, "wrong")},
        {"data": form, "auth": (meter.client_id, "")},
        {"data": {**form, "client_id": meter.client_id, "client_secret": meter.secret}},
        {"data": {**form, "client_id": meter.client_id}},
        {"data": form},
        {"data": form, "headers": {"Authorization": "Basic "}},
        {"data": form, "headers": {"Authorization": "Basic !!!"}},
        {"data": form, "headers": {"Authorization": "Basic /////w=="}},
        {"data": form, "auth": (public_client_id(uuid4(), meter.id), meter.secret)},
        {"data": form, "auth": (public_client_id(company.tenant_id, uuid4()), meter.secret)},
        {"data": form, "auth": ("' or 1=1 --", "x")},
    ]
    for attempt in attempts:
        refused = await world.http.post("/oauth/token", **attempt)  # type: ignore[arg-type]
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client"), attempt
        assert refused.headers["www-authenticate"].startswith("Basic")
        assert refused.headers["cache-control"] == "no-store"


async def test_two_ways_of_authentication_at_once_are_refused(world: World, company: Company) -> None:
    meter, other = await company.machine(world.database), await company.machine(world.database)
    assert meter.secret is not None
    for extra in ({"client_secret": meter.secret}, {"client_id": other.client_id}):
        refused = await world.token(meter, grant_type="client_credentials", **extra)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("grant_type", ["password", "implicit", "urn:x", '"\\', ""])
async def test_other_grants_are_refused(world: World, company: Company, grant_type: str) -> None:
    meter = await company.machine(world.database)
    refused = await world.token(meter, grant_type=grant_type, username="a", password="b")
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")


async def test_a_client_keeps_to_its_grants_and_scopes(world: World, company: Company) -> None:
    meter, boss = await company.machine(world.database), await company.client(world.database)
    alone = await world.token(boss, grant_type="client_credentials")
    assert alone.json()["error"] == "unauthorized_client"
    for scope in ("openid", "roles.manage", "people.view offline_access"):
        refused = await world.token(meter, grant_type="client_credentials", scope=scope)
        assert refused.json()["error"] == "invalid_scope"
    code = new_bearer(company.tenant_id)
    refused = await world.redeem(meter, code)
    assert refused.json()["error"] == "unauthorized_client"


async def test_odd_bodies_are_refused(world: World, company: Company) -> None:
    meter = await company.machine(world.database)
    auth = (meter.client_id, meter.secret or "")
    for content, kind in (
        (b'{"grant_type":"client_credentials"}', "application/json"),
        (b"grant_type=%ff%fe", FORM["Content-Type"]),
        (b"\xff\xfe", FORM["Content-Type"]),
        (b"grant_type=client_credentials&scope=%00", FORM["Content-Type"]),
        (b"&".join(b"a%d=1" % n for n in range(100)), FORM["Content-Type"]),
        (b"a=" + b"x" * 100_000, FORM["Content-Type"]),
    ):
        refused = await world.http.post("/oauth/token", content=content, headers={"Content-Type": kind}, auth=auth)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


async def test_many_failures_of_a_client_are_slowed_down(world: World, company: Company) -> None:
    meter = await company.machine(world.database)
    form = {"grant_type": "client_credentials"}
    codes = [
        (await world.http.post("/oauth/token", data=form, auth=(meter.client_id, "wrong"))).status_code
        for _ in range(62)
    ]
    assert codes[0] == 401
    assert codes[-1] == 429
