"""Encodes WriteBatches by hand, and the rows that they leave."""

from collections.abc import Sequence

import numpy as np
from tests.wire.varints import varint

from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.columnar.changes import Changes
from ozone_recon.wire.write_batch.batch import BatchChange, ChangeKind

TAGS = {
    ChangeKind.DELETE: (0x00, 0x04),
    ChangeKind.PUT: (0x01, 0x05),
    ChangeKind.MERGE: (0x02, 0x06),
    ChangeKind.SINGLE_DELETE: (0x07, 0x08),
    ChangeKind.DELETE_RANGE: (0x0F, 0x0E),
    ChangeKind.BLOB_INDEX: (0x11, 0x10),
    ChangeKind.WIDE_COLUMNS: (0x16, 0x17),
}
"""Kind → its tag in the default column family and in a named one."""
MARKS = [b"\x03\x04blob", b"\x0d"]
TWO_PHASE = [b"\x09", b"\x12", b"\x13", b"\x0a\x03xid", b"\x0b\x03xid", b"\x0c\x03xid", b"\x15\x08--time--\x03xid"]


def slice_of(data: bytes) -> bytes:
    return varint(len(data)) + data


def record_of(change: BatchChange) -> bytes:
    default, named = TAGS[change.kind]
    head = bytes([named]) + varint(change.family) if change.family else bytes([default])
    value = b"" if change.kind in (ChangeKind.DELETE, ChangeKind.SINGLE_DELETE) else slice_of(change.value)
    return head + slice_of(change.key) + value


def batch_of(sequence: int, *parts: bytes, count: int | None = None) -> bytes:
    counted = len(parts) if count is None else count
    return sequence.to_bytes(8, "little") + counted.to_bytes(4, "little") + b"".join(parts)


Said = tuple[int, dict[str, list[tuple[bytes, bytes | None]]]]
"""The last sequence number, and by column family the keys with their values, None where they are deleted."""
Drawn = tuple[ChangeKind, int, bytes, bytes]
FAMILIES = {0: "default", 3: "keyTable", 7: "openKeyTable", 200: "bucketTable"}


def slices_of_texts(batches: Sequence[bytes], margin: bytes = b"") -> ByteSlices:
    """The batches in one array, a margin around each."""
    out, starts = bytearray(margin), []
    for batch in batches:
        starts.append(len(out))
        out += batch + margin
    at = np.array(starts, np.int64)
    return ByteSlices(
        np.frombuffer(bytes(out), np.uint8), at, at + np.array([len(batch) for batch in batches], np.int64)
    )


def batches_of(drawn: Sequence[Sequence[Drawn]], after: int = 0) -> list[bytes]:
    batches = []
    for changes in drawn:
        batches.append(batch_of(after + 1, *(record_of(BatchChange(0, *change)) for change in changes)))
        after += len(changes)
    return batches


def as_said(changes: Changes) -> Said:
    families = {}
    for name, rows in changes.families.items():
        assert len(rows) == len(rows.values) == len(rows.deleted) > 0
        assert not any(value for value, gone in zip(rows.values, rows.deleted, strict=True) if gone)
        values = [None if gone else value for value, gone in zip(rows.values, rows.deleted, strict=True)]
        families[name] = list(zip(rows.keys.items(), values, strict=True))
    return changes.last_sequence, families
