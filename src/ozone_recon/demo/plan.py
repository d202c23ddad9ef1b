"""How large a simulated cluster is, and how fast its day goes by."""

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
    """What to simulate; times are seconds. The same plan and seed give the same cluster and the same day."""

    datanodes: int = 12
    racks: int = 3
    containers: int = 0
    """On each datanode, at least; beyond what the keys fill there are such that hold no key of OM's."""
    keys: int = 20_000
    """That are there when the day begins."""
    load: float = 1.0
    """How many times as much as its script says is written in a day."""
    day: float = 600.0
    """How long the 24 hours of the script take."""
    seed: int = 1
    heartbeat: float = 2.0
    stale: float = 10.0
    dead: float = 20.0
    """Silence after which SCM takes a datanode for stale, and for dead."""
    full_report: float = 60.0
    """Between two reports of all replicas of a datanode."""

    @property
    def hour(self) -> float:
        """How long an hour of the script takes."""
        return self.day / 24

    def fitting(self, replication: ReplicationConfig) -> ReplicationConfig:
        """The replication, or the next smaller one for which there are datanodes, with one to spare."""
        for smaller in (replication, EC_3_2, THREE, ONE):
            if smaller.required_nodes < max(self.datanodes, 2) and smaller.required_nodes <= replication.required_nodes:
                return smaller
        return ONE
