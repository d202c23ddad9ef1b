"""The text of /prom: what all processes have counted and what is served, as Prometheus reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ozone_recon.api.context import View
from ozone_recon.api.middleware.metrics import BUCKETS, RequestMetrics
from ozone_recon.api.routes.monitoring.samples import samples
from ozone_recon.model.metrics import HTTP_SECONDS, METRICS, MetricSample

_BOUNDS = (*map(str, BUCKETS), "+Inf")


def exposition(view: View, accept: str) -> tuple[bytes, str]:
    """The text in a format that this `Accept` header takes, and its content type."""
    context = view.context
    encode, kind = choose_encoder(accept)
    return encode(_SampleCollector(samples(view), context.metrics.plus(context.other_metrics))), kind


class _SampleCollector(Collector):
    """Our own sums in the place of the library's counters, which are those of one process."""

    def __init__(self, found: Iterable[MetricSample], measured: RequestMetrics) -> None:
        self._found: defaultdict[str, list[MetricSample]] = defaultdict(list)
        for sample in found:
            self._found[sample.name].append(sample)
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        """Every metric of which there is a sample."""
        for name, found in self._found.items():
            about = METRICS[name]
            family = (CounterMetricFamily if about.kind == "counter" else GaugeMetricFamily)(
                name, about.meaning, labels=about.labels
            )
            for sample in found:
                family.add_metric(sample.labels, sample.value)
            yield family
        about = METRICS[HTTP_SECONDS]
        histogram = HistogramMetricFamily(HTTP_SECONDS, about.meaning, labels=about.labels)
        for one in self._measured.answers():
            buckets = list(zip(_BOUNDS, accumulate(one.counts), strict=True))
            histogram.add_metric((one.route, str(one.status)), buckets, one.seconds)
        yield histogram
