"""Defines every metric of /prom: name, type, help text and labels; and a sample of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple


class MetricSample(NamedTuple):
    """The current value of a metric for one set of label values."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """A metric: `kind` is gauge, counter or histogram; `labels` are label names, `meaning` is the help text."""

    kind: str
    meaning: str
    labels: tuple[str, ...] = ()


HTTP_SECONDS: Final = "ozone_recon_http_request_seconds"

METRICS: Final = {
    "ozone_recon_build_info": MetricDefinition(
        "gauge", "Always 1; the label is the version of ozone-recon.", ("version",)
    ),
    HTTP_SECONDS: MetricDefinition("histogram", "HTTP request duration in seconds.", ("route", "status")),
    "ozone_recon_process_up": MetricDefinition(
        "gauge", "1 while the process is alive and responsive; 0 while it hangs or is being replaced.", ("process",)
    ),
    "ozone_recon_process_replaced_total": MetricDefinition(
        "counter", "Processes replaced because they hung or exited.", ("process", "cause")
    ),
    "ozone_recon_data_directory_free_bytes": MetricDefinition(
        "gauge", "Free bytes on the file system of the data directory."
    ),
    "ozone_recon_disk_full_total": MetricDefinition(
        "counter", "Writes that failed because the disk was full, by the data being written.", ("data",)
    ),
    "recon_task_status_metrics_last_updated_timestamp": MetricDefinition(
        "gauge", "Time at which the last run of the task began or ended, in milliseconds since 1970.", ("type",)
    ),
    "recon_task_status_metrics_last_updated_seq_number": MetricDefinition(
        "gauge", "Sequence number of OM's database up to which the task has processed changes.", ("type",)
    ),
    "ozone_recon_task_failed": MetricDefinition("gauge", "1 if the last run of the task failed, else 0.", ("task",)),
    # OM
    "ozone_recon_om_sequence_number": MetricDefinition(
        "gauge", "Sequence number of OM's database at which the served data was current."
    ),
    "ozone_recon_om_data_age_seconds": MetricDefinition(
        "gauge", "Age of the served OM data: seconds since it was last known to be current."
    ),
    "ozone_recon_om_lag_changes": MetricDefinition(
        "gauge", "Changes in OM that are not served yet, as of the last poll."
    ),
    "ozone_recon_om_failures_in_a_row": MetricDefinition("gauge", "Consecutive failed synchronizations with OM."),
    "ozone_recon_om_generations_total": MetricDefinition(
        "counter", "Generations built, by source: a checkpoint or changes.", ("source",)
    ),
    "ozone_recon_om_checkpoints_needed_total": MetricDefinition(
        "counter", "Checkpoints required because OM's changes could not be applied, by cause.", ("cause",)
    ),
    "ozone_recon_om_build_seconds": MetricDefinition(
        "gauge", "Duration of each build stage of the served generation, in seconds.", ("stage",)
    ),
    "ozone_recon_om_unreadable_rows": MetricDefinition(
        "gauge", "Rows of OM's database that cannot be decoded and are skipped."
    ),
    "ozone_recon_om_conflicting_rows": MetricDefinition(
        "gauge", "Directories of OM's database with the object id of an earlier row; they are shown empty."
    ),
    "ozone_recon_om_orphaned_keys": MetricDefinition(
        "gauge",
        "Committed keys whose parent directory is in no table of OM's database, because only a snapshot keeps it.",
    ),
    # SCM
    "ozone_recon_scm_unreachable": MetricDefinition("gauge", "1 while SCM is unreachable, else 0."),
    "ozone_recon_scm_data_age_seconds": MetricDefinition(
        "gauge", "Seconds since the last full read of SCM's containers."
    ),
    "ozone_recon_scm_drift_containers": MetricDefinition(
        "gauge", "Containers in SCM minus containers here, as of the last comparison.", ("state",)
    ),
    "ozone_recon_scm_containers_repaired_total": MetricDefinition(
        "counter", "Containers that differed from SCM in a comparison and were re-read."
    ),
    "ozone_recon_scm_suspect_containers": MetricDefinition(
        "gauge", "Containers to be re-read from SCM because datanode reports contradict its state."
    ),
    # Datanodes
    "ozone_recon_datanodes": MetricDefinition(
        "gauge", "Datanodes, by health as seen by Recon and by operational state.", ("health", "state")
    ),
    "ozone_recon_datanodes_awaited": MetricDefinition(
        "gauge",
        "Live datanodes that have not sent a full container report yet; container health is final once this is 0.",
    ),
    "ozone_recon_datanode_registrations_total": MetricDefinition("counter", "Datanode registrations received."),
    "ozone_recon_datanode_heartbeats_total": MetricDefinition("counter", "Datanode heartbeats received."),
    "ozone_recon_datanode_reports_refused_total": MetricDefinition(
        "counter", "Datanode reports rejected because they cannot be decoded."
    ),
    "ozone_recon_datanode_heartbeats_dropped_total": MetricDefinition(
        "counter",
        "Heartbeats whose reports were dropped because the queue was full; the datanodes are asked for full reports.",
    ),
    "ozone_recon_datanodes_unknown": MetricDefinition(
        "gauge", "Registered datanodes that SCM has not listed yet; their reports are queued."
    ),
    "ozone_recon_datanode_reports_waiting": MetricDefinition("gauge", "Datanode reports in the queue."),
    "ozone_recon_datanode_reports_waiting_bytes": MetricDefinition(
        "gauge", "Size of the datanode reports in the queue, in bytes."
    ),
    "ozone_recon_storage_bytes": MetricDefinition(
        "gauge", "Storage of the datanodes that are not dead: capacity, used and remaining bytes.", ("what",)
    ),
    "ozone_recon_failed_volumes": MetricDefinition("gauge", "Failed volumes of the datanodes that are not dead."),
    # Containers
    "ozone_recon_containers": MetricDefinition("gauge", "Containers in SCM, by state.", ("state",)),
    "ozone_recon_unhealthy_containers": MetricDefinition("gauge", "Unhealthy containers, by health state.", ("state",)),
    "ozone_recon_pipelines": MetricDefinition("gauge", "Pipelines, by state.", ("state",)),
    "ozone_recon_cluster_data_age_seconds": MetricDefinition(
        "gauge", "Age of the served cluster data in seconds: that of its oldest part."
    ),
    "ozone_recon_cluster_generations_total": MetricDefinition(
        "counter", "Generations of the cluster tables published."
    ),
    "ozone_recon_cluster_generation_seconds": MetricDefinition(
        "gauge", "Duration of the last build of the cluster tables, in seconds."
    ),
}
"""The metrics by name; a test keeps the table in docs/operations.md equal."""
