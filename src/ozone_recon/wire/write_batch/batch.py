"""RocksDB's WriteBatch: changes that belong together, as the write-ahead log and OM's getDBUpdates carry them.

┌──────────┬───────┬─ ─ ─ ─ ┐   sequence (8) of the first change, count (4) of changes; then records: a tag,
│ sequence │ count │ records│   for some a column family id (varint), then slices (varint length and bytes)
└──────────┴───────┴─ ─ ─ ─ ┘   Every change takes one sequence number; marks take none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.cursor import Cursor
from ozone_recon.wire.protobuf.fields import delimited, varint


class ChangeKind(Enum):
    """What a change does to its key."""

    PUT = "put"
    DELETE = "delete"
    SINGLE_DELETE = "single delete"
    MERGE = "merge"
    DELETE_RANGE = "delete range"
    BLOB_INDEX = "blob index"
    WIDE_COLUMNS = "wide columns"


@dataclass(frozen=True, slots=True)
class BatchChange:
    """One change; `value` is empty for deletes, and the exclusive end of the range for DELETE_RANGE."""

    sequence: int
    kind: ChangeKind
    family: int
    key: bytes
    value: bytes


CHANGES: Final[dict[int, tuple[ChangeKind, bool]]] = {
    0x00: (ChangeKind.DELETE, False),
    0x04: (ChangeKind.DELETE, True),
    0x01: (ChangeKind.PUT, False),
    0x05: (ChangeKind.PUT, True),
    0x02: (ChangeKind.MERGE, False),
    0x06: (ChangeKind.MERGE, True),
    0x07: (ChangeKind.SINGLE_DELETE, False),
    0x08: (ChangeKind.SINGLE_DELETE, True),
    0x0F: (ChangeKind.DELETE_RANGE, False),
    0x0E: (ChangeKind.DELETE_RANGE, True),
    0x11: (ChangeKind.BLOB_INDEX, False),
    0x10: (ChangeKind.BLOB_INDEX, True),
    0x16: (ChangeKind.WIDE_COLUMNS, False),
    0x17: (ChangeKind.WIDE_COLUMNS, True),
}
"""Tag → what it does, and whether a column family id follows (else it is the default one, 0)."""
MARKS: Final[dict[int, int]] = {0x03: 1, 0x0D: 0}
"""Tag of what changes nothing (log data, a place left free) → slices that follow."""
TWO_PHASE: Final = frozenset((0x09, 0x12, 0x13, 0x0A, 0x0B, 0x0C, 0x15))
"""Tags of a transaction's marks: changes between its begin and its end count only once a later batch commits it."""
KEY_ONLY: Final = (ChangeKind.DELETE, ChangeKind.SINGLE_DELETE)


@dataclass(frozen=True, slots=True)
class WriteBatch:
    """A batch: the sequence number of its first change, and its changes in order."""

    sequence: int
    changes: tuple[BatchChange, ...]

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last change (that before the first, when there are none)."""
        return self.sequence + len(self.changes) - 1


def read_write_batch(data: bytes) -> WriteBatch:
    """The batch in `data`; DecodeError when it is cut short, has an unknown tag, or its count is not true.

    Unsupported when it has a part of a transaction that is committed in two phases.
    """
    cursor = Cursor(data)
    first, count = cursor.fixed(8), cursor.fixed(4)
    changes: list[BatchChange] = []
    while cursor.left:
        at = cursor.at
        tag = cursor.fixed(1)
        if tag in MARKS:
            for _ in range(MARKS[tag]):
                cursor.slice()
            continue
        if tag in TWO_PHASE:
            raise Unsupported(f"a two-phase commit (tag {tag:#04x} at byte {at} of a WriteBatch)")
        if tag not in CHANGES:
            raise DecodeError(f"tag {tag:#04x} at byte {at} of a WriteBatch is unknown")
        kind, named = CHANGES[tag]
        family = cursor.varint32() if named else 0
        key = cursor.slice()
        value = b"" if kind in KEY_ONLY else cursor.slice()
        changes.append(BatchChange(first + len(changes), kind, family, key, value))
    if len(changes) != count:
        raise DecodeError(f"a WriteBatch announces {count} changes and has {len(changes)}")
    return WriteBatch(first, tuple(changes))


def write_write_batch(sequence: int, changes: Sequence[tuple[int, bytes, bytes | None]]) -> bytes:
    """A batch whose first change has this sequence number: column family ids, keys and values (None deletes)."""
    records = [sequence.to_bytes(8, "little") + len(changes).to_bytes(4, "little")]
    for family, key, value in changes:
        if value is None:
            records.append(b"\x04" + varint(family) + delimited(key))
        else:
            records.append(b"\x05" + varint(family) + delimited(key) + delimited(value))
    return b"".join(records)
