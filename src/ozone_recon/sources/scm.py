"""Queries SCM about a cluster; returns the messages of its responses undecoded.

`decode.cluster.scm` decodes them one by one, `decode.cluster.containers` a page of containers at once. `RpcGroup` finds
the leader and retries; all calls here are read-only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.errors import DecodeError, RemoteError, UnknownCommand
from ozone_recon.model.scm import ContainerState, DatanodeDetails
from ozone_recon.wire.ozone.schema import ScmCommand
from ozone_recon.wire.protobuf.fields import Message, bytes_field, number_field
from ozone_recon.wire.protobuf.messages import Messages

PROTOCOL: Final = "org.apache.hadoop.hdds.scm.protocol.StorageContainerLocationProtocol"
METHOD: Final = "submitRequest"
PAGE: Final = 100_000
"""Containers per page. For each page, SCM scans and sorts all containers after it."""
BATCH: Final = 1_000
"""Containers per request with pipelines; a pipeline may have more than a kilobyte."""
FEW: Final = 1_000
"""Suppressed containers in the first request: an SCM before 2.2 returns unsuppressed ones."""
UNKNOWN_FOR: Final = 600.0
"""Seconds before a command that SCM did not know is tried again."""
_UNKNOWN: Final = ("Unknown command type", "missing required fields: cmdType")
_CLIENT_VERSION: Final = 3
"""SCM hides some ports and EC containers from older clients."""
_OK: Final = 1
_DECOMMISSION_METRICS: Final = "Hadoop:service=StorageContainerManager,name=NodeDecommissionMetrics"

Call = Callable[[str, str, bytes], Awaitable[bytes]]
"""Protocol, method, request message → response message; such as `RpcGroup.call`."""


class ScmClient:
    """The SCMs of a cluster.

    All methods pass on the errors of `call`, and raise RemoteError when SCM refuses and DecodeError for a malformed
    response.
    """

    def __init__(self, call: Call, page: int = PAGE) -> None:
        """`page` is the number of containers per request."""
        self._call = call
        self._page = page
        self._unknown: dict[str, float] = {}
        """Feature that SCM does not know → monotonic time before which it is not tried again."""

    async def info(self) -> bytes:
        """The ids of the SCM and its cluster: a GetScmInfoResponseProto."""
        return await self._ask(ScmCommand.SCM_INFO)

    async def container_count(self, state: ContainerState | None = None) -> int:
        """The number of containers, in one state or in all."""
        return Message("count", await self._ask(ScmCommand.COUNT_CONTAINERS, number_field(1, state))).int64(1)

    async def container_counts(self) -> dict[ContainerState, int]:
        """The number of containers in each state; UnknownCommand when SCM does not count by state."""
        what = "counts by state"
        self._require(what)
        total = await self.container_count()
        counts = {state: await self.container_count(state) for state in ContainerState}
        if total and min(counts.values()) >= total:  # SCM before 2.2 ignores the state.
            counts = {state: await self._count_listed(state, what) for state in ContainerState}
        return counts

    async def _count_listed(self, state: ContainerState, what: str) -> int:
        """The number of containers in a state, which SCM 2.1 returns with a list."""
        request = number_field(1, 1) + number_field(2, 0) + number_field(4, state)
        total = Message("list", await self._ask(ScmCommand.LIST_CONTAINERS, request)).int64(2, None)
        if total is None:
            raise self._unknown_from_now(what)
        return total

    async def suppressed(self) -> Int64s:
        """The ids of the containers that an administrator has suppressed, in ascending order.

        UnknownCommand for an SCM without this feature, which returns other containers.
        """
        what = "suppressed containers"
        self._require(what)
        suppressed, start, count = [np.empty(0, np.int64)], 0, FEW
        while True:
            request = number_field(1, count) + number_field(2, start) + number_field(8, 1)
            page = Messages(await _slices(await self._ask(ScmCommand.LIST_CONTAINERS, request)))
            ids = page.int64(1)
            if page.refused.any() or (len(ids) and int(ids[-1]) < start):
                raise DecodeError("a page of suppressed containers is malformed")
            if not page.boolean(13, False).all():
                raise self._unknown_from_now(what)
            suppressed.append(ids)
            if len(ids) < count:
                return np.concatenate(suppressed)
            start, count = int(ids[-1]) + 1, self._page

    async def containers(self, start: int = 0, state: ContainerState | None = None) -> AsyncIterator[ByteSlices]:
        """Yields pages of ContainerInfoProtos in id order from `start` on, in one state or in all."""

        def request(first: int) -> bytes:
            return number_field(1, self._page) + number_field(2, first) + number_field(4, state)

        async for page in self._pages(ScmCommand.LIST_CONTAINERS, request, start):
            yield page

    async def container_page(self, start: int, count: int, state: ContainerState) -> ByteSlices:
        """At most `count` ContainerInfoProtos in a state, in id order from `start` on."""
        request = number_field(1, count) + number_field(2, start) + number_field(4, state)
        return await _slices(await self._ask(ScmCommand.LIST_CONTAINERS, request))

    async def container_ids(self, state: ContainerState, start: int = 0) -> AsyncIterator[ByteSlices]:
        """Yields pages of ContainerIDs in order from `start` on; cheaper for SCM than `containers`."""

        def request(first: int) -> bytes:
            return number_field(1, self._page) + bytes_field(2, number_field(1, first)) + number_field(3, state)

        async for page in self._pages(ScmCommand.LIST_CONTAINER_IDS, request, start):
            yield page

    async def containers_with_pipelines(self, ids: Sequence[int]) -> AsyncIterator[tuple[bytes, ...]]:
        """Yields the ContainerWithPipelines of these containers in batches.

        SCM omits the containers that it does not know or has no pipeline for.
        """
        for first in range(0, len(ids), BATCH):
            request = b"".join(number_field(1, container_id) for container_id in ids[first : first + BATCH])
            yield await self._ask_for_all(ScmCommand.CONTAINERS_WITH_PIPELINES, request)

    async def replicas(self, container_id: int) -> tuple[bytes, ...]:
        """The SCMContainerReplicaProtos of a container."""
        return await self._ask_for_all(ScmCommand.CONTAINER_REPLICAS, number_field(1, container_id))

    async def pipelines(self) -> tuple[bytes, ...]:
        """All Pipelines."""
        return await self._ask_for_all(ScmCommand.LIST_PIPELINES)

    async def nodes(self) -> tuple[bytes, ...]:
        """All datanodes and their states, as Nodes."""
        whole_cluster = 1
        return await self._ask_for_all(ScmCommand.LIST_NODES, number_field(2, whole_cluster))

    async def deleted_blocks(self) -> bytes | None:
        """The blocks pending deletion: a DeletedBlocksTransactionSummary; None while SCM has none."""
        return Message("summary", await self._ask(ScmCommand.DELETED_BLOCKS)).blob(1, None)

    async def decommission_metrics(self) -> bytes:
        """The progress of decommissioning and maintenance, as the JSON of SCM's NodeDecommissionMetrics."""
        return Message("metrics", await self._ask(ScmCommand.METRICS, bytes_field(1, _DECOMMISSION_METRICS))).blob(1)

    async def pending_containers(self, datanode: DatanodeDetails) -> tuple[bytes, ...]:
        """The containers that delay a datanode's decommissioning: ContainersOnDecomNodeProtos."""
        names = enumerate((datanode.uuid, datanode.ip_address, datanode.host_name), 1)
        request = bytes_field(1, b"".join(bytes_field(number, name) for number, name in names))
        return await self._ask_for_all(ScmCommand.PENDING_CONTAINERS, request)

    def _require(self, what: str) -> None:
        """Raises UnknownCommand when SCM did not know this within the last `UNKNOWN_FOR` seconds."""
        if self._unknown.get(what, 0.0) > time.monotonic():
            raise UnknownCommand(f"this release of SCM does not know {what}")

    def _unknown_from_now(self, what: str) -> UnknownCommand:
        self._unknown[what] = time.monotonic() + UNKNOWN_FOR
        return UnknownCommand(f"this release of SCM does not know {what}")

    async def _ask(self, command: ScmCommand, request: bytes = b"") -> bytes:
        """Sends a command; returns its own response message."""
        number, field = command.value
        self._require(command.name)
        envelope = number_field(1, number) + number_field(3, _CLIENT_VERSION) + bytes_field(field, request)
        try:
            answer = Message("ScmContainerLocationResponse", await self._call(PROTOCOL, METHOD, envelope))
        except RemoteError as refusal:
            if any(text in refusal.message for text in _UNKNOWN):
                raise self._unknown_from_now(command.name) from refusal
            raise
        if answer.int32(5) != _OK:
            raise RemoteError("SCM", f"{command.name} with status {answer.int32(5)}", answer.text(4, ""))
        return answer.blob(field)

    async def _ask_for_all(self, command: ScmCommand, request: bytes = b"") -> tuple[bytes, ...]:
        """Sends a command; returns the repeated messages that its response consists of."""
        return Message(command.name, await self._ask(command, request)).messages(1, bytes)

    async def _pages(
        self, command: ScmCommand, request: Callable[[int], bytes], start: int
    ) -> AsyncIterator[ByteSlices]:
        """Pages through a command whose response consists of messages that begin with an id."""
        more = True
        while more:
            page = await _slices(await self._ask(command, request(start)))
            more = len(page.starts) >= self._page
            if len(page.starts):
                last = Message(command.name, page.data[page.starts[-1] : page.ends[-1]].tobytes()).int64(1)
                if last < start:
                    raise DecodeError(f"{command.name}: the page from container {start} on ends with {last}")
                start = last + 1
                yield page


async def _slices(response: bytes) -> ByteSlices:
    """The repeated messages that a response consists of."""
    # In a thread: a page takes long to split, and the kernels may have to be loaded first.
    return await asyncio.to_thread(_split, response)


def _split(response: bytes) -> ByteSlices:
    data = np.frombuffer(response, np.uint8)
    message = Messages(ByteSlices(data, np.zeros(1, np.int64), np.array([len(data)])))
    slices, _ = message.blobs(1)
    if message.refused[0]:
        raise DecodeError(f"a page of containers is malformed: {response[:20].hex()} …")
    return slices
