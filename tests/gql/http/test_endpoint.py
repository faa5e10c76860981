"""The endpoint beyond the audit: who may, what is refused, and how."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steward_graphql.http import negotiation
from steward_graphql.http.negotiation import wanted_locale, wanted_types
from steward_tenants.errors import TenantSuspended
from tests.gql.http.caller import ORIGIN, make_world

RESPONSE = "application/graphql-response+json"
HELLO = {"query": "{ hello }"}
COOKIE = {"cookie": "steward_session=sts.x"}


async def test_an_answer_and_its_headers() -> None:
    world = make_world()
    answer = await world.ask(body=HELLO, headers={"accept-language": "en"})
    assert (answer.status, answer.json) == (200, {"data": {"hello": "en"}})
    assert answer.headers == {
        "content-type": "application/json; charset=utf-8",
        "content-language": "en",
        "cache-control": "no-store",
        "vary": "accept, accept-language",
        "x-budget-remaining": "7",
        "content-length": str(len(answer.body)),
    }
    assert world.engine.callers == [(world.door.caller, "r-1")]


async def test_every_parameter_arrives() -> None:
    world = make_world()
    body = {
        "query": "query A($t: String!) { echo(text: $t) }",
        "operationName": "A",
        "variables": {"t": "甲"},
        "extensions": {"x": 1},
        "documentId": "sha256:" + "a" * 64,
    }
    assert (await world.ask(body=body)).json == {"data": {"echo": "甲"}}
    by_get = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
    assert (await world.ask("GET", address=by_get)).json == {"data": {"echo": "甲"}}
    first, second = world.engine.asked
    assert first == second
    assert (second.operation_name, second.variables, second.extensions) == ("A", {"t": "甲"}, {"x": 1})
    assert second.document_id == "sha256:" + "a" * 64


@pytest.mark.parametrize("body", [{"documentId": "sha256:x"}, {"extensions": {"persistedQuery": {"sha256Hash": "x"}}}])
async def test_a_document_may_be_named_instead(body: dict[str, Any]) -> None:
    world = make_world()
    await world.ask(body=body)
    assert world.engine.asked[0].query is None


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "PUT": ({"method": "PUT"}, 405, "graphql_method_refused"),
    "HEAD": ({"method": "HEAD"}, 405, "graphql_method_refused"),
    "no content type": ({"body": HELLO, "kind": None}, 415, "unsupported_content"),
    "a form": ({"body": HELLO, "kind": "application/x-www-form-urlencoded"}, 415, "unsupported_content"),
    "a multipart form": ({"body": HELLO, "kind": "multipart/form-data; boundary=x"}, 415, "unsupported_content"),
    "plain text": ({"body": HELLO, "kind": "text/plain"}, 415, "unsupported_content"),
    "plain text that mentions JSON": (
        {"body": HELLO, "kind": "text/plain; application/json"},
        415,
        "unsupported_content",
    ),
    "another character set": ({"body": HELLO, "kind": "application/json; charset=gbk"}, 415, "unsupported_content"),
    "packed": ({"body": HELLO, "headers": {"content-encoding": "gzip"}}, 415, "unsupported_content"),
    "no form that is wanted": ({"body": HELLO, "accept": "text/plain"}, 406, "not_acceptable"),
    "another set of characters": ({"body": HELLO, "accept": "application/json; charset=gbk"}, 406, "not_acceptable"),
    "JSON refused": ({"body": HELLO, "accept": "application/json;q=0"}, 406, "not_acceptable"),
    "no token": ({"body": HELLO, "token": None}, 401, "unauthenticated"),
    "a mutation by GET": ({"method": "GET", "address": {"query": "mutation { change }"}}, 405, "mutation_not_allowed"),
    "a subscription": (
        {"body": {"query": "subscription { ticks }"}, "accept": RESPONSE},
        400,
        "subscription_not_allowed",
    ),
    "UTF-16": ({"raw": json.dumps(HELLO).encode("utf-16")}, 400, "malformed_request"),
    "GBK": ({"raw": '{"query": "{ 客户 }"}'.encode("gbk")}, 400, "malformed_request"),
    "a number": ({"raw": b"1"}, 400, "malformed_request"),
    "NaN": ({"raw": b'{"query": "{ hello }", "variables": {"a": NaN}}'}, 400, "malformed_request"),
    "a number beyond all": ({"raw": b'{"query": "{ hello }", "variables": {"a": 1e999}}'}, 400, "malformed_request"),
    "digits without end": (
        {"raw": b'{"query": "{ hello }", "variables": {"a": ' + b"9" * 5000 + b"}}"},
        400,
        "malformed_request",
    ),
    "half a character": ({"raw": b'{"query": "{ hello } # \\ud800"}'}, 400, "malformed_request"),
    "half a character in a name": (
        {"raw": b'{"query": "{ hello }", "variables": {"\\udc00": 1}}'},
        400,
        "malformed_request",
    ),
    "nested": (
        {"raw": b'{"query": "{ hello }", "variables": {"a": ' + b"[" * 70 + b"]" * 70 + b"}}"},
        400,
        "malformed_request",
    ),
    "nested without end": ({"raw": b"[" * 200_000}, 400, "malformed_request"),
    "an array": ({"body": [HELLO]}, 400, "batch_refused"),
    "an empty array": ({"body": []}, 400, "malformed_request"),
    "too large": ({"raw": b" " * 1_000_001}, 413, "graphql_request_too_large"),
    "too large by its own word": (
        {"body": HELLO, "headers": {"content-length": "9" * 30}},
        413,
        "graphql_request_too_large",
    ),
    "variables that are no JSON": (
        {"method": "GET", "address": {"query": "{ hello }", "variables": "{"}},
        400,
        "malformed_request",
    ),
    "variables that are no object": (
        {"method": "GET", "address": {"query": "{ hello }", "variables": "[1]"}},
        400,
        "malformed_request",
    ),
    "a parameter twice": (
        {"method": "GET", "address": b"query=%7Bhello%7D&query=%7Bhello%7D"},
        400,
        "malformed_request",
    ),
    "many parameters": ({"method": "GET", "address": b"a=1&" * 100}, 400, "malformed_request"),
    "an address that is no text": ({"method": "GET", "address": b"query=%ff"}, 400, "malformed_request"),
    "nothing": ({"method": "GET"}, 400, "malformed_request"),
}


@pytest.mark.parametrize(("request_", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_refused(request_: dict[str, Any], status: int, code: str) -> None:
    world = make_world()
    answer = await world.ask(**request_)
    assert (answer.status, answer.code) == (status, code)
    assert answer.kind.startswith("application/")
    (error,) = answer.json["errors"]
    assert "data" not in answer.json
    assert set(error["extensions"]["messages"]) == {"zhCN", "en"}
    assert error["message"] == error["extensions"]["messages"]["zhCN"]
    if status == 405:
        assert "POST" in answer.headers["allow"]
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    if code not in ("mutation_not_allowed", "subscription_not_allowed"):
        assert world.engine.asked == []


async def test_options_tell_the_methods() -> None:
    world = make_world()
    answer = await world.ask("OPTIONS", token=None)
    assert (answer.status, answer.headers["allow"], world.door.asked) == (204, "GET, POST, OPTIONS", 0)


async def test_a_body_is_not_read_before_it_is_known_who_asks() -> None:
    assert (await make_world().ask(raw=b"{", token=None)).status == 401


async def test_a_suspended_tenant_hears_why() -> None:
    world = make_world()
    world.door.refusing = TenantSuspended()
    answer = await world.ask(body=HELLO, accept=RESPONSE)
    assert (answer.status, answer.code) == (403, "tenant_suspended")


async def test_a_cookie_alone_counts_from_our_own_pages_only() -> None:
    world = make_world()
    changing = {"query": "mutation { change }"}
    for headers, status in (
        (COOKIE, 403),
        ({**COOKIE, "origin": "https://other.example"}, 403),
        ({**COOKIE, "origin": ORIGIN}, 200),
        ({**COOKIE, "x-steward-request": "1"}, 200),
    ):
        assert (await world.ask(body=changing, token=None, headers=headers)).status == status
    assert (await world.ask("GET", address=HELLO, token=None, headers=COOKIE)).json == {"data": {"hello": "zh-CN"}}
    by_get = await world.ask("GET", address=changing, token=None, headers=COOKIE)
    assert (by_get.status, by_get.code) == (405, "mutation_not_allowed")


async def test_what_fails_inside_is_not_told() -> None:
    world = make_world()
    world.engine.error = RuntimeError("select secret from app.client")
    answer = await world.ask(body=HELLO)
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret" not in answer.body


async def test_batches_where_they_are_on() -> None:
    world = make_world(batching=3)
    answer = await world.ask(body=[HELLO, {"query": "mutation { change }"}, {"query": "{"}], accept=RESPONSE)
    hello, changed, broken = answer.json
    assert (answer.status, answer.kind) == (200, f"{RESPONSE}; charset=utf-8")
    assert (hello, changed) == ({"data": {"hello": "zh-CN"}}, {"data": {"change": "changed"}})
    assert "errors" in broken
    too_many = await world.ask(body=[HELLO] * 4)
    assert (too_many.status, too_many.code, len(world.engine.asked)) == (400, "batch_refused", 3)
    wrong = await world.ask(body=[HELLO, 1])
    assert (wrong.status, wrong.code, len(world.engine.asked)) == (400, "malformed_request", 3)


async def test_who_leaves_while_sending_is_not_answered() -> None:
    world = make_world()
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"authorization", b"Bearer abc")],
    }
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await world.endpoint(scope, receive, send)
    assert sent == []


@pytest.mark.parametrize(
    ("accept", "first"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        (f"application/json, {RESPONSE}", "application/json"),
        (f"{RESPONSE}, application/json", RESPONSE),
        (f"application/json;q=0.8, {RESPONSE};q=0.9", RESPONSE),
        (f"{RESPONSE}; charset=utf-8, application/json;q=0.9, */*;q=0.1", RESPONSE),
        ("text/event-stream", "text/event-stream"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json;q=nonsense, */*;q=0.5", "application/json"),
        ("APPLICATION/JSON", "application/json"),
    ],
)
def test_the_form_that_is_wanted_most(accept: str, first: str) -> None:
    assert wanted_types(accept)[0] == first


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "zh-CN"),
        ("en-GB", "en"),
        ("fr", "zh-CN"),
        ("zh;q=0.5, en;q=0.8", "en"),
        ("en;q=0.1, zh", "zh-CN"),
        ("en;q=x", "zh-CN"),
    ],
)
def test_languages(header: str, locale: str) -> None:
    assert wanted_locale(header) == locale


async def test_long_headers_are_not_kept() -> None:
    world = make_world()
    long = "x" * 100_000
    answer = await world.ask(body=HELLO, headers={"accept-language": f"en, {long}"}, accept=f"{RESPONSE}, {long}")
    assert (answer.status, answer.json) == (200, {"data": {"hello": "en"}})
    assert (await world.ask(body=HELLO, kind=f"application/json; x={long}")).status == 415
    for cached, reading in ((negotiation._types, wanted_types), (negotiation._locale, wanted_locale)):
        reading(f"{long}1")
        hits = cached.cache_info().hits
        reading(f"{long}2")
        assert cached.cache_info().hits == hits + 1, "no more than the beginning is kept"
    before = negotiation._is_json.cache_info()
    assert not negotiation.is_json(long)
    assert negotiation._is_json.cache_info() == before
