"""Prometheus metrics of one process. Labels are route templates and status classes: bounded, and of no person."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy.pool import QueuePool

from steward_tenants.database.database import Database


class Metrics:
    """The metrics of one application; each application has a registry of its own."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "steward_http_requests",
            "Answered requests.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "steward_http_request_seconds",
            "Time to answer, in seconds.",
            ("method", "route"),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.in_flight = Gauge("steward_http_in_flight", "Requests being answered.", registry=self.registry)
        busy = Gauge("steward_database_connections_busy", "Connections in use.", ("pool",), registry=self.registry)
        for name, engine in (("application", database.application), ("directory", database.directory_engine)):
            pool = engine.pool
            if isinstance(pool, QueuePool):
                busy.labels(name).set_function(pool.checkedout)
