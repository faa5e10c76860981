"""Whole flows with real clients: Authlib's, and requests written by hand."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.oauth.world import ISSUER, REDIRECT, VERIFIER, Company, World, sent_back


async def test_authlibs_client_gets_renews_and_revokes_a_persons_tokens(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    async with AsyncOAuth2Client(
        boss.client_id,
        boss.secret,
        scope="openid profile offline_access people.view",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        token_endpoint=f"{ISSUER}/oauth/token",
        transport=world.transport(),
    ) as client:
        found = (await world.http.get("/.well-known/openid-configuration")).json()
        url, state = client.create_authorization_url(
            found["authorization_endpoint"], code_verifier=VERIFIER, nonce="n-7"
        )
        async with world.browser(company) as browser:
            page = await browser.get(url)
            confirmed = await browser.post(
                "/oauth/authorize",
                data={**page.json()["fields"], "decision": "allow"},
                headers={"Origin": ISSUER},
            )
        location = confirmed.headers["location"]
        assert location.startswith(f"{REDIRECT}?")
        assert sent_back(confirmed)["state"] == state
        assert sent_back(confirmed)["iss"] == found["issuer"]

        token = await client.fetch_token(
            found["token_endpoint"], authorization_response=location, code_verifier=VERIFIER, state=state
        )
        who = (await client.get(f"{ISSUER}/whoami")).json()
        assert who["id"] == str(company.user.id)
        assert who["permissions"] == ["people.view"]

        keys = KeySet.import_key_set((await world.http.get(found["jwks_uri"])).json())
        identity = jwt.decode(token["id_token"], keys, algorithms=["ES256"])
        assert identity.claims["sub"] == str(company.user.id)
        assert identity.claims["aud"] == boss.client_id
        assert identity.claims["nonce"] == "n-7"
        assert identity.claims["name"] == company.user.name
        told = (await client.get(found["userinfo_endpoint"])).json()
        assert (told["sub"], told["name"]) == (str(company.user.id), company.user.name)

        renewed = await client.refresh_token(found["token_endpoint"])
        assert renewed["refresh_token"] != token["refresh_token"]
        assert (await client.get(f"{ISSUER}/whoami")).status_code == 200
        state_of = await client.introspect_token(found["introspection_endpoint"], token=renewed["access_token"])
        assert state_of.json()["active"] is True
        await client.revoke_token(found["revocation_endpoint"], token=renewed["refresh_token"])
        state_of = await client.introspect_token(found["introspection_endpoint"], token=renewed["access_token"])
        assert state_of.json() == {"active": False}


async def test_authlibs_client_acts_for_itself(world: World, company: Company) -> None:
    meter = await company.machine(world.database)
    async with AsyncOAuth2Client(meter.client_id, meter.secret, transport=world.transport()) as client:
        token = await client.fetch_token(f"{ISSUER}/oauth/token", grant_type="client_credentials")
        assert token["scope"] == "files.use people.view"
        assert "refresh_token" not in token
        who = (await client.get(f"{ISSUER}/whoami")).json()
    assert who == {
        "kind": "client",
        "id": str(meter.id),
        "tenant": str(company.tenant_id),
        "permissions": ["files.use", "people.view"],
    }


async def test_authlibs_client_sends_its_secret_in_the_form(world: World, company: Company) -> None:
    meter = await company.machine(world.database, auth_method="client_secret_post")
    async with AsyncOAuth2Client(
        meter.client_id,
        meter.secret,
        token_endpoint_auth_method="client_secret_post",
        transport=world.transport(),
    ) as client:
        token = await client.fetch_token(f"{ISSUER}/oauth/token", grant_type="client_credentials")
    assert (await world.whoami(token["access_token"])).status_code == 200


async def test_a_public_client_by_hand(world: World, company: Company) -> None:
    phone = await company.client(world.database, auth_method="none", redirect_uris=("http://127.0.0.1:7777/back",))
    assert phone.secret is None
    query = world.query(phone, redirect_uri="http://127.0.0.1:7777/back")
    back = sent_back(await world.confirm(company, query))
    body = urlencode(
        {
            "grant_type": "authorization_code",
            "client_id": phone.client_id,
            "code": back["code"],
            "redirect_uri": "http://127.0.0.1:7777/back",
            "code_verifier": VERIFIER,
        }
    )
    answer = await world.http.post(
        "/oauth/token", content=body, headers={"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 600
    assert (await world.refresh(phone, token["refresh_token"])).status_code == 200


async def test_a_token_carries_no_more_than_person_client_and_scope_allow(world: World, company: Company) -> None:
    boss = await company.client(world.database, permissions=("people.view", "files.use"))
    narrow = await world.tokens(company, boss, scope="files.use")
    assert (await world.whoami(narrow["access_token"])).json()["permissions"] == []
    wide = await world.tokens(company, boss, scope="files.use people.view")
    assert (await world.whoami(wide["access_token"])).json()["permissions"] == ["people.view"]
    assert "refresh_token" not in wide
    assert "id_token" not in wide


async def test_the_page_is_in_both_languages_and_lets_the_form_lead_back(world: World, company: Company) -> None:
    boss = await company.client(world.database, name="<b>对账</b>")
    async with world.browser(company) as browser:
        chinese = await browser.get("/oauth/authorize", params=world.query(boss), headers={"Accept": "text/html"})
        english = await browser.get(
            "/oauth/authorize", params=world.query(boss), headers={"Accept": "text/html", "Accept-Language": "en"}
        )
    assert "同意" in chinese.text
    assert "查看人员" in chinese.text
    assert "Allow" in english.text
    assert "<b>对账</b>" not in chinese.text
    assert "<script" not in chinese.text
    policy = chinese.headers["content-security-policy"]
    assert "form-action 'self' https://boss.test" in policy
    assert "default-src 'none'" in policy
    assert chinese.headers["referrer-policy"] == "same-origin"


async def test_a_refusal_goes_back_to_the_client(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    back = sent_back(await world.confirm(company, world.query(boss, redirect_uri=REDIRECT), "deny"))
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "s-1", ISSUER)
    assert "code" not in back


async def test_a_redirect_address_keeps_its_own_query(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    query = world.query(boss, redirect_uri="https://boss.test/other?here=1")
    back = sent_back(await world.confirm(company, query))
    assert back["here"] == "1"
    assert {"code", "state", "iss"} <= set(back)


async def test_a_script_may_confirm_and_follow_itself(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    async with world.browser(company) as browser:
        asked = await browser.get("/oauth/authorize", params=world.query(boss))
        told = await browser.post(
            "/oauth/authorize",
            data={**asked.json()["fields"], "decision": "allow"},
            headers={"Origin": ISSUER, "Accept": "application/json"},
        )
    assert told.json()["redirect"].startswith(f"{REDIRECT}?code=")


async def test_what_is_issued_is_recorded_without_secrets(world: World, company: Company) -> None:
    boss = await company.client(world.database)
    tokens = await world.tokens(company, boss)
    await world.refresh(boss, tokens["refresh_token"])
    actions = await company.actions(world.database)
    assert actions == [
        "oauth.client.create",
        "oauth.client.connect",
        "oauth.client.authorized",
        "oauth.token.issued",
        "oauth.token.issued",
    ]
    assert tokens["refresh_token"] not in json.dumps(actions)


async def test_the_metadata_tells_what_holds(world: World) -> None:
    found = (await world.http.get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == ISSUER
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["id_token_signing_alg_values_supported"] == ["ES256"]
    assert {"openid", "people.view"} <= set(found["scopes_supported"])
    assert (await world.http.get("/.well-known/oauth-authorization-server")).json() == found
    for name, address in found.items():
        if name.endswith("_endpoint"):
            path = address.removeprefix(ISSUER)
            assert (await world.http.get(path)).status_code != 404, name
