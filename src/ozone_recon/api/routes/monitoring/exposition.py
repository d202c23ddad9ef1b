"""Renders /prom: the metrics of all processes in Prometheus' exposition formats."""

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
    """Returns the metrics in the format negotiated by the `Accept` header, and its content type."""
    context = view.context
    encode, kind = choose_encoder(accept)
    return encode(_SampleCollector(samples(view), context.metrics.plus(context.other_metrics))), kind


class _SampleCollector(Collector):
    """Collects metrics summed over all worker processes; prometheus_client's counters cover only one process."""

    def __init__(self, all_samples: Iterable[MetricSample], measured: RequestMetrics) -> None:
        self._samples: defaultdict[str, list[MetricSample]] = defaultdict(list)
        for sample in all_samples:
            self._samples[sample.name].append(sample)
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        """Yields every metric that has a sample."""
        for name, named in self._samples.items():
            about = METRICS[name]
            family = (CounterMetricFamily if about.kind == "counter" else GaugeMetricFamily)(
                name, about.meaning, labels=about.labels
            )
            for sample in named:
                family.add_metric(sample.labels, sample.value)
            yield family
        about = METRICS[HTTP_SECONDS]
        histogram = HistogramMetricFamily(HTTP_SECONDS, about.meaning, labels=about.labels)
        for one in self._measured.answers():
            buckets = list(zip(_BOUNDS, accumulate(one.counts), strict=True))
            histogram.add_metric((one.route, str(one.status)), buckets, one.seconds)
        yield histogram
