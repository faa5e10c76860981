"""Connections that stay open, as ASGI shows them: an event stream, a websocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from tests.gql.http.caller import TOKEN, World

PATIENCE = 10


class Line:
    """The client's side of a connection: what it sends and what comes."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.came: asyncio.Queue[Any] = asyncio.Queue()

    async def receive(self) -> Any:
        return await self.sent.get()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self.came.put(message)

    async def next(self) -> Any:
        return await asyncio.wait_for(self.came.get(), PATIENCE)


class Events(Line):
    """An event stream."""

    async def event(self) -> str:
        """The next event that is no comment, `""` at the end of the stream."""
        while True:
            message = await self.next()
            text: str = message["body"].decode()
            if not text.startswith(":") or not message.get("more_body"):
                return text

    async def answer(self) -> Any:
        """The next event's data."""
        event = await self.event()
        assert event.startswith("event: next\ndata: "), event
        return json.loads(event.removeprefix("event: next\ndata: "))


class Talk(Line):
    """A websocket."""

    async def tell(self, **message: Any) -> None:
        await self.sent.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def heard(self) -> Any:
        message = await self.next()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def closed(self) -> int:
        message = await self.next()
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def begin(self, token: str | None = TOKEN) -> None:
        await self.tell(type="connection_init", payload={"authorization": token} if token else {})
        assert await self.heard() == {"type": "connection_ack"}


def _scope(kind: str, headers: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "path": "/graphql",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        **more,
    }


@asynccontextmanager
async def listening(world: World, body: dict[str, Any]) -> AsyncIterator[Events]:
    """An event stream over a POST; the client leaves at the end."""
    line = Events()
    headers = {"accept": "text/event-stream", "content-type": "application/json", "authorization": TOKEN}
    await line.sent.put({"type": "http.request", "body": json.dumps(body).encode()})
    task = asyncio.create_task(world.endpoint(_scope("http", headers, method="POST"), line.receive, line.send))
    start = await line.next()
    assert start["status"] == 200
    assert dict(start["headers"])[b"content-type"] == b"text/event-stream; charset=utf-8"
    try:
        yield line
    finally:
        await line.sent.put({"type": "http.disconnect"})
        await asyncio.wait_for(task, PATIENCE)


@asynccontextmanager
async def talking(
    world: World, headers: dict[str, str] | None = None, protocols: tuple[str, ...] = ("graphql-transport-ws",)
) -> AsyncIterator[Talk]:
    """An accepted websocket; the client leaves at the end."""
    line = Talk()
    await line.sent.put({"type": "websocket.connect"})
    scope = _scope("websocket", headers or {}, subprotocols=list(protocols))
    task = asyncio.create_task(world.endpoint(scope, line.receive, line.send))
    accepted = await line.next()
    assert accepted["type"] == "websocket.accept"
    try:
        yield line
    finally:
        await line.sent.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(task, PATIENCE)
