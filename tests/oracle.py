"""An independent judge: reads all rows of an OM database with a tiny protobuf reader and answers by looking at each.

Nothing of the program is used here. It is slow, simple, and holds everything in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rocksdict import AccessType, Options, Rdict

Row = tuple[bytes, bytes]
FSO = 2


def fields(data: bytes) -> dict[int, list[Any]]:
    """A protobuf message as field number -> values: signed 64-bit numbers for varints, bytes for the rest."""
    found: dict[int, list[Any]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value & (1 << 64) - 1

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            value: Any = varint()
            value -= (1 << 64) * (value >> 63)
        else:
            size = {1: 8, 5: 4}.get(tag & 7) or varint()
            value, at = data[at : at + size], at + size
        found.setdefault(tag >> 3, []).append(value)
    return found


@dataclass(frozen=True)
class Key:
    """A KeyInfo; `blocks` are (version, container, local id, length) in order of the message."""

    volume: str
    bucket: str
    name: str
    size: int
    replicated: int
    kind: int
    created: int
    modified: int
    object_id: int
    is_file: bool
    blocks: tuple[tuple[int, int, int, int], ...]

    @classmethod
    def of(cls, value: bytes) -> Key:
        key = fields(value)
        blocks = []
        for group in map(fields, key.get(7, [])):
            for block in map(fields, group.get(2, [])):
                ids = fields(fields(block[1][0])[1][0])
                blocks.append((group.get(1, [0])[0], ids[1][0], ids[2][0], block[4][0]))
        size, kind = key[4][0], key[5][0]
        replicated = replicated_size(size, kind, key.get(6, [0])[0], key.get(17, [b""])[-1])
        volume, bucket, name = (key[number][0].decode() for number in (1, 2, 3))
        return cls(
            volume, bucket, name, size, replicated, kind, key[8][0], key[9][0], key.get(14, [0])[0],
            bool(key.get(19, [0])[-1]), tuple(blocks),
        )  # fmt: skip


def replicated_size(size: int, kind: int, factor: int, ec: bytes) -> int:
    """QuotaUtil.getReplicatedSize, a whole stripe at a time."""
    if kind in (1, 2):
        return size * factor
    if kind != 4:
        return size
    config = fields(ec)
    data, parity, chunk = (int(config[number][0]) for number in (1, 2, 4))
    stripes, rest = divmod(size, data * chunk)
    return size + stripes * parity * chunk + min(rest, chunk) * parity


@dataclass(frozen=True)
class Committed:
    """A row of keyTable or fileTable; `path` is None when a directory above it is not there."""

    db_key: bytes
    volume: str
    bucket: str
    name: str
    path: str | None
    parent: int
    key: Key


class Oracle:
    """Answers about `tables`, each in key order."""

    def __init__(self, tables: dict[str, list[Row]]) -> None:
        self.tables = tables

    @classmethod
    def of(cls, checkpoint: Path) -> Oracle:
        """All rows of a checkpoint directory, opened read-only."""
        families = [name for name in Rdict.list_cf(str(checkpoint)) if name != "default"]
        options = Options(raw_mode=True)
        tables: dict[str, list[Row]] = {}
        database = Rdict(
            str(checkpoint), options, {name: Options(raw_mode=True) for name in families}, AccessType.read_only()
        )
        for name in families:
            family = database.get_column_family(name)
            tables[name] = [(key, value) for key, value in family.items() if isinstance(key, bytes)]
            family.close()
        database.close()
        return cls(tables)

    def rows(self, table: str) -> list[Row]:
        return self.tables.get(table, [])

    @cached_property
    def volumes(self) -> dict[int, str]:
        return {fields(value)[8][0]: key[1:].decode() for key, value in self.rows("volumeTable")}

    @cached_property
    def buckets(self) -> dict[int, tuple[str, str, int]]:
        """Object id -> (volume, bucket, layout)."""
        found = {}
        for key, value in self.rows("bucketTable"):
            bucket = fields(value)
            _, volume, name = key.decode().split("/")
            found[bucket[9][0]] = volume, name, bucket.get(18, [1])[0]
        return found

    @cached_property
    def directories(self) -> dict[int, tuple[int, str]]:
        """Object id -> (parent, name)."""
        found = {}
        for key, value in self.rows("directoryTable"):
            found[fields(value)[6][0]] = int(key.split(b"/")[3]), key.split(b"/")[4].decode()
        return found

    def directory_path(self, object_id: int) -> str | None:
        """`volume/bucket/a/b/`."""
        below = ""
        while object_id in self.directories:
            object_id, name = self.directories[object_id]
            below = f"{name}/{below}"
        if object_id not in self.buckets:
            return None
        volume, bucket, _ = self.buckets[object_id]
        return f"{volume}/{bucket}/{below}"

    def above(self, object_id: int) -> Iterator[int]:
        """A directory and everything it is in."""
        while object_id in self.directories:
            yield object_id
            object_id = self.directories[object_id][0]
        yield object_id

    @cached_property
    def committed(self) -> list[Committed]:
        """In byte order of the database keys, both tables together."""
        found = []
        for db_key, value in self.rows("keyTable"):
            _, volume, bucket, name = db_key.decode().split("/", 3)
            found.append(Committed(db_key, volume, bucket, name, f"{volume}/{bucket}/{name}", 0, Key.of(value)))
        for db_key, value in self.rows("fileTable"):
            _, volume, bucket, parent, name = db_key.decode().split("/", 4)
            volume, bucket, _ = self.buckets.get(int(bucket), (volume, bucket, FSO))
            directory = self.directory_path(int(parent))
            path = None if directory is None else directory + name
            found.append(Committed(db_key, volume, bucket, name, path, int(parent), Key.of(value)))
        return sorted(found, key=lambda row: row.db_key)

    def containers(self) -> dict[int, tuple[int, int, int, int]]:
        """Id -> (blocks, (key, version) pairs, keys, bytes)."""
        blocks: dict[int, list[tuple[bytes, int, int]]] = {}
        for row in self.committed:
            for version, container, _, length in row.key.blocks:
                blocks.setdefault(container, []).append((row.db_key, version, length))
        return {
            container: (
                len(held),
                len({(key, version) for key, version, _ in held}),
                len({key for key, _, _ in held}),
                sum(length for _, _, length in held),
            )
            for container, held in sorted(blocks.items())
        }

    def keys_in(self, container: int) -> list[tuple[Committed, dict[int, list[int]]]]:
        """Its keys, each with local ids by version."""
        found = []
        for row in self.committed:
            versions: dict[int, list[int]] = {}
            for version, _, local_id, _ in (block for block in row.key.blocks if block[1] == container):
                versions.setdefault(version, []).append(local_id)
            if versions:
                found.append((row, dict(sorted(versions.items()))))
        return found

    def listed(self, volume: str, bucket: str, rest: str) -> list[Committed]:
        """Keys below a path."""
        found = self.find_bucket(volume, bucket)
        rows = [row for row in self.committed if (row.volume, row.bucket) == (volume, bucket)]
        if found is None:
            return []
        if self.buckets[found][2] != FSO:
            return [row for row in rows if row.name.startswith(rest)]
        path = "/".join(part for part in rest.split("/") if part)
        whole = f"{volume}/{bucket}/{path}"
        if not path:
            return rows
        if any(self.directory_path(one) == whole + "/" for one in self.directories):
            return [row for row in rows if row.path and row.path.startswith(whole + "/")]
        return [row for row in rows if row.path == whole]

    def find_bucket(self, volume: str, bucket: str) -> int | None:
        return next((one for one, names in self.buckets.items() if names[:2] == (volume, bucket)), None)

    def sums(self, table: str) -> tuple[int, int, int, int]:
        """Rows, keys in them, bytes, replicated bytes."""
        rows = self.rows(table)
        keys: list[Key] = []
        extra: list[tuple[int, int]] = []
        for _, value in rows:
            if table in ("openKeyTable", "openFileTable", "deletedDirectoryTable"):
                keys.append(Key.of(value))
            elif table == "deletedTable":
                keys += map(Key.of, fields(value).get(1, []))
            elif table == "multipartInfoTable":
                upload = fields(value)
                keys += [Key.of(fields(part)[3][0]) for part in upload.get(5, [])]
                for key, part in self.rows("multipartPartsTable"):
                    if key[:-5] == upload[1][0]:
                        size = fields(part)[5][0]
                        ec = upload.get(9, [b""])[0]
                        extra.append((size, replicated_size(size, upload[3][0], upload.get(4, [0])[0], ec)))
        sizes = [(key.size, key.replicated) for key in keys] + extra
        return len(rows), len(sizes), sum(size for size, _ in sizes), sum(size for _, size in sizes)

    def deleted_size(self, directory: int) -> tuple[int, int]:
        """Bytes and replicated bytes of all files below a deleted directory."""
        below = [row.key for row in self.committed if row.parent and directory in self.above(row.parent)]
        return sum(key.size for key in below), sum(key.replicated for key in below)
