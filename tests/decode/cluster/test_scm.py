"""SCM's messages: every field lands where it belongs, defaults are Ozone's, broken bytes only raise DecodeError."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decode.cluster.sample_datanodes import DATANODE, OTHER_DATANODE
from tests.decode.cluster.scm_messages import (
    NODE,
    OTHER_NODE,
    PIPELINE,
    container_info,
    container_replica,
    datanode,
    deleted_blocks_summary,
    ec_pipeline,
    node,
    pending_containers,
    pipeline,
    pipeline_id,
    scm_info,
    uuid,
)
from tests.decode.om.om_messages import blob, ec_config, number

from ozone_recon.decode.cluster import scm
from ozone_recon.decode.cluster.datanodes import decode_datanode
from ozone_recon.errors import DecodeError
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import (
    ContainerInfo,
    ContainerReplica,
    DatanodeDetails,
    DecommissionProgress,
    DeletedBlocksSummary,
    NodeStatus,
    PendingContainers,
    Pipeline,
    ScmInfo,
    ScmPeer,
)

BEAN: dict[str, Any] = {
    "name": "Hadoop:service=StorageContainerManager,name=NodeDecommissionMetrics",
    "DecommissioningMaintenanceNodesTotal": 1,
    "tag.datanode.1": "dn1",
    "PipelinesWaitingToCloseDN.1": 3,
    "UnderReplicatedDN.1": 1,
    "SufficientlyReplicatedDN.1": 5,
    "UnclosedContainersDN.1": 2,
    "StartTimeDN.1": 1_795_503_568_000,
    "tag.datanode.2": "gone",
}


def metrics(*beans: dict[str, Any]) -> bytes:
    return json.dumps({"beans": beans}).encode()


SAMPLES: dict[Callable[[bytes], object], bytes] = {
    decode_datanode: datanode(more=blob(5, b"1234")),
    scm.decode_container_info: container_info(kind=4, factor=None, ec=ec_config(), suppressed=1),
    scm.decode_container_with_pipeline: blob(1, container_info()) + blob(2, pipeline()),
    scm.decode_container_replica: container_replica(),
    scm.decode_pipeline: ec_pipeline(),
    scm.decode_node: node(),
    scm.decode_scm_info: scm_info(),
    scm.decode_deleted_blocks_summary: deleted_blocks_summary(),
    scm.decode_pending_containers: pending_containers(),
    scm.decode_decommission_metrics: metrics(BEAN),
}
DECODERS = st.sampled_from(list(SAMPLES))
CONTAINER = ContainerInfo(
    container_id=7,
    state="CLOSED",
    replication=ReplicationConfig("RATIS", 3),
    pipeline_id=PIPELINE,
    used_bytes=5 << 30,
    number_of_keys=12,
    state_enter_time=1_700_000_000_000,
    owner="om1",
    sequence_id=46,
    suppressed=False,
)


@pytest.mark.parametrize("decode", SAMPLES, ids=lambda decode: decode.__name__)
def test_a_truncated_message_decodes_or_raises_decode_error(decode: Callable[[bytes], object]) -> None:
    sample = SAMPLES[decode]
    decode(sample)
    for end in range(len(sample)):
        try:
            decode(sample[:end])
        except DecodeError as error:
            assert str(error)


@given(DECODERS, st.binary(max_size=60))
def test_any_bytes_decode_or_raise_decode_error(decode: Callable[[bytes], object], data: bytes) -> None:
    try:
        decode(data)
    except DecodeError as error:
        assert str(error)


@given(DECODERS, st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_decodes_or_raises_decode_error(decode: Callable[[bytes], object], at: int, byte: int) -> None:
    data = bytearray(SAMPLES[decode])
    data[at % len(data)] = byte
    try:
        decode(bytes(data))
    except DecodeError as error:
        assert str(error)


def test_a_datanode() -> None:
    assert decode_datanode(datanode()) == DATANODE
    assert decode_datanode(datanode(more=blob(5, b"1234"))).cert_serial_id == "1234"


def test_a_datanode_with_no_more_than_it_must_have() -> None:
    least = blob(1, NODE.encode()) + blob(2, b"10.0.0.1") + blob(3, b"dn1")
    assert decode_datanode(least) == DatanodeDetails(NODE, "10.0.0.1", "dn1", (), "", "", 0, "IN_SERVICE", 0, 1, None)
    assert decode_datanode(blob(1, b"old") + least[38:] + blob(100, uuid(OTHER_NODE))).uuid == OTHER_NODE
    with pytest.raises(DecodeError, match="DatanodeDetailsProto: required field 1 is missing"):
        decode_datanode(least[38:])


def test_a_container() -> None:
    assert scm.decode_container_info(container_info()) == CONTAINER


def test_a_container_with_no_more_than_it_must_have() -> None:
    least = container_info(pipeline=None, entered=None, sequence=None, factor=None)
    one = replace(CONTAINER, pipeline_id=None, state_enter_time=0, sequence_id=0)
    assert scm.decode_container_info(least) == replace(one, replication=ReplicationConfig("RATIS", 1))


def test_an_ec_container_and_one_with_less_than_nothing_in_it() -> None:
    ec = scm.decode_container_info(container_info(kind=4, factor=None, ec=ec_config(), used=-5, suppressed=1))
    replication = ReplicationConfig("EC", data=3, parity=2, codec="rs", chunk=1 << 20)
    assert ec == replace(CONTAINER, replication=replication, used_bytes=-5, suppressed=True)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (container_info(container_id=-1), "container id -1 is negative"),
        (container_info(kind=4, ec=None), "replication is EC"),
        (container_info(factor=-3), "factor -3 is negative"),
        (container_info(owner=None), "required field 7 is missing"),
    ],
)
def test_a_container_that_cannot_be_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        scm.decode_container_info(data)


def test_states_of_a_newer_ozone_are_kept_as_numbers() -> None:
    assert scm.decode_container_info(container_info(state=9)).state == "9"
    assert scm.decode_node(blob(1, datanode()) + number(2, 7) + number(3, 8)).health == "7"


def test_a_pipeline_id_may_be_text_only() -> None:
    assert scm.decode_pipeline_id(pipeline_id()) == PIPELINE
    assert scm.decode_pipeline_id(blob(1, PIPELINE.encode())) == PIPELINE


def test_a_pipeline() -> None:
    assert scm.decode_pipeline(pipeline()) == Pipeline(
        pipeline_id=PIPELINE,
        state="OPEN",
        replication=ReplicationConfig("RATIS", 3),
        members=(DATANODE, OTHER_DATANODE),
        replica_indexes=(0, 0),
        leader=NODE,
        suggested_leader=OTHER_NODE,
        creation_time=1_700_000_000_000,
    )
    assert scm.decode_pipeline(ec_pipeline()).replica_indexes == (1, 3)


def test_a_pipeline_with_no_more_than_it_must_have() -> None:
    least = scm.decode_pipeline(blob(5, pipeline_id()) + blob(6, b""))
    assert least == Pipeline(PIPELINE, "ALLOCATED", ReplicationConfig("STAND_ALONE", 1), (), (), None, None, 0)


def test_the_leader_of_an_older_scm() -> None:
    older = blob(5, pipeline_id()) + blob(6, NODE.encode())
    assert scm.decode_pipeline(older).leader == NODE
    assert scm.decode_pipeline(older + blob(100, uuid(OTHER_NODE))).leader == OTHER_NODE


def test_a_container_with_its_pipeline() -> None:
    container, pipe = scm.decode_container_with_pipeline(SAMPLES[scm.decode_container_with_pipeline])
    assert (container, pipe.pipeline_id) == (CONTAINER, PIPELINE)


def test_a_replica() -> None:
    assert scm.decode_container_replica(container_replica()) == ContainerReplica(
        7, "CLOSED", DATANODE, OTHER_NODE, 46, 12, 5 << 30, 3, 4_028_331_014
    )


def test_a_node() -> None:
    assert scm.decode_node(node()) == NodeStatus(DATANODE, "HEALTHY_READONLY", "DECOMMISSIONED")


def test_what_scm_says_of_itself() -> None:
    peers = (
        ScmPeer("scm1.example.org", 9894, "LEADER", "5ad5", "10.0.0.9"),
        ScmPeer("scm2", 9894, "FOLLOWER", "77aa", ""),
    )
    assert scm.decode_scm_info(scm_info()) == ScmInfo("CID-1", "5ad5", peers)
    assert scm.decode_scm_info(scm_info(b"scm1:9894:LEADER:5ad5:fe80::1")).peers[0].ip_address == "fe80::1"
    with pytest.raises(DecodeError, match="peer 'scm1' is not"):
        scm.decode_scm_info(scm_info(b"scm1"))


def test_deleted_blocks() -> None:
    assert scm.decode_deleted_blocks_summary(deleted_blocks_summary()) == DeletedBlocksSummary(1, 2, 3, 4)
    assert scm.decode_deleted_blocks_summary(b"") == DeletedBlocksSummary(0, 0, 0, 0)


def test_what_a_datanode_that_leaves_waits_for() -> None:
    assert scm.decode_pending_containers(pending_containers()) == PendingContainers("UnClosed", (2, 300))
    progress = DecommissionProgress("dn1", 1_795_503_568_000, 3, 1, 2)
    assert scm.decode_decommission_metrics(metrics(BEAN)) == (progress,)
    assert scm.decode_decommission_metrics(metrics()) == ()
    assert scm.decode_decommission_metrics(metrics({"DecommissioningMaintenanceNodesTotal": 1})) == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "NodeDecommissionMetrics: "),
        (b"[]", "DecommissioningMaintenanceNodesTotal is missing"),
        (metrics({}), "DecommissioningMaintenanceNodesTotal is missing"),
        (metrics({**BEAN, "StartTimeDN.1": "soon"}), r"StartTimeDN\.1 is not an integer: 'soon'"),
        (metrics({**BEAN, "UnderReplicatedDN.1": None}), r"UnderReplicatedDN\.1 is not an integer: None"),
    ],
)
def test_metrics_of_another_form_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        scm.decode_decommission_metrics(data)


def test_a_total_beyond_all_nodes_costs_no_time() -> None:
    many = {**BEAN, "DecommissioningMaintenanceNodesTotal": 1 << 62, "tag.datanode.2": None}
    del many["tag.datanode.2"]
    assert len(scm.decode_decommission_metrics(metrics(many))) == 1
