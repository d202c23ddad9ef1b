"""What the process that follows the cluster is told to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ozone_recon.config.cluster_settings import ClusterSettings
from ozone_recon.logs import LogSettings


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """Follow the cluster, and keep what is known of it in the directory `place`."""

    settings: ClusterSettings
    place: Path
    logs: LogSettings = field(default_factory=LogSettings)
