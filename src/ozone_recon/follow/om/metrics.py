"""Exports the OM synchronisation's state as metrics for /prom."""

from __future__ import annotations

from ozone_recon.errors import CheckpointCause
from ozone_recon.follow.om.state import OmSyncState
from ozone_recon.model.metrics import MetricSample


def om_samples(state: OmSyncState) -> tuple[MetricSample, ...]:
    """Returns the state as samples; counters start at 0, so that Prometheus sees the first event as an increase."""
    return (
        MetricSample("ozone_recon_om_lag_changes", state.lag),
        MetricSample("ozone_recon_om_failures_in_a_row", state.failures),
        MetricSample("ozone_recon_om_generations_total", state.built - state.applied, ("checkpoint",)),
        MetricSample("ozone_recon_om_generations_total", state.applied, ("changes",)),
        MetricSample("ozone_recon_disk_full_total", state.disk_full, ("om",)),
        *(
            MetricSample("ozone_recon_om_checkpoints_needed_total", state.needed[cause], (cause.value,))
            for cause in CheckpointCause
        ),
    )
