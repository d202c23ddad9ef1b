"""The process that follows the cluster, with an SCM and datanodes that talk to it over the network."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.decode.cluster.datanode_messages import container_report, heartbeat, replica
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, PIPELINE
from tests.decode.om.om_messages import blob
from tests.eventually import eventually
from tests.follow.cluster_world import S, World, a_world, registered, say, watching

from ozone_recon.config.cluster_settings import ScmPace
from ozone_recon.errors import NotReady
from ozone_recon.model.metrics import METRICS, MetricSample
from ozone_recon.model.requests import (
    GetPendingBlocks,
    RemoveDatanodes,
    StopSynchronising,
    Synchronise,
)
from ozone_recon.processes import child
from ozone_recon.store.generation import Generation
from ozone_recon.wire.ozone import datanode_calls


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path / "cluster") as world:
        yield world


def replicas(generation: Generation) -> list[tuple[int, int]]:
    """Container and how many replicas it has."""
    containers, rows = generation.table("containers"), generation.table("replicas")
    bounds = pairwise(containers["first_replica"].tolist())
    counts = [int(rows["present"][start:end].sum()) for start, end in bounds]
    return list(zip(containers["id"].tolist(), counts, strict=True))


def test_a_cluster_is_followed(world: World) -> None:
    settings = world.settings(sizes_interval=1.0)
    with watching(world, settings) as watch:
        waiting = world.cluster(lambda cluster: cluster.pipelines and cluster.scm)
        assert len(waiting.waiting_for) == 2
        early = world.generation(lambda generation: generation.table("containers").rows == 3)
        assert early.table("container_health").rows == 0, "datanodes have not said what they have"
        say(settings, registered(NODE, 1, 2, 3))
        say(settings, registered(OTHER_NODE, 1))
        evaluated = world.generation(lambda generation: generation.table("container_health").rows)
        assert replicas(evaluated) == [(1, 2), (2, 1), (3, 1)]
        cluster = world.cluster(lambda cluster: not cluster.waiting_for)
        assert [one.containers for one in cluster.datanodes] == [3, 1]
        assert cluster.open_containers_of == {PIPELINE: 1}
        assert cluster.error == ""
        # Nothing has changed since.
        world.cluster(lambda cluster: cluster.tables_at > evaluated.taken_at)
        assert MetricSample("ozone_recon_datanode_registrations_total", 2) in cluster.counters
        assert all(len(one.labels) == len(METRICS[one.name].labels) for one in cluster.counters)
        assert {"ContainerHealthTask", "ContainerSizeCountTask", "PipelineSyncTask"} <= {
            task.name for task in cluster.tasks if task.timestamp and not task.error
        }
        say(settings, heartbeat(reports=blob(4, container_report(replica(9)))))
        world.scm.containers[9] = S.CLOSED
        world.generation(lambda generation: (9, 1) in replicas(generation))
        world.scm.containers[4] = S.OPEN
        # No datanode has it yet.
        world.generation(lambda generation: (4, 0) in replicas(generation))
        assert eventually(lambda: watch.ask(Synchronise()).result(20)), "no round is running any more"
        assert eventually(lambda: not watch.ask(StopSynchronising()).result(20)), "nothing is left to stop"
        removal = watch.ask(RemoveDatanodes((NODE, "nobody"))).result(20)
        assert (list(removal.refused), removal.not_found) == ([NODE], ("nobody",))
        first = watch.ask(GetPendingBlocks()).result(20)
        assert first.polling
        while (pending := watch.ask(GetPendingBlocks()).result(20)).polling:
            pass
        assert pending.pending == {NODE: -1, OTHER_NODE: -1}, "they have no web server"


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGBUS])
def test_after_a_death_all_is_as_it_was_published_and_heals(world: World, death: signal.Signals) -> None:
    # There is nothing to serve from before, so that all containers are read at once.
    settings = world.settings(pace=ScmPace(containers_delay=3600, pipelines=1, counts=1, info=1))
    with watching(world, settings) as watch:
        say(settings, registered(NODE, 1, 2, 3), registered(OTHER_NODE, 1))
        world.generation(lambda generation: replicas(generation) == [(1, 2), (2, 1), (3, 1)])
        world.scm.containers = {}
        os.kill(process_of(world), death)
        with pytest.raises(NotReady):
            watch.ask(Synchronise()).result(20)
        world.generations.queue.clear()
        world.clusters.queue.clear()
        world.scm.away = True
        again = world.generation(lambda _: True)
        assert replicas(again) == [(1, 2), (2, 1), (3, 1)]
        cluster = world.cluster(lambda _: True)
        assert {one.details.uuid: one.containers for one in cluster.datanodes} == {NODE: 3, OTHER_NODE: 1}
        (answer,) = say(settings, heartbeat())
        assert answer == datanode_calls.heartbeat_answer(NODE, reregister=True), "reports may have been lost"
        say(settings, registered(NODE, 1))
        world.generation(lambda generation: replicas(generation) == [(1, 2), (2, 0), (3, 0)])


def process_of(world: World) -> int:
    return int((world.place / "LOCK").read_text())


def test_datanodes_that_never_speak_are_not_waited_for_for_ever(world: World) -> None:
    with watching(world, world.settings(safe_mode_timeout=1.0)):
        evaluated = world.generation(lambda generation: generation.table("container_health").rows)
        assert replicas(evaluated) == [(1, 0), (2, 0), (3, 0)]


def test_a_taken_port_is_said_and_scm_is_followed_all_the_same(world: World) -> None:
    settings = world.settings()
    with socket.create_server((settings.host, settings.port)), watching(world, settings):
        cluster = world.cluster(lambda cluster: cluster.pipelines)
        errors = {task.name: task.error for task in cluster.tasks}
        assert f"127.0.0.1:{settings.port}" in errors["DatanodeServer"]
        assert cluster.error == "", "SCM can be read"


def test_one_that_hangs_is_replaced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "SILENCE", 5)
    with watching(world, world.settings()) as watch:
        world.cluster(lambda _: True)
        first = process_of(world)
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(NotReady):
            watch.ask(Synchronise()).result(60)
        world.clusters.queue.clear()
        world.cluster(lambda _: True)
        assert process_of(world) != first
        assert watch.state.hung == 1


def test_it_ends_with_the_one_that_started_it(world: World) -> None:
    with watching(world, world.settings()):
        world.cluster(lambda _: True)
        process = process_of(world)
        os.kill(process, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_datanode_that_registers_before_scm_names_it_is_heard_when_it_does(world: World) -> None:
    nodes = dict(world.scm.nodes)
    del world.scm.nodes[NODE]
    settings = world.settings(pace=ScmPace(pipelines=3600, counts=1, info=1))
    with watching(world, settings):
        unknown = "ozone_recon_datanodes_unknown"
        say(settings, registered(NODE, 1, 2, 3))
        waiting = world.cluster(lambda cluster: MetricSample(unknown, 1) in cluster.counters)
        assert NODE not in {one.details.uuid for one in waiting.datanodes}
        world.scm.nodes |= nodes
        known = world.cluster(lambda cluster: any(one.containers == 3 for one in cluster.datanodes))
        assert MetricSample(unknown, 0) in known.counters
