"""Containers to be evaluated, made by hand and at random, as records and as the tables of a cluster generation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from tests.insights.cluster_samples import EC, RATIS, SINGLE, write_rows

from ozone_recon.insights.cluster.tables import HEALTH, OP_STATES, POSSIBLY_MISSING, TABLES
from ozone_recon.insights.containers.health import build as container_health
from ozone_recon.insights.containers.health.rules import ContainerCase, ReplicaNode, ReplicaOnNode, count_racks
from ozone_recon.model.container_health import HealthRules
from ozone_recon.model.datanode_reports import Replica, ReplicaState
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerInfo, ContainerState
from ozone_recon.store.generation import Generation, GenerationBuild

T = TypeVar("T")
RULES = HealthRules()
STRANGE = 0.2
"""How often something is not as it usually is."""
WIDE = ReplicationConfig("EC", data=6, parity=3, codec="rs", chunk=1 << 20)
ALONE = ReplicationConfig("STAND_ALONE", factor=1)
INFO = ContainerInfo(1, "CLOSED", RATIS, "pipeline", 12, 7, 0, "om", 100, suppressed=False)


@dataclass(frozen=True)
class SampleContainer:
    """A container and all that is known of its replicas: what they are, where, and whether they are still there."""

    info: ContainerInfo
    replicas: tuple[tuple[Replica, ReplicaNode, bool], ...] = ()
    possibly_missing: bool = False


@dataclass(frozen=True)
class Cluster:
    """Containers by ascending id, datanodes, and the pipelines that there are."""

    hosts: tuple[ReplicaNode, ...]
    containers: tuple[SampleContainer, ...]
    pipelines: tuple[str, ...] = ("pipeline",)

    def cases(self, rules: HealthRules) -> list[ContainerCase]:
        """As the reference takes them."""
        racks = count_racks(self.hosts)
        return [
            ContainerCase(
                one.info,
                tuple(
                    ReplicaOnNode(replica, host) for replica, host, present in one.replicas if present and host.is_live
                ),
                one.info.pipeline_id in self.pipelines,
                racks,
                rules,
            )
            for one in self.containers
        ]

    def generation(
        self, place: Path, before: Generation | None = None, rules: HealthRules = RULES, now: int = 1000
    ) -> Generation:
        """As the compiled path makes it."""
        with GenerationBuild(place) as build:
            self.write(build)
            container_health.rebuild(build, before, rules, now)
            build.seal()
        return Generation.open(place)

    def write(self, build: GenerationBuild) -> None:
        """The tables of `insights.cluster.tables`."""
        replications = _distinct(one.info.replication for one in self.containers)
        pipelines = _distinct(one.info.pipeline_id for one in self.containers if one.info.pipeline_id)
        origins = _distinct(replica.origin for one in self.containers for replica, *_ in one.replicas)
        first = 0
        containers: list[dict[str, Any]] = []
        replicas: list[dict[str, Any]] = []
        for one in self.containers:
            info = one.info
            numbers = {
                "id": info.container_id,
                "state": ContainerState.__members__.get(info.state, 0),
                "replication": replications.index(info.replication),
                "pipeline": pipelines.index(info.pipeline_id) if info.pipeline_id else -1,
                "blocks": info.number_of_keys,
                "first_replica": first,
            }
            numbers["suppressed"] = POSSIBLY_MISSING if one.possibly_missing else info.suppressed
            containers.append({name: getattr(info, name) for name in ("used_bytes", "sequence_id")} | numbers)
            first += len(one.replicas)
            for replica, host, present in sorted(one.replicas, key=lambda row: self.hosts.index(row[1])):
                numbers = {
                    "datanode": self.hosts.index(host),
                    "present": present,
                    "state": ReplicaState[replica.state],
                    "blocks": replica.number_of_keys,
                    "origin": origins.index(replica.origin),
                }
                names = ("replica_index", "sequence_id", "used_bytes", "data_checksum", "is_empty")
                replicas.append({name: getattr(replica, name) for name in names} | numbers)
        datanodes = [
            {
                "uuid": host.uuid,
                "location": host.location,
                "health": HEALTH.index(host.health),
                "op_state": OP_STATES.index(host.op_state),
            }
            for host in self.hosts
        ]
        tables: dict[str, Sequence[dict[str, Any]]] = {
            "containers": containers,
            "replicas": replicas,
            "datanodes": datanodes,
            "origins": [{"uuid": origin} for origin in origins],
            "pipelines": [{"id": one, "record": "{}" if one in self.pipelines else ""} for one in pipelines],
            "replications": [{name: getattr(one, name) for name in TABLES["replications"]} for one in replications],
        }
        for name, schema in TABLES.items():
            ends = {"first_replica": len(replicas)} if name == "containers" else {}
            write_rows(build, name, schema, tables.get(name, []), **ends)


def _distinct(values: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(values))


def random_cluster(random: Random, containers: int) -> Cluster:
    """Containers of any kind and state, with replicas and datanodes of any; most of them are as they should be."""

    def mostly(usual: T, *others: T) -> T:
        return random.choice(others) if random.random() < STRANGE else usual

    racks = random.randint(1, 4)
    hosts = tuple(
        ReplicaNode(
            f"datanode-{number}",
            mostly("HEALTHY", *HEALTH),
            mostly("IN_SERVICE", *OP_STATES),
            f"/rack-{random.randrange(racks)}",
        )
        for number in range(random.randint(1, 12))
    )
    return Cluster(
        hosts, tuple(_random_container(random, mostly, number, hosts) for number in range(1, containers + 1))
    )


def _random_container(random: Random, mostly: Any, number: int, hosts: Sequence[ReplicaNode]) -> SampleContainer:
    replication = random.choice((RATIS, RATIS, SINGLE, EC, EC, WIDE, ALONE))
    state = random.choice((*ContainerState.__members__, "0", *["CLOSED", "QUASI_CLOSED"] * 4))
    info = replace(
        INFO,
        container_id=number * 3,
        state=state,
        replication=replication,
        pipeline_id=mostly("pipeline", "another", None),
        used_bytes=mostly(12, 0, -1),
        number_of_keys=mostly(7, 0),
        suppressed=random.random() < STRANGE / 4,
    )
    required = replication.required_nodes
    copies = min(mostly(required, *range(required + 4)), len(hosts))
    usual = mostly("CLOSED" if state == "CLOSED" else "QUASI_CLOSED", *ReplicaState.__members__)
    checksum, is_empty, origins = mostly(5, 0), random.random() < STRANGE / 2, random.choice((1, 3, 3))
    replicas = [
        (
            Replica(
                info.container_id,
                mostly(usual, "UNHEALTHY", *ReplicaState.__members__),
                mostly(100, 99, 101),
                7,
                12,
                mostly(at % required + 1, *range(required + 2), 62, 63, -1)
                if replication.kind == "EC"
                else mostly(0, 1),
                mostly(checksum, 0, 6),
                mostly(is_empty, not is_empty),
                f"origin-{mostly(at % origins, *range(3))}",
            ),
            host,
            random.random() > STRANGE / 4,
        )
        for at, host in enumerate(random.sample(hosts, copies))
    ]
    return SampleContainer(info, tuple(replicas), random.random() < STRANGE / 4)
