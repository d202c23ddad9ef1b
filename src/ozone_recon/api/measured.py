"""How often and how fast each route answers, counted for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds in seconds, inclusive; what takes longer is counted too."""


@dataclass(slots=True)
class Measured:
    """Counters since the start, for each route and status."""

    _counts: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    _seconds: dict[tuple[str, int], float] = field(default_factory=dict)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Counts one answer of `route` (its path with parameters in braces)."""
        key = route, status
        counts = self._counts.setdefault(key, [0] * (len(BUCKETS) + 1))
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[key] = self._seconds.get(key, 0.0) + seconds

    def plus(self, *others: Measured) -> Measured:
        """The sums of these and those of others."""
        sums = Measured()
        for one in (self, *others):
            for key, counts in one._counts.items():
                before = sums._counts.get(key, [0] * len(counts))
                sums._counts[key] = [a + b for a, b in zip(before, counts, strict=True)]
                sums._seconds[key] = sums._seconds.get(key, 0.0) + one._seconds[key]
        return sums

    def lines(self) -> Iterator[str]:
        """The counters as Prometheus reads them."""
        name = "ozone_recon_http_request_seconds"
        yield f"# HELP {name} Time to answer a request."
        yield f"# TYPE {name} histogram"
        for (route, status), counts in sorted(self._counts.items()):
            labels = f'route="{route}",status="{status}"'
            total = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                total += count
                yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
            yield f"{name}_sum{{{labels}}} {self._seconds[route, status]:.6f}"
            yield f"{name}_count{{{labels}}} {total}"
