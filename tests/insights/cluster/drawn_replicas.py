"""Hypothesis strategies for container reports, and the replica table read row by row."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from hypothesis import strategies as st
from tests.decode.cluster.datanode_messages import container_report, replica
from tests.decode.cluster.replica_records import records
from tests.decode.cluster.sample_datanodes import DATANODE
from tests.decode.cluster.scm_messages import NODE

from ozone_recon.insights.cluster.replica_history import SeenReplicas
from ozone_recon.model.datanode_reports import Heartbeat, LayoutVersion, Replica, ReplicaColumns

HEARTBEAT = Heartbeat(DATANODE, LayoutVersion(10, 10))
longs = st.integers(-(1 << 63), (1 << 63) - 1)
replica_messages = st.builds(
    replica,
    st.integers(0, 8) | st.sampled_from([300, 1 << 33, (1 << 63) - 1]),
    st.integers(1, 7),
    used=longs | st.integers(0, 300),
    keys=longs | st.integers(0, 300),
    sequence=longs | st.integers(0, 300),
    origin=st.sampled_from([b"a", b"b", b"c", NODE.encode()]),
    index=st.integers(0, 5) | st.integers(-(1 << 31), (1 << 31) - 1),
    empty=st.sampled_from([0, 1]),
    checksum=longs | st.integers(0, 300),
)
container_reports = st.lists(replica_messages, max_size=5).map(lambda parts: container_report(*parts))
heartbeats = st.builds(
    lambda whole, parts: replace(HEARTBEAT, containers=whole, increments=tuple(parts)),
    st.none() | container_reports,
    st.lists(container_reports, max_size=2),
)


@dataclass
class Row:
    replica: Replica
    first_seen: int
    last_seen: int
    present: bool = True


def rows(replicas: SeenReplicas) -> dict[int, Row]:
    """The same table, of what columns hold."""
    named = {field.name: getattr(replicas, field.name) for field in fields(ReplicaColumns)}
    return {
        one.container_id: Row(one, int(first), int(last), bool(present))
        for one, first, last, present in zip(
            records(ReplicaColumns(**named)), replicas.first_seen, replicas.last_seen, replicas.present, strict=True
        )
    }
