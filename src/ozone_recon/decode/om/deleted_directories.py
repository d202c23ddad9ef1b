"""Decodes keys of deletedDirectoryTable into columns: the ids and names of directories pending deletion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.kernels import lean_kernel, zero
from ozone_recon.decode.batch_kernel import (
    Strings,
    allocate_strings,
    as_column,
    copy_bytes,
    find_slash,
    read_id,
    split_id_prefix,
    strings_of,
)

ROW, VOLUME_ID, BUCKET_ID, PARENT_ID, OBJECT_ID, COLUMNS = 0, 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class DeletedDirectoryColumns:
    """Deleted directories in key order; `row` is the index of the key. Keys of another form are skipped."""

    row: Int64s
    volume_id: Int64s
    bucket_id: Int64s
    parent_id: Int64s
    object_id: Int64s
    names: ByteColumn

    def __len__(self) -> int:
        return len(self.row)


def decode_deleted_directories(keys: ByteColumn) -> DeletedDirectoryColumns:
    """Decodes the valid keys; the columnar form of `om.keys.DeletedDirectoryKey.parse`."""
    numbers = np.empty((COLUMNS, len(keys)), np.int64)
    names = allocate_strings(len(keys), int(keys.offsets[-1] - keys.offsets[0]))
    count = fill_deleted_directories(strings_of(keys), numbers, names)
    row, volume_id, bucket_id, parent_id, object_id = numbers[:, :count]
    return DeletedDirectoryColumns(row, volume_id, bucket_id, parent_id, object_id, as_column(names, count))


@lean_kernel
def fill_deleted_directories(keys: Strings, numbers: Int64s, names: Strings) -> int:
    """Fills `numbers` and `names` from the valid keys; returns the number of those."""
    count = zero()
    for row in range(len(keys.offsets) - 1):
        at, end = keys.offsets[row], keys.offsets[row + 1]
        name, parent_id = split_id_prefix(keys.data, at, end)
        if name < 0:
            continue
        name_end = find_slash(keys.data, name, end)
        object_id, good = read_id(keys.data, min(name_end + 1, end), end)
        if name_end == name or not good:
            continue
        bucket = find_slash(keys.data, at + 1, end) + 1
        volume_id, _ = read_id(keys.data, at + 1, bucket - 1)
        bucket_id, _ = read_id(keys.data, bucket, find_slash(keys.data, bucket, end))
        numbers[ROW, count] = row
        numbers[VOLUME_ID, count] = volume_id
        numbers[BUCKET_ID, count] = bucket_id
        numbers[PARENT_ID, count] = parent_id
        numbers[OBJECT_ID, count] = object_id
        names.offsets[count + 1] = copy_bytes(keys.data, name, name_end, names.data, names.offsets[count])
        count += 1
    return count
