"""Figures of the queues: what is due, how old it is, who is on the way. Read when monitoring asks; bounded labels.

`steward_queue_oldest_due_seconds` is the figure to scale workers by: it grows when there are too few of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import text

from steward_tenants.database.database import Database
from steward_tenants.outbox.jobs import Queue
from steward_tenants.valkey import Valkey

TALLY = "steward:jobs"
WORKERS = "steward:workers"
PRESENT_SECONDS = 30.0
"""A worker that did not note itself for so long is gone."""
READ_SECONDS = 2.0

# Tenants by a loose scan: the cost grows with those that have work, not with the work.
FIGURES = text(
    """
    select q.queue,
           coalesce((select extract(epoch from now() - min(d.due)) from directory.doorbell d
                      where d.queue = q.queue and d.due <= now()), 0)::float8 as oldest,
           (select count(*) from directory.bell b where b.queue = q.queue and b.lease_until >= now()) as bells,
           (with recursive waiting(tenant_id, due) as (
              (select d.tenant_id, d.due from directory.doorbell d
                where d.queue = q.queue order by d.tenant_id, d.due limit 1)
              union all
              select n.tenant_id, n.due from waiting w cross join lateral
                (select d.tenant_id, d.due from directory.doorbell d
                  where d.queue = q.queue and d.tenant_id > w.tenant_id order by d.tenant_id, d.due limit 1) n
            ) select count(*) from waiting where due <= now()) as tenants
      from unnest(cast(:queues as text[])) as q(queue)
    """
)


@dataclass(frozen=True)
class QueueFigures:
    """One queue: seconds since its oldest due work was due, tenants with due work, bells on their way."""

    oldest: float
    tenants: int
    bells: int


@dataclass
class Figures:
    """All queues; how many workers there are; numbers of jobs by `queue:outcome`."""

    queues: dict[Queue, QueueFigures] = field(default_factory=dict)
    workers: int = 0
    jobs: dict[str, int] = field(default_factory=dict)


async def read_queues(database: Database) -> dict[Queue, QueueFigures]:
    """What the directory says of each queue."""
    async with database.directory() as directory:
        rows = await directory.rows(FIGURES, {"queues": [queue.value for queue in Queue]})
    return {Queue(row.queue): QueueFigures(row.oldest, row.tenants, row.bells) for row in rows}


async def read_figures(database: Database, valkey: Valkey) -> Figures:
    """All figures. Raises what the servers answer."""
    return Figures(
        await read_queues(database),
        await valkey.since(WORKERS, time.time() - PRESENT_SECONDS),
        await valkey.counts(TALLY),
    )


class QueueMetrics(Collector):
    """The figures for Prometheus, as they were when `refresh` last could read them."""

    def __init__(self, database: Database, valkey: Valkey, registry: CollectorRegistry) -> None:
        self._database = database
        self._valkey = valkey
        self._figures: Figures | None = None
        registry.register(self)

    async def refresh(self) -> None:
        """Read them anew; what cannot be read within two seconds is left out."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                self._figures = await read_figures(self._database, self._valkey)
        except Exception:
            self._figures = None

    def describe(self) -> list[Metric]:
        """Nothing ahead of time."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures as they stand."""
        figures = self._figures
        if figures is None:
            return
        oldest = GaugeMetricFamily(
            "steward_queue_oldest_due_seconds", "Since when the oldest due work waits.", labels=("queue",)
        )
        tenants = GaugeMetricFamily("steward_queue_tenants_due", "Tenants with due work.", labels=("queue",))
        bells = GaugeMetricFamily("steward_queue_bells", "Bells rung and not given back.", labels=("queue",))
        for queue, found in figures.queues.items():
            oldest.add_metric((queue.value,), found.oldest)
            tenants.add_metric((queue.value,), found.tenants)
            bells.add_metric((queue.value,), found.bells)
        jobs = CounterMetricFamily("steward_jobs", "Attempts at jobs.", labels=("queue", "outcome"))
        for name, number in figures.jobs.items():
            queue_name, _, outcome = name.partition(":")
            if queue_name in set(Queue):
                jobs.add_metric((queue_name, outcome), number)
        yield from (oldest, tenants, bells, jobs)
        yield GaugeMetricFamily("steward_workers", "Workers that are there.", value=figures.workers)
