"""Prometheus metrics of one process. Labels are route templates and status classes: bounded, and of no person."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy.pool import QueuePool

from steward_tenants.database.database import Database
from steward_tenants.tallies import Level, Spreads, Tallies


class Metrics:
    """The metrics of one application; each application has a registry of its own."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self.requests = Tallies(
            "steward_http_requests", "Answered requests.", ("method", "route", "status"), self.registry
        )
        self.seconds = Spreads(
            "steward_http_request_seconds",
            "Time to answer, in seconds.",
            ("method", "route"),
            (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            self.registry,
        )
        self.in_flight = Level("steward_http_in_flight", "Requests being answered.", self.registry).tally
        busy = Gauge("steward_database_connections_busy", "Connections in use.", ("pool",), registry=self.registry)
        for name, engine in (("application", database.application), ("directory", database.directory_engine)):
            pool = engine.pool
            if isinstance(pool, QueuePool):
                busy.labels(name).set_function(pool.checkedout)
