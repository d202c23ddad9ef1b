"""Counts requests and response times per route and status, for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds in seconds, inclusive; a last bucket counts slower responses."""

NO_ROUTE = "none"
"""The route of requests that no route answers."""


class RouteMetrics(NamedTuple):
    """The histogram of a route and status: `counts` has the number of responses in each bucket, not cumulative.

    `seconds` is the sum of the response times.
    """

    route: str
    status: int
    counts: tuple[int, ...]
    seconds: float


@dataclass(slots=True)
class RequestMetrics:
    """Histograms of response times since the start, per route and status."""

    _counts: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    _seconds: dict[tuple[str, int], float] = field(default_factory=dict)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Counts a response of `route` (its path with parameters in braces)."""
        key = route, status
        counts = self._counts.setdefault(key, [0] * (len(BUCKETS) + 1))
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[key] = self._seconds.get(key, 0.0) + seconds

    def plus(self, *others: RequestMetrics) -> RequestMetrics:
        """Returns the sum of these metrics and `others`."""
        sums = RequestMetrics()
        for one in (self, *others):
            for key, counts in one._counts.items():
                before = sums._counts.get(key, [0] * len(counts))
                sums._counts[key] = [a + b for a, b in zip(before, counts, strict=True)]
                sums._seconds[key] = sums._seconds.get(key, 0.0) + one._seconds[key]
        return sums

    def answers(self) -> Iterator[RouteMetrics]:
        """Yields the histograms, sorted by route and status."""
        for (route, status), counts in sorted(self._counts.items()):
            yield RouteMetrics(route, status, tuple(counts), self._seconds[route, status])
