"""Changes of an OM database's rows: random rows of it, created, overwritten, deleted or moved."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ozone_recon.columnar.byte_column import Rows
from ozone_recon.decode.om.values import decode_directory, decode_key_info
from ozone_recon.demo.om.values import encode_directory, encode_key_info
from ozone_recon.model.om import DirectoryInfo
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint

KEY_TABLES = ("keyTable", "fileTable")
MOST_SAMPLES = 400_000
NOW = 1_795_000_000_000
NEW_ID = 1 << 41
"""The first object id of what is created."""
Row = tuple[str, bytes, bytes]
"""A table, a key and a value."""
Change = tuple[str, bytes, bytes | None]
"""The same; a value of None deletes."""


class Samples:
    """Random rows of the key tables, by bucket, to change."""

    def __init__(self, path: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.serial = 0
        self.buckets: dict[bytes, list[Row]] = defaultdict(list)
        """By the start of the database keys."""
        with Checkpoint(path) as checkpoint:
            self.rows = sum(sum(checkpoint.scan(name, len)) for name in (*KEY_TABLES, "directoryTable"))
            self.share = min(1.0, MOST_SAMPLES / max(self.rows, 1))
            for name in KEY_TABLES:
                for some in checkpoint.scan(name, partial(sampled, share=self.share), threads=1):
                    for key, value in some:
                        self.buckets[key[: key.index(b"/", key.index(b"/", 1) + 1) + 1]].append((name, key, value))
            self.all = [row for rows in self.buckets.values() for row in rows]
            files = {bucket: rows for bucket, rows in self.buckets.items() if rows[0][0] == "fileTable"}
            self.fso = max(files, key=lambda bucket: len(files[bucket]))
            """The largest FSO bucket."""
            self.identity = int(self.fso.split(b"/")[2])
            prefix = self.fso + b"%d/" % self.identity
            top = checkpoint.scan("directoryTable", partial(starting, prefix=prefix))
            self.top = [row for some in top for row in some]

    @property
    def files_below(self) -> int:
        """The approximate number of files in the FSO bucket."""
        return round(len(self.buckets[self.fso]) / self.share)

    def changed(self, rows: Sequence[Row], number: int) -> list[Change]:
        """Changes of random rows: a tenth created, a tenth deleted, the others overwritten."""
        found: list[Change] = []
        for n, (name, key, value) in enumerate(self.random.choices(rows, k=number)):
            self.serial += 1
            info = decode_key_info(value)
            info = replace(info, size=self.random.randrange(1 << 30), modification_time=NOW + self.serial)
            if n % 10 == 0:
                suffix = f"-{self.serial}"
                info = replace(info, key=info.key + suffix, object_id=NEW_ID + self.serial)
                found.append((name, key + suffix.encode(), encode_key_info(info)))
            else:
                found.append((name, key, None if n % 10 == 1 else encode_key_info(info)))
        return found

    def spread(self, number: int, _run: int) -> list[Change]:
        """Changes of random rows of all buckets."""
        return self.changed(self.all, number)

    def created(self, number: int) -> list[Change]:
        """New files in one directory."""
        found: list[Change] = []
        _, key, value = self.buckets[self.fso][0]
        for _ in range(number):
            self.serial += 1
            info = replace(decode_key_info(value), key=f"new-{self.serial:08}", object_id=NEW_ID + self.serial)
            found.append(("fileTable", key[: key.rindex(b"/") + 1] + info.key.encode(), encode_key_info(info)))
        return found

    def directory(self, name: str) -> tuple[bytes, DirectoryInfo]:
        """The row of the directory with everything of the bucket below it, under a name."""
        info = DirectoryInfo(name, NEW_ID, self.identity, 1, NOW, NOW, "hadoop", (), ())
        return self.fso + f"{self.identity}/{name}".encode(), info

    def gathered(self, name: str) -> list[Change]:
        """Moves all directories of the FSO bucket into a new one."""
        key, info = self.directory(name)
        found: list[Change] = [("directoryTable", key, encode_directory(info))]
        for old, value in self.top:
            moved = replace(decode_directory(value), parent_id=NEW_ID)
            found.append(("directoryTable", old, None))
            found.append(("directoryTable", self.fso + f"{NEW_ID}/{moved.name}".encode(), encode_directory(moved)))
        return found

    def renamed(self, old: str, new: str) -> list[Change]:
        """Renames the directory."""
        key, info = self.directory(new)
        return [("directoryTable", self.directory(old)[0], None), ("directoryTable", key, encode_directory(info))]

    def restored(self, name: str) -> list[Change]:
        """Undoes `deleted`."""
        key, info = self.directory(name)
        return [("directoryTable", key, encode_directory(info)), ("deletedDirectoryTable", key + b"/%d" % NEW_ID, None)]

    def deleted(self, name: str) -> list[Change]:
        """Deletes the directory, whose contents OM then deletes in the background."""
        key, _ = self.directory(name)
        like = decode_key_info(self.buckets[self.fso][0][2])
        info = replace(like, key=name, object_id=NEW_ID, parent_id=self.identity, size=0, locations=())
        row = encode_key_info(info)
        return [("directoryTable", key, None), ("deletedDirectoryTable", key + b"/%d" % NEW_ID, row)]


def sampled(rows: Rows, share: float) -> list[tuple[bytes, bytes]]:
    """A random share of the rows."""
    chosen = np.random.default_rng(len(rows)).random(len(rows)) < share
    return [(rows.keys[row], rows.values[row]) for row in np.flatnonzero(chosen).tolist()]


def starting(rows: Rows, prefix: bytes) -> list[tuple[bytes, bytes]]:
    """The rows whose keys have a prefix."""
    if not len(rows) or rows.keys[0][: len(prefix)] > prefix or rows.keys[len(rows) - 1] < prefix:
        return []
    return [(key, value) for key, value in zip(rows.keys, rows.values, strict=True) if key.startswith(prefix)]
