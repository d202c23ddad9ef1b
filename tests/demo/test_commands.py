"""What can be done to a simulated cluster does what it says, or is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.demo.a_day import SMALL, Simulated
from tests.demo.accounts import check, rows

from ozone_recon.demo.refusal import Refused
from ozone_recon.demo.script.words import COMMANDS, parse
from ozone_recon.errors import BadRequest
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import ContainerState

QUIET = 20.0
"""Seconds after which all is done that was begun."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Simulated]:
    simulated = Simulated(tmp_path, SMALL)
    simulated.go_on(1)
    yield simulated
    check(simulated)
    simulated.close()


def test_every_command_is_understood(cluster: Simulated) -> None:
    names = [words.split()[0] for words, _ in COMMANDS]
    assert list(cluster.commands._do) == names
    assert parse("load a/b  5") == ("load", ("a/b", "5", None, None))
    assert parse("load a/b 5 over 2.5 in x/y") == ("load", ("a/b", "5", "2.5", "x/y"))
    assert parse("load a/b 5 in x/y") == ("load", ("a/b", "5", None, "x/y"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("explode", "unknown command"),
        ("kill", "unknown command"),
        ("kill dn-77", "no datanode dn-77"),
        ("load no/bucket 5", "no bucket no/bucket"),
        ("load home/tables 5", "no bucket home/tables"),
        ("load iot/sensors many", "many"),
        ("quota iot/sensors lots", "lots"),
        ("rename warehouse/tables no/key there", "no parent directory for no/key"),
        ("rename iot/sensors no-key there", "no key no-key"),
        ("remove warehouse/tables nowhere", "no directory nowhere"),
        ("complete lake/media nothing", "no upload to"),
        ("finish lake/media nothing", "is not open"),
        ("unsnapshot lake/media none", "no snapshot none"),
        ("replication maybe", "on or off"),
        ("om stop", "not part of this cluster"),
    ],
)
def test_what_is_refused(cluster: Simulated, line: str, why: str) -> None:
    with pytest.raises((BadRequest, Refused), match=why):
        cluster.do(line)


def names(cluster: Simulated, table: str) -> list[str]:
    return [value.key for _, value in rows(cluster, table)]


def directories(cluster: Simulated) -> set[str]:
    return {value.name for _, value in rows(cluster, "directoryTable")}


def test_keys_come_and_go(cluster: Simulated) -> None:
    before = len(rows(cluster, "keyTable"))
    cluster.do("load iot/sensors 20 over 1 in new")
    cluster.go_on(SMALL.hour / 2)
    assert 0 < len(rows(cluster, "openKeyTable")) <= 10
    cluster.go_on(QUIET)
    assert len(rows(cluster, "keyTable")) == before + 20
    assert not rows(cluster, "openKeyTable")
    cluster.do("deletion off", "remove iot/sensors new/")
    assert len(rows(cluster, "keyTable")) == before
    assert len(rows(cluster, "deletedTable")) == 20
    cluster.do("deletion on")
    cluster.go_on(2)
    assert not rows(cluster, "deletedTable")
    assert cluster.world.scm.deleted_blocks.blocks == 20


def test_a_tree_is_renamed_and_removed(cluster: Simulated) -> None:
    cluster.do("load warehouse/tables 6 over 0.1 in a/b/c", "load warehouse/tables 6 over 0.1 in a/d")
    cluster.go_on(QUIET)
    cluster.do("rename warehouse/tables a/b moved/b", "deletion off", "remove warehouse/tables moved")
    assert {"a", "b", "c", "d"} <= directories(cluster)
    assert names(cluster, "deletedDirectoryTable") == ["moved"]
    cluster.do("deletion on")
    cluster.go_on(QUIET)
    assert {"a", "d"} <= directories(cluster)
    assert not {"b", "c", "moved"} & directories(cluster)
    assert not rows(cluster, "deletedDirectoryTable")


def test_a_snapshot_keeps_what_is_deleted(cluster: Simulated) -> None:
    cluster.do("load iot/sensors 5 over 0.1 in kept")
    cluster.go_on(QUIET)
    cluster.do("snapshot iot/sensors before", "remove iot/sensors kept/part")
    cluster.go_on(QUIET)
    assert len(rows(cluster, "deletedTable")) == 5
    cluster.do("unsnapshot iot/sensors before")
    cluster.go_on(QUIET)
    assert not rows(cluster, "deletedTable")


