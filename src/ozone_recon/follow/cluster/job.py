"""What the process that follows the cluster is told to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ozone_recon.insights.cluster.datanode_health import Intervals
from ozone_recon.logs import LogSettings
from ozone_recon.model.container_health import HealthRules
from ozone_recon.sources.hadoop_rpc.client import RpcSettings


@dataclass(frozen=True, slots=True)
class ScmPace:
    """Seconds between two askings for the same, and from the start to the first for all containers."""

    containers: float = 21600.0
    containers_delay: float = 0.0
    counts: float = 60.0
    pipelines: float = 300.0
    info: float = 30.0


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Which SCMs to ask, where to hear datanodes, how patient to be. Times are seconds."""

    scms: Mapping[str, str]
    """Where they take calls, by their node ids."""
    rpc: RpcSettings
    host: str
    """Where datanodes report."""
    port: int
    intervals: Intervals = field(default_factory=Intervals)
    look: float = 3.0
    """Between two looks at which datanodes are silent."""
    pace: ScmPace = field(default_factory=ScmPace)
    patience: float = 300.0
    """How long to wait for datanodes to say what they have, before containers are judged without them."""
    judging: float = 300.0
    """How long what has changed may wait to be judged, however large the cluster is."""
    sizes: float = 60.0
    """How long what changes nothing but sizes and times may wait to be shown."""
    rules: HealthRules = field(default_factory=HealthRules)
    https: bool = False
    """Whether datanodes' web servers speak https alone."""
    pending_pause: float = 30.0
    """Between two askings of all datanodes what they have still to delete."""
    pending_patience: float = 600.0
    """For one of these."""


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """Follow the cluster, and keep what is known of it in the directory `place`."""

    settings: ClusterSettings
    place: Path
    logs: LogSettings = field(default_factory=LogSettings)
