"""An SCM on the network, and datanodes that call: the world of a process that follows the cluster."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.decode.cluster.datanode_messages import container_report, registration, replica
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, PIPELINE, datanode
from tests.follow.scm_stand_in import IN_SERVICE, ScmStandIn
from tests.server.serving import free_port
from tests.sources.rpc_stand_in import HERE, QUICK

from ozone_recon.config.cluster_settings import ClusterSettings, Intervals, ScmPace
from ozone_recon.config.connections import RpcSettings
from ozone_recon.follow.cluster.job import ClusterJob
from ozone_recon.follow.cluster.supervisor import ClusterSupervisor
from ozone_recon.model.cluster import Cluster
from ozone_recon.model.scm import ContainerState
from ozone_recon.server.http import opened
from ozone_recon.sources import scm
from ozone_recon.sources.hadoop_rpc.client import RpcConnection
from ozone_recon.sources.hadoop_rpc.server import take_calls
from ozone_recon.store.generation import Generation
from ozone_recon.wire.ozone import datanode_calls

S = ContainerState


class World:
    """An SCM, and what the watch has told of the cluster."""

    def __init__(self, place: Path) -> None:
        self.scm = ScmStandIn(
            {1: S.CLOSED, 2: S.OPEN, 3: S.CLOSED},
            pipelines={PIPELINE: (NODE, OTHER_NODE)},
            nodes={NODE: ("HEALTHY", IN_SERVICE), OTHER_NODE: ("HEALTHY", IN_SERVICE)},
        )
        self.place = place
        self.port = 0
        self.clusters: queue.Queue[Any] = queue.Queue()
        self.generations: queue.Queue[Any] = queue.Queue()
        self.loop = asyncio.new_event_loop()

    def settings(self, **more: Any) -> ClusterSettings:
        plain: dict[str, Any] = {
            "intervals": Intervals(),
            "pace": ScmPace(pipelines=1, counts=1, info=1),
            "health_interval": 0.2,
        }
        return ClusterSettings(
            {"": f"127.0.0.1:{self.port}"},
            RpcSettings("me", attempts=1),
            "127.0.0.1",
            free_port(),
            **(plain | more),
        )

    def hear(self, news: Cluster | Path) -> None:
        (self.generations if isinstance(news, Path) else self.clusters).put(news)

    def cluster(self, is_true: Callable[[Cluster], object]) -> Cluster:
        """The next one of which this is true."""
        told: Iterator[Cluster] = news_of(self.clusters)
        return next(one for one in told if is_true(one))

    def generation(self, is_true: Callable[[Generation], object]) -> Generation:
        """The next one of which this is true."""
        opened_ones = (opened(path) for path in news_of(self.generations))
        return next(one for one in opened_ones if one and is_true(one))


def news_of(told: queue.Queue[Any]) -> Iterator[Any]:
    """Each as it comes."""
    end = time.monotonic() + 60
    while True:
        yield told.get(timeout=max(0, end - time.monotonic()))


@contextmanager
def a_world(place: Path) -> Iterator[World]:
    world = World(place)
    ready = threading.Event()
    done = asyncio.Event()

    async def serve() -> None:
        async with take_calls({(scm.PROTOCOL, scm.METHOD): world.scm.answer}, HERE) as world.port:
            ready.set()
            await done.wait()

    thread = threading.Thread(target=world.loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield world
    world.loop.call_soon_threadsafe(done.set)
    thread.join()
    world.loop.close()


@contextmanager
def watching(world: World, settings: ClusterSettings) -> Iterator[ClusterSupervisor]:
    watch = ClusterSupervisor(ClusterJob(settings, world.place), world.hear)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def say(settings: ClusterSettings, *requests: bytes) -> list[bytes]:
    """A datanode calls; waits for whoever is to hear it."""

    async def talk() -> list[bytes]:
        async with asyncio.timeout(30):
            while True:
                try:
                    connection = await RpcConnection.open(f"127.0.0.1:{settings.port}", QUICK)
                    break
                except Exception:
                    await asyncio.sleep(0.05)
            answers = [await connection.call(datanode_calls.PROTOCOL, datanode_calls.METHOD, one) for one in requests]
            await connection.close()
            return answers

    return asyncio.run(talk())


def registered(uuid: str, *containers: int) -> bytes:
    return registration(datanode(uuid), container_report(*(replica(one) for one in containers)))
