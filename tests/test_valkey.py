"""The small client of Valkey, against the real one."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from steward_tenants.valkey import Valkey, ValkeyError
from tests.cluster import Addresses


async def test_counts_and_forgets(addresses: Addresses) -> None:
    valkey, key = Valkey(addresses.redis_url), f"count:{uuid4()}"
    await valkey.ping()
    assert await valkey.add(key, 5, 60) == 5
    assert await asyncio.gather(*(valkey.add(key, 1, 60) for _ in range(20))) == list(range(6, 26))
    library: Redis = Redis.from_url(addresses.redis_url)
    assert 50 < await library.ttl(key) <= 60
    await library.aclose()
    await valkey.close()
    assert await valkey.add(key, 1, 1) == 26, "it connects again"
    await valkey.close()


async def test_a_lost_connection_is_opened_again(addresses: Addresses) -> None:
    valkey = Valkey(addresses.redis_url)
    await valkey.ping()
    assert valkey._streams is not None
    valkey._streams[1].transport.abort()
    with pytest.raises(ValkeyError):
        await valkey.ping()
    await valkey.ping()
    await valkey.close()


async def test_a_refusal_leaves_the_connection_in_step(addresses: Addresses) -> None:
    valkey, key = Valkey(addresses.redis_url), f"text:{uuid4()}"
    library: Redis = Redis.from_url(addresses.redis_url)
    await library.set(key, "no number", ex=60)
    with pytest.raises(ValkeyError):
        await valkey.add(key, 1, 60)
    assert await valkey.add(f"{key}:other", 3, 60) == 3
    await library.aclose()
    await valkey.close()


async def test_a_wrong_password_and_nobody_there_are_told(addresses: Addresses) -> None:
    wrong = addresses.redis_url.replace("://:", "://:not", 1)
    assert wrong != addresses.redis_url
    for url in (wrong, "redis://127.0.0.1:1/0"):
        valkey = Valkey(url)
        with pytest.raises(ValkeyError):
            await valkey.ping()
        await valkey.close()


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    valkey = Valkey(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", seconds=0.2)
    with pytest.raises(ValkeyError):
        await valkey.ping()
    await valkey.close()
    server.close()
    await server.wait_closed()


async def test_reminders_are_kept_up_to_a_number(addresses: Addresses) -> None:
    valkey, key = Valkey(addresses.redis_url), f"ring:{uuid4()}"
    library: Redis = Redis.from_url(addresses.redis_url)
    await valkey.remind(key, 3)
    assert await library.blpop([key], 5) == (key.encode(), b"1")
    await asyncio.gather(*(valkey.remind(key, 3) for _ in range(10)))
    assert await library.llen(key) == 3
    await library.delete(key)
    await library.set(key, "no list", ex=60)
    with pytest.raises(ValkeyError):
        await valkey.remind(key, 3)
    await valkey.ping()
    await library.aclose()
    await valkey.close()


async def test_a_hash_of_numbers_is_read(addresses: Addresses) -> None:
    valkey, key = Valkey(addresses.redis_url), f"tally:{uuid4()}"
    library: Redis = Redis.from_url(addresses.redis_url)
    assert await valkey.counts(key) == {}
    await library.hset(key, mapping={"normal:done": 12, "壹": -3, b"\xff": 1})
    await library.expire(key, 60)
    assert await valkey.counts(key) == {"normal:done": 12, "壹": -3, "\ufffd": 1}
    await library.hset(key, "odd", "no number")
    with pytest.raises(ValkeyError):
        await valkey.counts(key)
    with pytest.raises(ValkeyError):
        await valkey.since(key, 0)
    await valkey.ping()
    await library.aclose()
    await valkey.close()


async def test_members_are_counted_from_a_score_on(addresses: Addresses) -> None:
    valkey, key = Valkey(addresses.redis_url), f"set:{uuid4()}"
    library: Redis = Redis.from_url(addresses.redis_url)
    assert await valkey.since(key, 0) == 0
    await library.zadd(key, {"a": 1, "b": 2.5, "c": 1_795_391_276.25})
    await library.expire(key, 60)
    assert [await valkey.since(key, least) for least in (0, 2.5, 2.6, 1_795_391_276.25, 1e12)] == [3, 2, 1, 1, 0]
    await library.aclose()
    await valkey.close()
