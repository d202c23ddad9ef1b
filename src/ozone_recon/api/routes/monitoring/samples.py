"""Samples the gauges and counters of /prom from one view: OM data, synchronisation, SCM, datanodes, containers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from ozone_recon import __version__
from ozone_recon.api.context import Served, View
from ozone_recon.api.routes.cluster.state import task_rows
from ozone_recon.insights.containers.health.build import UNHEALTHY
from ozone_recon.insights.containers.health.pages import count_unhealthy
from ozone_recon.insights.containers.listing import count_states
from ozone_recon.model.cluster import Cluster, sum_of
from ozone_recon.model.metrics import MetricSample
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.disk import free_bytes
from ozone_recon.store.generation import Generation


def samples(view: View) -> Iterator[MetricSample]:
    """Yields all samples except those of HTTP requests; an unknown value has no sample."""
    context = view.context
    yield MetricSample("ozone_recon_build_info", 1, (__version__,))
    directory = context.config.data_dir
    if directory is not None and directory.exists():
        yield MetricSample("ozone_recon_data_directory_free_bytes", free_bytes(directory))
    for task in task_rows(view):
        yield MetricSample("recon_task_status_metrics_last_updated_timestamp", task.timestamp, (task.name,))
        yield MetricSample("recon_task_status_metrics_last_updated_seq_number", task.sequence_number, (task.name,))
        yield MetricSample("ozone_recon_task_failed", float(task.status < 0), (task.name,))
    yield from context.om_metrics()
    for process in context.processes():
        yield MetricSample("ozone_recon_process_up", float(not process.reason), (process.name,))
        yield MetricSample("ozone_recon_process_replaced_total", process.hung, (process.name, "hung"))
        yield MetricSample("ozone_recon_process_replaced_total", process.ended, (process.name, "ended"))
    if view.served:
        yield MetricSample("ozone_recon_om_data_age_seconds", _age(view.om_at))
        yield from _of_om(view.served)
    if view.cluster_at:
        yield MetricSample("ozone_recon_cluster_data_age_seconds", _age(view.cluster_at))
    if view.cluster:
        yield from _of_cluster(view.cluster)
    if view.cluster_generation:
        yield from _of_containers(view.cluster_generation)


def _of_om(served: Served) -> Iterator[MetricSample]:
    yield MetricSample("ozone_recon_om_sequence_number", served.sequence_number)
    about = served.generation.about
    yield MetricSample("ozone_recon_om_unreadable_rows", about.bad_rows)
    if "bucket_accounts" in served.generation:
        tables = served.generation
        yield MetricSample("ozone_recon_om_conflicting_rows", tables.table("namespace_conflicts").rows)
        yield MetricSample(
            "ozone_recon_om_orphaned_keys", float(tables.table("bucket_accounts")["orphaned_keys"].sum())
        )
    for stage, seconds in about.seconds.items():
        yield MetricSample("ozone_recon_om_build_seconds", seconds, (stage,))


def _of_cluster(cluster: Cluster) -> Iterator[MetricSample]:
    yield MetricSample("ozone_recon_scm_unreachable", float(bool(cluster.error)))
    if cluster.scm_at:
        yield MetricSample("ozone_recon_scm_data_age_seconds", _age(cluster.scm_at))
    for state in ContainerState:
        yield MetricSample("ozone_recon_scm_drift_containers", cluster.drift.get(state.name, 0), (state.name,))
    for labels, count in Counter((one.health, one.op_state) for one in cluster.datanodes).items():
        yield MetricSample("ozone_recon_datanodes", count, labels)
    yield MetricSample("ozone_recon_datanodes_awaited", len(cluster.waiting_for))
    storage = sum_of(one.storage for one in cluster.datanodes if one.storage and one.health != "DEAD")
    yield MetricSample("ozone_recon_storage_bytes", storage.capacity, ("capacity",))
    yield MetricSample("ozone_recon_storage_bytes", storage.used, ("used",))
    yield MetricSample("ozone_recon_storage_bytes", storage.remaining, ("remaining",))
    yield MetricSample("ozone_recon_failed_volumes", storage.failed_volumes)
    for pipeline_state, count in Counter(one.state for one in cluster.pipelines).items():
        yield MetricSample("ozone_recon_pipelines", count, (pipeline_state,))
    yield from cluster.counters


def _of_containers(tables: Generation) -> Iterator[MetricSample]:
    states = count_states(tables)
    for state in ContainerState:
        yield MetricSample("ozone_recon_containers", int(states[state]), (state.name,))
    if UNHEALTHY in tables:
        for unhealthy, count in count_unhealthy(tables).items():
            yield MetricSample("ozone_recon_unhealthy_containers", count, (unhealthy.name,))


def _age(at: int) -> float:
    return max(0.0, time.time() - at / 1000)
