"""Several workers under one parent, which forks them, forks anew what ends, and takes all of them down together."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import time
from types import FrameType

from sqlalchemy.orm import configure_mappers

from steward_tenants.database.floors import load_floors
from steward_workers.composition import Composition
from steward_workers.kinds import load_kinds
from steward_workers.parent import end_with
from steward_workers.worker import work

log = logging.getLogger(__name__)

STOP_SECONDS = 9.0
"""How long workers may take to finish after SIGTERM; then they are killed, and others are rung for their work."""
RESTART_SECONDS = 0.5
TICK_SECONDS = 0.1
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Pool:
    """`count` workers. Everything is loaded once, before they are forked, and shared by them."""

    def __init__(self, composition: Composition, count: int) -> None:
        self._composition = composition
        self._count = count
        self._workers: set[int] = set()
        self._stopping = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT. From the main thread of a process without other threads."""
        # Once here, not in each work-horse.
        load_floors()
        load_kinds()
        self._composition.database()
        configure_mappers()
        gc.collect()
        gc.freeze()
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        while not self._stopping:
            while len(self._workers) < self._count and not self._stopping:
                self._workers.add(self._fork())
            time.sleep(TICK_SECONDS)
            if self._reap():
                time.sleep(RESTART_SECONDS)
        self._stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _fork(self) -> int:
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        pid = os.fork()
        if pid == 0:
            self._be_worker(parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return pid

    def _be_worker(self, parent: int) -> None:
        code = 1
        try:
            end_with(parent)
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            work(self._composition)
            code = 0
        except BaseException as error:
            log.error("a worker failed: %s", type(error).__name__)  # noqa: TRY400 - no texts
        finally:
            os._exit(code)

    def _reap(self) -> bool:
        """Take note of workers that have ended; True when there are any."""
        ended = {pid for pid in self._workers if os.waitpid(pid, os.WNOHANG)[0] == pid}
        self._workers -= ended
        if ended and not self._stopping:
            log.warning("workers ended and are replaced: %d", len(ended))
        return bool(ended)

    def _stop(self) -> None:
        for pid in self._workers:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._workers and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
            self._reap()
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)
        for pid in self._workers:
            os.waitpid(pid, 0)
        self._workers.clear()
