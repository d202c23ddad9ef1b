"""An SCM as it answers, whose containers, pipelines and datanodes a test changes as it likes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.decode.cluster.scm_messages import (
    container_info,
    container_replica,
    datanode,
    datanode_id,
    deleted_blocks_summary,
    pending_containers,
    pipeline_id,
    scm_info,
)
from tests.decode.om.om_messages import blob, number

from ozone_recon.config.cluster_settings import ScmPace
from ozone_recon.errors import RemoteError, TransferError
from ozone_recon.model.scm import ContainerState
from ozone_recon.wire.protobuf.fields import Message

HEALTH = {"HEALTHY": 1, "STALE": 2, "DEAD": 3}
IN_SERVICE, DECOMMISSIONING = 1, 4
UNKNOWN = "Message missing required fields: cmdType"
"""What an SCM says of a command that is newer than it."""
METRICS = (
    b'{"beans":[{"DecommissioningMaintenanceNodesTotal":1,"tag.datanode.1":"dn1","StartTimeDN.1":5,'
    b'"PipelinesWaitingToCloseDN.1":1,"UnderReplicatedDN.1":2,"UnclosedContainersDN.1":3}]}'
)


def decode_uuid_text(details: bytes) -> str:
    return Message("DatanodeDetailsProto", details).text(1)


@dataclass
class ScmStandIn:
    """`without_pipeline` are left out where containers are asked for with theirs; `nodes` are health and state.

    `newest` is the last command it knows: 47 of Ozone 2.2, 45 of 2.1, 40 of 1.4; those before 2.2 read less of what
    they are asked, too. `refuses` are commands, or a command and a datanode, that it refuses.
    """

    containers: dict[int, ContainerState] = field(default_factory=dict)
    without_pipeline: set[int] = field(default_factory=set)
    pipelines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    nodes: dict[str, tuple[str, int]] = field(default_factory=dict)
    replicas: dict[int, tuple[str, ...]] = field(default_factory=dict)
    away: bool = False
    asked: Counter[int] = field(default_factory=Counter)
    keys: int = 12
    suppressed: set[int] = field(default_factory=set)
    newest: int = 47
    refuses: set[int | str] = field(default_factory=set)

    async def call(self, protocol: str, method: str, request: bytes) -> bytes:
        """As `RpcGroup.call` does."""
        return await self.answer(request)

    async def answer(self, request: bytes) -> bytes:
        """The response to a request."""
        if self.away:
            raise TransferError("scm:9860 cannot be reached")
        message = Message("ScmContainerLocationRequest", request)
        command = message.int32(1)
        self.asked[command] += 1
        if command > self.newest:
            raise RemoteError("scm", "InvalidProtocolBufferException", UNKNOWN)
        if command in self.refuses:
            raise RemoteError("scm", "IOException", f"no {command}")
        return number(1, command) + number(3, 1) + number(5, 1) + self._response(command, message)

    def _response(self, command: int, message: Message) -> bytes:
        match command:
            case 4:
                ask = Message("SCMListContainerRequestProto", message.blob(9))
                found = self._from(ask.int64(2), ask.int32(4, None))
                if ask.boolean(8, False) and self.newest >= 47:
                    found = [one for one in found if one in self.suppressed]
                total = number(2, len(found)) if self.newest >= 45 else b""
                return blob(9, b"".join(blob(1, self.info(one)) for one in found[: ask.int32(1)]) + total)
            case 6:
                nodes = (
                    blob(1, datanode(uuid)) + number(2, HEALTH[health]) + number(3, state)
                    for uuid, (health, state) in self.nodes.items()
                )
                return blob(11, b"".join(blob(1, node) for node in nodes))
            case 9:
                return blob(14, b"".join(blob(1, self._pipeline(one)) for one in self.pipelines))
            case 13:
                return blob(18, scm_info())
            case 26:
                ids = Message("GetExistContainerWithPipelinesInBatchRequestProto", message.blob(31)).int64s(1)
                found = [one for one in ids if one in self.containers and one not in self.without_pipeline]
                return blob(31, b"".join(blob(1, blob(1, self.info(one)) + blob(2, b"")) for one in found))
            case 33:
                wanted = Message("GetContainerCountRequestProto", message.blob(38)).int32(1, None)
                of_all = wanted is None or self.newest < 47
                return blob(38, number(1, sum(of_all or state == wanted for state in self.containers.values())))
            case 34:
                container = Message("GetContainerReplicasRequestProto", message.blob(39)).int64(1)
                if container not in self.containers:
                    raise RemoteError("scm", "ContainerNotFoundException", f"Container with id #{container} not found.")
                replicas = (container_replica(container, one) for one in self.replicas.get(container, ()))
                return blob(39, b"".join(blob(1, one) for one in replicas))
            case 42:
                of = Message("GetContainersOnDecomNodeRequestProto", message.blob(46)).message(1, decode_uuid_text)
                if of in self.refuses:
                    raise RemoteError("scm", "IOException", f"no {of}")
                return blob(46, blob(1, pending_containers()))
            case 43:
                return blob(47, blob(1, METRICS))
            case 46:
                return blob(50, blob(1, deleted_blocks_summary()))
            case 47:
                ask = Message("SCMListContainerIDsRequestProto", message.blob(51))
                first = ask.message(2, lambda data: Message("ContainerID", data).int64(1))
                found = self._from(first, ask.int32(3))[: ask.int32(1)]
                return blob(51, b"".join(blob(1, number(1, one)) for one in found))
            case _:
                raise RemoteError("scm", "UnsupportedOperationException", str(command))

    def info(self, container: int) -> bytes:
        return container_info(
            container_id=container,
            state=self.containers[container],
            keys=self.keys,
            suppressed=1 if container in self.suppressed else None,
        )

    def _pipeline(self, pipeline: str) -> bytes:
        members = self.pipelines[pipeline]
        return (
            b"".join(blob(1, datanode(member)) for member in members)
            + number(2, 2)
            + number(3, 1)
            + number(4, len(members))
            + blob(5, pipeline_id(pipeline))
            + blob(101, datanode_id(members[0]))
        )

    def _from(self, first: int, state: int | None) -> list[int]:
        return [one for one in sorted(self.containers) if one >= first and state in (None, self.containers[one])]


NEVER = ScmPace(1e6, 0.0, 1e6, 1e6, 1e6)
"""Each is asked for once, and then when it is woken."""
