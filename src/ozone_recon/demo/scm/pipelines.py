"""Creates and closes the pipelines of a simulated cluster."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ozone_recon.demo.datanodes.datanode import SimulatedDatanode
from ozone_recon.demo.plan import ONE, THREE
from ozone_recon.demo.scm.placement import RackPlacement
from ozone_recon.model import scm
from ozone_recon.model.replication import ReplicationConfig

_PER_DATANODE = 2
"""The number of RATIS/THREE pipelines per datanode."""


@dataclass(slots=True, eq=False)
class SimulatedPipeline:
    """A pipeline; `members` are datanode numbers; the first leads a Ratis pipeline."""

    pipeline_id: str
    number: int
    """Its index among all pipelines ever created."""
    replication: ReplicationConfig
    members: tuple[int, ...]
    created: int
    """Milliseconds since 1970."""

    @property
    def leader(self) -> int | None:
        """The leader's number; None for EC."""
        return None if self.replication.kind == "EC" else self.members[0]


class SimulatedPipelines:
    """The open pipelines."""

    def __init__(
        self, datanodes: Sequence[SimulatedDatanode], ids: list[str], placement: RackPlacement, chance: random.Random
    ) -> None:
        """`ids` collects the ids of all pipelines ever created."""
        self._datanodes, self._ids, self._placement, self._chance = datanodes, ids, placement, chance
        self._open: dict[str, SimulatedPipeline] = {}

    def __iter__(self) -> Iterator[SimulatedPipeline]:
        return iter(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def get(self, pipeline_id: str) -> SimulatedPipeline | None:
        """The open pipeline with this id, or None."""
        return self._open.get(pipeline_id)

    def of(self, replication: ReplicationConfig) -> list[SimulatedPipeline]:
        """The open pipelines of a replication."""
        return [one for one in self if one.replication == replication]

    def make(self, replication: ReplicationConfig, now: int) -> SimulatedPipeline | None:
        """Creates a pipeline; None when there are not enough writable datanodes."""
        members = self._placement.pick(replication.required_nodes)
        return None if members is None else self._add(replication, members, now)

    def _add(self, replication: ReplicationConfig, members: Sequence[int], now: int) -> SimulatedPipeline:
        identity = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        made = SimulatedPipeline(identity, len(self._ids), replication, tuple(members), now)
        self._ids.append(identity)
        self._open[identity] = made
        for member in made.members:
            self._datanodes[member].pipelines[identity] = member == made.leader
        return made

    def close(self, pipeline: SimulatedPipeline) -> None:
        """Closes a pipeline, if it is open."""
        if self._open.pop(pipeline.pipeline_id, None):
            for member in pipeline.members:
                self._datanodes[member].pipelines.pop(pipeline.pipeline_id, None)

    def refill(self, now: int) -> None:
        """Creates missing pipelines: RATIS/ONE on each writable datanode, and enough of RATIS/THREE."""
        alone = {one.members[0] for one in self.of(ONE)}
        writable = [one.number for one in self._datanodes if one.writable]
        for number in writable:
            if number not in alone:
                self._add(ONE, (number,), now)
        wanted = max(1, len(writable) * _PER_DATANODE // THREE.factor)
        for _ in range(len(self.of(THREE)), wanted):
            if self.make(THREE, now) is None:
                return

    def record(self, pipeline: SimulatedPipeline) -> scm.Pipeline:
        """The pipeline as SCM lists it."""
        members = [self._datanodes[member].at_scm for member in pipeline.members]
        coded = pipeline.replication.kind == "EC"
        leader = None if pipeline.leader is None else self._datanodes[pipeline.leader].details.uuid
        return scm.Pipeline(
            pipeline_id=pipeline.pipeline_id,
            state="OPEN",
            replication=pipeline.replication,
            members=tuple(members),
            replica_indexes=tuple(range(1, len(members) + 1)) if coded else (0,) * len(members),
            leader=leader,
            suggested_leader=leader,
            creation_time=pipeline.created,
        )
