"""What travels through Redis or Valkey: RQ jobs that say which bell to answer, and nothing else.

Whoever can write to the queue server may write anything. Nothing in a message is imported, called or believed: the
bell that it names must stand in the directory with the same moment, and what is not such a message is dropped.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError, ResponseError
from rq import Queue as RqQueue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from steward_tenants.outbox.jobs import Queue

log = logging.getLogger(__name__)

ANSWER = "steward_workers.bells.answer"
"""What messages say is to be called. It is compared, never looked up."""
KEPT_SECONDS = 24 * 3600
"""A message that nobody fetches is forgotten; its bell is rung again."""
SOCKET_SECONDS = 5.0
NO_LIMIT = -1
"""Messages have no time limit of RQ's: each job in the batch has its own."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ID = re.compile(r"(urgent|normal|bulk)_([0-9a-f-]{36})_(\d{1,4})_(\d{1,18})")


@dataclass(frozen=True)
class Ring:
    """A bell that was rung. `rung_at` tells it from earlier and later rings of the same bell."""

    queue: Queue
    tenant_id: UUID
    slot: int
    rung_at: datetime

    @property
    def message_id(self) -> str:
        """The id of the RQ job that carries it."""
        return f"{self.queue}_{self.tenant_id}_{self.slot}_{(self.rung_at - _EPOCH) // _MICROSECOND}"

    @classmethod
    def named(cls, message_id: str) -> Ring:
        """The ring that a message's id names. Raises ValueError."""
        found = _ID.fullmatch(message_id)
        if found is None:
            raise ValueError("not the id of a ring")
        queue, tenant_id, slot, microseconds = found.groups()
        try:
            rung_at = _EPOCH + int(microseconds) * _MICROSECOND
        except OverflowError as error:
            raise ValueError("not the id of a ring") from error
        return cls(Queue(queue), UUID(tenant_id), int(slot), rung_at)


class RingMessage(Job):
    """An RQ job without RQ's conveniences: no callbacks, webhooks, retries or dependencies, whatever its hash says."""

    def restore(self, raw_data: Any) -> None:
        """Read the hash. Raises NoSuchJobError for what is no message of ours; workers drop it then."""
        try:
            super().restore({key: value for key, value in raw_data.items() if key in _FIELDS})
            Ring.named(self.id)
        except Exception as error:
            raise NoSuchJobError("not a message of a bell") from error
        if self._call() != ANSWER:
            raise NoSuchJobError("not a message of a bell")
        self.timeout = NO_LIMIT

    def _call(self) -> object:
        try:
            return self.func_name
        except Exception:
            return None

    @property
    def func(self) -> Any:
        """There is no function to look up: the worker itself answers bells."""
        raise NoSuchJobError("messages of bells are not called")

    @property
    def ring(self) -> Ring:
        """The ring that it carries."""
        return Ring.named(self.id)


_FIELDS = frozenset({b"data", b"created_at", b"enqueued_at", b"started_at", b"origin", b"status", b"description"})


class RingQueue(RqQueue):
    """An RQ queue of messages of bells; what else stands in it is dropped as it is fetched."""

    job_class = RingMessage

    @classmethod
    def lpop(cls, *given: Any, **named: Any) -> Any:
        """RQ's, which would end the worker at bytes that are no text."""
        found: Any = super().lpop(*given, **named)
        return None if found is None else tuple(_text(word) for word in found)

    @classmethod
    def _fetch_dequeued_job(cls, connection: Any, queue_key: str, job_id: str, *others: Any, **named: Any) -> Any:
        try:
            return super()._fetch_dequeued_job(connection, queue_key, job_id, *others, **named)
        except Exception as error:
            if isinstance(error, RedisError) and not isinstance(error, ResponseError):
                raise
            log.warning("a message that is none was dropped: %s", type(error).__name__)
            return None


def _text(word: str | bytes) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else word


def connect(url: str) -> Redis:
    """A connection to the queue server, opened when it is first used."""
    return Redis.from_url(
        url, socket_timeout=SOCKET_SECONDS, socket_connect_timeout=SOCKET_SECONDS, socket_keepalive=True
    )


def queue_name(queue: Queue) -> str:
    """The name of a queue at the queue server."""
    return f"steward-{queue}"


def queue_at(connection: Redis, queue: Queue) -> RingQueue:
    """A queue at the queue server."""
    return RingQueue(
        queue_name(queue), connection=connection, job_class=RingMessage, serializer=JSONSerializer, default_timeout=-1
    )


def send(connection: Redis, rings: Sequence[Ring]) -> None:
    """Have workers answer these bells, in this order. Raises RedisError."""
    for queue in Queue:
        messages = [
            RqQueue.prepare_data(
                ANSWER,
                args=(queue.value, str(ring.tenant_id), ring.slot),
                job_id=ring.message_id,
                timeout=NO_LIMIT,
                ttl=KEPT_SECONDS,
                result_ttl=0,
                failure_ttl=0,
                description="bell",
            )
            for ring in rings
            if ring.queue is queue
        ]
        if messages:
            queue_at(connection, queue).enqueue_many(messages)


def on_their_way(connection: Redis, queue: Queue) -> set[str]:
    """The ids of the messages that wait in a queue. Raises RedisError."""
    found: Any = connection.lrange(queue_at(connection, queue).key, 0, -1)
    return {name.decode("ascii", "replace") for name in found}


def waiting(connection: Redis, queues: Sequence[Queue]) -> int:
    """How many messages wait in these queues. Raises RedisError."""
    pipeline = connection.pipeline(transaction=False)
    for queue in queues:
        pipeline.llen(queue_at(connection, queue).key)
    counts: list[Any] = pipeline.execute()
    return sum(int(count) for count in counts)
