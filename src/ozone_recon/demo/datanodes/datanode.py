"""A simulated datanode: who it is, what it has, and what it tells Recon."""

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
"""The level of a datanode in SCM's tree: below the root and its rack."""
_SPARE: Final = 4
"""How many times what it holds at first a datanode has room for."""


@dataclass(slots=True)
class SimulatedDatanode:
    """A datanode; `number` is its place among all."""

    number: int
    details: DatanodeDetails
    """As it knows itself."""
    software: Software
    storage: str
    capacity: int = 100 * GB
    running: bool = True
    health: Health = "HEALTHY"
    """As SCM sees it."""
    heard: float = 0.0
    """When SCM last did."""
    replicas: SimulatedReplicas = field(default_factory=SimulatedReplicas)
    pipelines: dict[str, bool] = field(default_factory=dict)
    """Ids of those that it is in, and whether it leads there."""
    waits_for: set[int] = field(default_factory=set)
    """Containers that have to be elsewhere before it may leave service."""
    leaving_since: int = 0
    unheard: tuple[bytes, ...] = ()
    """Reports of changes that Recon has not answered yet, and will get again."""

    @property
    def name(self) -> str:
        """Its host's first name."""
        return self.details.host_name.partition(".")[0]

    @property
    def rack(self) -> str:
        """Its network location."""
        return self.details.network_location

    @property
    def at_scm(self) -> DatanodeDetails:
        """As SCM knows it."""
        return replace(self.details, level=AT_SCM)

    @property
    def writable(self) -> bool:
        """Whether something new may be put there."""
        return self.health == "HEALTHY" and self.details.op_state == "IN_SERVICE"

    def enter(self, op_state: str) -> None:
        """Has it in another operational state."""
        self.details = replace(self.details, op_state=op_state)

    def volume(self, containers: SimulatedContainers) -> StorageReport:
        """Its disk."""
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
        """Gives it a disk on which there is room for more than it has."""
        used = int(containers.column("used_bytes", self.replicas.containers).sum())
        self.capacity = max(self.capacity, -(-_SPARE * used // GB) * GB)

    def node_report(self, containers: SimulatedContainers) -> bytes:
        """A NodeReportProto."""
        return messages.node_report((self.volume(containers),))

    def pipeline_report(self) -> bytes:
        """A PipelineReportsProto."""
        return messages.pipeline_reports(tuple(PipelineReport(*one) for one in self.pipelines.items()))

    def registration(self, containers: SimulatedContainers, uuids: Sequence[str]) -> bytes:
        """The request with which it begins, and says all that it has."""
        self.unheard = ()
        reports = messages.Reports(
            node=self.node_report(containers),
            containers=messages.container_report(self.replicas.report(containers, uuids)),
            pipelines=self.pipeline_report(),
        )
        return messages.registration(self.details, self.software, reports)

    def heartbeat(
        self, containers: SimulatedContainers, uuids: Sequence[str], *, whole: bool, now_and_then: bool
    ) -> bytes:
        """The request with which it says that it is there, and what has changed.

        `whole` adds all its replicas, `now_and_then` its disk and its pipelines. Changes are said again until
        `answered` is called.
        """
        if whole:
            self.unheard, replicas = (), messages.container_report(self.replicas.report(containers, uuids))
        else:
            self.unheard += tuple(map(messages.container_report, self.replicas.changes(containers, uuids)))
            replicas = None
        reports = messages.Reports(
            node=self.node_report(containers) if now_and_then else None,
            containers=replicas,
            increments=self.unheard,
            pipelines=self.pipeline_report() if now_and_then else None,
        )
        return messages.heartbeat(self.details, reports)

    def answered(self) -> None:
        """Says that Recon has answered."""
        self.unheard = ()


def make_datanodes(plan: Plan, chance: random.Random, now: int) -> list[SimulatedDatanode]:
    """Those of the plan, on its racks in turn. `now` is in milliseconds; they were set up in the year before."""
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
