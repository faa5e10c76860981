"""Server-sent events, one connection for each operation: `next` for every answer, `complete` at the end.

This is the mode of distinct connections of the GraphQL over SSE protocol. A comment keeps a quiet connection open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from steward_graphql.errors import SubscriptionNotAllowed
from steward_graphql.execution.answers import Request
from steward_graphql.http import streams
from steward_graphql.http.calls import Call, Receive, Send
from steward_graphql.http.refusals import known, raw, refusal
from steward_graphql.http.streams import Watched, closed
from steward_tenants.signin.caller import Caller

if TYPE_CHECKING:
    from steward_graphql.http.endpoint import GraphQLEndpoint

QUIET = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"


async def stream(endpoint: GraphQLEndpoint, call: Call, request: Request, caller: Caller) -> None:
    """Answer a request by events. Raises TooManyStreams before the answer has begun."""
    send = call.send
    with endpoint.streams.one(caller):
        watched = Watched(lambda: endpoint.authenticate(call.scope), caller)
        answers = answers_of(
            endpoint, request, watched, locale=call.locale, request_id=call.request_id, allow_mutation=call.posted
        )
        gone = asyncio.create_task(_disconnected(call.receive))
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [
                        (b"content-type", b"text/event-stream; charset=utf-8"),
                        (b"cache-control", b"no-store"),
                        (b"x-accel-buffering", b"no"),
                        *raw({"Content-Language": call.locale}),
                    ],
                }
            )
            await _send(send, QUIET)
            try:
                await _pass_on(send, answers, watched, gone)
            except Exception as error:  # the stream has begun: its last event says what happened
                await _send(send, _next(refusal(known(error, call.request_id), call.locale)))
            if not gone.done():
                await _send(send, COMPLETE, last=True)
        finally:
            gone.cancel()
            await closed(answers)


async def answers_of(
    endpoint: GraphQLEndpoint,
    request: Request,
    watched: Watched,
    *,
    locale: str,
    request_id: str,
    allow_mutation: bool,
) -> AsyncIterator[bytes]:
    """The answers of a subscription, or the one of a query or mutation."""
    engine, caller = endpoint.engine, watched.caller
    changes = engine.subscribe(request, caller, locale=locale, request_id=request_id, recheck=watched.current)
    try:
        async for answer in changes:
            yield answer
        return
    except SubscriptionNotAllowed:
        pass
    finally:
        await closed(changes)
    only = await engine.execute(request, caller, locale=locale, request_id=request_id, allow_mutation=allow_mutation)
    yield only.body


async def _pass_on(send: Send, answers: AsyncIterator[bytes], watched: Watched, gone: asyncio.Task[None]) -> None:
    while not gone.done():
        following = asyncio.ensure_future(anext(answers, None))
        try:
            while not following.done():
                patience = min(streams.QUIET_SECONDS, watched.seconds_left + 0.01)
                await asyncio.wait({following, gone}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                if not following.done():
                    await watched.current()
                    await _send(send, QUIET)
            answer = following.result()
        finally:
            if not following.done():
                following.cancel()
                await asyncio.wait({following})
        if answer is None:
            return
        await watched.current()
        await _send(send, _next(answer))


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _next(body: bytes) -> bytes:
    return b"event: next\ndata: " + body.replace(b"\n", b"\ndata: ") + b"\n\n"


async def _send(send: Send, body: bytes, *, last: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not last})
