"""Reduces WriteBatches to the newest change of each row: the compiled path, with no Python per change."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ozone_recon.columnar.byte_slices import ByteSlices, joined
from ozone_recon.columnar.changes import ChangedRows, Changes
from ozone_recon.columnar.search import lookup
from ozone_recon.wire.write_batch import net_changes_reference as reference
from ozone_recon.wire.write_batch.net_kernel import (
    FAMILY,
    FIELDS,
    KEY,
    KEY_END,
    VALUE,
    VALUE_END,
    count_changes,
    keep_newest,
    read_changes,
)


def net_changes(batches: ByteSlices, after: int, families: Mapping[int, str]) -> Changes:
    """The newest change of each row in WriteBatches after the sequence number `after`; `families` maps ids to names.

    On any fault `net_changes_reference.net_changes` reads the batches again and raises the error.
    """
    data, starts, ends = batches.read_only()
    count = count_changes(data, starts, ends)
    changes = np.empty((max(count, 0), FIELDS), np.int64)
    if count < 0 or read_changes(data, starts, ends, after, changes) < 0:
        return reference.net_changes(batches, after, families)
    ids = np.array(sorted(families), np.int64)
    is_known, family_index = lookup(ids, changes[:, FAMILY])
    if not is_known.all():
        return reference.net_changes(batches, after, families)
    rows = np.argsort(family_index.astype(np.min_scalar_type(len(ids))), kind="stable")
    bounds = np.concatenate([np.zeros(1, np.int64), np.bincount(family_index, minlength=len(ids)).cumsum()]).tolist()
    words, other_words = np.empty((2, count), np.uint64)
    other_rows, groups = np.empty(count, np.int64), np.empty((count // 2 + 1, 3), np.int64)
    kept: list[tuple[str, int, int]] = []
    total = 0
    for family, start, end in zip(ids.tolist(), bounds, bounds[1:], strict=False):
        if start < end:
            part = slice(start, end)
            left = keep_newest(data, changes, rows[part], words[part], other_rows[part], other_words[part], groups)
            rows[total : total + left] = rows[start : start + left]
            kept.append((families[family], total, total + left))
            total += left
    last = changes[rows[:total]]
    keys = joined([ByteSlices(data, last[:, KEY], last[:, KEY_END])])
    values = joined([ByteSlices(data, last[:, VALUE], last[:, VALUE_END])])
    deleted = last[:, VALUE_END] < 0
    return Changes(
        after + count,
        {
            name: ChangedRows(keys.slice(start, end), values.slice(start, end), deleted[start:end])
            for name, start, end in kept
        },
    )
