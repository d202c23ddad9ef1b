"""Captures the responses of a real SCM to all our requests, in two states of a small cluster.

    .venv/bin/python -m tools.capture.scm [--out tests/data/scm-answers.jsonl]

Starts OM, SCM and three datanodes. In the first state all are in service, containers of all replications are open, one
is deleted, and blocks are pending deletion; in the second, one datanode is decommissioning and cannot finish. Writes
one line per request: the state, the request and the response (base64).
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
"""EC 2+1, which fits on three datanodes, and short intervals."""
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
"""Blocks in a closed container are deleted at once, with the container; those in an open one wait."""
T = TypeVar("T")
Exchanges = dict[bytes, bytes]
"""Requests and their responses."""


@dataclass(frozen=True)
class Known:
    """All responses of SCM in one state; those about a container or a datanode by its id."""

    info: ScmInfo
    count: int
    pages: list[ContainerColumns]
    ids: dict[ContainerState, list[int]]
    with_pipelines: dict[int, tuple[ContainerInfo, Pipeline]]
    replicas: dict[int, list[ContainerReplica]]
    pipelines: dict[str, Pipeline]
    nodes: dict[str, NodeStatus]
    pending: dict[str, set[PendingContainers]]
    deleted_blocks: DeletedBlocksSummary | None
    decommissioning: tuple[DecommissionProgress, ...]


async def ask_everything(call: Call) -> Known:
    """Sends all our requests, with small pages of containers, and one for a container that does not exist."""
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
        pending={
            uuid: set(map(decode.decode_pending_containers, await scm.pending_containers(node.datanode)))
            for uuid, node in nodes.items()
        },
        deleted_blocks=None if deleted is None else decode.decode_deleted_blocks_summary(deleted),
        decommissioning=decode.decode_decommission_metrics(await scm.decommission_metrics()),
    )


def of_scm(ask: Callable[[Call], Awaitable[T]]) -> T:
    """The response of SCM to a request."""

    async def connected() -> T:
        group = RpcGroup({"scm": SCM}, RpcSettings("recon"))
        try:
            return await ask(group.call)
        finally:
            await group.close()

    return asyncio.run(connected())


def capture() -> Exchanges:
    """Captures all exchanges in the current state."""
    exchanges: Exchanges = {}

    async def ask(call: Call) -> Known:
        async def keep(protocol: str, method: str, request: bytes) -> bytes:
            answer = exchanges[request] = await call(protocol, method, request)
            return answer

        return await ask_everything(keep)

    of_scm(ask)
    return exchanges


def until(true: Callable[[ScmClient], Awaitable[bool]], seconds: float = 240) -> None:
    """Waits until `true` holds of SCM's responses."""
    end = time.monotonic() + seconds
    while not of_scm(lambda call: true(ScmClient(call))):
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s: {true.__name__}")
        time.sleep(2)


async def settled(scm: ScmClient) -> bool:
    """Whether one container is deleted, and blocks in open ones are pending deletion."""
    deleted = await scm.deleted_blocks()
    return await scm.container_count(ContainerState.DELETED) > 0 and deleted is not None


async def held_up(scm: ScmClient) -> bool:
    """Whether SCM reports containers of a datanode that cannot be replicated elsewhere."""
    progress = decode.decode_decommission_metrics(await scm.decommission_metrics())
    return any(one.under_replicated_containers for one in progress)


def capture_both(cluster: RealCluster) -> dict[str, Exchanges]:
    """Captures the responses of a new cluster in both states."""
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
    """Reads the exchanges of each state from a file."""
    moments: dict[str, Exchanges] = {}
    for line in map(json.loads, file.read_text().splitlines()):
        moments.setdefault(line["when"], {})[b64decode(line["asked"])] = b64decode(line["answered"])
    return moments


def write(moments: dict[str, Exchanges], file: Path) -> None:
    """Writes a file that `read` reads."""
    lines = [
        {"when": when, "asked": b64encode(asked).decode(), "answered": b64encode(answered).decode()}
        for when, exchanges in moments.items()
        for asked, answered in exchanges.items()
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def main() -> None:
    """Captures and writes the file."""
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
