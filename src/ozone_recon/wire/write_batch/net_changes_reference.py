"""Reduces WriteBatches to the newest change of each row, in plain Python: the definition of `net_changes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.columnar.changes import ChangedRows, Changes
from ozone_recon.errors import CheckpointCause, CheckpointNeeded, DecodeError, Unsupported
from ozone_recon.wire.write_batch.batch import ChangeKind, read_write_batch

APPLIED: Final = (ChangeKind.PUT, ChangeKind.DELETE, ChangeKind.SINGLE_DELETE)
"""Changes that determine their row; the others need earlier rows or other parts of the database."""


def net_changes(batches: ByteSlices, after: int, families: Mapping[int, str]) -> Changes:
    """The newest change of each row in WriteBatches after the sequence number `after`; `families` maps ids to names.

    Raises CheckpointNeeded for a missing or repeated sequence number or an unknown column family, Unsupported for a
    change that cannot be applied, and DecodeError for a malformed WriteBatch.
    """
    newest: dict[int, dict[bytes, bytes | None]] = {}
    last = after
    for number, (start, end) in enumerate(zip(batches.starts.tolist(), batches.ends.tolist(), strict=True)):
        try:
            batch = read_write_batch(batches.data[start:end].tobytes())
        except DecodeError as error:
            raise type(error)(f"batch {number}: {error}") from None
        if batch.sequence != last + 1:
            raise CheckpointNeeded(
                CheckpointCause.GAP, f"OM's changes continue with {batch.sequence:,}, but ours end with {last:,}"
            )
        for change in batch.changes:
            if change.kind not in APPLIED:
                raise Unsupported(f"batch {number}: a {change.kind.value} in column family {change.family}")
            value = change.value if change.kind is ChangeKind.PUT else None
            newest.setdefault(change.family, {})[change.key] = value
        last = batch.last_sequence
    unknown = newest.keys() - families.keys()
    if unknown:
        raise CheckpointNeeded(
            CheckpointCause.COLUMN_FAMILY, f"OM has changed column family {min(unknown)}, which our checkpoint lacks"
        )
    return Changes(last, {families[family]: _rows(newest[family]) for family in sorted(newest)})


def _rows(newest: Mapping[bytes, bytes | None]) -> ChangedRows:
    keys = sorted(newest)
    values = [newest[key] for key in keys]
    deleted = np.array([value is None for value in values])
    return ChangedRows(ByteColumn.of(keys), ByteColumn.of(value or b"" for value in values), deleted)
