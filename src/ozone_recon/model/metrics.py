"""Every metric of /prom: its name, its kind, what it says, and a sample of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple


class MetricSample(NamedTuple):
    """What a metric is now, for these values of its labels."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """A metric: `kind` is gauge, counter or histogram, `labels` are the names of its labels."""

    kind: str
    meaning: str
    labels: tuple[str, ...] = ()


HTTP_SECONDS: Final = "ozone_recon_http_request_seconds"

METRICS: Final = {
    "ozone_recon_build_info": MetricDefinition("gauge", "1; its label is our version.", ("version",)),
    HTTP_SECONDS: MetricDefinition("histogram", "Seconds to answer a request.", ("route", "status")),
    "ozone_recon_process_up": MetricDefinition(
        "gauge", "0 while a process of the service hangs or is being replaced, else 1.", ("process",)
    ),
    "ozone_recon_process_replaced_total": MetricDefinition(
        "counter", "Processes of the service that were replaced because they hung or had ended.", ("process", "cause")
    ),
    "ozone_recon_data_directory_free_bytes": MetricDefinition("gauge", "Bytes free where the data directory is."),
    "ozone_recon_disk_full_total": MetricDefinition(
        "counter", "Attempts that ended because the disk was too full, by whose data was to be written.", ("data",)
    ),
    "recon_task_status_metrics_last_updated_timestamp": MetricDefinition(
        "gauge", "When the last run of a task began or ended, in milliseconds since 1970.", ("type",)
    ),
    "recon_task_status_metrics_last_updated_seq_number": MetricDefinition(
        "gauge", "Sequence number of OM's database that a task has taken in.", ("type",)
    ),
    "ozone_recon_task_failed": MetricDefinition("gauge", "1 when the last run of a task failed, else 0.", ("task",)),
    # OM
    "ozone_recon_om_sequence_number": MetricDefinition(
        "gauge", "Sequence number of OM's database at which the data is true."
    ),
    "ozone_recon_om_data_age_seconds": MetricDefinition(
        "gauge", "Seconds since OM last had nothing that is not served."
    ),
    "ozone_recon_om_lag_changes": MetricDefinition("gauge", "Changes that OM had more, when it was last asked."),
    "ozone_recon_om_failures_in_a_row": MetricDefinition(
        "gauge", "Synchronisations with OM that failed since one went well."
    ),
    "ozone_recon_om_generations_total": MetricDefinition(
        "counter", "Generations built, from a checkpoint or from changes.", ("source",)
    ),
    "ozone_recon_om_checkpoints_needed_total": MetricDefinition(
        "counter", "Checkpoints that were needed because changes did not lead on, by cause.", ("cause",)
    ),
    "ozone_recon_om_build_seconds": MetricDefinition(
        "gauge", "Seconds that each stage of building the served generation took.", ("stage",)
    ),
    "ozone_recon_om_unreadable_rows": MetricDefinition(
        "gauge", "Rows of OM's database that cannot be read, and are left out."
    ),
    "ozone_recon_om_conflicting_rows": MetricDefinition(
        "gauge", "Directories of OM's database whose object id an earlier row has; nothing is in these directories."
    ),
    "ozone_recon_om_orphaned_keys": MetricDefinition(
        "gauge",
        "Committed keys below directories that no table of OM's database has; snapshots keep these directories.",
    ),
    # SCM
    "ozone_recon_scm_unreachable": MetricDefinition("gauge", "1 while SCM does not answer, else 0."),
    "ozone_recon_scm_data_age_seconds": MetricDefinition(
        "gauge", "Seconds since all containers were last read from SCM."
    ),
    "ozone_recon_scm_drift_containers": MetricDefinition(
        "gauge", "Containers that SCM had more than we when they were last compared (negative: fewer).", ("state",)
    ),
    "ozone_recon_scm_containers_repaired_total": MetricDefinition(
        "counter", "Containers that were not as SCM had them when they were compared, and were read again."
    ),
    "ozone_recon_scm_suspect_containers": MetricDefinition(
        "gauge", "Containers to be asked for, because datanodes report other than SCM has told."
    ),
    # Datanodes
    "ozone_recon_datanodes": MetricDefinition(
        "gauge", "Datanodes, by their health as heard here and their operational state.", ("health", "state")
    ),
    "ozone_recon_datanodes_awaited": MetricDefinition(
        "gauge", "Living datanodes that have not said yet what they have; containers are judged without doubt after."
    ),
    "ozone_recon_datanode_registrations_total": MetricDefinition("counter", "Registrations of datanodes."),
    "ozone_recon_datanode_heartbeats_total": MetricDefinition("counter", "Heartbeats of datanodes."),
    "ozone_recon_datanode_reports_refused_total": MetricDefinition(
        "counter", "Reports of datanodes that cannot be read."
    ),
    "ozone_recon_datanode_heartbeats_dropped_total": MetricDefinition(
        "counter", "Heartbeats whose reports were dropped because too many waited; all of them are asked for again."
    ),
    "ozone_recon_datanodes_unknown": MetricDefinition(
        "gauge", "Datanodes that have registered and that SCM has not named; their reports wait."
    ),
    "ozone_recon_datanode_reports_waiting": MetricDefinition("gauge", "Reports that wait to be read."),
    "ozone_recon_datanode_reports_waiting_bytes": MetricDefinition("gauge", "Their size."),
    "ozone_recon_storage_bytes": MetricDefinition(
        "gauge", "What the datanodes that are not dead have: capacity, used and remaining.", ("what",)
    ),
    "ozone_recon_failed_volumes": MetricDefinition("gauge", "Volumes of these datanodes that have failed."),
    # Containers
    "ozone_recon_containers": MetricDefinition("gauge", "Containers of SCM, by their state.", ("state",)),
    "ozone_recon_unhealthy_containers": MetricDefinition(
        "gauge", "Containers in each list of unhealthy ones.", ("state",)
    ),
    "ozone_recon_pipelines": MetricDefinition("gauge", "Pipelines, by their state.", ("state",)),
    "ozone_recon_cluster_data_age_seconds": MetricDefinition(
        "gauge", "Seconds since what is served of the cluster was true: the older of its tables and the rest."
    ),
    "ozone_recon_cluster_generations_total": MetricDefinition(
        "counter", "Generations of the cluster's tables written."
    ),
    "ozone_recon_cluster_generation_seconds": MetricDefinition("gauge", "Seconds that the last one took."),
}
"""By their names; docs/operations.md has them too."""
