"""Volumes and buckets, in byte order of their names."""

from __future__ import annotations

from ozone_recon.decode.om_keys import encode_text
from ozone_recon.decode.om_values import decode_bucket, decode_volume
from ozone_recon.errors import DecodeError
from ozone_recon.model.byte_search import page
from ozone_recon.model.om import BucketInfo, VolumeInfo
from ozone_recon.store.generation import Generation


def list_volumes(generation: Generation, after: str, limit: int) -> list[VolumeInfo]:
    """At most `limit` volumes, from the first one whose name is greater than `after`."""
    table = generation.table("om/volumeTable")
    keys, values = table.bytes("key"), table.bytes("value")
    found: list[VolumeInfo] = []
    for row in range(*page(keys, b"", encode_text(f"/{after}"))):
        if len(found) == limit:
            break
        try:
            found.append(decode_volume(values[row]))
        except DecodeError:
            continue  # The build has counted and reported it.
    return found


def list_buckets(generation: Generation, volume: str | None, after: str, limit: int) -> list[BucketInfo]:
    """At most `limit` buckets of a volume, or of all volumes (None), from the first one greater than `after`.

    `after` is a bucket's name in that volume; with all volumes it is `volume/bucket`, a leading slash allowed.
    """
    table = generation.table("om/bucketTable")
    keys, values = table.bytes("key"), table.bytes("value")
    prefix = "/" if volume is None else f"/{volume}/"
    found: list[BucketInfo] = []
    for row in range(*page(keys, encode_text(prefix), encode_text(prefix + after.removeprefix("/")))):
        if len(found) == limit:
            break
        try:
            found.append(decode_bucket(values[row]))
        except DecodeError:
            continue  # The build has counted and reported it.
    return found
