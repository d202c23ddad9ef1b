"""Lists volumes and buckets, in byte order of their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, slices_at
from ozone_recon.decode.om.bucket_info_columns import (
    BucketInfoColumns,
    VolumeInfoColumns,
    decode_buckets,
    decode_volumes,
)
from ozone_recon.decode.om.keys import encode_text
from ozone_recon.insights.om.filled_pages import filled_page, rows_with
from ozone_recon.store.generation import Generation, Table

T = TypeVar("T")


def list_volumes(generation: Generation, after: str, limit: int) -> VolumeInfoColumns:
    """Returns at most `limit` volumes whose names are greater than `after`."""
    return _list(generation.table("om/volumeTable"), "", f"/{after}", limit, decode_volumes)


def list_buckets(generation: Generation, volume: str | None, after: str, limit: int) -> BucketInfoColumns:
    """Returns at most `limit` buckets of a volume, or of all volumes (None), that are greater than `after`.

    `after` is a bucket's name in that volume or, with all volumes, `volume/bucket` with an optional leading slash.
    """
    prefix = "/" if volume is None else f"/{volume}/"
    table = generation.table("om/bucketTable")
    return _list(table, prefix, prefix + after.removeprefix("/"), limit, decode_buckets)


def _list(table: Table, prefix: str, after: str, limit: int, decode: Callable[[ByteSlices], tuple[Int64s, T]]) -> T:
    keys, values = table.bytes("key"), table.bytes("value")

    def read(rows: Int64s) -> tuple[Int64s, T]:
        good, found = decode(slices_at(values, rows))
        return rows[good], found

    return filled_page(keys, rows_with(keys, encode_text(prefix)), read, encode_text(after), limit)