def test_a_quota_is_kept(cluster: Simulated) -> None:
    cluster.do("quota lake/media 100%", "load lake/media 5 over 0.1")
    cluster.go_on(QUIET)
    assert len(cluster.refused) == 1
    cluster.do("quota lake/media none", "load lake/media 5 over 0.1")
    cluster.go_on(QUIET)
    assert len(cluster.refused) == 1


def test_what_a_dead_datanode_had_is_copied_and_is_too_much_when_it_is_back(cluster: Simulated) -> None:
    scm = cluster.world.scm
    dead = scm.datanodes[3]
    had = dead.replicas.containers.tolist()
    cluster.do("kill dn-4")
    cluster.go_on(SMALL.stale + 1)
    assert (dead.health, dead.pipelines) == ("STALE", {})
    cluster.go_on(SMALL.dead + 3 * QUIET)
    assert dead.health == "DEAD"
    alone = [one for one in had if scm.containers.replication(one).required_nodes == 1]
    healed = set(had) - set(alone)
    assert healed
    assert not any(scm.replication.evaluate(one).missing for one in healed)
    assert all(scm.replication.evaluate(one).missing for one in alone)
    cluster.do("replication off", "start dn-04")
    cluster.go_on(1)
    assert all(scm.replication.evaluate(one).surplus for one in healed)
    cluster.do("replication on")
    cluster.go_on(3 * QUIET)
    assert not any(scm.replication.evaluate(one).surplus or scm.replication.evaluate(one).missing for one in had)


def test_a_datanode_leaves_when_all_it_has_is_elsewhere(cluster: Simulated) -> None:
    scm = cluster.world.scm
    leaving = scm.datanodes[0]
    cluster.do("replication off", "decommission dn-1")
    cluster.go_on(QUIET)
    assert leaving.details.op_state == "DECOMMISSIONING"
    assert leaving.waits_for == set(leaving.replicas.containers.tolist())
    cluster.do("replication on")
    cluster.go_on(3 * QUIET)
    assert (leaving.details.op_state, leaving.waits_for) == ("DECOMMISSIONED", set())
    with pytest.raises(Refused, match="is already DECOMMISSIONED"):
        cluster.do("maintenance dn-1")
    cluster.do("recommission dn-1")
    cluster.go_on(3 * QUIET)
    assert leaving.details.op_state == "IN_SERVICE"


def test_replicas_that_are_not_as_they_should_be(cluster: Simulated) -> None:
    scm = cluster.world.scm
    cluster.do("replication off", "corrupt 2")
    bad = [container for one in scm.datanodes for container in one.replicas.in_state(ReplicaState.UNHEALTHY)]
    assert len(bad) == 2
    assert all(scm.replication.evaluate(container).missing for container in bad)
    cluster.do("replication on", "mismatch 3")
    cluster.go_on(QUIET)
    assert not any(one.replicas.in_state(ReplicaState.UNHEALTHY) for one in scm.datanodes)
    uuids = [one.details.uuid for one in scm.datanodes]

    def mismatched() -> int:
        sums: dict[int, set[int]] = {}
        for one in scm.datanodes:
            report = one.replicas.report(scm.containers, uuids)
            for container, checksum in zip(report.container_id.tolist(), report.data_checksum.tolist(), strict=True):
                sums.setdefault(container, set()).add(checksum)
        return sum(len(found) > 1 for found in sums.values())

    assert mismatched() == 3
    cluster.do("repair")
    assert mismatched() == 0


def test_containers_are_closed_as_far_as_they_go(cluster: Simulated) -> None:
    scm = cluster.world.scm
    cluster.do("load iot/sensors 10 over 0.1")
    cluster.go_on(QUIET)
    cluster.do("quasi-close 2")
    cluster.go_on(QUIET)
    states = [ContainerState(int(state)) for state in scm.containers.column("state")]
    assert states.count(ContainerState.QUASI_CLOSED) == 2
    cluster.do("force-close")
    cluster.go_on(QUIET)
    assert ContainerState.QUASI_CLOSED not in set(scm.containers.column("state").tolist())
