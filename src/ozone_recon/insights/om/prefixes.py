"""Resolves `startPrefix` and `prevKey` of listings to database keys: names, or object ids in FSO buckets."""

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
    """An existing bucket; `id_prefix` is `/volumeId/bucketId/`, the prefix of its FSO rows."""

    volume: str
    bucket: str
    layout: str
    object_id: int
    id_prefix: bytes


class Prefix(NamedTuple):
    """A path of a bucket or deeper; `rest` is the part below the bucket.

    `text` is the prefix of database keys in tables that are keyed by names. `resolved` is None if the bucket does not
    exist.
    """

    volume: str
    bucket: str
    rest: str
    text: bytes
    resolved: ResolvedBucket | None


def read_prefix(generation: Generation, path: str) -> Prefix:
    """Parses `/volume/bucket/rest`, with an optional first slash; BadRequest if there is no bucket.

    A prefix that ends with the bucket's name selects this bucket only, not all buckets whose names begin with it.
    """
    volume, bucket, rest = split_prefix(path)
    text = encode_text(f"/{volume}/{bucket}/{rest}")
    return Prefix(volume, bucket, rest, text, find_bucket(generation, volume, bucket))


def split_prefix(path: str) -> tuple[str, str, str]:
    """Splits a path into volume, bucket and the rest; BadRequest if there is no bucket."""
    volume, bucket, rest = split_path(path)
    if not volume or not bucket:
        raise BadRequest("Invalid startPrefix: Path must be at the bucket level or deeper.")
    return volume, bucket, rest


def check_names(*names: str) -> None:
    """Raises BadRequest for invalid names of volumes or buckets, with Recon's messages (ReconUtils.validateNames)."""
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
    """Splits a path, with an optional first slash, into volume, bucket and the rest; missing parts are ""."""
    volume, _, below = path.removeprefix("/").partition("/")
    bucket, _, rest = below.partition("/")
    return volume, bucket, rest


def find_bucket(generation: Generation, volume: str, bucket: str) -> ResolvedBucket | None:
    """Finds a bucket by name; None if it does not exist, is undecodable or shares its object id with an earlier one."""
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
    """Whether a database key is from a table that is keyed by object ids.

    `/1/2/3/name` can also be a key of names; it is one if the bucket `/1/2` exists.
    """
    if not _ID_KEY.fullmatch(key):
        return False
    _, volume, bucket, _ = key.split(b"/", 3)
    return find(generation.table("om/bucketTable").bytes("key"), b"/%s/%s" % (volume, bucket)) is None


def to_db_key(generation: Generation, key: str) -> bytes:
    """Converts a committed key, given as a database key or as a path `/volume/bucket/directory/key`, to a database key.

    The first slash of a path is optional. The key need not exist; in an FSO bucket its directory must exist, otherwise
    BadRequest is raised.
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
            f"prevKey {key} is in a directory that does not exist: use lastKey of the previous response instead, "
            "which is a database key."
        )
    return resolved.id_prefix + b"%d/%s" % (parent_id, encode_text(name))
