"""The size of a simulated cluster and the speed of its day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ozone_recon.model.replication import ReplicationConfig

MB: Final = 1 << 20
GB: Final = 1 << 30
CONTAINER_SIZE: Final = GB
BLOCK_SIZE: Final = 256 * MB
THREE: Final = ReplicationConfig("RATIS", 3)
ONE: Final = ReplicationConfig("RATIS", 1)
EC_3_2: Final = ReplicationConfig("EC", data=3, parity=2, codec="rs", chunk=MB)
EC_6_3: Final = ReplicationConfig("EC", data=6, parity=3, codec="rs", chunk=MB)
REPLICATIONS: Final = (THREE, ONE, EC_3_2, EC_6_3)


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a simulation; times are in seconds. Equal plans give equal clusters and days."""

    datanodes: int = 12
    racks: int = 3
    containers: int = 0
    """Replicas on each datanode, at least; containers beyond those that the keys fill hold no key of OM."""
    keys: int = 20_000
    """Keys that exist when the day begins."""
    load: float = 1.0
    """Factor applied to the number of keys that the script writes."""
    day: float = 600.0
    """Duration of the script's 24 hours."""
    seed: int = 1
    heartbeat: float = 2.0
    stale: float = 10.0
    dead: float = 20.0
    """Seconds without a heartbeat after which SCM considers a datanode stale or dead."""
    full_report: float = 60.0
    """Seconds between two full container reports of a datanode."""

    @property
    def hour(self) -> float:
        """Duration of an hour of the script."""
        return self.day / 24

    def fitting(self, replication: ReplicationConfig) -> ReplicationConfig:
        """The replication, or the next smaller one that leaves at least one datanode spare."""
        for smaller in (replication, EC_3_2, THREE, ONE):
            if smaller.required_nodes < max(self.datanodes, 2) and smaller.required_nodes <= replication.required_nodes:
                return smaller
        return ONE
