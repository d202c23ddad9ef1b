"""The key grammars of OM's tables: one class per grammar, which parses and formats database keys.

Names are text as in `model.om` (bytes that are not UTF-8 become surrogates). Object ids have Java's `long` format:
decimal, signed, no leading zeros. Each class has `parse`, which raises DecodeError for a key of another form, and its
inverse, `format`. Some classes are used by tests only: they are the readable reference of docs/formats/om-keys.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from ozone_recon.errors import DecodeError
from ozone_recon.wire.protobuf.fields import to_text

_ID = re.compile(rb"0|-?[1-9][0-9]{0,18}")


def encode_text(text: str) -> bytes:
    """Encodes text for the database; the inverse of `to_text`."""
    return text.encode("utf-8", "surrogateescape")


def parse_id(text: bytes) -> int | None:
    """Parses an object id in Java's `long` format; None if `text` is not one."""
    if _ID.fullmatch(text) is None:
        return None
    value = int(text)
    return value if -(1 << 63) <= value < 1 << 63 else None


def split_prefix(key: bytes) -> tuple[bytes, bytes] | None:
    """Splits a keyTable key into the prefix `/volume/bucket/` and the rest; None if it has no such prefix."""
    bucket = key.find(b"/", 1)
    end = key.find(b"/", bucket + 1)
    if not key.startswith(b"/") or bucket < 2 or end < bucket + 2:
        return None
    return key[: end + 1], key[end + 1 :]


def split_id_prefix(key: bytes) -> tuple[bytes, bytes] | None:
    """Splits an FSO table's key into the prefix `/volumeId/bucketId/parentId/` and the rest; None without a prefix."""
    parts = key.split(b"/", 4)
    if len(parts) != 5 or parts[0] or any(parse_id(part) is None for part in parts[1:4]):
        return None
    end = len(key) - len(parts[4])
    return key[:end], parts[4]


@dataclass(frozen=True, slots=True)
class VolumeKey:
    """`/volume`: volumeTable."""

    volume: str

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        parts = key.split(b"/")
        if len(parts) != 2 or parts[0] or not parts[1]:
            raise _wrong(key, "/volume")
        return cls(to_text(parts[1]))

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume}")


@dataclass(frozen=True, slots=True)
class BucketKey:
    """`/volume/bucket`: bucketTable."""

    volume: str
    bucket: str

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        parts = key.split(b"/")
        if len(parts) != 3 or parts[0] or not all(parts[1:]):
            raise _wrong(key, "/volume/bucket")
        return cls(to_text(parts[1]), to_text(parts[2]))

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume}/{self.bucket}")


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """`/volume/bucket/key`: keyTable.

    The key may contain any bytes, including `/`. The name of a directory in a LEGACY bucket ends in `/`. An empty name
    is stored as `/` (OmMetadataManagerImpl.getOzoneKey).
    """

    volume: str
    bucket: str
    key: str

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        return cls(*_object_key(key, "/volume/bucket/key"))

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume}/{self.bucket}/{self.key}")


@dataclass(frozen=True, slots=True)
class OpenKey:
    """`/volume/bucket/key/clientId`: openKeyTable; for a multipart upload, the client id is the upload id."""

    volume: str
    bucket: str
    key: str
    client_id: str

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        form = "/volume/bucket/key/clientId"
        return cls(*_with_last(key, form, _object_key(key, form)))

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume}/{self.bucket}/{self.key}/{self.client_id}")


@dataclass(frozen=True, slots=True)
class MultipartKey:
    """`/volume/bucket/key/uploadId`: multipartInfoTable, for buckets of every layout."""

    volume: str
    bucket: str
    key: str
    upload_id: str

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        form = "/volume/bucket/key/uploadId"
        return cls(*_with_last(key, form, _object_key(key, form)))

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume}/{self.bucket}/{self.key}/{self.upload_id}")


