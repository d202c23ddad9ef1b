"""An OM that answers from a write-ahead log that the test changes."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.wire.rocksdb.batches import batches_of, slices_of_texts

from ozone_recon.wire.ozone.om_calls import (
    INTERNAL_ERROR,
    METHOD,
    PROTOCOL,
    OmRequest,
    OmResponse,
    Updates,
    UpdatesRequest,
)
from ozone_recon.wire.ozone.schema import OmCommand
from ozone_recon.wire.write_batch.batch import ChangeKind

NODE = "om1"
ROWS = [[(ChangeKind.PUT, 3, b"key-%03d" % (n * 5 + i), b"v" * 50) for i in range(n % 4 + 1)] for n in range(40)]
"""The changes of each batch."""
BATCHES = batches_of(ROWS)


@dataclass
class StandIn:
    """An OM with these WriteBatches in its write-ahead log, from `first` on; keeps what it was asked."""

    batches: list[bytes] = field(default_factory=lambda: list(BATCHES))
    first: int = 0
    node: str = NODE
    asked: list[UpdatesRequest] = field(default_factory=list)

    @property
    def latest(self) -> int:
        last = self.batches[-1]
        return int.from_bytes(last[:8], "little") + int.from_bytes(last[8:12], "little") - 1

    async def __call__(self, protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
        assert (protocol, method) == (PROTOCOL, METHOD)
        return self.node, await self.answer(request)

    async def answer(self, request: bytes) -> bytes:
        asked = UpdatesRequest.decode(OmRequest.decode(request).message)
        self.asked.append(asked)
        assert asked.limit
        return self.answer_to(asked.sequence_number, asked.limit).encode()

    def answer_to(self, after: int, limit: int) -> OmResponse:
        if after > self.latest:
            return updates_of(Updates(slices_of_texts([]), -1, -1, False))
        held = [(int.from_bytes(batch[:8], "little"), batch) for batch in self.batches[self.first :]]
        if held[0][0] > after + 1:
            return OmResponse(OmCommand.DB_UPDATES, b"", INTERNAL_ERROR, "Unable to read full data from RocksDB wal")
        given: list[tuple[int, bytes]] = []
        for start, batch in held:
            if start > after:
                given.append((start, batch))
                if start - after >= limit:
                    break
        last = given[-1][0] if given else -1
        return updates_of(Updates(slices_of_texts([batch for _, batch in given]), last, self.latest, True))


def updates_of(updates: Updates) -> OmResponse:
    return OmResponse(OmCommand.DB_UPDATES, updates.encode())


class Ahead(StandIn):
    """Says that it is further than what it gives, the first `times`."""

    times = 1_000_000

    def answer_to(self, after: int, limit: int) -> OmResponse:
        self.times -= 1
        if self.times < 0:
            return super().answer_to(after, limit)
        return updates_of(Updates(slices_of_texts([]), -1, after + 5, True))
