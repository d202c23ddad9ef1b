"""A server that follows an unhealthy cluster, made of the test builders' tables and records."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn
from tests.insights.cluster_samples import EC, Container, Copy, Node, write_containers

from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context
from ozone_recon.config import Config
from ozone_recon.insights.containers.health import build as container_health
from ozone_recon.model.cluster import (
    CONTAINER_HEALTH,
    PIPELINE_SYNC,
    SCM_SYNC,
    Cluster,
    ClusterTask,
    Datanode,
    DecommissioningDatanode,
    StorageTotals,
)
from ozone_recon.model.container_health import HealthRules
from ozone_recon.model.datanode_reports import LayoutVersion, ReplicaState, Software
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.requests import ClusterRequest, Removal, RemoveDatanodes, Synchronise
from ozone_recon.model.scm import (
    ContainerState,
    DatanodeDetails,
    DecommissionProgress,
    DeletedBlocksSummary,
    PendingContainers,
    Pipeline,
)
from ozone_recon.server.http import served_from
from ozone_recon.store.generation import Generation, GenerationBuild

HEALTH = {"dn3": "DEAD", "dn4": "STALE", "dn5": "HEALTHY_READONLY"}
OP_STATES = {"dn6": "DECOMMISSIONING", "dn7": "IN_MAINTENANCE"}
HOSTS = tuple(f"dn{n}" for n in range(9))
RATIS = ReplicationConfig("RATIS", factor=3)
LAST = 150
"""The last container id; 1 to 11 hold the sample's keys, and SCM does not have 10."""
UNDER = (6, *range(20, 90))
GIB = 1 << 30


def uuid_of(host: str) -> str:
    return f"aea7371c-5308-497a-a0b3-00000000000{host[2:]}"


def pipeline_id(number: int) -> str:
    return f"f29ca2da-2bbf-4a4f-a6c3-{number:012}"


def now() -> int:
    return int(time.time() * 1000)


def details(host: str) -> DatanodeDetails:
    number = HOSTS.index(host)
    uuid, op_state = uuid_of(host), OP_STATES.get(host, "IN_SERVICE")
    address, rack = f"10.0.0.{number}", f"/rack{number % 3}"
    return DatanodeDetails(uuid, address, host, (), uuid, rack, 3, op_state, 0, 3, None)


def datanode(host: str) -> Datanode:
    """A datanode; its disk use grows with its number, and dn8 has a failed disk."""
    number = HOSTS.index(host)
    capacity, used = 4000 * GIB, (300 + 400 * number) * GIB
    health = HEALTH.get(host, "HEALTHY")
    return Datanode(
        details(host),
        health,
        OP_STATES.get(host, "IN_SERVICE"),
        now() - {"DEAD": 3_600_000, "STALE": 400_000}.get(health, 2000 + 500 * number),
        StorageTotals(capacity, used, capacity - used - 100 * GIB, 20 * GIB, 80 * GIB, 40 * GIB, capacity + 40 * GIB,
                capacity - used - 100 * GIB, int(host == "dn8")),
        Software("2.2.0", "95bda680b952", 1_795_458_627_802),
        LayoutVersion(10, 10),
        90 + number,
        0 if health == "DEAD" else number,
    )  # fmt: skip


def pipelines() -> tuple[Pipeline, ...]:
    """Two Ratis/THREE pipelines, one of them without a leader; an EC pipeline; five Ratis/ONE pipelines."""

    def of(number: int, replication: ReplicationConfig, *hosts: str, leader: str | None) -> Pipeline:
        members = tuple(map(details, hosts))
        indexes = tuple(range(1, len(hosts) + 1)) if replication is EC else (0,) * len(hosts)
        lead = leader and uuid_of(leader)
        return Pipeline(
            pipeline_id(number), "OPEN", replication, members, indexes, lead, lead, now() - number * 3_600_000
        )

    single = ReplicationConfig("RATIS", factor=1)
    return (
        of(1, RATIS, "dn0", "dn1", "dn2", leader="dn1"),
        of(2, RATIS, "dn2", "dn4", "dn5", leader=None),
        of(3, EC, "dn0", "dn1", "dn2", "dn5", "dn8", leader=None),
        *(of(10 + n, single, host, leader=host) for n, host in enumerate(("dn0", "dn1", "dn2", "dn5", "dn8"))),
    )


