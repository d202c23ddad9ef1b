"""Answers the requests of StorageContainerLocationProtocol from the simulated SCM."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import orjson

from ozone_recon.decode.cluster.scm import decode_pipeline_id
from ozone_recon.demo.datanodes.datanode import SimulatedDatanode
from ozone_recon.demo.message_columns import VarintField, repeated
from ozone_recon.demo.om.values import uuid_message
from ozone_recon.demo.scm import messages
from ozone_recon.demo.scm.scm import SimulatedScm
from ozone_recon.errors import RemoteError
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import (
    ContainerReplica,
    ContainerState,
    NodeStatus,
    PendingContainers,
    Pipeline,
)
from ozone_recon.wire.ozone.schema import ScmCommand
from ozone_recon.wire.protobuf.fields import Message, bytes_field, number_field

_OK: Final = 1
_METRICS: Final = "Hadoop:service=StorageContainerManager,name=NodeDecommissionMetrics"
_LEAVING: Final = ("DECOMMISSIONING", "ENTERING_MAINTENANCE")
_MOST: Final = 1 << 20
"""The number of containers in a response when the request sets no limit."""

Answer = Callable[[Message], bytes]


class ScmAnswers:
    """Answers encoded requests with encoded responses."""

    def __init__(self, scm: SimulatedScm) -> None:
        self._scm = scm
        answers: dict[ScmCommand, Answer] = {
            ScmCommand.CONTAINER_WITH_PIPELINE: self._container_with_pipeline,
            ScmCommand.LIST_CONTAINERS: self._containers,
            ScmCommand.LIST_NODES: self._nodes,
            ScmCommand.LIST_PIPELINES: self._pipelines,
            ScmCommand.SCM_INFO: lambda _: messages.encode_scm_info(scm.info),
            ScmCommand.IN_SAFE_MODE: lambda _: number_field(1, False),
            ScmCommand.PIPELINE: self._pipeline,
            ScmCommand.CONTAINERS_WITH_PIPELINES: self._containers_with_pipelines,
            ScmCommand.COUNT_CONTAINERS: self._count,
            ScmCommand.CONTAINER_REPLICAS: self._replicas,
            ScmCommand.NODE: self._node,
            ScmCommand.PENDING_CONTAINERS: self._pending,
            ScmCommand.METRICS: self._metrics,
            ScmCommand.DELETED_BLOCKS: lambda _: bytes_field(
                1, messages.encode_deleted_blocks_summary(scm.deleted_blocks)
            ),
            ScmCommand.LIST_CONTAINER_IDS: self._container_ids,
        }
        self._commands = {command.value[0]: (command.value[1], answer) for command, answer in answers.items()}
        """Command number → field of its request and response, and the function from request to response."""

    def answer(self, request: bytes) -> bytes:
        """The response to a request; raises RemoteError where SCM throws an exception."""
        asked = Message("ScmContainerLocationRequest", request)
        command = asked.int32(1)
        if command not in self._commands:
            raise RemoteError("SCM", "java.lang.IllegalArgumentException", f"command {command} is not simulated")
        field, answer = self._commands[command]
        said = answer(asked.message(field, partial(Message, "request")))
        return number_field(1, command) + number_field(5, _OK) + bytes_field(field, said)

    # Containers

    def _containers(self, asked: Message) -> bytes:
        if asked.boolean(8, False):  # No container is suppressed here.
            return number_field(2, 0)
        state, count = _state(asked, 4), asked.int32(1)
        total = len(self._scm.containers.of_state(state, 1, len(self._scm.containers)))
        ids = self._scm.containers.of_state(state, asked.int64(2, 0), count if count > 0 else _MOST)
        return messages.encode_containers(self._scm.containers.columns(ids)) + number_field(2, total)

    def _container_ids(self, asked: Message) -> bytes:
        first = asked.message(2, lambda data: Message("ContainerID", data).int64(1), 0)
        ids = self._scm.containers.of_state(_state(asked, 3), first, asked.int32(1, _MOST))
        return repeated(1, (VarintField(1, ids),), len(ids))

    def _count(self, asked: Message) -> bytes:
        there = self._scm.containers
        return number_field(1, len(there.of_state(_state(asked, 1), 1, len(there))))

    def _containers_with_pipelines(self, asked: Message) -> bytes:
        known = (one for one in asked.int64s(1) if 0 < one <= len(self._scm.containers))
        return b"".join(bytes_field(1, pair) for pair in map(self._with_pipeline, known) if pair is not None)

    def _container_with_pipeline(self, asked: Message) -> bytes:
        container = self._existing(asked.int64(1))
        pair = self._with_pipeline(container)
        if pair is None:
            raise RemoteError("SCM", "java.io.IOException", f"Container {container} has no replicas")
        return bytes_field(1, pair)

    def _with_pipeline(self, container: int) -> bytes | None:
        """A ContainerWithPipeline; None when the container has no replica to build a pipeline from."""
        info = self._scm.containers.info(container)
        pipeline = self._scm.pipelines.get(info.pipeline_id or "") if info.state == "OPEN" else None
        if pipeline is not None:
            return messages.encode_container_with_pipeline(info, self._scm.pipelines.record(pipeline))
        holders = [self._scm.datanodes[one] for one in self._scm.containers.holders(container)]
        if not holders and info.state != "DELETED":
            return None
        made_up = Pipeline(
            pipeline_id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(container))),
            state="ALLOCATED",
            replication=info.replication,
            members=tuple(one.at_scm for one in holders),
            replica_indexes=tuple(one.replicas.index(container) for one in holders),
            leader=None,
            suggested_leader=None,
            creation_time=info.state_enter_time,
        )
        return messages.encode_container_with_pipeline(info, made_up)

    def _replicas(self, asked: Message) -> bytes:
        container = self._existing(asked.int64(1))
        info = self._scm.containers.info(container)
        uuids = [one.details.uuid for one in self._scm.datanodes]
        found = []
        for holder in self._scm.containers.holders(container):
            datanode = self._scm.datanodes[holder]
            columns = datanode.replicas.one(container, self._scm.containers, uuids)
            for row in range(len(columns)):
                replica = ContainerReplica(
                    container_id=container,
                    state=ReplicaState(int(columns.state[row])).name,
                    datanode=datanode.at_scm,
                    origin=columns.origins[columns.origin[row]],
                    sequence_id=int(columns.sequence_id[row]),
                    number_of_keys=info.number_of_keys,
                    used_bytes=info.used_bytes,
                    replica_index=int(columns.replica_index[row]),
                    data_checksum=int(columns.data_checksum[row]),
                )
                found.append(bytes_field(1, messages.encode_container_replica(replica)))
        return b"".join(found)

    def _existing(self, container: int) -> int:
        if 0 < container <= len(self._scm.containers):
            return container
        name = "org.apache.hadoop.hdds.scm.container.ContainerNotFoundException"
        raise RemoteError("SCM", name, f"Container with id #{container} not found.")

    # Pipelines and datanodes

    def _pipelines(self, _: Message) -> bytes:
        records = map(self._scm.pipelines.record, self._scm.pipelines)
        return b"".join(bytes_field(1, messages.encode_pipeline(one)) for one in records)

    def _pipeline(self, asked: Message) -> bytes:
        identity = asked.message(1, decode_pipeline_id)
        pipeline = self._scm.pipelines.get(identity)
        if pipeline is None:
            name = "org.apache.hadoop.hdds.scm.pipeline.PipelineNotFoundException"
            raise RemoteError("SCM", name, f"PipelineID={identity} not found")
        return bytes_field(1, messages.encode_pipeline(self._scm.pipelines.record(pipeline)))

    def _nodes(self, asked: Message) -> bytes:
        health, op_state = asked.int32(1, None), asked.int32(5, None)
        nodes = [
            NodeStatus(one.at_scm, one.health, one.details.op_state)
            for one in self._scm.datanodes
            if health in (None, messages.HEALTHS[one.health])
            and op_state in (None, messages.OP_STATES[one.details.op_state])
        ]
        return b"".join(bytes_field(1, messages.encode_node(node)) for node in nodes)

    def _node(self, asked: Message) -> bytes:
        wanted = asked.blob(1)
        for one in self._scm.datanodes:
            if uuid_message(one.details.uuid) == wanted:
                node = NodeStatus(one.at_scm, one.health, one.details.op_state)
                return bytes_field(1, messages.encode_node(node))
        return b""

    # Decommissioning and maintenance

    def _pending(self, asked: Message) -> bytes:
        wanted = asked.message(1, lambda data: Message("DatanodeDetailsProto", data).text(1))
        for one in self._scm.datanodes:
            if one.details.uuid == wanted and one.details.op_state in _LEAVING:
                closed, open_ones = self._waits_for(one)
                pending = PendingContainers("UnderReplicated", closed), PendingContainers("UnClosed", open_ones)
                return b"".join(bytes_field(1, messages.encode_pending_containers(part)) for part in pending)
        return b""

    def _waits_for(self, datanode: SimulatedDatanode) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The containers to copy, and those to close, before a datanode can leave service."""
        ids = np.array(sorted(datanode.waits_for), np.int64)
        states = self._scm.containers.column("state", ids)
        unclosed = (states == ContainerState.OPEN) | (states == ContainerState.CLOSING)
        return tuple(ids[~unclosed].tolist()), tuple(ids[unclosed].tolist())

    def _metrics(self, asked: Message) -> bytes:
        beans = [self._decommissioning()] if asked.text(1) == _METRICS else []
        return bytes_field(1, orjson.dumps({"beans": beans}, option=orjson.OPT_INDENT_2))

    def _decommissioning(self) -> dict[str, str | int]:
        leaving = [one for one in self._scm.datanodes if one.details.op_state in _LEAVING]
        waits = list(map(self._waits_for, leaving))
        bean: dict[str, str | int] = {
            "name": _METRICS,
            "modelerType": "NodeDecommissionMetrics",
            "tag.Hostname": "scm.demo",
            "DecommissioningMaintenanceNodesTotal": len(leaving),
            "RecommissionNodesTotal": 0,
            "PipelinesWaitingToCloseTotal": sum(len(one.pipelines) for one in leaving),
            "ContainersUnderReplicatedTotal": sum(len(closed) for closed, _ in waits),
            "ContainersUnClosedTotal": sum(len(unclosed) for _, unclosed in waits),
            "ContainersSufficientlyReplicatedTotal": 0,
        }
        for n, (datanode, (closed, unclosed)) in enumerate(zip(leaving, waits, strict=True), 1):
            bean[f"tag.datanode.{n}"] = datanode.details.host_name
            bean[f"tag.Hostname.{n}"] = "scm.demo"
            bean[f"PipelinesWaitingToCloseDN.{n}"] = len(datanode.pipelines)
            bean[f"UnderReplicatedDN.{n}"] = len(closed)
            bean[f"SufficientlyReplicatedDN.{n}"] = len(datanode.replicas) - len(datanode.waits_for)
            bean[f"UnclosedContainersDN.{n}"] = len(unclosed)
            bean[f"StartTimeDN.{n}"] = datanode.leaving_since
        return bean


def _state(asked: Message, field: int) -> ContainerState | None:
    number = asked.int32(field, None)
    return None if number is None else ContainerState(number)
