"""Decides which volumes and buckets a user owns, by OM's own rows. The owner of a volume owns all in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.columnar.search import find
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.decode.om.bucket_info_columns import decode_buckets, decode_volumes
from ozone_recon.decode.om.keys import encode_text
from ozone_recon.decode.om.values import decode_bucket, decode_volume
from ozone_recon.errors import DecodeError
from ozone_recon.insights.om.prefixes import is_id_key
from ozone_recon.store.generation import Generation, Table

T = TypeVar("T")
LISTED: Final = 1000
"""Maximum number of volumes, and of buckets, that are listed."""


class Owned(NamedTuple):
    """The first `LISTED` volumes and buckets of a user, as paths in byte order."""

    volumes: list[str]
    buckets: list[str]


def owns(generation: Generation, user: str, path: str) -> bool:
    """Whether a user owns the volume or bucket that a path is in.

    A path with an empty component before the bucket's name is refused: routes differ in how they read it. Links need
    no rule, because no route for owners follows them.
    """
    volume, _, below = path.removeprefix("/").partition("/")
    bucket = below.partition("/")[0]
    if not volume or (below and not bucket):
        return False
    if _row(generation.table("om/volumeTable"), f"/{volume}", lambda value: decode_volume(value).owner) == user:
        return True
    owner = _row(generation.table("om/bucketTable"), f"/{volume}/{bucket}", lambda value: decode_bucket(value).owner)
    return bool(bucket) and owner == user


def may_start_after(generation: Generation, user: str, key: str) -> bool:
    """Whether a user may continue a listing after a key: one that it owns, or a key of ids, which is not looked up."""
    return not key or owns(generation, user, key) or is_id_key(generation, encode_text(key))


def owned_by(generation: Generation, user: str) -> Owned:
    """Lists what a user owns itself; takes milliseconds for each thousand buckets."""
    volumes, buckets = generation.table("om/volumeTable"), generation.table("om/bucketTable")
    volume_rows, volume_columns = decode_volumes(slices_of_texts(volumes.bytes("value")))
    bucket_rows, bucket_columns = decode_buckets(slices_of_texts(buckets.bytes("value")))
    return Owned(
        _paths(volumes, volume_rows.tolist(), volume_columns.owner, user),
        _paths(buckets, bucket_rows.tolist(), bucket_columns.owner, user),
    )


def _paths(table: Table, rows: list[int], owner: DictionaryColumn[T], user: str) -> list[str]:
    keys, values = table.bytes("key"), owner.values
    own = (row for row, index in zip(rows, owner.indices.tolist(), strict=True) if values[index] == user)
    return [keys[row].decode("utf-8", "replace") for row, _ in zip(own, range(LISTED), strict=False)]


def _row(table: Table, key: str, owner: Callable[[bytes], str | None]) -> str | None:
    """Returns the owner in a row; None if it does not exist or cannot be decoded."""
    row = find(table.bytes("key"), encode_text(key))
    if row is None:
        return None
    try:
        return owner(table.bytes("value")[row])
    except DecodeError:
        return None
