"""graphql-transport-ws."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steward_graphql.http import sockets, streams
from steward_tenants.errors import TenantSuspended, Unauthenticated
from tests.factories import actor_with
from tests.gql.http.caller import ORIGIN, TOKEN, World, make_world
from tests.gql.http.lines import talking

TICKS = {"query": "subscription { ticks }"}
HELLO = {"query": "{ hello }"}
COOKIE = {"cookie": "steward_session=sts.x"}


@pytest.fixture
def world() -> World:
    return make_world()


async def test_a_subscription_from_beginning_to_end(world: World) -> None:
    async with talking(world, {"accept-language": "en"}) as line:
        await line.begin()
        await line.tell(type="subscribe", id="a", payload=TICKS)
        await world.engine.ticks.put(1)
        assert await line.heard() == {
            "id": "a",
            "type": "next",
            "payload": {"data": {"ticks": 1}, "extensions": {"locale": "en"}},
        }
        await world.engine.ticks.put(None)
        assert await line.heard() == {"id": "a", "type": "complete"}


async def test_queries_and_mutations_go_over_it_too(world: World) -> None:
    async with talking(world) as line:
        await line.begin()
        for key, query, data in (
            ("1", "{ hello }", {"hello": "zh-CN"}),
            ("1", "mutation { change }", {"change": "changed"}),
        ):
            await line.tell(type="subscribe", id=key, payload={"query": query})
            assert await line.heard() == {"id": key, "type": "next", "payload": {"data": data}}
            assert await line.heard() == {"id": key, "type": "complete"}


async def test_a_client_may_stop_one_and_use_its_id_again(world: World) -> None:
    async with talking(world) as line:
        await line.begin()
        await line.tell(type="subscribe", id="a", payload=TICKS)
        await line.tell(type="complete", id="a")
        await line.tell(type="complete", id="unknown")
        await line.tell(type="subscribe", id="a", payload=HELLO)
        assert (await line.heard())["payload"] == {"data": {"hello": "zh-CN"}}
    assert world.engine.open == 0


async def test_pings_are_answered(world: World) -> None:
    async with talking(world) as line:
        await line.tell(type="ping")
        assert await line.heard() == {"type": "pong"}
        await line.tell(type="pong")
        await line.begin()


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"type": "subscribe", "id": "a", "payload": HELLO}], 4401),
        ([{"type": "nonsense"}], 4400),
        ([{}], 4400),
        ([{"type": "connection_init", "payload": 1}], 4400),
        ([{"type": "connection_init", "payload": {"authorization": "Bearer wrong"}}], 4403),
        ([{"type": "connection_init", "payload": {"authorization": "Bearer 甲"}}], 4403),
        ([{"type": "connection_init"}], 4403),
    ],
)
async def test_what_closes_it_before_it_began(world: World, messages: list[dict[str, Any]], code: int) -> None:
    async with talking(world) as line:
        for message in messages:
            await line.tell(**message)
        assert await line.closed() == code
    assert world.engine.asked == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "connection_init", "payload": {"authorization": TOKEN}}, 4429),
        ({"type": "subscribe", "payload": HELLO}, 4400),
        ({"type": "subscribe", "id": "", "payload": HELLO}, 4400),
        ({"type": "subscribe", "id": "x" * 201, "payload": HELLO}, 4400),
        ({"type": "subscribe", "id": "b"}, 4400),
        ({"type": "subscribe", "id": "a", "payload": HELLO}, 4409),
    ],
)
async def test_what_closes_it_later(world: World, message: dict[str, Any], code: int) -> None:
    async with talking(world) as line:
        await line.begin()
        await line.tell(type="subscribe", id="a", payload=TICKS)
        await line.tell(**message)
        assert await line.closed() == code
    assert world.engine.open == 0


@pytest.mark.parametrize(
    "message",
    [
        {"text": "{"},
        {"text": "[" * 5_000},
        {"text": "[]"},
        {"text": '"\\ud800"'},
        {"text": " " * 1_000_001},
        {"bytes": b"{}"},
    ],
)
async def test_what_is_no_message_closes_it(world: World, message: dict[str, Any]) -> None:
    async with talking(world) as line:
        await line.sent.put({"type": "websocket.receive", **message})
        assert await line.closed() == 4400


async def test_a_protocol_that_is_not_spoken(world: World) -> None:
    async with talking(world, protocols=("graphql-ws",)) as line:
        assert await line.closed() == 4406


async def test_an_operation_that_is_refused_leaves_the_others(world: World) -> None:
    async with talking(world) as line:
        await line.begin()
        for key, payload in (("a", {"query": 1}), ("b", {})):
            await line.tell(type="subscribe", id=key, payload=payload)
            told = await line.heard()
            assert (told["id"], told["type"]) == (key, "error")
            assert told["payload"][0]["extensions"]["code"] == "malformed_request"
        await line.tell(type="subscribe", id="c", payload={"query": "{ nothing }"})
        assert "errors" in (await line.heard())["payload"]
        assert (await line.heard())["type"] == "complete"


async def test_a_socket_has_a_limited_number_of_operations(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MOST_OPERATIONS", 1)
    async with talking(world) as line:
        await line.begin()
        await line.tell(type="subscribe", id="a", payload=TICKS)
        await line.tell(type="subscribe", id="b", payload=TICKS)
        told = await line.heard()
        assert (told["id"], told["payload"][0]["extensions"]["code"]) == ("b", "too_many_streams")


async def test_a_caller_has_a_limited_number_of_sockets(world: World) -> None:
    world.endpoint.sockets = streams.Streams(1)
    async with talking(world) as first:
        await first.begin()
        async with talking(world) as second:
            await second.tell(type="connection_init", payload={"authorization": TOKEN})
            assert await second.closed() == 4403
    async with talking(world) as third:
        await third.begin()


async def test_a_cookie_counts_from_our_own_pages_only(world: World) -> None:
    for headers, fine in (
        (COOKIE, False),
        ({**COOKIE, "origin": "https://other.example"}, False),
        ({**COOKIE, "origin": ORIGIN}, True),
    ):
        async with talking(world, headers) as line:
            if fine:
                await line.begin(token=None)
            else:
                await line.tell(type="connection_init")
                assert await line.closed() == 4403


@pytest.mark.parametrize(("refusing", "code"), [(TenantSuspended(), 4403), (Unauthenticated(), 4401)])
@pytest.mark.parametrize("quiet", [True, False])
async def test_who_may_no_longer_listen_is_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch, quiet: bool, refusing: Any, code: int
) -> None:
    monkeypatch.setattr(streams, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.05)
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.05 if quiet else 60)
    async with talking(world) as line:
        await line.begin()
        await line.tell(type="subscribe", id="a", payload=TICKS)
        await world.engine.ticks.put(1)
        assert (await line.heard())["payload"]["data"] == {"ticks": 1}
        world.door.refusing = refusing
        if not quiet:
            await world.engine.ticks.put(2)
        while (message := await line.next())["type"] != "websocket.close":
            assert '"ticks":2' not in message["text"]
        assert message["code"] == code
    assert world.engine.open == 0


async def test_a_new_operation_is_refused_when_access_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "FRESH_SECONDS", 0.0)
    async with talking(world) as line:
        await line.begin()
        world.door.caller = replace(world.door.caller, actor=actor_with())
        await line.tell(type="subscribe", id="a", payload=HELLO)
        assert await line.closed() == 4403
    assert world.engine.asked == []


async def test_a_socket_ends_with_the_token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.01)
    world.door.caller = replace(world.door.caller, expires_at=datetime.now(UTC) + timedelta(seconds=0.3))
    async with talking(world) as line:
        await line.begin()
        assert await line.closed() == 4401


async def test_a_socket_that_never_begins_or_does_nothing_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.05)
    monkeypatch.setattr(sockets, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.02)
    async with talking(world) as line:
        assert await line.closed() == 4408
    async with talking(world) as line:
        await line.begin()
        assert await line.closed() == 1000


async def test_a_client_that_leaves_ends_all_of_it(world: World) -> None:
    async with talking(world) as line:
        await line.begin()
        for key in "abc":
            await line.tell(type="subscribe", id=key, payload=TICKS)
        while world.engine.open < 3:
            await asyncio.sleep(0.005)
    assert world.engine.open == 0
