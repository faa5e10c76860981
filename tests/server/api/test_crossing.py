"""What crosses the edge: other sites' pages, logs, traces."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import structlog

from steward_server.api import logs
from steward_tenants.access.permissions import FILES_USE
from steward_tenants.database.actor import Scope
from steward_tenants.people.models import User
from steward_tenants.signin.accounts import set_password
from tests import plain_http
from tests.cluster import Addresses
from tests.factories import TESTS, assign, make_member, make_role, make_tenant
from tests.server.api.live import Live, make_settings, serving

PASSWORD = "Quiet-Lantern-Meadow-2291"
CRM = "https://crm.example.test"
OTHERS = "https://others.example.test"


async def make_person(live: Live, **tenant: object) -> tuple[UUID, User]:
    database = live.edge.database
    tenant_id = await make_tenant(database, **tenant)
    user = await make_member(database, tenant_id)
    async with database.write(tenant_id, TESTS) as session:
        assign(session, user, make_role(session, [FILES_USE]), Scope.ALL)
    await set_password(database, user.account_id, PASSWORD)
    return tenant_id, user


def sign_in(live: Live, user: User) -> httpx.Response:
    return plain_http.post(f"{live.url}/sign-in", json={"login": user.login, "password": PASSWORD}, timeout=30)


def test_a_page_of_an_allowed_site_calls_for_its_own_tenant_alone(live: Live) -> None:
    _, ours = live.run(make_person(live, allowed_origins=[CRM]))
    _, theirs = live.run(make_person(live, allowed_origins=[OTHERS]))
    live.edge.origins._until = 0.0
    token = sign_in(live, ours).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    allowed = plain_http.get(f"{live.url}/me", headers={**headers, "Origin": CRM})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, CRM)
    assert "Origin" in allowed.headers["vary"]
    for origin in (OTHERS, "https://evil.example.test", "null"):
        refused = plain_http.get(f"{live.url}/me", headers={**headers, "Origin": origin})
        assert (refused.status_code, refused.json()["code"]) == (403, "foreign_origin")
        assert "access-control-allow-origin" not in refused.headers
    assert theirs.login != ours.login


def test_a_cookie_alone_changes_nothing(live: Live) -> None:
    _, user = live.run(make_person(live))
    cookie = {"steward_session": sign_in(live, user).json()["access_token"]}
    body = {"locale": "en"}
    own = live.edge.own_origin
    with plain_http.Client(base_url=live.url, cookies=cookie) as page:
        assert page.get("/me").status_code == 200
        for headers in ({}, {"Origin": "https://evil.example.test"}, {"Origin": "null"}):
            assert page.patch("/me", json=body, headers=headers).status_code == 403
        assert page.patch("/me", json=body, headers={"Origin": own}).status_code < 300
        assert page.patch("/me", json=body, headers={"X-Steward-Request": "1"}).status_code < 300


def test_the_log_of_a_sign_in_names_nobody(
    live: Live, addresses: Addresses, database_name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tenant_id, user = live.run(make_person(live))
    root = logging.getLogger()
    before = (root.handlers, root.level)
    try:
        logs.configure(make_settings(addresses, database_name, tmp_path, 8000, log_format="json", log_level="debug"))
        token = sign_in(live, user).json()["access_token"]
        plain_http.post(f"{live.url}/sign-in", json={"login": user.login, "password": "Wrong-Lantern-Meadow"})
        plain_http.get(f"{live.url}/me?phone=13800138000", headers={"Authorization": f"Bearer {token}"})
        written = ""
        for _ in range(100):  # a line is written after its answer was sent
            written += capfd.readouterr().err
            if written.count('"event": "request"') >= 3:
                break
            time.sleep(0.05)
    finally:
        root.handlers, root.level = before[0], before[1]
        structlog.reset_defaults()
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line.get("event") == "request"]
    assert {"/sign-in", "/me"} <= {line["route"] for line in requests}
    assert str(tenant_id) in {line["tenant"] for line in requests}
    for secret in (user.login, user.name, PASSWORD, "Wrong-Lantern", token, "13800138000", "127.0.0.1"):
        assert secret not in json.dumps(requests, ensure_ascii=False)


@contextmanager
def collector() -> Iterator[tuple[str, list[str]]]:
    posted: list[str] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.path)
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Sink)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_traces_are_sent_only_when_asked_for(addresses: Addresses, database_name: str, tmp_path: Path) -> None:
    with collector() as (endpoint, posted):
        with serving(addresses, database_name, tmp_path) as silent:
            plain_http.get(f"{silent.url}/me")
            assert not hasattr(silent.app.state, "tracer_provider")
        assert posted == []
        with serving(addresses, database_name, tmp_path, otel_endpoint=endpoint) as telling:
            plain_http.get(f"{telling.url}/me")
        assert posted == ["/v1/traces"]
