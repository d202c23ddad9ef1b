"""Follows an OM by deltas: requests the changes after a sequence number until our data is up to date.

Sequence numbers and column family ids belong to the database of one OM and mean nothing to another OM of the same
service. So deltas can be applied only to a checkpoint of the OM that answers; otherwise `CheckpointNeeded` gives the
reason. All other errors leave our data valid: the next attempt continues from the same sequence number.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.columnar.changes import Changes, LastBatch
from ozone_recon.errors import CheckpointCause, CheckpointNeeded, DecodeError, MessageTooLong, RemoteError
from ozone_recon.wire.ozone.om_calls import (
    METHOD,
    OK,
    PROTOCOL,
    OmRequest,
    OmResponse,
    Updates,
    UpdatesRequest,
)
from ozone_recon.wire.ozone.schema import OmCommand
from ozone_recon.wire.write_batch.net_changes import net_changes

_LOG: Final = logging.getLogger(__name__)
_LESS: Final = 8
"""Divides the limit when a response is too large for OM or for us."""
ASKED_AGAIN: Final = 3
"""Retries when an OM announces more changes and returns none: a write may have come in between."""
PAUSE: Final = 0.05
"""Seconds before each retry."""
_OUT_OF_MEMORY: Final = "OutOfMemoryError"

Call = Callable[[str, str, bytes], Awaitable[tuple[str, bytes]]]
"""Protocol, method, request message → the node that answered, response message: `RpcGroup.call_leader`."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One response: the changes, and OM's own last sequence number at that time."""

    changes: Changes
    latest_sequence_number: int


class OmDeltas:
    """Requests deltas from the OMs of a service."""

    def __init__(self, call: Call, limit: int, lag_threshold: int) -> None:
        """`limit` is the approximate number of changes per request; a lag of at most `lag_threshold` is accepted."""
        self._call = call
        self._limit = limit
        self._lag_threshold = lag_threshold
        self._client_id = f"client-{uuid.uuid4().hex[-12:].upper()}"

    async def since(
        self, sequence_number: int, node: str, families: Mapping[int, str], last_batch: LastBatch | None = None
    ) -> AsyncGenerator[Delta]:
        """Yields the changes of the OM `node` after `sequence_number`: one delta or more; the last may be empty.

        `node` is the OM that our checkpoint is from, and `families` maps its column family ids to names. Each delta
        starts where the one before it ends. `last_batch` is the last batch in our data, if known: it is requested too
        and compared, because an OM restored from a backup returns a different one.

        Raises CheckpointNeeded when the changes do not continue ours, cannot be read, or are announced but never
        returned, since the age of our data would be unknown. Passes on the errors of the call.
        """
        limit, empty = self._limit, 0
        while True:
            try:
                updates = await self._ask(sequence_number, limit, node, last_batch)
            except (MessageTooLong, RemoteError) as error:
                if isinstance(error, RemoteError) and error.exception != _OUT_OF_MEMORY:
                    raise
                if limit == 1:
                    raise CheckpointNeeded(
                        CheckpointCause.DELTA_TOO_LARGE, f"a single batch of changes is too large: {error}"
                    ) from error
                limit = max(limit // _LESS, 1)
                _LOG.warning("%s: reducing the limit to %s changes per request", error, f"{limit:,}")
                continue
            try:
                changes = await asyncio.to_thread(net_changes, updates.batches, sequence_number, families)
            except DecodeError as error:
                raise CheckpointNeeded(
                    CheckpointCause.UNREADABLE, f"OM's changes after {sequence_number:,} cannot be applied: {error}"
                ) from error
            received = changes.last_sequence - sequence_number
            if received:
                changes = replace(changes, last_batch=_batch(updates.batches, -1))
            yield Delta(changes, updates.latest_sequence_number)
            sequence_number = changes.last_sequence
            last_batch = None
            lag = updates.latest_sequence_number - sequence_number
            if lag <= self._lag_threshold:
                return
            empty = 0 if received else empty + 1
            if empty > ASKED_AGAIN:
                raise CheckpointNeeded(
                    CheckpointCause.GAP,
                    f"OM is at {sequence_number + lag:,} but returns no changes after {sequence_number:,}",
                )
            if empty:
                await asyncio.sleep(PAUSE)

    async def _ask(self, sequence_number: int, limit: int, node: str, last_batch: LastBatch | None) -> Updates:
        """The changes after a sequence number, once `last_batch` shows that OM's database is the one we followed."""
        if last_batch is None:
            updates = await self._ask_after(sequence_number, limit, node)
        else:
            try:
                updates = _without(last_batch, await self._ask_after(last_batch.sequence_number - 1, limit, node))
            except CheckpointNeeded as error:
                if error.cause is not CheckpointCause.GAP:
                    raise
                # OM's log may no longer hold a batch that we have already.
                updates = await self._ask_after(sequence_number, limit, node)
        if updates.latest_sequence_number < sequence_number:
            raise CheckpointNeeded(
                CheckpointCause.OM_RESTORED,
                f"OM is at {updates.latest_sequence_number:,} and our data at {sequence_number:,}: OM was restored",
            )
        return updates

    async def _ask_after(self, sequence_number: int, limit: int, node: str) -> Updates:
        request = OmRequest(OmCommand.DB_UPDATES, UpdatesRequest(sequence_number, limit).encode(), self._client_id)
        leader, answer = await self._call(PROTOCOL, METHOD, request.encode())
        if leader != node:
            raise CheckpointNeeded(
                CheckpointCause.ANOTHER_OM, f"the leader is now OM {leader!r}, and our data is from {node!r}"
            )
        response = OmResponse.decode(answer, OmCommand.DB_UPDATES)
        if response.status != OK:
            raise CheckpointNeeded(
                CheckpointCause.GAP, f"OM no longer has all changes after {sequence_number:,}: {response.error}"
            )
        updates = Updates.decode(response.message)
        if not updates.success:
            raise CheckpointNeeded(
                CheckpointCause.GAP, f"OM cannot read its changes after {sequence_number:,}, or has not reached it"
            )
        return updates


def _without(last_batch: LastBatch, updates: Updates) -> Updates:
    """The updates without their first batch, which must be the last one in our data."""
    batches = updates.batches
    if not len(batches.starts):
        return updates
    if _batch(batches, 0) != last_batch:
        raise CheckpointNeeded(
            CheckpointCause.OM_RESTORED,
            f"OM's changes from {last_batch.sequence_number:,} on differ from ours: OM was restored and has continued",
        )
    return replace(updates, batches=batches.take(np.arange(1, len(batches.starts))))


def _batch(batches: ByteSlices, row: int) -> LastBatch:
    """Identifies a batch by sequence number and CRC-32; the decoder refuses a batch that is too short."""
    data = batches.data[batches.starts[row] : batches.ends[row]].tobytes()
    return LastBatch(int.from_bytes(data[:8], "little"), zlib.crc32(data))
