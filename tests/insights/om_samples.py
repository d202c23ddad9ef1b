"""Random OM databases as real rows of every table, and generations built from them by the real build."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tests.decode.om.om_messages import blob, block, directory_info, ec_config, key_info, location_version, number
from tests.oracle import Row

from ozone_recon.build.build import build_generation
from ozone_recon.build.contents import CheckpointContents
from ozone_recon.build.insights import Rounds
from ozone_recon.columnar.byte_column import ByteColumn, Rows
from ozone_recon.columnar.byte_slices import ByteSlices, joined
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.insights.containers import keys as container_keys
from ozone_recon.insights.namespace import summary
from ozone_recon.insights.om import bucket_accounts
from ozone_recon.insights.om import tables as om_tables
from ozone_recon.store.generation import Generation, GenerationBuild

T = TypeVar("T")
FIRST_ID = -(1 << 63) + 512
CONTAINERS = (1, 2, 3, 1000, (1 << 62) + 5, (1 << 63) - 1)
NAMES = ("a", "b", "a-b", "a.b", "é", "data", "x y", "a0", "~")
SOME: Rounds = ((container_keys, om_tables, summary), (bucket_accounts,))
LAYOUTS = {"LEGACY": 1, "FSO": 2, "OBS": 3}


class MemoryCheckpoint:
    """The rows of a database, given to the build as a checkpoint gives them, in batches of a few."""

    sequence_number = 4711
    taken_at = 1_700_000_000_000

    def __init__(self, tables: dict[str, list[Row]], batch: int = 7) -> None:
        self.tables = tables
        self.batch = batch

    @property
    def column_families(self) -> tuple[str, ...]:
        return tuple(self.tables)

    def scan(self, column_family: str, use: Callable[[Rows], T], **_: object) -> Iterator[T]:
        rows = self.tables[column_family]
        for start in range(0, len(rows), self.batch):
            part = rows[start : start + self.batch]
            yield use(Rows(ByteColumn.of(key for key, _ in part), ByteColumn.of(value for _, value in part)))


def texts(column: ByteColumn | ByteSlices | DictionaryColumn[bytes] | tuple[ByteSlices, ByteSlices]) -> list[str]:
    """A column of names, to be compared."""
    match column:
        case ByteColumn():
            return [item.decode() for item in column]
        case DictionaryColumn():
            return [column.values[index].decode() for index in column.indices]
        case ByteSlices():
            return texts(joined([column]))
    return texts(joined(column))


def generation_of(
    tables: dict[str, list[Row]],
    place: Path,
    memory_limit: int = 1 << 26,
    rounds: Rounds = SOME,
    filesystem_paths: bool = False,
) -> Generation:
    """What the build makes of these rows, with the insights of these rounds."""
    place.mkdir(parents=True)
    build = GenerationBuild(place, memory_limit=memory_limit, filesystem_paths=filesystem_paths)
    contents = CheckpointContents(MemoryCheckpoint(tables), build.threads)
    build_generation(contents, build, lambda _: None, rounds)
    build.seal()
    return Generation.open(place)


class RandomDatabase:
    """Makes rows; `tables` has them in key order."""

    def __init__(self, seed: int, keys: int = 30) -> None:
        self.random = random.Random(seed)
        self.keys = keys
        self.ids = iter(range(FIRST_ID, FIRST_ID + 10_000_000, 256))
        self.rows: dict[str, dict[bytes, bytes]] = {}
        for volume in self.random.sample(("vol1", "vol2", "s3v"), self.random.randint(1, 3)):
            self.volume(volume)

    @property
    def tables(self) -> dict[str, list[Row]]:
        return {name: sorted(rows.items()) for name, rows in self.rows.items()}

    def put(self, table: str, key: str, value: bytes) -> None:
        self.rows.setdefault(table, {})[key.encode()] = value

    def volume(self, name: str) -> None:
        own = next(self.ids)
        texts = blob(1, b"root") + blob(2, b"anna") + blob(3, name.encode())
        self.put("volumeTable", f"/{name}", texts + number(4, -1) + number(7, 5) + number(8, own) + number(10, 6))
        for bucket in self.random.sample(("one", "one-b", "two", "deep"), self.random.randint(0, 4)):
            self.bucket(name, own, bucket)

    def bucket(self, volume: str, volume_id: int, name: str) -> None:
        own, layout = next(self.ids), self.random.choice(list(LAYOUTS))
        texts = blob(1, volume.encode()) + blob(2, name.encode())
        numbers = number(4, 0) + number(5, 1) + number(6, 7) + number(9, own) + number(18, LAYOUTS[layout])
        self.put("bucketTable", f"/{volume}/{name}", texts + numbers + blob(19, b"anna"))
        if layout == "FSO":
            self.directories(volume, name, f"/{volume_id}/{own}/", own)
        else:
            for _ in range(self.random.randint(0, self.keys)):
                path = "/".join(self.random.choices(NAMES, k=self.random.randint(1, 3))) + self.random.choice("/9 ")
                self.put("keyTable", f"/{volume}/{name}/{path}", self.info(volume, name, path))
            self.waiting(volume, name, f"/{volume}/{name}/", "openKeyTable")

    def directories(self, volume: str, bucket: str, prefix: str, own: int) -> None:
        inside: list[tuple[int, int, str]] = [(own, 0, "")]
        for _ in range(self.random.randint(0, 8)):
            parent, name = self.random.choice(inside)[0], self.random.choice(NAMES)
            if all((above, known) != (parent, name) for _, above, known in inside):
                inside.append((next(self.ids), parent, name))
        deleted = self.random.sample(inside[1:], min(len(inside) - 1, self.random.randint(0, 2)))
        for directory in inside[1:]:
            one, parent, name = directory
            if directory in deleted:
                info = self.info(volume, bucket, name, object_id=one, blocks=False)
                self.put("deletedDirectoryTable", f"{prefix}{parent}/{name}/{one}", info)
            else:
                value = directory_info(name=name.encode(), object_id=one, parent_id=parent)
                self.put("directoryTable", f"{prefix}{parent}/{name}", value)
        for _ in range(self.random.randint(0, self.keys)):
            parent, name = self.random.choice(inside)[0], self.random.choice(NAMES) + self.random.choice("019")
            self.put("fileTable", f"{prefix}{parent}/{name}", self.info(volume, bucket, name, parent_id=parent))
        self.waiting(volume, bucket, f"{prefix}{self.random.choice(inside)[0]}/", "openFileTable")
        self.waiting(volume, bucket, f"{prefix}{self.random.choice(inside)[0]}/", "openFileTable")

    def waiting(self, volume: str, bucket: str, prefix: str, table: str) -> None:
        """Open keys, uploads and deleted keys."""
        for _ in range(self.random.randint(0, 4)):
            name, client = self.random.choice(NAMES), self.random.randrange(1 << 40)
            self.put(table, f"{prefix}{name}/{client}", self.info(volume, bucket, name, is_file=1))
            upload = f"0-{client}"
            self.put(table, f"{prefix}{name}/{upload}", self.info(volume, bucket, name, is_file=None, blocks=False))
            parts = b"".join(
                blob(5, blob(1, b"part") + number(2, part) + blob(3, self.info(volume, bucket, name)))
                for part in range(self.random.randint(0, 2))
            )
            value = blob(1, upload.encode()) + number(2, 1) + number(3, 1) + number(4, 3) + parts + number(10, 1)
            self.put("multipartInfoTable", f"/{volume}/{bucket}/{name}/{upload}", value)
            self.parts(upload)
            versions = b"".join(blob(1, self.info(volume, bucket, name)) for _ in range(self.random.randint(1, 3)))
            self.put("deletedTable", f"/{volume}/{bucket}/{name}/{next(self.ids)}", versions + number(2, 5))

    def parts(self, upload: str) -> None:
        rows = self.rows.setdefault("multipartPartsTable", {})
        for part in range(self.random.randint(0, 2)):
            key = upload.encode() + b"/" + part.to_bytes(4, "big")
            numbers = number(5, self.random.randrange(1 << 30)) + number(6, 1) + number(7, 1) + number(8, 1)
            location = blob(4, location_version(0, []))
            rows[key] = blob(1, b"name") + number(2, part) + location + numbers

    def info(
        self, volume: str, bucket: str, name: str, *, object_id: int | None = None, parent_id: int | None = None,
        is_file: int | None = 1, blocks: bool = True,
    ) -> bytes:  # fmt: skip
        pick = self.random
        versions = pick.sample(range(5), pick.choice((0, 1, 1, 1, 2, 3))) if blocks else []
        codec = ec_config(codec=pick.choice((b"rs", b"\xf2s")), chunk=4096)
        kind, ec = pick.choice(((1, None), (1, None), (2, None), (4, codec), (77, None)))
        return key_info(
            volume=volume.encode(),
            bucket=bucket.encode(),
            key=name.encode(),
            size=pick.choice((0, 1, 1024, 100_000, 1 << 40, pick.randrange(1 << 35))),
            kind=kind,
            factor=None if ec else pick.choice((1, 3)),
            ec=ec,
            locations=tuple(
                location_version(
                    version,
                    [
                        block(pick.choice(CONTAINERS), pick.randrange(1 << 50), pick.randrange(1 << 28))
                        for _ in range(pick.randint(0, 4))
                    ],
                )
                for version in versions
            ),
            created=pick.randrange(1 << 40),
            modified=pick.randrange(1 << 40),
            object_id=next(self.ids) if object_id is None else object_id,
            parent_id=parent_id,
            more=b"" if is_file else number(19, 0),
        )
