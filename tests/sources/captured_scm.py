"""Compares decoded SCM responses with the captured JSON."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.decode.cluster.container_records import records
from tools.capture.scm import PAGE, Known, ask_everything, read

from ozone_recon.model.scm import ContainerState
from ozone_recon.sources.scm import METHOD, PROTOCOL

CAPTURE = Path(__file__).parents[1] / "data" / "scm-answers.jsonl"


def known(when: str) -> Known:
    """All that the real SCM said at that moment; fails for a question that it was not asked."""
    exchanges = read(CAPTURE)[when]

    async def call(protocol: str, method: str, request: bytes) -> bytes:
        assert (protocol, method) == (PROTOCOL, METHOD)
        return exchanges[request]

    return asyncio.run(ask_everything(call))


def check(known: Known) -> None:
    """What SCM says in one way it says in the others too."""
    containers = [one for page in known.pages for one in records(page)]
    ids = [one.container_id for one in containers]
    assert ids == sorted(ids)
    assert known.count == len(ids) == len(set(ids))
    assert len(known.pages) == -(-len(ids) // PAGE)
    for state in ContainerState:
        assert known.ids[state] == [one.container_id for one in containers if one.state == state.name]
    for container in containers:
        same, pipeline = known.with_pipelines[container.container_id]
        assert same == container
        assert pipeline.replication == container.replication
        if container.state == "OPEN":
            assert known.pipelines[pipeline.pipeline_id].members[0].uuid in known.nodes
        for replica in known.replicas[container.container_id]:
            assert replica.datanode.uuid in known.nodes
            assert (replica.replica_index > 0) == (container.replication.kind == "EC")
    assert max(ids) + 1 not in known.with_pipelines
    assert {node.health for node in known.nodes.values()} == {"HEALTHY"}
    leaders = [peer for peer in known.info.peers if peer.role == "LEADER"]
    assert [peer.scm_id for peer in leaders] == [known.info.scm_id]
