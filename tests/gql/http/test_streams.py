"""Subscriptions by server-sent events."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from steward_graphql.http import streams
from steward_tenants.errors import TenantSuspended
from tests.factories import actor_with
from tests.gql.http.caller import World, make_world
from tests.gql.http.lines import listening

TICKS = {"query": "subscription { ticks }"}
COMPLETE = "event: complete\ndata:\n\n"


@pytest.fixture
def world() -> World:
    return make_world()


async def until(world: World, number: int) -> None:
    for _ in range(1_000):
        if world.engine.open == number:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(world.engine.open)


async def test_each_change_is_an_event_and_the_end_is_told(world: World) -> None:
    async with listening(world, TICKS) as line:
        for tick in (1, 2, None):
            await world.engine.ticks.put(tick)
        assert [(await line.answer())["data"]["ticks"] for _ in range(2)] == [1, 2]
        assert await line.event() == COMPLETE
    assert world.engine.open == 0


async def test_a_client_that_leaves_ends_it(world: World) -> None:
    async with listening(world, TICKS):
        await until(world, 1)
    assert world.engine.open == 0


async def test_queries_and_mutations_are_answered_once(world: World) -> None:
    for query, data in (("{ hello }", {"hello": "zh-CN"}), ("mutation { change }", {"change": "changed"})):
        async with listening(world, {"query": query}) as line:
            assert (await line.answer())["data"] == data
            assert await line.event() == COMPLETE


async def test_a_document_that_is_refused_is_told_in_the_stream(world: World) -> None:
    async with listening(world, {"query": "{ nothing }"}) as line:
        assert "errors" in await line.answer()
        assert await line.event() == COMPLETE


async def test_a_mutation_takes_a_post(world: World) -> None:
    answer = await world.ask("GET", accept="text/event-stream", address={"query": "mutation { change }"})
    assert b"mutation_not_allowed" in answer.body


async def test_who_is_not_signed_in_gets_no_stream(world: World) -> None:
    answer = await world.ask(body=TICKS, accept="text/event-stream", token=None)
    assert (answer.status, answer.kind) == (401, "application/json; charset=utf-8")
    batch = await world.ask(body=[TICKS], accept="text/event-stream")
    assert (batch.status, batch.code) == (400, "batch_refused")


async def test_a_quiet_stream_shows_that_it_lives(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.01)
    async with listening(world, TICKS) as line:
        assert [(await line.next())["body"] for _ in range(3)] == [b":\n\n"] * 3


@pytest.mark.parametrize("quiet", [True, False])
async def test_who_may_no_longer_listen_hears_why_and_nothing_more(
    world: World, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    monkeypatch.setattr(streams, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.01 if quiet else 60)
    async with listening(world, TICKS) as line:
        await until(world, 1)
        world.door.refusing = TenantSuspended()
        if not quiet:
            await world.engine.ticks.put(1)
        told = await line.answer()
        assert told["errors"][0]["extensions"]["code"] == "tenant_suspended"
        assert "data" not in told
        assert await line.event() == COMPLETE
    assert world.engine.open == 0


async def test_a_stream_ends_when_access_changes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "FRESH_SECONDS", 0.0)
    async with listening(world, TICKS) as line:
        await world.engine.ticks.put(1)
        assert (await line.answer())["data"] == {"ticks": 1}
        world.door.caller = replace(world.door.caller, actor=actor_with())
        await world.engine.ticks.put(2)
        assert (await line.answer())["errors"][0]["extensions"]["code"] == "access_changed"


async def test_a_stream_ends_with_the_token(world: World) -> None:
    world.door.caller = replace(world.door.caller, expires_at=datetime.now(UTC) + timedelta(seconds=0.2))
    async with listening(world, TICKS) as line:
        assert (await line.answer())["errors"][0]["extensions"]["code"] == "unauthenticated"
        assert await line.event() == COMPLETE


async def test_a_caller_holds_a_limited_number(world: World) -> None:
    world.endpoint.streams = streams.Streams(1)
    async with listening(world, TICKS):
        answer = await world.ask(body=TICKS, accept="text/event-stream")
        assert (answer.status, answer.code) == (429, "too_many_streams")
    async with listening(world, TICKS):
        pass
