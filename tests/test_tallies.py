"""Light counters tell Prometheus the same as its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from steward_tenants.tallies import Level, Spreads, Tallies

BOUNDS = (0.005, 0.1, 1, 2.5)


def _said(registry: CollectorRegistry) -> set[str]:
    lines = generate_latest(registry).decode().splitlines()
    return {line for line in lines if "_created" not in line}


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9))),
    st.lists(st.floats(0, 5) | st.sampled_from(BOUNDS)),
    st.lists(st.sampled_from((1, -1))),
)
def test_what_is_told(counts: list[tuple[str, int]], values: list[float], moves: list[int]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tallies, counter = Tallies("c", "C.", ("kind",), ours), Counter("c", "C.", ("kind",), registry=theirs)
    spreads = Spreads("h", "H.", ("kind",), BOUNDS, ours)
    histogram = Histogram("h", "H.", ("kind",), buckets=BOUNDS, registry=theirs)
    level, gauge = Level("g", "G.", ours), Gauge("g", "G.", registry=theirs)
    for kind, amount in counts:
        tallies.labels(kind).inc(amount)
        counter.labels(kind).inc(amount)
    for value in values:
        spreads.labels("x").observe(value)
        histogram.labels("x").observe(value)
    for move in moves:
        if move > 0:
            level.tally.inc()
            gauge.inc()
        else:
            level.tally.dec()
            gauge.dec()
    assert _said(ours) == _said(theirs)


def test_a_name_stands_once_and_labels_are_complete() -> None:
    registry = CollectorRegistry()
    tallies = Tallies("c", "C.", ("kind", "outcome"), registry)
    assert tallies.labels("a", "b") is tallies.labels("a", "b")
    with pytest.raises(ValueError, match="2 labels"):
        tallies.labels("a")
    with pytest.raises(ValueError, match="Duplicated"):
        Spreads("c_total", "H.", (), BOUNDS, registry)
