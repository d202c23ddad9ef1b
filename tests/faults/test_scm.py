"""SCM is asked over a network that breaks: in the end all is as SCM has it, and the log says what was in the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, PIPELINE
from tests.eventually import until
from tests.faults.every_fault import every_fault, is_said
from tests.faults.proxy import Fault, proxy
from tests.follow.scm_stand_in import IN_SERVICE, NEVER, ScmStandIn
from tests.insights.cluster.drawn_containers import table
from tests.sources.rpc_stand_in import HERE, QUICK

from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.follow import periodic
from ozone_recon.follow.cluster.scm import ScmSync
from ozone_recon.follow.cluster.state import ClusterState
from ozone_recon.model.scm import ContainerState
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.sources.hadoop_rpc.server import take_calls
from ozone_recon.sources.scm import METHOD, PROTOCOL, ScmClient

CONTAINERS = {one: list(ContainerState)[one % 7] for one in range(1, 400)}


async def followed(*faults: Fault) -> tuple[Any, ...]:
    """What is known of a cluster once everything has been read, and how often that began."""
    stand_in = ScmStandIn(
        CONTAINERS,
        pipelines={PIPELINE: (NODE, OTHER_NODE)},
        nodes={NODE: ("HEALTHY", IN_SERVICE), OTHER_NODE: ("DEAD", IN_SERVICE)},
    )
    async with take_calls({(PROTOCOL, METHOD): stand_in.answer}, HERE) as port:
        with proxy(f"127.0.0.1:{port}", *faults) as between:
            group = RpcGroup({"": between.address}, replace(QUICK, call_timeout=1))
            state = ClusterState(Intervals())
            sync = ScmSync(ScmClient(group.call, 50), state, NEVER)
            running = asyncio.create_task(sync.run())
            await until(lambda: all(one.timestamp and not one.running and not one.error for one in sync.tasks()))
            running.cancel()
            await group.close()
            cluster = state.cluster(7, 0.0, (), (), sync.error)
            containers = {one: replace(info) for one, info in table(state.containers).items()}
            return between, replace(cluster, scm_at=0), containers


@pytest.mark.parametrize("fault", every_fault(9000, 90), ids=str)
def test_all_is_read_in_the_end(
    fault: Fault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(periodic, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(periodic, "LEAST_PAUSE", 0.0)
    between, *known = asyncio.run(followed(fault))
    assert between.connections >= 2
    assert is_said(fault, between.address, caplog)
    _, *undisturbed = asyncio.run(followed())
    assert known == undisturbed


def test_containers_that_cannot_be_read_are_told(caplog: pytest.LogCaptureFixture) -> None:
    class Spoilt(ScmStandIn):
        def info(self, container: int) -> bytes:
            return b"\xff" if container == 7 else super().info(container)

    async def run() -> dict[int, Any]:
        state = ClusterState(Intervals())
        sync = ScmSync(ScmClient(Spoilt(CONTAINERS).call, 50), state, NEVER)
        running = asyncio.create_task(sync.run())
        await until(lambda: state.complete)
        running.cancel()
        return table(state.containers)

    assert set(CONTAINERS) - set(asyncio.run(run())) == {7}
    assert "cannot decode 1 of 50 containers from SCM: skipping them" in caplog.messages
