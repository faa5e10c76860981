"""Forged, altered and borrowed access tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey

from steward_tenants.oauth.errors import InvalidToken
from steward_tenants.oauth.keys import current_keys
from steward_tenants.oauth.tokens import Issuer, key_id_of, read_access_token
from tests.oauth.world import ISSUER, Company, World, make_company


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _opened(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, claims


async def _refused(world: World, token: str) -> None:
    answer = await world.whoami(token)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), token
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_unsigned_tokens_are_refused(world: World, company: Company) -> None:
    token = await world.own_token(await company.machine(world.database))
    header, claims = _opened(token)
    for algorithm in ("none", "None", "NONE", ""):
        for signature in ("", token.split(".")[2]):
            await _refused(world, f"{_part({**header, 'alg': algorithm})}.{_part(claims)}.{signature}")


async def test_an_altered_claim_is_refused(world: World, company: Company) -> None:
    token = await world.own_token(await company.machine(world.database), scope="people.view")
    header, claims = _opened(token)
    signature = token.split(".")[2]
    for change in (
        {"scope": "people.view people.manage"},
        {"tenant": str(uuid4())},
        {"sub": str(company.user.id)},
        {"exp": claims["exp"] + 3600},
    ):
        await _refused(world, f"{_part(header)}.{_part({**claims, **change})}.{signature}")
    await _refused(world, token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB"))


async def test_a_key_that_comes_with_the_token_is_not_used(world: World, company: Company) -> None:
    header, claims = _opened(await world.own_token(await company.machine(world.database)))
    own = ECKey.generate_key("P-256", auto_kid=True)
    public = own.as_dict(private=False)
    for extra in (
        {"jwk": public},
        {"jku": "https://evil.test/jwks"},
        {"x5u": "https://evil.test/cert"},
        {"x5c": ["MIIB"]},
        {"crit": ["b64"], "b64": True},
        {"cty": "JWT"},
        {},
    ):
        for kid in (header["kid"], own.kid):
            forged = jws.serialize_compact(
                {**header, "kid": kid, **extra}, json.dumps(claims).encode(), own, algorithms=["ES256"]
            )
            await _refused(world, forged)


async def test_the_public_key_is_no_shared_secret(world: World, company: Company) -> None:
    header, claims = _opened(await world.own_token(await company.machine(world.database)))
    public = (await world.http.get("/oauth/jwks")).json()["keys"][0]
    signing = (await current_keys(world.database)).signing().key
    for secret in (json.dumps(public).encode(), signing.as_pem(private=False), public["x"].encode()):
        # Signed by hand: joserfc refuses to take a public key's PEM as a shared secret.
        body = f"{_part({**header, 'alg': 'HS256'})}.{_part(claims)}"
        mac = hmac.new(secret, body.encode(), hashlib.sha256).digest()
        await _refused(world, f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")
    shared = OctKey.import_key("k" * 32)
    await _refused(world, jwt.encode({**header, "alg": "HS256"}, claims, shared, algorithms=["HS256"]))


@pytest.mark.parametrize(
    "kid",
    ["../../etc/passwd", "/dev/null", "' or '1'='1", "", "x" * 4000, None, 7, ["a"], {"a": 1}, "\0"],
)
async def test_a_key_id_is_only_ever_compared(world: World, company: Company, kid: Any) -> None:
    token = await world.own_token(await company.machine(world.database))
    header, claims = _opened(token)
    await _refused(world, f"{_part({**header, 'kid': kid})}.{_part(claims)}.{token.split('.')[2]}")


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "https://other.test"},
        {"aud": ["https://steward.test", "https://other.test"]},
        {"iss": "https://other.test"},
        {"exp": int(time.time()) - 1},
        {"exp": "soon"},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"jti": "x"},
        {"jti": str(uuid4())},
        {"tenant": str(uuid4())},
        {"tenant": None},
        {"client_id": "x"},
        {"sub": str(uuid4())},
        {"scope": None},
    ],
)
async def test_a_well_signed_token_must_still_be_meant_for_us(
    world: World, company: Company, change: dict[str, Any]
) -> None:
    header, claims = _opened(await world.own_token(await company.machine(world.database)))
    key = (await current_keys(world.database)).signing().key
    assert (await world.whoami(jwt.encode(header, claims, key, algorithms=["ES256"]))).status_code == 200
    await _refused(world, jwt.encode(header, {**claims, **change}, key, algorithms=["ES256"]))
    missing = {name: value for name, value in claims.items() if name not in change}
    await _refused(world, jwt.encode(header, missing, key, algorithms=["ES256"]))


async def test_an_identity_token_is_no_access_token(world: World, company: Company) -> None:
    tokens = await world.tokens(company, await company.client(world.database))
    await _refused(world, tokens["id_token"])
    await _refused(world, tokens["refresh_token"])


@pytest.mark.parametrize("text", ["x", "a.b.c", "..", "a" * 9000, "eyJhbGciOiJFUzI1NiJ9..", "é.é.é", "1.2.3.4.5"])
def test_what_is_no_token_is_refused_before_any_look_up(text: str) -> None:
    with pytest.raises(InvalidToken):
        key_id_of(text)


async def test_a_token_of_another_audience_is_not_read(world: World, company: Company) -> None:
    token = await world.own_token(await company.machine(world.database))
    keys = await current_keys(world.database)
    assert read_access_token(keys, Issuer(ISSUER, ISSUER), token).tenant_id == company.tenant_id
    for issuer in (Issuer(ISSUER, "https://reports.test"), Issuer("https://other.test", ISSUER)):
        with pytest.raises(InvalidToken):
            read_access_token(keys, issuer, token)


async def test_userinfo_needs_a_person_and_openid(world: World, company: Company) -> None:
    own = await world.own_token(await company.machine(world.database))
    tokens = await world.tokens(company, await company.client(world.database), scope="people.view")
    for token, status, code in (
        (own, 401, "invalid_token"),
        (tokens["access_token"], 403, "insufficient_scope"),
        (company.session_token, 401, "invalid_token"),
    ):
        answer = await world.http.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_introspection_stays_within_the_tenant(world: World, company: Company) -> None:
    other = await make_company(world.database)
    mine, theirs = await company.machine(world.database), await other.machine(world.database)
    token = await world.own_token(mine)

    async def introspect(client: Any, text: str) -> dict[str, Any]:
        answer = await world.http.post(
            "/oauth/introspect",
            data={"token": text, "token_type_hint": "nonsense"},
            auth=(client.client_id, client.secret),
        )
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body

    told = await introspect(mine, token)
    assert told["active"] is True
    assert told["sub"] == told["client_id"] == mine.client_id
    assert await introspect(theirs, token) == {"active": False}
    assert await introspect(mine, "nonsense") == {"active": False}
    refused = await world.http.post("/oauth/introspect", data={"token": token})
    assert refused.status_code == 401


async def test_a_public_client_may_not_introspect(world: World, company: Company) -> None:
    phone = await company.client(world.database, auth_method="none")
    answer = await world.http.post("/oauth/introspect", data={"token": "x", "client_id": phone.client_id})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_revocation_is_for_the_tokens_own_client(world: World, company: Company) -> None:
    boss, thief = await company.client(world.database), await company.client(world.database)
    other = await (await make_company(world.database)).client(world.database)
    tokens = await world.tokens(company, boss)
    for client in (thief, other):
        for token in (tokens["refresh_token"], tokens["access_token"]):
            await world.http.post("/oauth/revoke", data={"token": token}, auth=(client.client_id, client.secret or ""))
    unknown = await world.http.post(
        "/oauth/revoke", data={"token": "unknown"}, auth=(boss.client_id, boss.secret or "")
    )
    assert unknown.status_code == 200
    nothing = await world.http.post("/oauth/revoke", data={}, auth=(boss.client_id, boss.secret or ""))
    assert nothing.status_code == 400
    assert (await world.whoami(tokens["access_token"])).status_code == 200
    assert (await world.refresh(boss, tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    "extra", [{"typ": "JWT"}, {"typ": "at+JWT"}, {"jku": "https://steward.test/oauth/jwks"}, {"cty": "x"}]
)
async def test_our_own_signature_on_another_kind_of_header_is_refused(
    world: World, company: Company, extra: dict[str, str]
) -> None:
    header, claims = _opened(await world.own_token(await company.machine(world.database)))
    key = (await current_keys(world.database)).signing().key
    await _refused(world, jwt.encode({**header, **extra}, claims, key, algorithms=["ES256"]))