@dataclass(frozen=True, slots=True)
class PathKey:
    """`/volumeId/bucketId/parentId/name`: fileTable, directoryTable; the parent of a top-level name is the bucket."""

    volume_id: int
    bucket_id: int
    parent_id: int
    name: str

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key; a name is not empty and contains no `/`."""
        form = "/volumeId/bucketId/parentId/name"
        path = cls(*_path_key(key, form))
        if not path.name or "/" in path.name:
            raise _wrong(key, form)
        return path

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume_id}/{self.bucket_id}/{self.parent_id}/{self.name}")


@dataclass(frozen=True, slots=True)
class OpenFileKey:
    """`/volumeId/bucketId/parentId/name/clientId`: openFileTable; see OpenKey for the client id."""

    volume_id: int
    bucket_id: int
    parent_id: int
    name: str
    client_id: str

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        form = "/volumeId/bucketId/parentId/name/clientId"
        volume_id, bucket_id, parent_id, rest = _path_key(key, form)
        name, slash, client_id = rest.rpartition("/")
        if not slash or not client_id:
            raise _wrong(key, form)
        return cls(volume_id, bucket_id, parent_id, name, client_id)

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume_id}/{self.bucket_id}/{self.parent_id}/{self.name}/{self.client_id}")


@dataclass(frozen=True, slots=True)
class DeletedDirectoryKey:
    """`/volumeId/bucketId/parentId/name/objectId`: deletedDirectoryTable."""

    volume_id: int
    bucket_id: int
    parent_id: int
    name: str
    object_id: int

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        form = "/volumeId/bucketId/parentId/name/objectId"
        volume_id, bucket_id, parent_id, rest = _path_key(key, form)
        name, _, last = rest.partition("/")
        object_id = parse_id(encode_text(last))
        if object_id is None or not name:
            raise _wrong(key, form)
        return cls(volume_id, bucket_id, parent_id, name, object_id)

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume_id}/{self.bucket_id}/{self.parent_id}/{self.name}/{self.object_id}")


@dataclass(frozen=True, slots=True)
class DeletedKey:
    """`/volume/bucket/key/number`: deletedTable, for buckets of every layout.

    The number distinguishes entries with the same path: it is the object id of a deleted key, or is derived from the
    transaction for the blocks of an overwritten key (OMKeyRequest.addKeyInfoToDeleteMap). Ozone before 1.4 wrote no
    number for keys of object stores: then `number` is None and `path` is the whole key.
    """

    path: str
    number: int | None

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key; `path` is `/volume/bucket/key`."""
        if split_prefix(key) is None:
            raise _wrong(key, "/volume/bucket/key/number")
        path, _, last = key.rpartition(b"/")
        number = parse_id(last)
        if number is None or split_prefix(path) is None:
            return cls(to_text(key), None)
        return cls(to_text(path), number)

    def format(self) -> bytes:
        """The database key."""
        return encode_text(self.path if self.number is None else f"{self.path}/{self.number}")


@dataclass(frozen=True, slots=True)
class MultipartPartKey:
    """`uploadId/`, then the part number as four bytes big-endian: multipartPartsTable (OmMultipartPartKey)."""

    upload_id: str
    part_number: int

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        if len(key) < 5 or key[-5:-4] != b"/":
            raise _wrong(key, "uploadId/ and four bytes")
        return cls(to_text(key[:-5]), int.from_bytes(key[-4:], "big", signed=True))

    def format(self) -> bytes:
        """The database key."""
        return encode_text(self.upload_id) + b"/" + self.part_number.to_bytes(4, "big", signed=True)


@dataclass(frozen=True, slots=True)
class SnapshotKey:
    """`/volume/bucket/snapshot`: snapshotInfoTable."""

    volume: str
    bucket: str
    snapshot: str

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        return cls(*_object_key(key, "/volume/bucket/snapshot"))

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume}/{self.bucket}/{self.snapshot}")


@dataclass(frozen=True, slots=True)
class RenamedKey:
    """`/volume/bucket/objectId`: snapshotRenamedTable."""

    volume: str
    bucket: str
    object_id: int

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        form = "/volume/bucket/objectId"
        volume, bucket, last = _object_key(key, form)
        object_id = parse_id(encode_text(last))
        if object_id is None:
            raise _wrong(key, form)
        return cls(volume, bucket, object_id)

    def format(self) -> bytes:
        """The database key."""
        return encode_text(f"/{self.volume}/{self.bucket}/{self.object_id}")


@dataclass(frozen=True, slots=True)
class CompactionLogKey:
    """`sequence number-time`: compactionLogTable; the number is zero-padded to 19 digits."""

    sequence_number: int
    time: int

    @classmethod
    def parse(cls, key: bytes) -> Self:
        """The parts of a database key."""
        parts = re.fullmatch(rb"([0-9]{19})-(0|[1-9][0-9]{0,18})", key)
        if parts is None:
            raise _wrong(key, "sequence number-time")
        return cls(int(parts[1]), int(parts[2]))

    def format(self) -> bytes:
        """The database key."""
        return f"{self.sequence_number:019d}-{self.time}".encode()


def _wrong(key: bytes, form: str) -> DecodeError:
    return DecodeError(f"key {key!r} does not have the form {form}")


def _object_key(key: bytes, form: str) -> tuple[str, str, str]:
    split = split_prefix(key)
    if split is None:
        raise _wrong(key, form)
    prefix, rest = split
    _, volume, bucket, _ = prefix.split(b"/")
    return to_text(volume), to_text(bucket), to_text(rest)


def _with_last(key: bytes, form: str, parts: tuple[str, str, str]) -> tuple[str, str, str, str]:
    volume, bucket, rest = parts
    name, slash, last = rest.rpartition("/")
    if not slash or not last:
        raise _wrong(key, form)
    return volume, bucket, name, last


def _path_key(key: bytes, form: str) -> tuple[int, int, int, str]:
    split = split_id_prefix(key)
    if split is None:
        raise _wrong(key, form)
    prefix, rest = split
    volume_id, bucket_id, parent_id = map(int, prefix[1:-1].split(b"/"))
    return volume_id, bucket_id, parent_id, to_text(rest)
