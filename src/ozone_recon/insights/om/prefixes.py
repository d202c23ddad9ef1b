"""What `startPrefix` and `prevKey` of a listing mean: names as they are, or FSO names that stand for object ids."""

from __future__ import annotations

import re
from typing import NamedTuple

from ozone_recon.columnar.search import find
from ozone_recon.decode.om.keys import encode_text
from ozone_recon.decode.om.values import decode_bucket
from ozone_recon.errors import BadRequest, DecodeError
from ozone_recon.insights.namespace.directory_paths import DirectoryPaths
from ozone_recon.insights.om.bucket_rows import FSO
from ozone_recon.store.generation import Generation

_ID = rb"-?[0-9]{1,19}"
_ID_KEY = re.compile(rb"/%s/%s/%s/.*" % (_ID, _ID, _ID), re.DOTALL)


class ResolvedBucket(NamedTuple):
    """A bucket that keys can be in; `id_prefix` is `/volumeId/bucketId/`, with which its FSO rows begin."""

    volume: str
    bucket: str
    layout: str
    object_id: int
    id_prefix: bytes


class Prefix(NamedTuple):
    """A path at the level of a bucket or deeper, `rest` being what is below the bucket.

    `text` is what the database keys of tables with names in their keys begin with; `place` is None for a bucket that
    is not there.
    """

    volume: str
    bucket: str
    rest: str
    text: bytes
    resolved: ResolvedBucket | None


def read_prefix(generation: Generation, path: str) -> Prefix:
    """`/volume/bucket/rest`, the first slash of which may be missing; BadRequest when it has no bucket.

    A prefix that ends with the bucket's name means this bucket alone, not all whose names begin alike.
    """
    volume, bucket, rest = split_prefix(path)
    text = encode_text(f"/{volume}/{bucket}/{rest}")
    return Prefix(volume, bucket, rest, text, find_bucket(generation, volume, bucket))


def split_prefix(path: str) -> tuple[str, str, str]:
    """Volume, bucket and what is below it; BadRequest when there is no bucket."""
    volume, bucket, rest = split_path(path)
    if not volume or not bucket:
        raise BadRequest("Invalid startPrefix: Path must be at the bucket level or deeper.")
    return volume, bucket, rest


def check_names(*names: str) -> None:
    """Refuses what cannot be the name of a volume or bucket, in Recon's words (ReconUtils.validateNames)."""
    for name in names:
        if not 3 <= len(name) <= 63:
            raise BadRequest("Invalid argument: Bucket or Volume name length should be between 3 and 63")
        if name[0] in ".-" or name[-1] in ".-":
            raise BadRequest("Invalid argument: Bucket or Volume name cannot start or end with hyphen or period")
        if not re.fullmatch(r"[a-z0-9._-]*", name):
            raise BadRequest(
                "Invalid argument: Bucket or Volume name can only contain lowercase letters, numbers, hyphens, "
                "underscores, and periods"
            )


def split_path(path: str) -> tuple[str, str, str]:
    """Volume, bucket and what is below it; "" for what a path does not have. Its first slash may be missing."""
    volume, _, below = path.removeprefix("/").partition("/")
    bucket, _, rest = below.partition("/")
    return volume, bucket, rest


def find_bucket(generation: Generation, volume: str, bucket: str) -> ResolvedBucket | None:
    """The bucket of that name; None when there is none that rows can be in: its value or object id is of no use."""
    table = generation.table("om/bucketTable")
    row = find(table.bytes("key"), encode_text(f"/{volume}/{bucket}"))
    if row is None:
        return None
    try:
        info = decode_bucket(table.bytes("value")[row])
    except DecodeError:
        return None
    tree = DirectoryPaths(generation)
    if info.layout == FSO and tree.own_id(int(generation.table("namespace_buckets")["place"][row])) is None:
        return None
    at = tree.find([encode_text(volume)])
    volume_id = 0 if at is None else tree.volume_id(at)
    return ResolvedBucket(volume, bucket, info.layout, info.object_id, b"/%d/%d/" % (volume_id, info.object_id))


def is_id_key(generation: Generation, key: bytes) -> bool:
    """Whether a database key is of a table with object ids in its keys.

    `/1/2/3/name` could be a key with names too: it is, when there is such a bucket.
    """
    if not _ID_KEY.fullmatch(key):
        return False
    _, volume, bucket, _ = key.split(b"/", 3)
    return find(generation.table("om/bucketTable").bytes("key"), b"/%s/%s" % (volume, bucket)) is None


def to_db_key(generation: Generation, key: str) -> bytes:
    """The database key of a committed key, given as that or as its path `/volume/bucket/directory/key`.

    The first slash of a path may be missing. The key need not be there, but in an FSO bucket its directory has to be;
    BadRequest when it is not.
    """
    volume, bucket, rest = split_path(key)
    resolved = find_bucket(generation, volume, bucket) if rest.strip("/") else None
    if resolved is None:
        return encode_text(key)
    if resolved.layout != FSO:
        return encode_text(f"/{volume}/{bucket}/{rest}")
    *directories, name = (part for part in rest.split("/") if part)
    tree = DirectoryPaths(generation)
    parent = tree.find(map(encode_text, (volume, bucket, *directories)))
    parent_id = None if parent is None else tree.own_id(parent)
    if parent_id is None:
        raise BadRequest(
            f"prevKey {key} is in a directory that is not there (any more). Give the database key of the last key, "
            "which is lastKey of the answer before."
        )
    return resolved.id_prefix + b"%d/%s" % (parent_id, encode_text(name))
