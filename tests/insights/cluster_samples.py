"""Cluster generations for tests: containers with their replicas and datanodes, written table by table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.insights.cluster.tables import HEALTH, OP_STATES, TABLES
from ozone_recon.insights.containers.health.build import BY_CONTAINER, HEALTH_STATES, SIZES, UNHEALTHY
from ozone_recon.insights.containers.health.build import TABLES as HEALTH_TABLES
from ozone_recon.insights.size_bins import CONTAINER_UPPER_BOUNDS
from ozone_recon.model.container_health import UnhealthyContainer
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.columns import dtype_of
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import Schema

RATIS = ReplicationConfig("RATIS", factor=3)
SINGLE = ReplicationConfig("RATIS", factor=1)
EC = ReplicationConfig("EC", data=3, parity=2, codec="rs", chunk=1 << 20)
TAKEN_AT = 1_795_461_700_000


@dataclass(frozen=True)
class Node:
    """A row of `datanodes`."""

    uuid: str
    host: str = "localhost"
    health: str = "HEALTHY"
    op_state: str = "IN_SERVICE"


@dataclass(frozen=True)
class Copy:
    """A row of `replicas`: where it is, as a row of the nodes."""

    datanode: int
    last_seen: int = 2000
    first_seen: int = 1000
    state: ReplicaState = ReplicaState.CLOSED
    present: bool = True
    replica_index: int = 0
    sequence_id: int = 46
    data_checksum: int = 4028331014


@dataclass(frozen=True)
class Container:
    """A row of `containers`, and its replicas."""

    id: int
    state: ContainerState | int = ContainerState.CLOSED
    copies: tuple[Copy, ...] = ()
    replication: ReplicationConfig = RATIS
    pipeline: str | None = None
    used_bytes: int = 12
    blocks: int = 7
    state_enter_time: int = 1_795_461_459_902


def container(container_id: int, *datanodes: int, **more: Any) -> Container:
    """A container with a replica on each of these datanodes."""
    return Container(container_id, copies=tuple(map(Copy, datanodes)), **more)


NODES = tuple(Node(f"aea7371c-5308-497a-a0b3-00000000000{n}", f"dn{n}") for n in range(5))


def cluster_generation(
    place: Path,
    containers: Sequence[Container],
    nodes: Sequence[Node] = NODES,
    unhealthy: Sequence[UnhealthyContainer] | None = None,
) -> Generation:
    """A cluster generation of these; `place` is a directory that is not there yet."""
    with GenerationBuild(place) as build:
        write_containers(build, containers, nodes)
        if unhealthy is not None:
            write_unhealthy(build, unhealthy)
            write_rows(build, HEALTH_STATES, HEALTH_TABLES[HEALTH_STATES], [{}] * len(containers))
        build.about = replace(build.about, taken_at=TAKEN_AT)
        build.seal()
    return Generation.open(place)


def write_containers(build: GenerationBuild, containers: Sequence[Container], nodes: Sequence[Node] = NODES) -> None:
    """The tables of insights.cluster.tables; containers ascend."""
    replications = list(dict.fromkeys(one.replication for one in containers))
    pipelines = list(dict.fromkeys(one.pipeline for one in containers if one.pipeline))
    copies = [copy for one in containers for copy in sorted(one.copies, key=lambda copy: copy.datanode)]
    before = np.cumsum([0, *(len(one.copies) for one in containers)])
    tables: dict[str, list[dict[str, Any]]] = {
        "containers": [
            {
                "id": one.id,
                "state": int(one.state),
                "replication": replications.index(one.replication),
                "pipeline": pipelines.index(one.pipeline) if one.pipeline else -1,
                "used_bytes": one.used_bytes,
                "blocks": one.blocks,
                "state_enter_time": one.state_enter_time,
                "first_replica": int(first),
            }
            for one, first in zip(containers, before[:-1], strict=True)
        ],
        "replicas": [vars(copy) | {"state": int(copy.state), "present": int(copy.present)} for copy in copies],
        "datanodes": [
            {
                "uuid": node.uuid,
                "host": node.host,
                "health": HEALTH.index(node.health),
                "op_state": OP_STATES.index(node.op_state),
            }
            for node in nodes
        ],
        "pipelines": [{"id": pipeline} for pipeline in pipelines],
        "owners": [{"name": "om"}],
        "replications": [{name: getattr(one, name) for name in TABLES["replications"]} for one in replications],
    }
    for name, schema in TABLES.items():
        ends = {"first_replica": len(copies)} if name == "containers" else {}
        write_rows(build, name, schema, tables.get(name, []), **ends)


def write_unhealthy(build: GenerationBuild, unhealthy: Sequence[UnhealthyContainer]) -> None:
    """The tables of container_health that have the lists; of sizes, three bins have 0, 1, 2 containers in turn."""
    rows = sorted(unhealthy, key=lambda one: (one.state, one.container_id))
    values = [one._asdict() | {"container": one.container_id, "state": int(one.state)} for one in rows]
    by_container = sorted(range(len(rows)), key=lambda row: (rows[row].container_id, rows[row].state))
    write_rows(build, UNHEALTHY, HEALTH_TABLES[UNHEALTHY], values)
    write_rows(build, BY_CONTAINER, HEALTH_TABLES[BY_CONTAINER], [{"row": row} for row in by_container])
    sizes = [{"upper_bound": bound, "containers": number % 3} for number, bound in enumerate(CONTAINER_UPPER_BOUNDS)]
    write_rows(build, SIZES, HEALTH_TABLES[SIZES], sizes)


def write_rows(build: GenerationBuild, name: str, schema: Schema, rows: Sequence[dict[str, Any]], **ends: int) -> None:
    """A table of these rows; what one does not say is 0 or empty. `ends` are those of its columns of starts."""
    with build.create(name, schema) as writer:
        writer.append(
            **{
                column: ByteColumn.of(str(row.get(column, "")).encode() for row in rows)
                if kind == "bytes"
                else np.array([row.get(column, 0) for row in rows], dtype_of(kind))
                for column, kind in schema.items()
            }
        )
        writer.end(**ends)
