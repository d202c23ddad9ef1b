"""Follows an OM by deltas: asks it for what has changed behind a sequence number until we are as far as it is.

Sequence numbers and the ids of column families are those of one OM's database, and mean nothing to another OM of the
same service. So deltas lead on only from a checkpoint of the OM that answers; when they do not, `CheckpointNeeded` says
why. All other errors say nothing about our data: the next time it may go on from the same number.
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
    OmCommand,
    OmRequest,
    OmResponse,
    Updates,
    UpdatesRequest,
)
from ozone_recon.wire.write_batch.net_changes import net_changes

_LOG: Final = logging.getLogger(__name__)
_LESS: Final = 8
"""The limit is divided by this when an answer was too much for OM or for us."""
ASKED_AGAIN: Final = 3
"""Times that an OM is asked again which says it has more and gives nothing: a write may have come in between."""
PAUSE: Final = 0.05
"""Seconds before each of them."""
_OUT_OF_MEMORY: Final = "OutOfMemoryError"

Call = Callable[[str, str, bytes], Awaitable[tuple[str, bytes]]]
"""Protocol, method, request message → the node that answered, response message: `RpcGroup.call_leader`."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One answer: what changed, and OM's own last sequence number at that time."""

    changes: Changes
    latest_sequence_number: int


class OmDeltas:
    """The OMs of a service, asked for deltas."""

    def __init__(self, call: Call, limit: int, lag_threshold: int) -> None:
        """`limit` is about how many changes to ask for at once; a lag up to `lag_threshold` of them is left alone."""
        self._call = call
        self._limit = limit
        self._lag_threshold = lag_threshold
        self._client_id = f"client-{uuid.uuid4().hex[-12:].upper()}"

    async def since(
        self, sequence_number: int, node: str, families: Mapping[int, str], last_batch: LastBatch | None = None
    ) -> AsyncGenerator[Delta]:
        """What the OM `node`, of which our data is, has changed behind `sequence_number`: one answer or more.

        `families` are the names of the column families by their ids, from the checkpoint. Each answer leads on from
        the one before; the last may be empty. `last_batch` is the one that our data ends with, if that is known: OM is
        asked for it too, and has to have the same, or it is not the database any more that it was.
        An OM that says it is further and gives nothing is not followed: nobody could tell how old our data is.

        Raises CheckpointNeeded, also for changes that cannot be read, and what the call raises.
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
                        CheckpointCause.DELTA_TOO_LARGE, f"a single batch of changes is too much: {error}"
                    ) from error
                limit = max(limit // _LESS, 1)
                _LOG.warning("%s; asking for %s changes at once", error, f"{limit:,}")
                continue
            try:
                changes = await asyncio.to_thread(net_changes, updates.batches, sequence_number, families)
            except DecodeError as error:
                raise CheckpointNeeded(
                    CheckpointCause.UNREADABLE, f"OM's changes behind {sequence_number:,} cannot be applied: {error}"
                ) from error
            came = changes.last_sequence - sequence_number
            if came:
                changes = replace(changes, last_batch=_batch(updates.batches, -1))
            yield Delta(changes, updates.latest_sequence_number)
            sequence_number = changes.last_sequence
            last_batch = None
            lag = updates.latest_sequence_number - sequence_number
            if lag <= self._lag_threshold:
                return
            empty = 0 if came else empty + 1
            if empty > ASKED_AGAIN:
                raise CheckpointNeeded(
                    CheckpointCause.GAP,
                    f"OM says that it is at {sequence_number + lag:,}, and has nothing behind {sequence_number:,}",
                )
            if empty:
                await asyncio.sleep(PAUSE)

    async def _ask(self, sequence_number: int, limit: int, node: str, last_batch: LastBatch | None) -> Updates:
        """The changes behind a sequence number, once OM is known to be the one that we have followed so far."""
        if last_batch is None:
            updates = await self._ask_behind(sequence_number, limit, node)
        else:
            try:
                updates = _without(last_batch, await self._ask_behind(last_batch.sequence_number - 1, limit, node))
            except CheckpointNeeded as error:
                if error.cause is not CheckpointCause.GAP:
                    raise
                # OM's log need not go back as far as what we have already.
                updates = await self._ask_behind(sequence_number, limit, node)
        if updates.latest_sequence_number < sequence_number:
            raise CheckpointNeeded(
                CheckpointCause.OM_RESTORED,
                f"OM is at {updates.latest_sequence_number:,} and our data at {sequence_number:,}: it was put back",
            )
        return updates

    async def _ask_behind(self, sequence_number: int, limit: int, node: str) -> Updates:
        asked = OmRequest(OmCommand.DB_UPDATES, UpdatesRequest(sequence_number, limit).encode(), self._client_id)
        leader, answer = await self._call(PROTOCOL, METHOD, asked.encode())
        if leader != node:
            raise CheckpointNeeded(
                CheckpointCause.ANOTHER_OM, f"the OM {leader!r} leads now, and our data is that of {node!r}"
            )
        response = OmResponse.decode(answer, OmCommand.DB_UPDATES)
        if response.status != OK:
            raise CheckpointNeeded(
                CheckpointCause.GAP, f"OM has not all changes behind {sequence_number:,}: {response.error}"
            )
        updates = Updates.decode(response.message)
        if not updates.success:
            raise CheckpointNeeded(
                CheckpointCause.GAP, f"OM cannot read its changes behind {sequence_number:,}, or has not got so far"
            )
        return updates


def _without(last_batch: LastBatch, updates: Updates) -> Updates:
    """The updates behind the batch that we have already, with which they begin."""
    batches = updates.batches
    if not len(batches.starts):
        return updates
    if _batch(batches, 0) != last_batch:
        raise CheckpointNeeded(
            CheckpointCause.OM_RESTORED,
            f"OM's changes from {last_batch.sequence_number:,} on are not ours: it was put back, and went on",
        )
    return replace(updates, batches=batches.at(np.arange(1, len(batches.starts))))


def _batch(batches: ByteSlices, row: int) -> LastBatch:
    """What a batch is known by; too short a one is refused by whoever reads it."""
    data = batches.data[batches.starts[row] : batches.ends[row]].tobytes()
    return LastBatch(int.from_bytes(data[:8], "little"), zlib.crc32(data))
