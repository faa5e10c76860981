"""Sending one request to an endpoint: names are resolved once, and only a checked address is connected to.

What stands behind a name may change between the check and the connection, so the connection goes to the address that
was checked, with the name in the Host header and for TLS. Nothing is followed, little is read, and all of it together
has a limit of time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import h11

from steward_core.webhooks.addresses import Address, OutgoingPolicy, Target, checked, read_target
from steward_core.webhooks.errors import AddressRefused
from steward_tenants.errors import InvalidInput

CONNECT_SECONDS = 5.0
ALL_SECONDS = 15.0
LARGEST_ANSWER = 16 * 1024
"""Bytes of an answer's head; its body is not read."""
MOST_ADDRESSES = 4
FIRST_OK, FIRST_REDIRECT, FIRST_ERROR = 200, 300, 400

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name, as texts. Raises OSError when it has none."""
Connect = Callable[
    [Address, Target, ssl.SSLContext | None], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
]
"""Connects to an address; with a context it speaks TLS to the target's host."""


@dataclass(frozen=True)
class Answered:
    """What became of an attempt: the status of the answer if there was one, how long it took in milliseconds, and a
    code of `FAILURES`, None when it was accepted."""

    response_code: int | None
    duration_ms: int
    error: str | None


class _Failed(Exception):
    """An attempt came to nothing; the code says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


async def resolve(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(address[0]) for _, _, _, _, address in found]


async def connect(
    address: Address, target: Target, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to this address and no other; the certificate has to be the host's."""
    return await asyncio.open_connection(
        str(address),
        target.port,
        ssl=context,
        server_hostname=target.host if context else None,
        limit=LARGEST_ANSWER,
    )


@cache
def usual_context() -> ssl.SSLContext:
    """The machine's trust, made once."""
    return ssl.create_default_context()


@dataclass(frozen=True)
class Sender:
    """Sends requests by a policy. The other parts are the machine's own unless a test brings some."""

    policy: OutgoingPolicy
    resolve: Resolve = resolve
    connect: Connect = connect
    context: Callable[[], ssl.SSLContext] = field(default=usual_context)
    seconds: float = ALL_SECONDS

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        """Send a body and tell what became of it. Never raises for what the other side does."""
        begun = time.monotonic()
        code: int | None = None
        error: str | None = None
        try:
            async with asyncio.timeout(self.seconds):
                code = await self._exchange(url, body, headers)
            error = _verdict(code)
        except TimeoutError:
            error = "timeout"
        except _Failed as failed:
            error = failed.code
        return Answered(code, round((time.monotonic() - begun) * 1000), error)

    async def _exchange(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            target = read_target(url, self.policy)
        except InvalidInput:
            raise _Failed("url") from None
        reader, writer = await self._open(target, await self._addresses(target))
        try:
            return await _ask(reader, writer, _request(target, body, headers), body)
        except (OSError, EOFError):
            raise _Failed("connection") from None
        except h11.ProtocolError:
            raise _Failed("answer") from None
        finally:
            # Not awaited to its end: a peer that never closes must not hold the worker.
            writer.transport.abort()

    async def _addresses(self, target: Target) -> list[Address]:
        try:
            answers = await self.resolve(target.host, target.port)
        except (OSError, UnicodeError):
            raise _Failed("name") from None
        try:
            return checked(answers, self.policy)[:MOST_ADDRESSES]
        except AddressRefused:
            raise _Failed("address") from None

    async def _open(
        self, target: Target, addresses: Sequence[Address]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = self.context() if target.secure else None
        failed = _Failed("connection")
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await self.connect(address, target, context)
            except TimeoutError:
                failed = _Failed("timeout")
            except ssl.SSLError:
                failed = _Failed("tls")
            except OSError:
                failed = _Failed("connection")
        raise failed


def _verdict(code: int) -> str | None:
    if FIRST_OK <= code < FIRST_REDIRECT:
        return None
    return "redirect" if FIRST_REDIRECT <= code < FIRST_ERROR else "status"


def _request(target: Target, body: bytes, headers: Mapping[str, str]) -> h11.Request:
    every = {
        "Host": target.authority,
        "User-Agent": "Steward-Webhooks/1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept": "*/*",
        "Connection": "close",
        **headers,
    }
    return h11.Request(method="POST", target=target.path, headers=list(every.items()))


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: h11.Request, body: bytes) -> int:
    """Send the request and read as far as the answer's status."""
    talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_ANSWER)
    writer.write(talk.send(request) or b"")
    writer.write(talk.send(h11.Data(data=body)) or b"")
    writer.write(talk.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    heard = 0
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(4096)
            if not data:
                raise _Failed("connection")
            heard += len(data)
            if heard > 2 * LARGEST_ANSWER:
                raise _Failed("answer")
            talk.receive_data(data)
        elif isinstance(event, h11.Response):
            return event.status_code
        elif not isinstance(event, h11.InformationalResponse):
            raise _Failed("answer")
