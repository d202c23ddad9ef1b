"""Reads and writes RocksDB's WriteBatch, an atomic group of changes in a write-ahead log or OM's getDBUpdates.

┌──────────┬───────┬─ ─ ─ ─ ┐   sequence (8) of the first change, number (4) of changes; then records: a tag,
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
    """The effect of a change on its key."""

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


DELETE: Final = 0x00
PUT: Final = 0x01
LOG_DATA: Final = 0x03
FAMILY_DELETE: Final = 0x04
FAMILY_PUT: Final = 0x05
SINGLE_DELETE: Final = 0x07
FAMILY_SINGLE_DELETE: Final = 0x08
NOOP: Final = 0x0D
"""Tags of the records that can be applied (RocksDB's ValueType); FAMILY_… tags are followed by a column family id."""
CHANGES: Final[dict[int, tuple[ChangeKind, bool]]] = {
    DELETE: (ChangeKind.DELETE, False),
    FAMILY_DELETE: (ChangeKind.DELETE, True),
    PUT: (ChangeKind.PUT, False),
    FAMILY_PUT: (ChangeKind.PUT, True),
    0x02: (ChangeKind.MERGE, False),
    0x06: (ChangeKind.MERGE, True),
    SINGLE_DELETE: (ChangeKind.SINGLE_DELETE, False),
    FAMILY_SINGLE_DELETE: (ChangeKind.SINGLE_DELETE, True),
    0x0F: (ChangeKind.DELETE_RANGE, False),
    0x0E: (ChangeKind.DELETE_RANGE, True),
    0x11: (ChangeKind.BLOB_INDEX, False),
    0x10: (ChangeKind.BLOB_INDEX, True),
    0x16: (ChangeKind.WIDE_COLUMNS, False),
    0x17: (ChangeKind.WIDE_COLUMNS, True),
}
"""Tag → the kind of change, and whether a column family id follows (otherwise the family is 0, the default)."""
MARKS: Final[dict[int, int]] = {LOG_DATA: 1, NOOP: 0}
"""Tag of a record without effect → the number of slices that follow."""
TWO_PHASE: Final = frozenset((0x09, 0x12, 0x13, 0x0A, 0x0B, 0x0C, 0x15))
"""Tags of two-phase commits: the changes between begin and end take effect only when a later batch commits."""
KEY_ONLY: Final = (ChangeKind.DELETE, ChangeKind.SINGLE_DELETE)


@dataclass(frozen=True, slots=True)
class WriteBatch:
    """A batch: the sequence number of its first change, and its changes in order."""

    sequence: int
    changes: tuple[BatchChange, ...]

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last change; without changes, the one before `sequence`."""
        return self.sequence + len(self.changes) - 1


def read_write_batch(data: bytes) -> WriteBatch:
    """Reads a batch; DecodeError when it is truncated, has an unknown tag, or its count is wrong.

    Unsupported for records of two-phase commits.
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
    """Encodes a batch from its first sequence number and (column family id, key, value) changes; None deletes."""
    records = [sequence.to_bytes(8, "little") + len(changes).to_bytes(4, "little")]
    for family, key, value in changes:
        if value is None:
            records.append(bytes([FAMILY_DELETE]) + varint(family) + delimited(key))
        else:
            records.append(bytes([FAMILY_PUT]) + varint(family) + delimited(key) + delimited(value))
    return b"".join(records)
