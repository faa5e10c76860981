"""Clients of an HTTP server, as cheap as Python allows: kept connections, prepared requests, no parsing of bodies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast


class Refused(Exception):
    """The server answered something else than 200."""


class Connection(asyncio.Protocol):
    """One kept connection; one request at a time."""

    def __init__(self) -> None:
        self._port = 0
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answer: asyncio.Future[bytes] | None = None

    @classmethod
    async def open(cls, port: int) -> Connection:
        """Connect to this machine's `port`."""
        connection = cls()
        connection._port = port
        await connection._reopen()
        return connection

    async def _reopen(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are transports by their methods only

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._answer is None:
            return
        head = bytes(self._buffer[:end]).lower()
        place = head.find(b"content-length:")
        if place >= 0:
            length = int(head[place + 15 :].split(b"\r\n", 1)[0])
            complete = len(self._buffer) >= end + 4 + length
        else:
            complete = self._buffer.endswith(b"0\r\n\r\n")
        if complete:
            body = bytes(self._buffer[end + 4 :])
            self._buffer.clear()
            answer, self._answer = self._answer, None
            if head.startswith(b"http/1.1 200"):
                answer.set_result(body)
            else:
                answer.set_exception(Refused(head[:40].decode() + body[:400].decode(errors="replace")))

    async def send(self, request: bytes) -> bytes:
        """The body of the answer. Raises Refused."""
        if self._transport is None or self._transport.is_closing():
            await self._reopen()  # servers hang up on those who are idle for some seconds
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A request, ready to send."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@dataclass(frozen=True)
class Side:
    """One of those who are compared: where it listens, and its next request."""

    name: str
    port: int
    next_request: Callable[[], bytes]


async def rate(side: Side, connections: Sequence[Connection], seconds: float) -> float:
    """Answers a second of all connections at once."""
    done = 0
    start = time.perf_counter()
    end = start + seconds

    async def work(connection: Connection) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await connection.send(side.next_request())
            done += 1

    await asyncio.gather(*(work(connection) for connection in connections))
    return done / (time.perf_counter() - start)


async def seconds_of(connection: Connection, request: bytes) -> float:
    """How long one answer takes."""
    start = time.perf_counter()
    await connection.send(request)
    return time.perf_counter() - start
