"""Files over HTTP: the body is the file, refusals are problems, nothing is executed by a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest_asyncio
from fastapi import FastAPI

from steward_server.api import files, problems
from steward_server.api.edge import Edge, current_caller
from steward_server.api.origins import AllowedOrigins
from steward_tenants.access.permissions import FILES_USE, PEOPLE_VIEW
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.files.store import LocalFileStore
from steward_tenants.oauth.authentication import AccessTokenAuthenticator
from steward_tenants.signin.authentication import SessionAuthenticator
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.mail import Letter
from steward_tenants.valkey import Valkey
from tests import plain_http
from tests.cluster import Addresses
from tests.factories import actor_with, make_tenant
from tests.server.api.live import make_settings


class NoMail:
    async def send(self, letter: Letter) -> None:
        raise AssertionError(letter)


class Door:
    """Who calls next."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def as_actor(self, actor: Actor) -> None:
        self.caller = Caller(self.caller.tenant_id, actor, None, self.caller.expires_at)


@pytest_asyncio.fixture(loop_scope="session")
async def door(database: Database) -> Door:
    tenant_id = await make_tenant(database)
    return Door(Caller(tenant_id, actor_with(FILES_USE), None, datetime.now(UTC) + timedelta(hours=1)))


@pytest_asyncio.fixture(loop_scope="session")
async def client(
    database: Database, addresses: Addresses, database_name: str, tmp_path: Path, door: Door
) -> AsyncIterator[httpx.AsyncClient]:
    settings = make_settings(addresses, database_name, tmp_path, 8000)
    app = FastAPI()
    app.state.edge = Edge(
        settings=settings,
        database=database,
        valkey=Valkey("redis://127.0.0.1:1/0"),
        sessions=SessionAuthenticator(database),
        access_tokens=AccessTokenAuthenticator(database, settings.public_url, settings.public_url),
        mailer=NoMail(),
        file_store=LocalFileStore(settings.files_path),
        origins=AllowedOrigins(database),
        pipelines=Pipelines(database, 1),
    )
    problems.install(app)
    app.include_router(files.router)
    app.dependency_overrides[current_caller] = lambda: door.caller
    async with plain_http.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as made:
        yield made


async def test_up_down_and_away(client: httpx.AsyncClient) -> None:
    data = "客户,电话\n𠮷野😀,x\n".encode()
    answer = await client.post(
        "/files", params={"name": "../名单 😀.csv"}, content=data, headers={"content-type": "text/csv"}
    )
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["size"], made["media_type"]) == ("名单 😀.csv", len(data), "text/csv")
    answer = await client.get(f"/files/{made['id']}")
    assert answer.content == data
    assert answer.headers["content-type"].startswith("text/csv")
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename*=UTF-8''")
    assert unquote(disposition.partition("''")[2]) == "名单 😀.csv"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await client.delete(f"/files/{made['id']}")).status_code == 204
    answer = await client.get(f"/files/{made['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")
    assert (await client.delete(f"/files/{made['id']}")).status_code == 404


async def test_refusals_are_problems(client: httpx.AsyncClient, door: Door) -> None:
    async def post(content: bytes, media_type: str, **params: str) -> tuple[int, str]:
        headers = {"content-type": media_type}
        answer = await client.post("/files", params=params, content=content, headers=headers)
        return answer.status_code, answer.json()["code"]

    assert await post(b"x" * 300_000, "text/plain", name="a.txt") == (413, "file_too_large")
    assert await post(b"<script>", "text/html", name="a.html") == (415, "media_type_refused")
    assert await post(b"<script>", "application/pdf", name="a.pdf") == (415, "media_type_refused")
    assert (await post(b"x", "text/plain"))[0] == 422
    assert (await client.get("/files/nonsense")).status_code == 422
    assert (await client.get(f"/files/{uuid4()}")).status_code == 404
    door.as_actor(actor_with(PEOPLE_VIEW))
    assert await post(b"x", "text/plain", name="a.txt") == (403, "forbidden")
