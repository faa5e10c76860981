"""Receivers on this machine: they note what comes and answer as they are told."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body read as JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """Answers with `answers` one after another, then with the last; `delay` seconds pass before each."""

    answers: list[bytes] = field(default_factory=lambda: [answer(204)])
    delay: float = 0.0
    port: int = 0
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/in", scheme: str = "http", host: str = "127.0.0.1") -> str:
        """Where it listens."""
        return f"{scheme}://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers["Content-Length"]))
            self.received.append(Received(head[0], headers, body))
            await asyncio.sleep(self.delay)
            writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """An answer of this status."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def receiving(
    *answers: bytes, delay: float = 0.0, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Receiver]:
    """A receiver for the time of a block."""
    receiver = Receiver(delay=delay)
    if answers:
        receiver.answers = list(answers)
    server = await asyncio.start_server(receiver._serve, host, 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()


def types(received: Sequence[Received]) -> list[str]:
    """The types of the events that came."""
    return [one.document["type"] for one in received]
