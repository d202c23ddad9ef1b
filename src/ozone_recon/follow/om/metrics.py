"""What the synchronisation with an OM counts, for /prom."""

from __future__ import annotations

from ozone_recon.errors import CheckpointCause
from ozone_recon.follow.om.state import OmSyncState
from ozone_recon.model.metrics import MetricSample


def om_samples(state: OmSyncState) -> tuple[MetricSample, ...]:
    """Its state in numbers; what has not happened yet is 0, so that the first time is seen as a change."""
    return (
        MetricSample("ozone_recon_om_lag_changes", state.lag),
        MetricSample("ozone_recon_om_failures_in_a_row", state.failures),
        MetricSample("ozone_recon_om_generations_total", state.built - state.folded, ("checkpoint",)),
        MetricSample("ozone_recon_om_generations_total", state.folded, ("changes",)),
        MetricSample("ozone_recon_disk_full_total", state.disk_full, ("om",)),
        *(
            MetricSample("ozone_recon_om_checkpoints_needed_total", state.needed[cause], (cause.value,))
            for cause in CheckpointCause
        ),
    )
