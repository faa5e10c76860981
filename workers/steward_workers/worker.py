"""An RQ worker that answers bells: it fetches messages, forks a work-horse for each, and watches over it.

Differences from RQ's: a work-horse ends with its worker and a worker with its pool, however they go; no message is
believed or called; commands sent through the queue server are not listened to; SIGTERM lets the work-horse finish its
job, settle and give its bell back; a work-horse that is gone leaves nothing behind at the queue server, since its bell
is rung again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import time
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

from redis.exceptions import RedisError
from rq import Worker
from rq.exceptions import StopRequested
from rq.utils import now

from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.ringing import ring_with
from steward_tenants.valkey import Valkey
from steward_workers import inquest, presence
from steward_workers.answering import Answered, Bench, answer
from steward_workers.composition import Composition
from steward_workers.inquest import AtWork
from steward_workers.messages import Ring, RingMessage, RingQueue, connect, queue_at, send, waiting
from steward_workers.parent import end_with
from steward_workers.ring import Ringer

log = logging.getLogger(__name__)

MONITOR_SECONDS = 5
WORKER_TTL = 20
"""RQ waits for messages for 15 seconds less, and notes itself in between."""
SIGNALS = {signal.SIGTERM, signal.SIGINT}
RECONNECT_SECONDS = 0.5
INQUEST_SECONDS = 10.0
NICENESS = 10
"""How much a work-horse steps back on this machine once its batch is no longer short; it ends with the batch."""


class BellWorker(Worker):
    """One worker process. `work` returns after SIGTERM."""

    exponential_backoff_factor = 1.5
    max_connection_wait_time = 2.0
    log_job_description = False
    log_result_lifespan = False

    def __init__(self, composition: Composition) -> None:
        connection = connect(composition.redis_url)
        super().__init__(
            [queue_at(connection, queue) for queue in Queue],
            name=f"steward-{uuid4().hex}",
            connection=connection,
            job_class=RingMessage,
            queue_class=RingQueue,
            serializer="json",
            worker_ttl=WORKER_TTL,
            job_monitoring_interval=MONITOR_SECONDS,
            log_job_description=False,
        )
        self.composition = composition
        self.at_work = AtWork()

    def bootstrap(self, *_: Any, **__: Any) -> None:
        """Be known to the queue server. Takes no commands from it and leaves the logs as they are."""
        self.register_birth()  # type: ignore[no-untyped-call]
        self.subscribe()
        presence.note(self.connection, self.name)

    def subscribe(self) -> None:
        """Not at all: whoever reaches the queue server could stop workers and end jobs. Also, no thread is forked."""

    def unsubscribe(self) -> None:
        """Nothing to end."""

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """RQ's, and that this worker is here."""
        super().heartbeat(timeout, pipeline)
        if pipeline is None:
            presence.note(self.connection, self.name)

    def register_death(self) -> None:
        """Be forgotten; a queue server that does not answer forgets by itself."""
        with suppress(RedisError):
            super().register_death()  # type: ignore[no-untyped-call]
            presence.leave(self.connection, self.name)

    def get_heartbeat_ttl(self, job: Any, working_time: float = 0.0) -> int:  # noqa: ARG002 - as RQ calls it
        """A worker that was killed is known to be gone within seconds, not minutes."""
        return max(15, 3 * MONITOR_SECONDS)

    def run_maintenance_tasks(self) -> None:
        """Forget what killed workers left. RQ's own would fail or retry messages, and call what they name."""
        self.last_cleaned_at = now()  # type: ignore[assignment] # RQ declares None alone
        pipeline = self.connection.pipeline(transaction=False)
        for queue in self.queues:
            pipeline.zremrangebyscore(queue.started_job_registry.key, 0, time.time() - MONITOR_SECONDS)
        pipeline.execute()

    def handle_warm_shutdown_request(self) -> None:
        """Have the work-horse finish too."""
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def handle_work_horse_killed(self, job: Any, retpid: Any, ret_val: Any, rusage: Any) -> None:  # noqa: ARG002
        """Have the failure of what it did noted, by another process: this one has no connection to the database."""
        found = self.at_work.read()
        if found is None or not ret_val or not os.WIFSIGNALED(ret_val) or self._stop_requested:
            return
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            self._hold_inquest(parent, *found, os.WTERMSIG(ret_val))
        os.waitpid(pid, 0)

    def _hold_inquest(self, parent: int, ring: Ring, job_id: UUID | None, number: int) -> None:
        async def hold() -> None:
            database = self.composition.database()
            try:
                async with asyncio.timeout(INQUEST_SECONDS):
                    await inquest.hold(database, ring, job_id, inquest.error_for(number))
            finally:
                await database.dispose()

        try:
            end_with(parent)
            for signal_number in SIGNALS:
                signal.signal(signal_number, signal.SIG_IGN)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            asyncio.run(hold())
        except BaseException as error:
            log.error("a failure was not noted: %s", type(error).__name__)  # noqa: TRY400 - no texts
        finally:
            os._exit(0)

    def handle_job_failure(self, job: Any, queue: Any, *_: Any, execution: Any = None, **__: Any) -> None:  # noqa: ARG002
        """A work-horse ended before its time: the message goes, its bell is rung again."""
        log.warning("a work-horse ended before its time")
        self._forget(job, execution)

    def maintain_heartbeats(self, job: Any, execution: Any) -> None:
        """While a work-horse is at work; a queue server that does not answer does not end it."""
        with suppress(RedisError):
            super().maintain_heartbeats(job, execution)
            presence.note(self.connection, self.name)

    def fork_work_horse(self, job: Any, queue: Any) -> None:
        """Fork with signals held back, until the work-horse has handlers of its own."""
        self.at_work.write()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            super().fork_work_horse(job, queue)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def main_work_horse(self, job: Any, queue: Any) -> None:
        """The forked process: answers the bell and ends."""
        code = 1
        try:
            end_with(self.pid or 0)
            random.seed()
            self._is_horse = True
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            code = 0 if self.perform_job(job, queue, self.execution) else 1
        except BaseException as error:
            log.error("a work-horse failed: %s", type(error).__name__)  # noqa: TRY400 - no texts
        finally:
            os._exit(code)

    def perform_job(self, job: Any, queue: Any, execution: Any) -> bool:  # noqa: ARG002 - as RQ calls it
        """Answer the bell, send it on when there is more to do, forget the message."""
        answered = asyncio.run(self._answer(job))
        with suppress(RedisError):  # what is not sent is rung again
            if answered.again is not None:
                send(self.connection, [answered.again])
            presence.count(self.connection, job.ring.queue, answered.outcomes)
            self._forget(job, execution)
        return True

    async def _answer(self, job: RingMessage) -> Answered:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        queues = list(Queue)
        ahead = queues[: queues.index(job.ring.queue) + 1]

        def others_wait() -> bool:
            try:
                return waiting(self.connection, ahead) > 0
            except RedisError:
                return False

        ringer = Ringer(Valkey(self.composition.redis_url))
        ring_with(ringer.ring)
        database = self.composition.database()
        try:
            tools = self.composition.tools()
            bench = Bench(database, tools, others_wait, lambda: os.nice(NICENESS), stop, self.at_work)
            return await answer(bench, job.ring)
        finally:
            ring_with(None)
            await ringer.close()
            await database.dispose()

    def _forget(self, job: Any, execution: Any) -> None:
        with suppress(RedisError), self.connection.pipeline() as pipeline:
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.delete(job.key)
            pipeline.execute()


def work(composition: Composition) -> None:
    """Answer bells until SIGTERM or SIGINT; through any outage of the queue server, with a worker made anew."""
    logging.getLogger("rq.worker").setLevel(logging.ERROR)
    while True:
        worker = BellWorker(composition) if _reachable(composition) else None
        if worker is not None:
            with suppress(RedisError):
                worker.work(logging_level=None)
            if worker._shutdown_requested_date is not None:
                return
        try:
            time.sleep(RECONNECT_SECONDS)
        except StopRequested:
            return


def _reachable(composition: Composition) -> bool:
    connection = connect(composition.redis_url)
    try:
        return bool(connection.ping())
    except RedisError:
        return False
    finally:
        connection.close()
