"""Captures what a real SCM answers to all that we ask it, in two moments of a small cluster.

    .venv/bin/python -m tools.capture.scm [--out tests/data/scm-answers.jsonl]

Starts OM, SCM and three datanodes. At first all are in service, containers of all kinds of replication are open, one is
deleted, and blocks wait for deletion; then one datanode is to leave, and cannot. Writes a line for each question: the
moment, the request and the answer (base64).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from tools.cluster.real import RealCluster

from ozone_recon.config.connections import RpcSettings
from ozone_recon.decode.cluster import scm as decode
from ozone_recon.decode.cluster.containers import decode_container_ids, decode_containers
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.scm import (
    ContainerInfo,
    ContainerReplica,
    ContainerState,
    DatanodeUsage,
    DecommissionProgress,
    DeletedBlocksSummary,
    NodeStatus,
    PendingContainers,
    Pipeline,
    ScmInfo,
)
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.sources.scm import Call, ScmClient

SCM: Final = "localhost:9860"
PAGE: Final = 3
IN_SERVICE, LEAVING = "in service", "leaving"
SETTINGS: Final = {
    "ozone.replication.allowed-configs": ".*",
    "ozone.block.deleting.service.interval": "2s",
    "hdds.scm.block.deleting.service.interval": "2s",
    "hdds.datanode.block.deleting.service.interval": "2s",
    "hdds.scm.replication.thread.interval": "5s",
    "ozone.scm.datanode.admin.monitor.interval": "5s",
    "ozone.scm.pipeline.destroy.timeout": "5s",
    "ozone.scm.pipeline.scrub.interval": "5s",
}
"""EC with two parts and one of parity, which fits on three datanodes; and everything soon."""
KEYS: Final = """
sh volume create /vol1
sh bucket create /vol1/three --layout OBJECT_STORE
sh bucket create /vol1/one --layout OBJECT_STORE --type RATIS --replication ONE
sh bucket create /vol1/ec-2-1 --layout OBJECT_STORE --type EC --replication rs-2-1-1024k
sh key put /vol1/one/to-delete LARGE
admin container close 1
sh key delete /vol1/one/to-delete
sh key put /vol1/one/key1 SMALL
sh key put /vol1/three/key1 LARGE
sh key put /vol1/three/deleted SMALL
sh key put /vol1/ec-2-1/key1 LARGE
sh key delete /vol1/three/deleted
"""
"""What is deleted in a closed container goes at once, and the container with it; what is in an open one waits."""
T = TypeVar("T")
Exchanges = dict[bytes, bytes]
"""Requests and their answers."""


@dataclass(frozen=True)
class Known:
    """All that SCM says at a moment; what it says of a container or a datanode, by its id."""

    info: ScmInfo
    count: int
    pages: list[ContainerColumns]
    ids: dict[ContainerState, list[int]]
    with_pipelines: dict[int, tuple[ContainerInfo, Pipeline]]
    replicas: dict[int, list[ContainerReplica]]
    pipelines: dict[str, Pipeline]
    nodes: dict[str, NodeStatus]
    usage: dict[str, DatanodeUsage]
    in_service: set[str]
    pending: dict[str, set[PendingContainers]]
    deleted_blocks: DeletedBlocksSummary | None
    decommissioning: tuple[DecommissionProgress, ...]


async def ask_everything(call: Call) -> Known:
    """Asks all that we can ask: containers by small pages, and among them one that there is not."""
    scm = ScmClient(call, PAGE)
    pages = [decode_containers(page)[1] async for page in scm.containers()]
    containers = [one for page in pages for one in page.container_id.tolist()]
    nodes = {node.datanode.uuid: node for node in map(decode.decode_node, await scm.nodes())}
    deleted = await scm.deleted_blocks()
    return Known(
        info=decode.decode_scm_info(await scm.info()),
        count=await scm.container_count(),
        pages=pages,
        ids={
            state: [one async for page in scm.container_ids(state) for one in decode_container_ids(page)[1].tolist()]
            for state in ContainerState
        },
        with_pipelines={
            pair[0].container_id: pair
            async for some in scm.containers_with_pipelines([*containers, max(containers) + 1])
            for pair in map(decode.decode_container_with_pipeline, some)
        },
        replicas={one: list(map(decode.decode_container_replica, await scm.replicas(one))) for one in containers},
        pipelines={one.pipeline_id: one for one in map(decode.decode_pipeline, await scm.pipelines())},
        nodes=nodes,
        usage={uuid: decode.decode_datanode_usage((await scm.usage(uuid))[0]) for uuid in nodes},
        in_service={decode.decode_datanode_usage(usage).datanode.uuid for usage in await scm.usage()},
        pending={
            uuid: set(map(decode.decode_pending_containers, await scm.pending_containers(node.datanode)))
            for uuid, node in nodes.items()
        },
        deleted_blocks=None if deleted is None else decode.decode_deleted_blocks_summary(deleted),
        decommissioning=decode.decode_decommission_metrics(await scm.decommission_metrics()),
    )


def of_scm(ask: Callable[[Call], Awaitable[T]]) -> T:
    """What SCM says when it is asked so."""

    async def connected() -> T:
        group = RpcGroup({"scm": SCM}, RpcSettings("recon"))
        try:
            return await ask(group.call)
        finally:
            await group.close()

    return asyncio.run(connected())


def capture() -> Exchanges:
    """What is asked and answered now."""
    exchanges: Exchanges = {}

    async def ask(call: Call) -> Known:
        async def keep(protocol: str, method: str, request: bytes) -> bytes:
            answer = exchanges[request] = await call(protocol, method, request)
            return answer

        return await ask_everything(keep)

    of_scm(ask)
    return exchanges


def until(true: Callable[[ScmClient], Awaitable[bool]], seconds: float = 240) -> None:
    """Waits until SCM says so."""
    end = time.monotonic() + seconds
    while not of_scm(lambda call: true(ScmClient(call))):
        if time.monotonic() > end:
            sys.exit(f"after {seconds} s not yet: {true.__name__}")
        time.sleep(2)


async def settled(scm: ScmClient) -> bool:
    """Whether one container is deleted, and blocks wait in those that are open."""
    deleted = await scm.deleted_blocks()
    return await scm.container_count(ContainerState.DELETED) > 0 and deleted is not None


async def held_up(scm: ScmClient) -> bool:
    """Whether SCM has seen that a datanode has containers that have nowhere to go."""
    progress = decode.decode_decommission_metrics(await scm.decommission_metrics())
    return any(one.under_replicated_containers for one in progress)


def capture_both(cluster: RealCluster) -> dict[str, Exchanges]:
    """What a cluster of our own answers in both moments."""
    cluster("up", "--datanodes", "3", *(f"--set=all:{key}={value}" for key, value in SETTINGS.items()))
    time.sleep(25)  # for the pipelines
    files = {"SMALL": cluster.home / "small", "LARGE": cluster.home / "large"}
    files["SMALL"].write_bytes(bytes(3000))
    files["LARGE"].write_bytes(bytes(5_000_000))
    keys = KEYS
    for name, path in files.items():
        keys = keys.replace(name, str(path))
    cluster.shell(keys.strip().splitlines())
    until(settled)
    in_service = capture()
    cluster.shell(["admin datanode decommission localhost:10011 --force"])
    until(held_up)
    return {IN_SERVICE: in_service, LEAVING: capture()}


def read(file: Path) -> dict[str, Exchanges]:
    """The exchanges of each moment that a file holds."""
    moments: dict[str, Exchanges] = {}
    for line in map(json.loads, file.read_text().splitlines()):
        moments.setdefault(line["when"], {})[b64decode(line["asked"])] = b64decode(line["answered"])
    return moments


def write(moments: dict[str, Exchanges], file: Path) -> None:
    """Writes such a file."""
    lines = [
        {"when": when, "asked": b64encode(asked).decode(), "answered": b64encode(answered).decode()}
        for when, exchanges in moments.items()
        for asked, answered in exchanges.items()
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def main() -> None:
    """Captures, and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests") / "data" / "scm-answers.jsonl")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        cluster = RealCluster(Path(home))
        try:
            moments = capture_both(cluster)
        finally:
            cluster("down", "--wipe")
    write(moments, options.out)


if __name__ == "__main__":
    main()
