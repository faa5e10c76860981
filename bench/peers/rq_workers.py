"""RQ's own workers as they come: `python -m bench.peers.rq_workers URL COUNT`."""

from __future__ import annotations

import multiprocessing
import sys

from redis import Redis
from rq import Worker

import bench.peers.nothing  # noqa: F401 - before the fork: a work-horse that imports it is slower for it

QUEUE = "bench"


def _work(url: str) -> None:
    Worker([QUEUE], connection=Redis.from_url(url)).work(logging_level="ERROR")


if __name__ == "__main__":
    workers = [multiprocessing.Process(target=_work, args=(sys.argv[1],)) for _ in range(int(sys.argv[2]))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
