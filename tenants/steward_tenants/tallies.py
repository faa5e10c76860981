"""Counters and histograms of the hot path: plain numbers of one thread, which Prometheus reads when it is asked.

Those of `prometheus_client` take a lock and check themselves at every increment; some nine of them in a request cost a
tenth of a small read. These are for code that runs in an event loop, where nobody else increments at the same moment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally:
    """A number that is counted up, or for a gauge down as well."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1) -> None:
        """Count."""
        self.value += amount

    def dec(self, amount: float = 1) -> None:
        """Count down."""
        self.value -= amount


class Spread:
    """How often values were at most each of some bounds, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = (*bounds, float("inf"))
        self.counts = [0] * len(self.bounds)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Take one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """The bounds as Prometheus writes them, each with the number of values up to it."""
        names = (floatToGoString(bound) for bound in self.bounds)  # type: ignore[no-untyped-call]
        return list(zip(names, map(float, accumulate(self.counts)), strict=True))


class _Family(Collector):
    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self.name = name
        self.text = text
        self.names = tuple(labels)
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Its metric without values, so that a name stands in one family only."""
        return [self._metric()]

    def _metric(self) -> Metric:
        raise NotImplementedError


class Tallies(_Family):
    """Counters of one name by labels: `labels(…)` gives one, which callers keep."""

    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._known: dict[tuple[str, ...], Tally] = {}
        super().__init__(name, text, labels, registry)

    def labels(self, *values: str) -> Tally:
        """The counter with these values of the labels."""
        if len(values) != len(self.names):
            raise ValueError(f"{self.name} has {len(self.names)} labels")
        return self._known.setdefault(values, Tally())

    def _metric(self) -> Metric:
        return CounterMetricFamily(self.name, self.text, labels=self.names)

    def collect(self) -> Iterator[Metric]:
        """The counts as they stand."""
        family = CounterMetricFamily(self.name, self.text, labels=self.names)
        for values, tally in list(self._known.items()):
            family.add_metric(values, tally.value)
        yield family


class Level(_Family):
    """A gauge without labels."""

    def __init__(self, name: str, text: str, registry: CollectorRegistry) -> None:
        self.tally = Tally()
        super().__init__(name, text, (), registry)

    def _metric(self) -> Metric:
        return GaugeMetricFamily(self.name, self.text)

    def collect(self) -> Iterator[Metric]:
        """The level as it stands."""
        yield GaugeMetricFamily(self.name, self.text, value=self.tally.value)


class Spreads(_Family):
    """Histograms of one name by labels, over common bounds."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._bounds = bounds
        self._known: dict[tuple[str, ...], Spread] = {}
        super().__init__(name, text, labels, registry)

    def labels(self, *values: str) -> Spread:
        """The histogram with these values of the labels."""
        if len(values) != len(self.names):
            raise ValueError(f"{self.name} has {len(self.names)} labels")
        return self._known.setdefault(values, Spread(self._bounds))

    def _metric(self) -> Metric:
        return HistogramMetricFamily(self.name, self.text, labels=self.names)

    def collect(self) -> Iterator[Metric]:
        """The counts as they stand."""
        family = HistogramMetricFamily(self.name, self.text, labels=self.names)
        for values, spread in list(self._known.items()):
            family.add_metric(values, spread.buckets(), spread.total)
        yield family
