"""The graphql-transport-ws protocol over an ASGI websocket.

Written here rather than taken from a library: operations may name trusted documents, answers are passed on as the bytes
that the engine made, and the caller is looked at again before every event.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from steward_graphql.execution.problems import dumped, entry
from steward_graphql.http import streams
from steward_graphql.http.calls import Receive, Scope, Send
from steward_graphql.http.errors import TooManyStreams
from steward_graphql.http.events import answers_of
from steward_graphql.http.negotiation import wanted_locale
from steward_graphql.http.parameters import read_json, request_of
from steward_graphql.http.refusals import known
from steward_graphql.http.streams import Watched, closed
from steward_tenants.errors import StewardError, Unauthenticated
from steward_tenants.signin.caller import Caller

if TYPE_CHECKING:
    from steward_graphql.http.endpoint import GraphQLEndpoint

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
IDLE_SECONDS = 300.0
"""How long a socket stays open with no operation on it."""
MOST_OPERATIONS = 20
MOST_SOCKETS = 20
"""Of one caller, in one process."""
LONGEST_ID = 200


class _Close(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(code)


class Socket:
    """One websocket: who is at its other end, and what it asked for."""

    def __init__(self, endpoint: GraphQLEndpoint, scope: Scope, receive: Receive, send: Send) -> None:
        self._endpoint = endpoint
        self._scope = scope
        self._receive = receive
        self._send = send
        self._watched: Watched | None = None
        self._place = ExitStack()
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._ending: asyncio.Future[_Close] = asyncio.get_running_loop().create_future()
        languages = b",".join(value for name, value in scope["headers"] if name == b"accept-language")
        self._locale = wanted_locale(languages.decode("latin-1"))
        self._request_id = str(scope.get("state", {}).get("request_id", ""))

    async def run(self) -> None:
        """Serve the socket until it ends."""
        if (await self._receive())["type"] != "websocket.connect":
            return
        fits = PROTOCOL in self._scope.get("subprotocols", ())
        await self._send({"type": "websocket.accept", "subprotocol": PROTOCOL if fits else None})
        if not fits:
            await self._close(_Close(4406, "Subprotocol not acceptable"))
            return
        listening = asyncio.create_task(self._listen())
        minding = asyncio.create_task(self._mind())
        try:
            ends: set[asyncio.Future[Any]] = {listening, minding, self._ending}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._ending.done():
                await self._close(self._ending.result())
        finally:
            self._ending.cancel()
            tasks = [listening, minding, *self._asked.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._place.close()

    async def _close(self, how: _Close) -> None:
        with suppress(Exception):  # the other end may be gone already
            await self._send({"type": "websocket.close", "code": how.code, "reason": how.reason})

    def _end(self, how: _Close) -> None:
        if not self._ending.done():
            self._ending.set_result(how)

    async def _mind(self) -> None:
        """End a socket that is not opened in time, has nothing to do, or whose caller may no longer listen."""
        await asyncio.sleep(INIT_SECONDS)
        if self._watched is None:
            self._end(_Close(4408, "Connection initialisation timeout"))
            return
        idle = 0.0
        while True:
            patience = min(streams.QUIET_SECONDS, self._watched.seconds_left + 0.01)
            await asyncio.sleep(patience)
            idle = 0.0 if self._asked else idle + patience
            if idle >= IDLE_SECONDS:
                self._end(_Close(1000, "Idle"))
                return
            if not await self._still_allowed():
                return

    async def _still_allowed(self) -> bool:
        if self._watched is None:
            return False
        try:
            await self._watched.current()
        except Exception as error:
            self._end(_refused(known(error, self._request_id)))
            return False
        return True

    async def _listen(self) -> None:
        try:
            while True:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._take(message)
        except _Close as how:
            self._end(how)

    async def _take(self, message: Any) -> None:
        text = message.get("text")
        if text is None:
            raise _Close(4400, "Messages are text")
        given = self._read(text)
        kind = given.get("type")
        if kind == "connection_init":
            await self._init(given.get("payload"))
        elif kind == "ping":
            await self._tell({"type": "pong"})
        elif kind == "subscribe":
            await self._subscribe(given)
        elif kind == "complete":
            task = self._asked.pop(str(given.get("id")), None)
            if task is not None:
                task.cancel()
        elif kind != "pong":
            raise _Close(4400, "Unknown type of message")

    def _read(self, text: str) -> dict[str, Any]:
        if len(text) > self._endpoint.max_body_bytes:
            raise _Close(4400, "Message too large")
        try:
            given = read_json(text.encode())
        except (StewardError, UnicodeEncodeError):
            raise _Close(4400, "Messages are JSON") from None
        if not isinstance(given, dict):
            raise _Close(4400, "Messages are JSON objects")
        return given

    async def _init(self, payload: Any) -> None:
        if self._watched is not None:
            raise _Close(4429, "Too many initialisation requests")
        if payload is not None and not isinstance(payload, dict):
            raise _Close(4400, "The payload is a JSON object")
        given = payload or {}
        token = given.get("authorization", given.get("Authorization"))
        scope = self._as_request(token)

        async def again() -> Caller:
            return await self._endpoint.authenticate(scope)

        try:
            caller = await again()
            self._place.enter_context(self._endpoint.sockets.one(caller))
            self._watched = Watched(again, caller)
        except Exception as error:
            known(error, self._request_id)
            raise _Close(4403, "Forbidden") from None
        await self._tell({"type": "connection_ack"})

    def _as_request(self, token: Any) -> Scope:
        """The scope as authentication reads it: a changing request, so that a cookie counts from our own pages only."""
        scope = {**self._scope, "type": "http", "method": "POST"}
        if isinstance(token, str):
            try:
                value = token.encode("ascii")
            except UnicodeEncodeError:
                raise _Close(4403, "Forbidden") from None
            others = [(name, old) for name, old in scope["headers"] if name != b"authorization"]
            scope["headers"] = [*others, (b"authorization", value)]
        return scope

    async def _subscribe(self, given: dict[str, Any]) -> None:
        key, payload = given.get("id"), given.get("payload")
        if self._watched is None:
            raise _Close(4401, "Unauthorized")
        if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_ID or not isinstance(payload, dict):
            raise _Close(4400, "The message has no id or payload")
        if key in self._asked:
            raise _Close(4409, "Subscriber for this id already exists")
        if not await self._still_allowed():
            return
        if len(self._asked) >= MOST_OPERATIONS:
            await self._refuse(key, TooManyStreams(limit=MOST_OPERATIONS))
            return
        self._asked[key] = asyncio.create_task(self._operation(key, payload, self._watched))

    async def _operation(self, key: str, payload: dict[str, Any], watched: Watched) -> None:
        try:
            request = request_of(payload)
            with self._endpoint.streams.one(watched.caller):
                answers = answers_of(
                    self._endpoint,
                    request,
                    watched,
                    locale=self._locale,
                    request_id=self._request_id,
                    allow_mutation=True,
                )
                try:
                    async for body in answers:
                        if not await self._still_allowed():
                            return
                        await self._text(
                            b'{"id":' + json.dumps(key).encode() + b',"type":"next","payload":' + body + b"}"
                        )
                finally:
                    await closed(answers)
            self._asked.pop(key, None)
            await self._tell({"id": key, "type": "complete"})
        except Exception as error:
            self._asked.pop(key, None)
            if await self._still_allowed():
                await self._refuse(key, known(error, self._request_id))

    async def _refuse(self, key: str, error: StewardError) -> None:
        await self._tell({"id": key, "type": "error", "payload": [entry(error, self._locale)]})

    async def _tell(self, message: dict[str, Any]) -> None:
        await self._text(dumped(message))

    async def _text(self, body: bytes) -> None:
        await self._send({"type": "websocket.send", "text": body.decode()})


def _refused(error: StewardError) -> _Close:
    return _Close(4401 if isinstance(error, Unauthenticated) or error.status == 401 else 4403, error.code)
