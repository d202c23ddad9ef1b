"""What the synchronisation with an OM counts, for /prom."""

from __future__ import annotations

from ozone_recon.errors import CheckpointCause
from ozone_recon.follow.om.state import SyncState
from ozone_recon.model.metrics import Sample


def om_samples(state: SyncState) -> tuple[Sample, ...]:
    """Its state in numbers; what has not happened yet is 0, so that the first time is seen as a change."""
    return (
        Sample("ozone_recon_om_lag_changes", state.lag),
        Sample("ozone_recon_om_failures_in_a_row", state.failures),
        Sample("ozone_recon_om_generations_total", state.built - state.folded, ("checkpoint",)),
        Sample("ozone_recon_om_generations_total", state.folded, ("changes",)),
        Sample("ozone_recon_disk_full_total", state.disk_full, ("om",)),
        *(
            Sample("ozone_recon_om_checkpoints_needed_total", state.needed[cause], (cause.value,))
            for cause in CheckpointCause
        ),
    )