def tables(directory: Path) -> Generation:
    """Containers with some in nearly every list; the missing container 2 has keys in the sample."""
    at = now()

    def copy(node: int, **more: Any) -> Copy:
        return Copy(node, last_seen=at - 1000 * node, first_seen=at - 86_400_000, **more)

    def container(number: int) -> Container:
        blocks, used = 40 + number, number << 22
        enter = at - number * 60_000
        common: dict[str, Any] = {"used_bytes": used, "blocks": blocks, "state_enter_time": enter}
        common["pipeline"] = pipeline_id(1)
        whole = (copy(0), copy(1), copy(2))
        match number:
            case 2:
                return Container(number, copies=(copy(3), copy(4, present=False)), **common)
            case 3:
                return Container(number, copies=(copy(0), copy(1), copy(2), copy(8)), **common)
            case 4:
                return Container(number, copies=(copy(0), copy(1, data_checksum=17), copy(2)), **common)
            case 5:
                copies = tuple(copy(node, replica_index=n + 1) for n, node in enumerate((0, 1, 2, 5, 8)))
                return Container(number, copies=copies, replication=EC, **common)
            case 6:
                quasi = tuple(copy(node, state=ReplicaState.QUASI_CLOSED) for node in (0, 1))
                return Container(number, ContainerState.QUASI_CLOSED, quasi, **common)
            case 7:
                return Container(number, ContainerState.CLOSING, used_bytes=0, blocks=0)
            case 8 | 9:
                return Container(number, ContainerState.OPEN, tuple(copy(n, state=ReplicaState.OPEN) for n in range(3)),
                                 **common)  # fmt: skip
            case 11 | 12:
                return Container(number, ContainerState.DELETED, **common)
            case _ if number in UNDER:
                return Container(number, copies=(copy(0), copy(1), copy(3)), **common)
            case _:
                return Container(number, copies=whole, **common)

    containers = [container(number) for number in range(1, LAST + 1) if number != 10]
    nodes = [Node(uuid_of(h), h, HEALTH.get(h, "HEALTHY"), OP_STATES.get(h, "IN_SERVICE")) for h in HOSTS]
    return _written(directory, containers, nodes)


def healthy_tables(directory: Path) -> Generation:
    """Healthy containers only."""
    copies = tuple(Copy(node, last_seen=now(), first_seen=now()) for node in range(3))
    return _written(
        directory, [Container(n, copies=copies) for n in range(1, 12)], [Node(uuid_of(h), h) for h in HOSTS]
    )


def _written(directory: Path, containers: Sequence[Container], nodes: Sequence[Node]) -> Generation:
    """Writes the tables; unhealthy containers have been unhealthy for 50 minutes."""
    with GenerationBuild(directory) as build:
        write_containers(build, containers, nodes)
        container_health.rebuild(build, None, HealthRules(), now() - 3_000_000)
        build.about = replace(build.about, taken_at=now())
        build.seal()
    return Generation.open(directory)


def cluster() -> Cluster:
    """The cluster's state: SCM does not respond, and dn6 is decommissioning."""
    at = now()
    waits_for = (PendingContainers("UnClosed", (8, 9)), PendingContainers("UnderReplicated", tuple(UNDER[:12])))
    return Cluster(
        at=at,
        scm_at=at - 40_000,
        datanodes=tuple(map(datanode, HOSTS)),
        pipelines=pipelines(),
        open_containers_of={pipeline_id(1): 2},
        decommissioning=(
            DecommissioningDatanode(details("dn6"), DecommissionProgress("dn6", at - 5_400_000, 1, 12, 2), waits_for),
        ),
        deleted_blocks=DeletedBlocksSummary(12, 340, 5 * GIB, 15 * GIB),
        tasks=(
            ClusterTask(SCM_SYNC, at - 40_000, at - 41_000),
            ClusterTask(PIPELINE_SYNC, at - 9_000, at - 10_000, error="dn-scm:9860: connection refused"),
            ClusterTask(CONTAINER_HEALTH, at - 30_000, at - 31_000),
        ),
    )


def healthy() -> Cluster:
    """A healthy cluster."""
    datanodes = tuple(
        replace(datanode(host), health="HEALTHY", op_state="IN_SERVICE", last_heartbeat=now()) for host in HOSTS[:3]
    )
    return Cluster(at=now(), scm_at=now(), datanodes=datanodes, pipelines=pipelines()[:1])


@dataclass
class Followed:
    """A running server with its address and context."""

    address: str
    context: Context
    loop: asyncio.AbstractEventLoop

    def knows(self, known: Cluster | None, tables: Generation | None) -> None:
        """Replaces the server's cluster state."""

        def change() -> None:
            self.context.cluster, self.context.cluster_generation = known, tables
            changed.set()

        changed = threading.Event()
        self.loop.call_soon_threadsafe(change)
        changed.wait(10)


@contextmanager
def following(om: Generation, tables: Generation, port: int) -> Iterator[Followed]:
    """Runs a server on this port."""

    async def ask(request: ClusterRequest[Any]) -> Any:
        """Stands in for the cluster process."""
        if isinstance(request, Synchronise):
            return True
        assert isinstance(request, RemoveDatanodes)
        known = context.cluster
        assert known
        gone = tuple(one for one in known.datanodes if one.details.uuid in request.datanodes)
        context.cluster = replace(known, at=now(), datanodes=tuple(d for d in known.datanodes if d not in gone))
        return Removal(removed=gone)

    context = Context(Config.load(), lambda: om.about.tasks, lambda: True)
    context.cluster, context.cluster_generation, context.ask_cluster = cluster(), tables, ask
    context.serve(replace(served_from(om), sequence_number=1988, taken_at=now()))
    server = uvicorn.Server(uvicorn.Config(create_app(context), port=port, lifespan="off", log_config=None))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve()))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), f"nothing can listen on port {port}"
            time.sleep(0.05)
        yield Followed(f"http://127.0.0.1:{port}", context, loop)
    finally:
        server.should_exit = True
        thread.join(30)
        loop.close()
