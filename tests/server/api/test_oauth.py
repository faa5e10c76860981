"""OAuth over a real server and its whole frame, with clients on other HTTP stacks."""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.parse
from html.parser import HTMLParser
from typing import Any

import httpx2
from authlib.integrations.requests_client import OAuth2Session

from steward_server.api.edge import SESSION_COOKIE
from steward_tenants.database.database import Database
from tests.oauth.world import REDIRECT, VERIFIER, make_company
from tests.server.api.live import Live


class _Form(HTMLParser):
    """The hidden fields of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "input":
            self.fields[values["name"] or ""] = values["value"] or ""


def _post(url: str, path: str, form: dict[str, str]) -> Any:
    """The answer's JSON, by nothing but the standard library."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
    try:
        body = urllib.parse.urlencode(form)
        connection.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        return json.load(answer)
    finally:
        connection.close()


async def test_authlibs_requests_session_and_a_browser(live: Live, database: Database) -> None:
    company = await make_company(database)
    boss = await company.client(database)
    with OAuth2Session(
        boss.client_id,
        boss.secret,
        scope="openid offline_access people.view",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
    ) as client:
        url, state = client.create_authorization_url(f"{live.url}/oauth/authorize", code_verifier=VERIFIER)
        with httpx2.Client(cookies={SESSION_COOKIE: company.session_token}) as browser:
            page = browser.get(url, headers={"Accept": "text/html"})
            assert page.status_code == 200
            assert "form-action 'self' https://boss.test" in page.headers["content-security-policy"]
            assert page.headers["referrer-policy"] == "same-origin"
            fields = {**_Form(page.text).fields, "decision": "allow"}
            confirmed = browser.post(
                f"{live.url}/oauth/authorize", data=fields, headers={"Origin": live.url, "Accept": "text/html"}
            )
            stolen = browser.post(f"{live.url}/oauth/authorize", data=fields, headers={"Origin": "https://evil.test"})
            assert stolen.status_code == 403
        assert confirmed.status_code == 303
        token = client.fetch_token(
            f"{live.url}/oauth/token",
            authorization_response=confirmed.headers["location"],
            code_verifier=VERIFIER,
            state=state,
        )
        assert {"access_token", "refresh_token", "id_token"} <= set(token)
        told = client.get(f"{live.url}/oauth/userinfo")
        assert told.json()["sub"] == str(company.user.id)
        renewed = client.refresh_token(f"{live.url}/oauth/token")
        assert renewed["access_token"] != token["access_token"]


async def test_the_standard_library_alone_is_enough(live: Live, database: Database) -> None:
    company = await make_company(database)
    meter = await company.machine(database, auth_method="client_secret_post")
    form = {"grant_type": "client_credentials", "client_id": meter.client_id, "client_secret": meter.secret or ""}
    token = await asyncio.to_thread(_post, live.url, "/oauth/token", form)
    assert token["scope"] == "files.use people.view"
    caller = live.run(live.edge.access_tokens.authenticate(token["access_token"]))
    assert caller.tenant_id == company.tenant_id
    assert caller.actor.id == meter.id


async def test_the_metadata_names_the_public_address(live: Live) -> None:
    with httpx2.Client(base_url=live.url) as browser:
        found = browser.get("/.well-known/openid-configuration").json()
        assert found["issuer"] == live.url
        assert browser.get(found["jwks_uri"].removeprefix(live.url)).json()["keys"]
