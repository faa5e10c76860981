"""Hostile requests: whatever arrives is answered by a typed refusal, never by a server error."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests import plain_http
from tests.server.api.live import Live

NUL = "a\0b"
LONE = "a\ud800b"
BODIES = {
    "/sign-in": {"login": "x", "password": "y", "tenant": "z"},
    "/sign-in/second-factor": {"challenge": "x", "code": "1"},
    "/sign-in/second-factor/enrolment": {"challenge": "x"},
    "/sign-in/second-factor/enrolment/confirm": {"challenge": "x", "code": "1"},
    "/sign-in/password": {"challenge": "x", "new_password": "y"},
    "/invitations/accept": {"token": "x", "password": "y"},
    "/password-reset/request": {"login": "x"},
    "/password-reset/confirm": {"token": "x", "new_password": "y"},
}


def post(live: Live, path: str, body: Any, **headers: str) -> httpx.Response:
    """JSON with everything escaped, so that lone surrogates travel."""
    return plain_http.post(
        live.url + path,
        content=json.dumps(body),
        headers={"Content-Type": "application/json", **headers},
        timeout=30,
    )


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("text", [NUL, LONE, "\u202e\uffff", "İß\uff21", "x" * 100_000], ids=ascii)
def test_text_that_cannot_be_stored_is_refused(live: Live, path: str, text: str) -> None:
    for field in BODIES[path]:
        answer = post(live, path, {**BODIES[path], field: text})
        assert answer.status_code in (202, 401, 410, 422, 429), (field, answer.status_code, answer.text)


@pytest.mark.parametrize("path", BODIES)
def test_names_of_fields_may_be_anything(live: Live, path: str) -> None:
    for name in (NUL, LONE, "x" * 50_000, "{0}", "{a.__class__}"):
        answer = post(live, path, {**BODIES[path], name: 1})
        assert answer.status_code == 422, (name[:20], answer.status_code, answer.text)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"1e999999", b"9" * 10_000, b'"\xff"', b"\xfe\xff", b"", b"NaN", b'{"login":' * 20_000]
)
def test_json_of_any_shape_is_refused(live: Live, body: bytes) -> None:
    answer = plain_http.post(
        live.url + "/sign-in", content=body, headers={"Content-Type": "application/json"}, timeout=30
    )
    assert answer.status_code in (400, 422), (answer.status_code, answer.text)


def raw(live: Live, request: bytes) -> int:
    """The status of a request sent as it is (0: the connection was closed)."""
    parts = urlsplit(live.url)
    with socket.create_connection((parts.hostname, parts.port), 10) as connection:
        connection.sendall(request)
        head = connection.recv(65536)
    return int(head.split()[1]) if head else 0


@pytest.mark.parametrize(
    "header",
    [
        b"Authorization: Bearer \xff\xfe\xfd",
        b"Authorization: Bearer sts.\xff",
        b"Authorization: Bearer " + b"a.b.c",
        b"Authorization: Bearer " + b"e30.e30.e30",
        b"Authorization: Bearer bnVsbA.e30.e30",
        b"Authorization: Bearer W10.e30.e30",
        b"Authorization: Bearer MQ.e30.e30",
        b"Authorization: Bearer eyJhbGciOjF9.e30.e30",
        b"Authorization: Basic \xff\xff",
        b"Cookie: steward_session=\xff\xfe",
        b'Cookie: steward_session="sts.\\000"',
        b"Cookie: \xe9=\xe9; ;;=;",
        b"Accept-Language: \xff;q=\xb2,en;q=nan,zh;q=inf",
        b"Origin: null",
        b"Origin: \xff\xff",
        b"Origin: http://[",
        b"X-Request-Id: \xff\xff",
        b"X-Forwarded-For: \xff, 1.2.3.4",
        b"Authorization: Bearer x\r\nAuthorization: Bearer y",
        b"Content-Length: \xb2",
    ],
)
@pytest.mark.parametrize(
    "path", [b"/me", b"/oauth/authorize?client_id=" + b"0" * 32 + b"." + b"0" * 32, b"/metrics", b"/healthz"]
)
def test_headers_of_any_bytes_meet_no_server_error(live: Live, header: bytes, path: bytes) -> None:
    status = raw(live, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + b"\r\n\r\n")
    assert 200 <= status < 500, status


@pytest.mark.parametrize(
    "target",
    [
        b"/oauth/authorize?%FF=%FF",
        b"/oauth/authorize?\xff=\xff",
        b"/oauth/authorize?client_id=%00",
        b"/oauth/authorize?" + b"a=b&" * 100,
        b"/files/%00",
        b"/files/%FF",
        b"/files?name=%00",
        b"/%FF%FE",
        b"/me/../healthz",
        b"//evil.example/",
    ],
)
def test_addresses_of_any_bytes_meet_no_server_error(live: Live, target: bytes) -> None:
    status = raw(live, b"GET " + target + b" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert 200 <= status < 500, status


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/authorize"])
@pytest.mark.parametrize("text", ["%00", "%FF", "%ED%A0%80", "a" * 60_000, "%0d%0aSet-Cookie:x"])
def test_forms_of_any_bytes_meet_no_server_error(live: Live, path: str, text: str) -> None:
    base = {
        "client_id": f"{'0' * 32}.{'0' * 32}",
        "grant_type": "authorization_code",
        "code": "x",
        "token": "x",
        "redirect_uri": "https://x/",
        "state": "x",
    }
    for field in base:
        body = "&".join(f"{k}={text if k == field else v}" for k, v in base.items())
        for headers in (
            {},
            {"Authorization": "Basic /////w=="},
            {"Authorization": "Basic AAAA"},
            {"Authorization": "Bearer x"},
        ):
            answer = plain_http.post(
                live.url + path, content=body, headers={"Content-Type": "application/x-www-form-urlencoded", **headers}
            )
            assert answer.status_code < 500, (field, headers, answer.text)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_json_under_another_type_is_not_read(live: Live, kind: str) -> None:
    body = json.dumps({"login": "nobody", "password": "nothing"}).encode()
    answer = plain_http.post(live.url + "/sign-in", content=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 422, answer.text


def test_an_unusual_method_gets_no_label_of_its_own(live: Live) -> None:
    raw(live, b"QQQQ /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert 'method="QQQQ"' not in plain_http.get(live.url + "/metrics").text
