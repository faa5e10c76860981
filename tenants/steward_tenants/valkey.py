"""As much of Valkey's (and Redis's) protocol as an API worker needs: counting, reminding, asking whether it answers.

The client library costs a worker 22 MB for commands that it never sends; workers that have queues use the library.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

Answer = int | bytes | None | list["Answer"]
Command = Sequence[str | int]
DEFAULT_PORT = 6379


class ValkeyError(Exception):
    """The server refused a command, or does not answer."""


class Valkey:
    """One connection, opened when it is first needed and again after it was lost. Commands go one after another."""

    def __init__(self, url: str, seconds: float = 2.0) -> None:
        """`redis://` or `rediss://`, with user, password and number of the database where there are any. `seconds`:
        how long an answer, or the connection, is waited for."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or DEFAULT_PORT
        self._tls = ssl.create_default_context() if parts.scheme == "rediss" else None
        self._seconds = seconds
        self._greeting: list[Command] = []
        if parts.password:
            user = [unquote(parts.username)] if parts.username else []
            self._greeting.append(["AUTH", *user, unquote(parts.password)])
        database = parts.path.strip("/")
        if database and database != "0":
            self._greeting.append(["SELECT", database])
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def ping(self) -> None:
        """Returns when the server answers. Raises ValkeyError."""
        await self._run([["PING"]])

    async def add(self, key: str, amount: int, seconds: int) -> int:
        """Add to a count, which is forgotten `seconds` later; the new count. Raises ValkeyError."""
        total = (await self._run([["INCRBY", key, amount], ["EXPIRE", key, seconds]]))[0]
        if not isinstance(total, int):
            raise ValkeyError("the answer is no number")
        return total

    async def remind(self, key: str, most: int) -> None:
        """Leave a reminder on a list, for whoever waits there; at most `most` are kept. Raises ValkeyError."""
        await self._run([["LPUSH", key, 1], ["LTRIM", key, 0, most - 1]])

    async def counts(self, key: str) -> dict[str, int]:
        """The numbers of a hash by their names. Raises ValkeyError."""
        found = (await self._run([["HGETALL", key]]))[0]
        words = found if isinstance(found, list) else []
        try:
            return {
                name.decode(errors="replace"): int(number)
                for name, number in zip(words[::2], words[1::2], strict=True)
                if isinstance(name, bytes) and isinstance(number, bytes)
            }
        except ValueError as error:
            raise ValkeyError("the answer is no number") from error

    async def since(self, key: str, least: float) -> int:
        """How many members of a sorted set have a score of `least` or more. Raises ValkeyError."""
        found = (await self._run([["ZCOUNT", key, str(least), "+inf"]]))[0]
        return found if isinstance(found, int) else 0

    async def close(self) -> None:
        """Hang up."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _run(self, commands: Sequence[Command]) -> list[Answer]:
        async with self._turn:
            try:
                async with asyncio.timeout(self._seconds):
                    reader, writer = self._streams or await self._open()
                    return await _exchange(reader, writer, commands)
            except (OSError, TimeoutError, EOFError, ValueError) as error:
                await self.close()
                raise ValkeyError(type(error).__name__) from error
            except asyncio.CancelledError:
                await self.close()  # an answer that nobody reads would be the next one's
                raise

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        if self._greeting:
            await _exchange(*self._streams, self._greeting)
        return self._streams


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, commands: Sequence[Command]
) -> list[Answer]:
    writer.write(b"".join(_written(command) for command in commands))
    await writer.drain()
    answers = [await _read(reader) for _ in commands]
    for answer in answers:
        if isinstance(answer, ValkeyError):
            raise answer
    return [answer for answer in answers if not isinstance(answer, ValkeyError)]


def _written(command: Command) -> bytes:
    words = [str(word).encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


async def _read(reader: asyncio.StreamReader) -> Answer | ValkeyError:
    line = (await reader.readuntil(b"\r\n"))[:-2]
    kind, rest = line[:1], line[1:]
    if kind == b"+":
        return rest
    if kind == b"-":
        return ValkeyError(rest.decode(errors="replace").split(" ", 1)[0])
    if kind == b":":
        return int(rest)
    if kind == b"$":
        length = int(rest)
        return None if length < 0 else (await reader.readexactly(length + 2))[:-2]
    if kind == b"*":
        items = [await _read(reader) for _ in range(max(0, int(rest)))]
        return [item for item in items if not isinstance(item, ValkeyError)]
    raise ValueError(kind)
