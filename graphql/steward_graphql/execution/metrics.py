"""Prometheus metrics of the engine. Labels are closed lists: bounded, and of no tenant or person."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge

from steward_tenants.tallies import Spreads, Tallies

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)


class EngineMetrics:
    """The metrics of one engine, in `registry` (default: one of its own)."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        cache = Tallies(
            "steward_graphql_cache",
            "Look-ups of documents and plans, and what had to go.",
            ("cache", "outcome"),
            self.registry,
        )
        self.document_hits = cache.labels("documents", "hit")
        self.document_misses = cache.labels("documents", "miss")
        self.document_evictions = cache.labels("documents", "evicted")
        self.plan_hits = cache.labels("plans", "hit")
        self.plan_misses = cache.labels("plans", "miss")
        self.plan_evictions = cache.labels("plans", "evicted")
        self.compile_seconds = Spreads(
            "steward_graphql_compile_seconds", "Time to compile a plan.", (), _FAST, self.registry
        ).labels()
        self.statement_seconds = Spreads(
            "steward_graphql_statement_seconds",
            "Time until a compiled statement is answered, waiting included.",
            (),
            _FAST,
            self.registry,
        ).labels()
        self.requests = Tallies(
            "steward_graphql_requests",
            "Answered operations by kind (query, mutation, subscription, none) and outcome"
            " (answered, errors, refused).",
            ("kind", "outcome"),
            self.registry,
        )
        self.answered_queries = self.requests.labels("query", "answered")
        self.points = Tallies("steward_graphql_cost_points", "Points that requests cost.", (), self.registry).labels()
        self._waiting = Gauge(
            "steward_graphql_statements_waiting",
            "Statements that wait for a connection or their answer.",
            registry=self.registry,
        )

    def watch_queue(self, waiting: Callable[[], float]) -> None:
        """Have the gauge of waiting statements ask `waiting`."""
        self._waiting.set_function(waiting)
