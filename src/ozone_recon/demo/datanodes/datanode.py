"""Models a simulated datanode: its identity, its replicas and disk, and the messages it sends to Recon."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from ozone_recon.demo.datanodes import messages
from ozone_recon.demo.datanodes.replicas import SimulatedReplicas
from ozone_recon.demo.plan import GB, Plan
from ozone_recon.demo.scm.containers import SimulatedContainers
from ozone_recon.model.datanode_reports import PipelineReport, Software, StorageReport
from ozone_recon.model.scm import DatanodeDetails

Health = Literal["HEALTHY", "STALE", "DEAD"]
_PORTS: Final = (
    ("HTTP", 9882),
    ("CLIENT_RPC", 19864),
    ("REPLICATION", 9886),
    ("RATIS", 9858),
    ("RATIS_ADMIN", 9857),
    ("RATIS_SERVER", 9856),
    ("STANDALONE", 9859),
)
_REVISION: Final = "c5a1095a"
AT_SCM: Final = 3
"""The level of a datanode in SCM's network topology: root, rack, datanode."""
_SPARE: Final = 4
"""The capacity of a datanode, as a multiple of the bytes it holds when the day begins."""


@dataclass(slots=True)
class SimulatedDatanode:
    """A datanode; `number` is its index in the cluster."""

    number: int
    details: DatanodeDetails
    """Its details as it reports them."""
    software: Software
    storage: str
    capacity: int = 100 * GB
    running: bool = True
    health: Health = "HEALTHY"
    """Its health as SCM sees it."""
    last_seen: float = 0.0
    """Time of its last heartbeat to SCM, in seconds since 1970."""
    replicas: SimulatedReplicas = field(default_factory=SimulatedReplicas)
    pipelines: dict[str, bool] = field(default_factory=dict)
    """Pipeline id → whether this datanode leads the pipeline."""
    waits_for: set[int] = field(default_factory=set)
    """Containers that must be replicated elsewhere before it can leave service."""
    leaving_since: int = 0
    """When decommissioning or maintenance began, in milliseconds since 1970."""
    unacknowledged: tuple[bytes, ...] = ()
    """Incremental reports that Recon has not answered yet; they are sent again."""

    @property
    def name(self) -> str:
        """The first label of its host name."""
        return self.details.host_name.partition(".")[0]

    @property
    def rack(self) -> str:
        """Its network location."""
        return self.details.network_location

    @property
    def at_scm(self) -> DatanodeDetails:
        """Its details as SCM gives them out."""
        return replace(self.details, level=AT_SCM)

    @property
    def writable(self) -> bool:
        """Whether new replicas may be placed on it."""
        return self.health == "HEALTHY" and self.details.op_state == "IN_SERVICE"

    def enter(self, op_state: str) -> None:
        """Sets its operational state."""
        self.details = replace(self.details, op_state=op_state)

    def volume(self, containers: SimulatedContainers) -> StorageReport:
        """The storage report of its only disk."""
        ids = self.replicas.containers
        used = int(containers.column("used_bytes", ids).sum())
        reserved = self.capacity // 100
        return StorageReport(
            uuid=self.storage,
            location="/data/hdds",
            storage_type="DISK",
            capacity=self.capacity,
            used=used,
            remaining=self.capacity - used,
            committed=0,
            free_space_to_spare=self.capacity // 50,
            reserved=reserved,
            filesystem_capacity=self.capacity + reserved,
            filesystem_available=self.capacity + reserved - used,
            failed=False,
        )

    def make_room(self, containers: SimulatedContainers) -> None:
        """Sizes its disk so that there is room for more than it holds."""
        used = int(containers.column("used_bytes", self.replicas.containers).sum())
        self.capacity = max(self.capacity, -(-_SPARE * used // GB) * GB)

    def node_report(self, containers: SimulatedContainers) -> bytes:
        """A NodeReportProto."""
        return messages.node_report((self.volume(containers),))

    def pipeline_report(self) -> bytes:
        """A PipelineReportsProto."""
        return messages.pipeline_reports(tuple(PipelineReport(*one) for one in self.pipelines.items()))

    def registration(self, containers: SimulatedContainers, uuids: Sequence[str]) -> bytes:
        """Encodes the registration, with full reports of its disk, replicas and pipelines."""
        self.unacknowledged = ()
        reports = messages.Reports(
            node=self.node_report(containers),
            containers=messages.container_report(self.replicas.report(containers, uuids)),
            pipelines=self.pipeline_report(),
        )
        return messages.registration(self.details, self.software, reports)

    def heartbeat(
        self, containers: SimulatedContainers, uuids: Sequence[str], *, full: bool, with_node_report: bool
    ) -> bytes:
        """Encodes a heartbeat with the replicas changed since the last one.

        `full` sends a full container report instead, `with_node_report` adds reports of the disk and the pipelines.
        Changes are repeated in each heartbeat until `acknowledge` is called.
        """
        if full:
            self.unacknowledged, replicas = (), messages.container_report(self.replicas.report(containers, uuids))
        else:
            self.unacknowledged += tuple(map(messages.container_report, self.replicas.changes(containers, uuids)))
            replicas = None
        reports = messages.Reports(
            node=self.node_report(containers) if with_node_report else None,
            containers=replicas,
            increments=self.unacknowledged,
            pipelines=self.pipeline_report() if with_node_report else None,
        )
        return messages.heartbeat(self.details, reports)

    def acknowledge(self) -> None:
        """Drops the changes that Recon has received."""
        self.unacknowledged = ()


def make_datanodes(plan: Plan, chance: random.Random, now: int) -> list[SimulatedDatanode]:
    """Makes the datanodes of a plan, spread over its racks in turn; `now` is in milliseconds since 1970."""
    digits = len(str(plan.datanodes))

    def make(number: int) -> SimulatedDatanode:
        rack = number % plan.racks + 1
        identity = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        details = DatanodeDetails(
            uuid=identity,
            ip_address=f"10.{rack}.{number // 250}.{number % 250 + 1}",
            host_name=f"dn-{number + 1:0{digits}}.demo",
            ports=_PORTS,
            network_name=identity,
            network_location=f"/rack-{rack}",
            level=0,
            op_state="IN_SERVICE",
            op_state_expiry=0,
            current_version=3,
            cert_serial_id=None,
        )
        set_up = now - chance.randrange(365 * 86_400_000)
        storage = f"DS-{uuid.UUID(int=chance.getrandbits(128), version=4)}"
        return SimulatedDatanode(number, details, Software("2.2.0", _REVISION, set_up), storage)

    return [make(number) for number in range(plan.datanodes)]
