"""Ozone's own replication manager says of random containers what we do: its classes, run without a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.insights.health_samples import Cluster, random_cluster
from tests.real_cluster import needs_cluster
from tools.cluster.install import fetch_jars
from tools.cluster.real import LIB

from ozone_recon.insights.containers.health.rules import ContainerCase, evaluate
from ozone_recon.model.container_health import HealthRules, HealthState, PlacementPolicy
from ozone_recon.model.scm import ContainerState

JUDGE = Path(__file__).with_name("JudgeContainers.java")
POLICIES = {
    PlacementPolicy.ANYWHERE: "Random",
    PlacementPolicy.RACK_AWARE: "RackAware",
    PlacementPolicy.RACK_SCATTER: "RackScatter",
}
CLUSTERS, CONTAINERS = 120, 400

pytestmark = needs_cluster()


def random_rules(random: Random) -> HealthRules:
    return HealthRules(
        random.randint(0, 4),
        random.randint(0, 4),
        random.randint(1, 4),
        random.randint(1, 3),
        random.choice(list(PlacementPolicy)),
        random.choice(list(PlacementPolicy)),
    )


def lines_of(cluster: Cluster, cases: list[ContainerCase], rules: HealthRules) -> Iterator[str]:
    """What JudgeContainers reads."""
    for key, value in {
        "hdds.scm.replication.maintenance.replica.minimum": rules.maintenance_replicas,
        "hdds.scm.replication.maintenance.remaining.redundancy": rules.maintenance_redundancy,
        "hdds.scm.replication.quasi.closed.stuck.best.origin.copies": rules.best_origin_copies,
        "hdds.scm.replication.quasi.closed.stuck.other.origin.copies": rules.other_origin_copies,
    }.items():
        yield f"set {key} {value}"
    package = "org.apache.hadoop.hdds.scm.container.placement.algorithms"
    yield f"set ozone.scm.container.placement.impl {package}.SCMContainerPlacement{POLICIES[rules.placement]}"
    yield f"set ozone.scm.container.placement.ec.impl {package}.SCMContainerPlacement{POLICIES[rules.ec_placement]}"
    for host in cluster.hosts:
        yield f"host {host.health or '-'} {host.op_state or '-'} {host.location}"
    for case in cases:
        info, kind = case.container, case.container.replication
        replication = f"{kind.kind} {kind.factor} {kind.data} {kind.parity}"
        pipeline = str(case.has_pipeline).lower()
        yield f"container {info.state} {replication} {pipeline} {info.number_of_keys} {info.sequence_id}"
        for replica, host in case.replicas:
            origin, is_empty = replica.origin.removeprefix("origin-"), str(replica.is_empty).lower()
            where = f"{cluster.hosts.index(host)} {replica.state} {replica.sequence_id} {replica.replica_index}"
            yield f"replica {where} {is_empty} {origin}"
    yield "judge"


def fits(case: ContainerCase) -> bool:
    """Whether Ozone judges it at all."""
    parts = case.ec_replicas if case.kind == "EC" else case.replicas
    known = case.container.state in ContainerState.__members__
    return known and not case.container.suppressed and len(parts) == len(case.replicas)


def test_ozone_says_the_same_of_every_container() -> None:
    fetch_jars(LIB)
    lines: list[str] = []
    asked: list[ContainerCase] = []
    for seed in range(CLUSTERS):
        random = Random(seed)
        rules = HealthRules() if seed % 2 else random_rules(random)
        cluster = random_cluster(random, CONTAINERS)
        cases = [case for case in cluster.cases(rules) if fits(case)]
        lines += lines_of(cluster, cases, rules)
        asked += cases
    done = subprocess.run(
        ["java", "-cp", f"{LIB}/*", JUDGE],
        input="\n".join(lines) + "\n",
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    said = [HealthState[name] for name in done.stdout.split()]
    other = [f"{case}\n{theirs!r}" for case, theirs in zip(asked, said, strict=True) if evaluate(case) is not theirs]
    assert not other, f"{len(other)} of {len(asked)}:\n" + "\n\n".join(other[:3])
    assert set(said) == set(HealthState)
