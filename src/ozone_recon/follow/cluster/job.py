"""The job of the cluster process: its settings and data directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ozone_recon.config.cluster_settings import ClusterSettings
from ozone_recon.logs import LogSettings


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """Follow the cluster and publish its state in `directory`."""

    settings: ClusterSettings
    directory: Path
    logs: LogSettings = field(default_factory=LogSettings)
