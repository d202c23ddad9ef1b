"""Small OM databases as plain records, written as the build writes them, for tests of the namespace's insights."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.insights.om.key_rows import write_replications
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import Generation, GenerationBuild, GenerationInfo
from ozone_recon.store.schema import OM_TABLES, RAW, TABLES

LAYOUTS = {"LEGACY": 1, "FSO": 2, "OBS": 3}
FIRST_ID = -(1 << 63) + 512
"""Ids of a real OM begin near here."""


@dataclass(frozen=True)
class Volume:
    name: bytes
    id: int
    owner: bytes = b"root"
    quota: int = -1


@dataclass(frozen=True)
class Bucket:
    volume: bytes
    name: bytes
    id: int
    layout: str = "OBS"
    owner: bytes = b"root"
    link: tuple[bytes, bytes] | None = None
    quota: int = -1


@dataclass(frozen=True)
class Directory:
    bucket: int  # id
    parent: int
    name: bytes
    id: int
    owner: bytes = b"root"
    created: int = 0
    modified: int = 0


@dataclass(frozen=True)
class Key:
    """In keyTable `within` is b"/volume/bucket/", in fileTable b"/volumeId/bucketId/parentId/"."""

    within: bytes
    name: bytes
    size: int
    modified: int
    owner: bytes | None = b"root"
    copies: int = 3
    id: int = 0


@dataclass
class Database:
    volumes: list[Volume] = field(default_factory=list)
    buckets: list[Bucket] = field(default_factory=list)
    directories: list[Directory] = field(default_factory=list)
    deleted: list[Directory] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    files: list[Key] = field(default_factory=list)

    def volume_id(self, bucket: Bucket) -> int:
        return next(volume.id for volume in self.volumes if volume.name == bucket.volume)

    def within(self, bucket_id: int, parent: int) -> bytes:
        """The prefix of fileTable and directoryTable rows."""
        bucket = next((b for b in self.buckets if b.id == bucket_id), None)
        volume = self.volume_id(bucket) if bucket else -7
        return b"/%d/%d/%d/" % (volume, bucket_id, parent)

    def sorted(self) -> Database:
        """The same with every table in the order of its database keys."""
        return Database(
            sorted(self.volumes, key=lambda v: v.name),
            sorted(self.buckets, key=lambda b: b.volume + b"/" + b.name),
            sorted(self.directories, key=lambda d: self.within(d.bucket, d.parent) + d.name),
            sorted(self.deleted, key=lambda d: self.within(d.bucket, d.parent) + d.name + b"/%d" % d.id),
            sorted(self.keys, key=lambda k: k.within + k.name),
            sorted(self.files, key=lambda k: k.within + k.name),
        )


def varint(number: int) -> bytes:
    number %= 1 << 64
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def message(fields: dict[int, int | bytes | None]) -> bytes:
    """A protobuf message of varints and strings."""
    out = b""
    for number, value in fields.items():
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        elif value is not None:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def volume_value(volume: Volume) -> bytes:
    return message({1: volume.owner, 2: volume.owner, 3: volume.name, 4: volume.quota, 7: 10, 8: volume.id, 10: 20})


def bucket_value(bucket: Bucket) -> bytes:
    source = bucket.link or (None, None)
    fields: dict[int, int | bytes | None] = {1: bucket.volume, 2: bucket.name, 4: 0, 5: 1, 6: 30, 9: bucket.id, 11: 40}
    fields |= {12: source[0], 13: source[1], 15: bucket.quota, 18: LAYOUTS[bucket.layout], 19: bucket.owner}
    return message(fields)


def write(
    database: Database, place: Path, filesystem_paths: bool = False, memory_limit: int = 1 << 26
) -> GenerationBuild:
    """The tables that the build writes, without those of any insight."""
    place.mkdir(parents=True)
    build = GenerationBuild(place, filesystem_paths=filesystem_paths, memory_limit=memory_limit)
    build.about = GenerationInfo(filesystem_paths=filesystem_paths)
    database = database.sorted()
    raw: dict[str, list[tuple[bytes, bytes]]] = {name: [] for name in OM_TABLES}
    raw["volumeTable"] = [(b"/" + v.name, volume_value(v)) for v in database.volumes]
    raw["bucketTable"] = [(b"/" + b.volume + b"/" + b.name, bucket_value(b)) for b in database.buckets]
    raw["deletedDirectoryTable"] = [
        (database.within(d.bucket, d.parent) + d.name + b"/%d" % d.id, b"") for d in database.deleted
    ]
    for name, rows in raw.items():
        with build.create(f"om/{name}", RAW) as writer:
            writer.append(key=ByteColumn.of([k for k, _ in rows]), value=ByteColumn.of([v for _, v in rows]))
    owners: list[bytes] = []
    _write_keys(build, database, owners)
    _write_directories(build, database, owners)
    with build.create("owners", TABLES["owners"]) as writer:
        writer.append(name=ByteColumn.of(owners))
    write_replications(build, [ReplicationConfig("RATIS", factor=3)])
    return build


def _owner(owners: list[bytes], name: bytes | None) -> int:
    if name is None:
        return -1
    if name not in owners:
        owners.append(name)
    return owners.index(name)


def _write_keys(build: GenerationBuild, database: Database, owners: list[bytes]) -> None:
    rows = [(key, 0) for key in database.keys] + [(key, 1) for key in database.files]

    def longs(of: Callable[[Key], int]) -> NDArray[np.int64]:
        return np.array([of(key) for key, _ in rows], np.int64)

    with build.create("keys", TABLES["keys"]) as writer:
        writer.append(
            name=ByteColumn.of([key.name for key, _ in rows]),
            size=longs(lambda k: k.size),
            replicated_size=longs(lambda k: k.size * k.copies),
            creation_time=longs(lambda k: k.modified - 1),
            modification_time=longs(lambda k: k.modified),
            object_id=longs(lambda k: k.id),
            update_id=longs(lambda k: 0),
            owner=np.array([_owner(owners, key.owner) for key, _ in rows], np.int32),
            replication=np.zeros(len(rows), np.int32),
            first_block=np.zeros(len(rows), np.int64),
        )
        writer.end(first_block=0)
    heads = [
        i
        for i, (key, table) in enumerate(rows)
        if i == 0 or (rows[i - 1][0].within, rows[i - 1][1]) != (key.within, table)
    ]
    buckets = database.buckets
    names = {b"/%b/%b/" % (b.volume, b.name): row for row, b in enumerate(buckets) if b.layout != "FSO"}
    found: list[tuple[int, int]] = []
    for head in heads:
        key, table = rows[head]
        bucket = _fso_bucket(database, key.within) if table else names.get(key.within, -1)
        parent = int(key.within.split(b"/")[3]) if table else buckets[bucket].id if bucket >= 0 else 0
        found.append((bucket, parent))
    with build.create("groups", TABLES["groups"]) as writer:
        writer.append(
            prefix=ByteColumn.of([rows[head][0].within for head in heads]),
            first_row=np.array(heads, np.int64),
            file_table=np.array([rows[head][1] for head in heads], np.uint8),
            bucket=np.array([bucket for bucket, _ in found], np.int32),
            parent_id=np.array([parent for _, parent in found], np.int64),
        )
        writer.end(first_row=len(rows))


def _fso_bucket(database: Database, within: bytes) -> int:
    """The row of the bucket of a prefix of ids, -1 for none."""
    _, volume, bucket, *_ = within.split(b"/")
    found = (row for row, one in enumerate(database.buckets) if (one.layout, b"%d" % one.id) == ("FSO", bucket))
    row = next(found, -1)
    return row if row >= 0 and b"%d" % database.volume_id(database.buckets[row]) == volume else -1


def _write_directories(build: GenerationBuild, database: Database, owners: list[bytes]) -> None:
    rows = database.directories
    prefixes = [database.within(d.bucket, d.parent) for d in rows]
    heads = [i for i in range(len(rows)) if i == 0 or prefixes[i] != prefixes[i - 1]]
    with build.create("directory_groups", TABLES["directory_groups"]) as writer:
        writer.append(
            prefix=ByteColumn.of([prefixes[i] for i in heads]),
            first_row=np.array(heads, np.int64),
            bucket=np.array([_fso_bucket(database, prefixes[i]) for i in heads], np.int32),
        )
        writer.end(first_row=len(rows))
    with build.create("directories", TABLES["directories"]) as writer:
        writer.append(
            prefix_group=np.array([sum(h <= i for h in heads) - 1 for i in range(len(rows))], np.int32),
            name=ByteColumn.of([d.name for d in rows]),
            object_id=np.array([d.id for d in rows], np.int64),
            parent_id=np.array([d.parent for d in rows], np.int64),
            creation_time=np.array([d.created for d in rows], np.int64),
            modification_time=np.array([d.modified for d in rows], np.int64),
            update_id=np.zeros(len(rows), np.int64),
            owner=np.array([_owner(owners, d.owner) for d in rows], np.int32),
        )


def sealed(build: GenerationBuild) -> Generation:
    """The finished generation, open."""
    build.seal()
    return Generation.open(build.path)


NAMES = [b"a", b"b", b"a-b", b"a.b", b"\xc3\xa9", b"A", b"data", b"x y", b"a0"]


def random_database(seed: int) -> Database:
    """A database of every layout, with links, empty places, moved, deleted and lost directories."""
    rng = random.Random(seed)
    ids = iter(range(FIRST_ID, FIRST_ID + (1 << 30), 256))
    database = Database()

    def key(within: bytes, name: bytes) -> Key:
        size = rng.choice([0, 1, 1024, 1025, 5000, 1 << 20, 1 << 30, (1 << 50) - 1, 1 << 50, rng.randrange(1 << 52)])
        owner = rng.choice([b"anna", b"bert", b"root", None])
        return Key(within, name, size, rng.randrange(0, 1 << 41), owner, rng.choice([1, 3]), next(ids))

    for volume in rng.sample([b"vol1", b"vol2", b"v-3", b"s3v"], rng.randint(0, 4)):
        database.volumes.append(Volume(volume, next(ids), rng.choice([b"root", b"only-volumes"])))
        for name in rng.sample([b"one", b"two", b"three", b"one-b", b"four"], rng.randint(0, 5)):
            layout = rng.choice(list(LAYOUTS))
            link = (b"vol1", b"one") if rng.random() < 0.1 else None
            database.buckets.append(Bucket(volume, name, next(ids), layout, rng.choice([b"root", b"anna"]), link))
    for bucket in database.buckets:
        if bucket.link:
            continue
        if bucket.layout == "FSO":
            inside = [bucket.id]
            for _ in range(rng.randint(0, 12)):
                parent, own = rng.choice(inside), next(ids)
                name = rng.choice(NAMES)
                made = Directory(bucket.id, parent, name, own, rng.choice([b"root", b"carl"]), 5, rng.randrange(99))
                if all((d.parent, d.name) != (parent, name) for d in database.directories):
                    database.directories.append(made)
                    inside.append(own)
            for _ in range(rng.randint(0, 30)):
                within = database.within(bucket.id, rng.choice(inside))
                database.files.append(key(within, rng.choice(NAMES) + b"%d" % rng.randrange(50)))
        else:
            within = b"/%b/%b/" % (bucket.volume, bucket.name)
            for _ in range(rng.randint(0, 40)):
                name = b"/".join(rng.choice(NAMES) for _ in range(rng.randint(1, 5)))
                database.keys.append(key(within, name + rng.choice([b"", b"", b"", b"/", b"%d" % rng.randrange(20)])))
    for directory in rng.sample(database.directories, min(len(database.directories), rng.randint(0, 3))):
        database.directories.remove(directory)
        if rng.random() < 0.7:  # else its row is lost
            database.deleted.append(directory)
    for row in range(len(database.directories)):  # moved: new parents, of the same bucket, not within itself
        directory = database.directories[row]
        if rng.random() < 0.1 and all((d.parent, d.name) != (directory.bucket, b"moved") for d in database.directories):
            database.directories[row] = replace(directory, parent=directory.bucket, name=b"moved")
    database.keys = list({k.within + k.name: k for k in database.keys}.values())
    database.files = list({k.within + k.name: k for k in database.files}.values())
    return database
