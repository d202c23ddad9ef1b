"""Asks SCM what it knows of a cluster, and gives the messages of its answers as they came.

`decode.cluster.scm` reads them one by one, `decode.cluster.containers` a page of containers at once. `RpcGroup` finds
the leader and retries; no call here changes anything in SCM.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import Enum
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.errors import DecodeError, RemoteError, UnknownCommand
from ozone_recon.model.scm import ContainerState, DatanodeDetails
from ozone_recon.wire.protobuf.fields import Message, bytes_field, number_field
from ozone_recon.wire.protobuf.messages import Messages

PROTOCOL: Final = "org.apache.hadoop.hdds.scm.protocol.StorageContainerLocationProtocol"
METHOD: Final = "submitRequest"
PAGE: Final = 100_000
"""Containers to ask for at once. For every page of its list, SCM goes through and sorts all containers behind it."""
BATCH: Final = 1_000
"""Containers to ask for at once with their pipelines, of which each may have a kilobyte and more."""
FEW: Final = 1_000
"""Suppressed containers to ask for at first: an SCM before 2.2 answers with those that are not."""
UNKNOWN_FOR: Final = 600.0
"""Seconds until SCM is asked again what it did not know."""
_UNKNOWN: Final = ("Unknown command type", "missing required fields: cmdType")
_CLIENT_VERSION: Final = 3
"""SCM hides ports from older clients, and refuses to show them EC."""
_OK: Final = 1
_MOST: Final = (1 << 31) - 1
_DECOMMISSION_METRICS: Final = "Hadoop:service=StorageContainerManager,name=NodeDecommissionMetrics"

Call = Callable[[str, str, bytes], Awaitable[bytes]]
"""Protocol, method, request message → response message; such as `RpcGroup.call`."""


class ScmCommand(Enum):
    """What SCM can be asked: the number of the command, and that of its own field in both request and response."""

    LIST_CONTAINERS = 4, 9
    LIST_NODES = 6, 11
    LIST_PIPELINES = 9, 14
    SCM_INFO = 13, 18
    DATANODE_USAGE = 25, 30
    CONTAINERS_WITH_PIPELINES = 26, 31
    COUNT_CONTAINERS = 33, 38
    CONTAINER_REPLICAS = 34, 39
    PENDING_CONTAINERS = 42, 46
    METRICS = 43, 47
    DELETED_BLOCKS = 46, 50
    LIST_CONTAINER_IDS = 47, 51


class ScmClient:
    """The SCMs of a cluster.

    All methods raise what their `call` raises, RemoteError where SCM refuses, and DecodeError for an answer that is
    none.
    """

    def __init__(self, call: Call, page: int = PAGE) -> None:
        """`page` is how many containers to ask for at once."""
        self._call = call
        self._page = page
        self._unknown: dict[str, float] = {}
        """What SCM does not know, and until when it is not asked again."""

    async def info(self) -> bytes:
        """Which SCM answers, of which cluster: a GetScmInfoResponseProto."""
        return await self._ask(ScmCommand.SCM_INFO)

    async def container_count(self, state: ContainerState | None = None) -> int:
        """How many containers there are, in a state or in all."""
        return Message("count", await self._ask(ScmCommand.COUNT_CONTAINERS, number_field(1, state))).int64(1)

    async def container_counts(self) -> dict[ContainerState, int]:
        """How many containers there are in each state; UnknownCommand when SCM does not count them by state."""
        what = "counts by state"
        self._require(what)
        total = await self.container_count()
        counts = {state: await self.container_count(state) for state in ContainerState}
        if total and min(counts.values()) >= total:  # Before 2.2 the state is not read.
            counts = {state: await self._count_listed(state, what) for state in ContainerState}
        return counts

    async def _count_listed(self, state: ContainerState, what: str) -> int:
        """The same, as 2.1 says it beside a list."""
        request = number_field(1, 1) + number_field(2, 0) + number_field(4, state)
        total = Message("list", await self._ask(ScmCommand.LIST_CONTAINERS, request)).int64(2, None)
        if total is None:
            raise self._unknown_from_now(what)
        return total

    async def suppressed(self) -> Int64s:
        """The ids of the containers of which an administrator wants to hear no more, in ascending order.

        UnknownCommand when SCM has no such containers yet: it lists others then.
        """
        what = "suppressed containers"
        self._require(what)
        found, start, count = [np.empty(0, np.int64)], 0, FEW
        while True:
            request = number_field(1, count) + number_field(2, start) + number_field(8, 1)
            page = Messages(await _cells(await self._ask(ScmCommand.LIST_CONTAINERS, request)))
            ids = page.int64(1)
            if page.refused.any() or (len(ids) and int(ids[-1]) < start):
                raise DecodeError("a page of suppressed containers cannot be read")
            if not page.boolean(13, False).all():
                raise self._unknown_from_now(what)
            found.append(ids)
            if len(ids) < count:
                return np.concatenate(found)
            start, count = int(ids[-1]) + 1, self._page

    async def containers(self, start: int = 0, state: ContainerState | None = None) -> AsyncIterator[ByteSlices]:
        """ContainerInfoProtos in the order of their ids from `start` on, a page at a time, in a state or in all."""

        def request(first: int) -> bytes:
            return number_field(1, self._page) + number_field(2, first) + number_field(4, state)

        async for page in self._pages(ScmCommand.LIST_CONTAINERS, request, start):
            yield page

    async def container_page(self, start: int, count: int, state: ContainerState) -> ByteSlices:
        """At most so many ContainerInfoProtos in a state, in the order of their ids from `start` on."""
        request = number_field(1, count) + number_field(2, start) + number_field(4, state)
        return await _cells(await self._ask(ScmCommand.LIST_CONTAINERS, request))

    async def container_ids(self, state: ContainerState, start: int = 0) -> AsyncIterator[ByteSlices]:
        """ContainerIDs in their order from `start` on, a page at a time; cheaper for SCM than `containers`."""

        def request(first: int) -> bytes:
            return number_field(1, self._page) + bytes_field(2, number_field(1, first)) + number_field(3, state)

        async for page in self._pages(ScmCommand.LIST_CONTAINER_IDS, request, start):
            yield page

    async def containers_with_pipelines(self, ids: Sequence[int]) -> AsyncIterator[tuple[bytes, ...]]:
        """ContainerWithPipelines of these containers, some at a time.

        SCM leaves out those that it does not know, or has no pipeline for.
        """
        for first in range(0, len(ids), BATCH):
            request = b"".join(number_field(1, container_id) for container_id in ids[first : first + BATCH])
            yield await self._ask_for_all(ScmCommand.CONTAINERS_WITH_PIPELINES, request)

    async def replicas(self, container_id: int) -> tuple[bytes, ...]:
        """SCMContainerReplicaProtos of a container."""
        return await self._ask_for_all(ScmCommand.CONTAINER_REPLICAS, number_field(1, container_id))

    async def pipelines(self) -> tuple[bytes, ...]:
        """All Pipelines."""
        return await self._ask_for_all(ScmCommand.LIST_PIPELINES)

    async def nodes(self) -> tuple[bytes, ...]:
        """All datanodes and their states, as Nodes."""
        whole_cluster = 1
        return await self._ask_for_all(ScmCommand.LIST_NODES, number_field(2, whole_cluster))

    async def usage(self, datanode: str | None = None) -> tuple[bytes, ...]:
        """DatanodeUsageInfoProtos of the datanode with this id, or of all that are healthy and in service.

        SCM answers this to administrators and read-only administrators only.
        """
        most_used_first = number_field(3, 1) + number_field(4, _MOST)
        request = most_used_first if datanode is None else bytes_field(2, datanode)
        return await self._ask_for_all(ScmCommand.DATANODE_USAGE, request)

    async def deleted_blocks(self) -> bytes | None:
        """What waits for deletion: a DeletedBlocksTransactionSummary; None while SCM does not know."""
        return Message("summary", await self._ask(ScmCommand.DELETED_BLOCKS)).blob(1, None)

    async def decommission_metrics(self) -> bytes:
        """How far the datanodes are that leave service: JSON."""
        return Message("metrics", await self._ask(ScmCommand.METRICS, bytes_field(1, _DECOMMISSION_METRICS))).blob(1)

    async def pending_containers(self, datanode: DatanodeDetails) -> tuple[bytes, ...]:
        """What keeps a datanode in service that is to leave it: ContainersOnDecomNodeProtos."""
        names = enumerate((datanode.uuid, datanode.ip_address, datanode.host_name), 1)
        request = bytes_field(1, b"".join(bytes_field(number, name) for number, name in names))
        return await self._ask_for_all(ScmCommand.PENDING_CONTAINERS, request)

    def _require(self, what: str) -> None:
        """UnknownCommand when SCM has not known this of late."""
        if self._unknown.get(what, 0.0) > time.monotonic():
            raise UnknownCommand(f"this release of SCM does not know {what}")

    def _unknown_from_now(self, what: str) -> UnknownCommand:
        self._unknown[what] = time.monotonic() + UNKNOWN_FOR
        return UnknownCommand(f"this release of SCM does not know {what}")

    async def _ask(self, command: ScmCommand, request: bytes = b"") -> bytes:
        """The command's own response."""
        number, field = command.value
        self._require(command.name)
        whole = number_field(1, number) + number_field(3, _CLIENT_VERSION) + bytes_field(field, request)
        try:
            answer = Message("ScmContainerLocationResponse", await self._call(PROTOCOL, METHOD, whole))
        except RemoteError as refusal:
            if any(said in refusal.message for said in _UNKNOWN):
                raise self._unknown_from_now(command.name) from refusal
            raise
        if answer.int32(5) != _OK:
            raise RemoteError("SCM", f"{command.name} with status {answer.int32(5)}", answer.text(4, ""))
        return answer.blob(field)

    async def _ask_for_all(self, command: ScmCommand, request: bytes = b"") -> tuple[bytes, ...]:
        """The messages in the command's own response, which has nothing else."""
        return Message(command.name, await self._ask(command, request)).messages(1, bytes)

    async def _pages(
        self, command: ScmCommand, request: Callable[[int], bytes], start: int
    ) -> AsyncIterator[ByteSlices]:
        """The messages in a command's responses, each of which begins with an id, until there are no more."""
        more = True
        while more:
            page = await _cells(await self._ask(command, request(start)))
            more = len(page.starts) >= self._page
            if len(page.starts):
                last = Message(command.name, page.data[page.starts[-1] : page.ends[-1]].tobytes()).int64(1)
                if last < start:
                    raise DecodeError(f"{command.name}: the containers from {start} on end with {last}")
                start = last + 1
                yield page


async def _cells(response: bytes) -> ByteSlices:
    """The messages in a response, which has nothing else."""
    # Not on the event loop: it takes its time, and the compiled code may have to be loaded first.
    return await asyncio.to_thread(_split, response)


def _split(response: bytes) -> ByteSlices:
    data = np.frombuffer(response, np.uint8)
    whole = Messages(ByteSlices(data, np.zeros(1, np.int64), np.array([len(data)])))
    cells, _ = whole.blobs(1)
    if whole.refused[0]:
        raise DecodeError(f"a page of containers is no message: {response[:20].hex()} …")
    return cells
