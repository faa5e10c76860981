"""Around every request: its id, limits, headers, problems in two languages, CORS by tenant, health, metrics."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from steward_server.api import logs
from steward_server.api.origins import AllowedOrigins
from steward_tenants.database.database import Database
from tests import plain_http
from tests.cluster import Addresses
from tests.factories import make_tenant
from tests.server.api.live import Live, make_settings, serving


def test_a_request_id_is_kept_or_made(live: Live) -> None:
    kept = plain_http.get(f"{live.url}/healthz", headers={"X-Request-Id": "order-2026-0001"})
    assert kept.headers["x-request-id"] == "order-2026-0001"
    for bad in ("a b", "x" * 65, "short"):
        made = plain_http.get(f"{live.url}/healthz", headers={"X-Request-Id": bad})
        assert len(made.headers["x-request-id"]) == 36


def test_headers_keep_a_browser_from_mischief(live: Live) -> None:
    headers = plain_http.get(f"{live.url}/healthz").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("accepts", "language", "word"),
    [
        (None, "zh-CN", "请先登录"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN", "请先登录"),
        ("en-GB,en;q=0.9,zh;q=0.1", "en", "Sign in"),
        ("fr", "zh-CN", "请先登录"),
        ("en;q=bad", "zh-CN", "请先登录"),
    ],
)
def test_a_problem_speaks_the_language_asked_for(live: Live, accepts: str | None, language: str, word: str) -> None:
    answer = plain_http.get(f"{live.url}/me", headers={"Accept-Language": accepts} if accepts else {})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == language
    told = answer.json()
    assert told["code"] == "unauthenticated"
    assert word in told["title"]
    assert told["instance"].endswith(answer.headers["x-request-id"])


def test_bad_input_names_every_field(live: Live) -> None:
    answer = plain_http.post(f"{live.url}/sign-in", json={"login": 3})
    assert answer.status_code == 422
    paths = {tuple(problem["path"]) for problem in answer.json()["problems"]}
    assert {("login",), ("password",)} <= paths


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing", 404, "no_such_route"), ("DELETE", "/healthz", 405, "method_not_allowed")],
)
def test_what_does_not_exist_is_a_problem_too(live: Live, method: str, path: str, status: int, code: str) -> None:
    answer = plain_http.request(method, live.url + path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_body_over_the_limit_is_refused_however_it_comes(live: Live) -> None:
    announced = plain_http.post(f"{live.url}/sign-in", content=b"x" * 200_001)
    streamed = plain_http.post(f"{live.url}/sign-in", content=(b"x" * 50_000 for _ in range(5)))
    assert announced.status_code == streamed.status_code == 413
    assert announced.json()["code"] == streamed.json()["code"] == "body_too_large"


def test_origins_are_allowed_tenant_by_tenant(live: Live) -> None:
    live.run(make_tenant(live.edge.database, allowed_origins=["https://crm.example.test"]))
    live.edge.origins._until = 0.0
    ask = {"Access-Control-Request-Method": "POST"}
    known = httpx.options(f"{live.url}/me", headers={"Origin": "https://crm.example.test", **ask})
    assert known.headers["access-control-allow-origin"] == "https://crm.example.test"
    assert "authorization" in known.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in known.headers
    unknown = httpx.options(f"{live.url}/me", headers={"Origin": "https://evil.example.test", **ask})
    assert "access-control-allow-origin" not in unknown.headers


def test_ready_says_which_service_is_missing(addresses: Addresses, database_name: str, tmp_path: Path) -> None:
    with serving(addresses, database_name, tmp_path, redis_url="redis://127.0.0.1:1/0") as lonely:
        answer = plain_http.get(f"{lonely.url}/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"] == {"database": "ok", "directory": "ok", "queue": "failed"}
        assert plain_http.get(f"{lonely.url}/healthz").status_code == 200


def test_metrics_count_by_route_and_know_no_person(live: Live) -> None:
    plain_http.get(f"{live.url}/files/0197d3a0-0000-7000-8000-000000000000")
    assert plain_http.get(f"{live.url}/readyz").status_code == 200
    text = plain_http.get(f"{live.url}/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    routes = {sample.labels.get("route") for sample in families["steward_http_requests"].samples}
    assert "/readyz" in routes
    assert not any("0197d3a0" in (route or "") for route in routes)
    assert plain_http.get(f"{live.url}/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 401


def test_a_foreign_page_hears_that_the_database_is_away(
    addresses: Addresses, database_name: str, tmp_path: Path
) -> None:
    with serving(addresses, database_name, tmp_path, directory_url="postgresql://x:y@127.0.0.1:1/z") as lonely:
        for path, status in (("/healthz", 200), ("/me", 401)):
            answer = plain_http.get(lonely.url + path, headers={"Origin": "https://pages.example"})
            assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (status, False)
        preflight = {"Origin": "https://pages.example", "Access-Control-Request-Method": "GET"}
        assert httpx.options(lonely.url + "/me", headers=preflight).status_code == 204


async def test_requests_at_the_same_time_wait_for_the_first_look_at_the_origins(database: Database) -> None:
    tenant_id = await make_tenant(database, allowed_origins=["https://pages.example"])
    origins = AllowedOrigins(database)
    answers = await asyncio.gather(*(origins.allowed("https://pages.example", tenant_id) for _ in range(5)))
    assert answers == [True] * 5


@pytest.mark.parametrize("method", ["QQQQ", "FOO", "CONNECT"])
def test_an_odd_method_has_no_metric_of_its_own(live: Live, method: str) -> None:
    plain_http.request(method, live.url + "/healthz")
    assert f'method="{method}"' not in plain_http.get(live.url + "/metrics").text


def test_a_client_that_goes_away_is_no_server_error(live: Live) -> None:
    parts = urlsplit(live.url)
    with socket.create_connection((str(parts.hostname), parts.port or 0)) as connection:
        connection.sendall(
            b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        time.sleep(0.2)
    deadline = time.monotonic() + 5
    while 'route="/sign-in",status="400"' not in (seen := plain_http.get(live.url + "/metrics").text):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    assert 'route="/sign-in",status="500"' not in seen


def test_metrics_behind_a_token(addresses: Addresses, database_name: str, tmp_path: Path) -> None:
    with serving(addresses, database_name, tmp_path, metrics_token="a long enough token") as guarded:
        assert plain_http.get(f"{guarded.url}/metrics").status_code == 401
        given = {"Authorization": "Bearer a long enough token"}
        assert plain_http.get(f"{guarded.url}/metrics", headers=given).status_code == 200


def test_logs_are_json_without_an_exceptions_text(
    addresses: Addresses, database_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = (root.handlers, root.level)
    try:
        logs.configure(make_settings(addresses, database_name, tmp_path, 8000, log_format="json"))
        try:
            raise LookupError("手机 13800138000")
        except LookupError:
            logging.getLogger("steward_server.test").exception("failed")
        line = json.loads(capsys.readouterr().err.strip().splitlines()[-1])
        assert line["error"] == "LookupError"
        assert "138" not in json.dumps(line)
    finally:
        root.handlers, root.level = before[0], before[1]


def test_a_forwarded_address_counts_only_from_a_trusted_proxy(live: Live) -> None:
    def seen(peer: str, *forwarded: str) -> str:
        headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
        scope = {"type": "http", "client": (peer, 1), "headers": headers}
        return live.edge.address(Request(scope))

    assert seen("203.0.113.1", "198.51.100.7") == "203.0.113.1"
    live.edge._networks = [ipaddress.ip_network("10.0.0.0/8")]
    try:
        assert seen("10.1.1.1", "198.51.100.7") == "198.51.100.7"
        assert seen("10.1.1.1", "6.6.6.6, 198.51.100.7, 10.2.2.2") == "198.51.100.7"
        assert seen("10.1.1.1", "6.6.6.6", "198.51.100.7") == "198.51.100.7", "the proxy added a header of its own"
    finally:
        live.edge._networks = []
