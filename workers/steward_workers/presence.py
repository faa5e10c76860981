"""Who is at work: workers note themselves at the queue server, and what they did is counted there.

Nothing depends on it but figures, and how many bells a tenant may have at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from redis import Redis

from steward_tenants.outbox.jobs import Queue
from steward_workers.metrics import PRESENT_SECONDS, TALLY, WORKERS


def note(connection: Redis, name: str) -> None:
    """A worker is here. Raises RedisError."""
    now = time.time()
    pipeline = connection.pipeline(transaction=False)
    pipeline.zadd(WORKERS, {name: now})
    pipeline.zremrangebyscore(WORKERS, 0, now - PRESENT_SECONDS)
    pipeline.execute()


def leave(connection: Redis, name: str) -> None:
    """A worker ends. Raises RedisError."""
    connection.zrem(WORKERS, name)


def present(connection: Redis) -> int:
    """How many workers are here. Raises RedisError."""
    count: Any = connection.zcount(WORKERS, time.time() - PRESENT_SECONDS, "+inf")
    return int(count)


def count(connection: Redis, queue: Queue, outcomes: Mapping[str, int]) -> None:
    """Add to the numbers of jobs by queue and outcome. Raises RedisError."""
    pipeline = connection.pipeline(transaction=False)
    for outcome, number in outcomes.items():
        pipeline.hincrby(TALLY, f"{queue}:{outcome}", number)
    if outcomes:
        pipeline.execute()
