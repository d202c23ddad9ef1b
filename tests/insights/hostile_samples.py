"""Random OM databases in which object ids and keys contradict each other, as a broken or hostile database has them."""

from __future__ import annotations

import random

from tests.decode.om.om_messages import directory_info
from tests.insights.om_samples import RandomDatabase
from tests.oracle import Row, fields

IN_IDS = ("directoryTable", "fileTable", "deletedDirectoryTable", "openFileTable")


class HostileDatabase:
    """A random database after some twenty random contradictions."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._database = RandomDatabase(seed)
        self._rows = self._database.rows
        for _ in range(20):
            self.random.choice(
                (self._same_id, self._same_id, self._other_place, self._other_place, self._same_bucket)
            )()

    @property
    def tables(self) -> dict[str, list[Row]]:
        return self._database.tables

    def _ids(self) -> list[int]:
        """Of volumes, buckets, directories, what they are in, and of nothing."""
        numbers = {"volumeTable": 8, "bucketTable": 9, "directoryTable": 6}
        found = [fields(v)[n][0] for table, n in numbers.items() for v in self._rows.get(table, {}).values()]
        return [*found, *(int(key.split(b"/")[3]) for key in self._rows.get("directoryTable", {})), 0, 77]

    def _same_id(self) -> None:
        """Gives a directory the id of something else: of another one, its parent, its own child, or its bucket."""
        directories = self._rows.get("directoryTable", {})
        if directories:
            key = self.random.choice(list(directories))
            _, _, _, parent, name = key.split(b"/")
            own = self.random.choice([*self._ids(), int(parent)])
            directories[key] = directory_info(name=name, object_id=own, parent_id=int(parent))

    def _other_place(self) -> None:
        """Puts a row behind another volume, bucket or parent."""
        table = self.random.choice(IN_IDS)
        if rows := self._rows.get(table):
            key = self.random.choice(list(rows))
            parts = key.split(b"/")
            parts[self.random.choice((1, 2, 3, 3, 3))] = b"%d" % self.random.choice(self._ids())
            rows[b"/".join(parts)] = rows.pop(key)

    def _same_bucket(self) -> None:
        """Gives a bucket the row of another one, so that both have one id, or takes a bucket or volume away."""
        volumes, buckets = self._rows["volumeTable"], self._rows.get("bucketTable", {})
        kind = self.random.random()
        if len(buckets) > 1 and kind < 0.3:
            one, other = self.random.sample(list(buckets), 2)
            buckets[one] = buckets[other]
        elif len(buckets) > 1 and kind < 0.35:
            del buckets[self.random.choice(list(buckets))]
        elif len(volumes) > 1 and kind < 0.37:
            del volumes[self.random.choice(list(volumes))]


def places_by_rule(tables: dict[str, list[Row]], table: str = "fileTable") -> dict[bytes, str | None]:
    """The path of every row of fileTable, or of openFileTable, by the rule of `namespace_nodes.collect`; or None."""
    volume_ids = {key: fields(value)[8][0] for key, value in tables.get("volumeTable", [])}
    found: dict[int, tuple[bytes, bytes, int, bytes]] = {}  # object id: volume's id, bucket's id, parent, name
    buckets: dict[int, str] = {}
    for key, value in tables.get("bucketTable", []):
        bucket = fields(value)
        _, volume, name = key.split(b"/")
        if bucket.get(18, [1])[0] == 2 and bucket[9][0] not in found:
            own = volume_ids.get(b"/" + volume)
            found[bucket[9][0]] = b"%d" % (own or 0), b"%d" % bucket[9][0], 0, b""
            buckets[bucket[9][0]] = f"{volume.decode()}/{name.decode()}/" if own is not None else ""
    for key, value in tables.get("directoryTable", []):
        _, volume, bucket_id, parent, name = key.split(b"/")
        found.setdefault(fields(value)[6][0], (volume, bucket_id, int(parent), name))

    def path_of(volume: bytes, bucket: bytes, parent: int) -> str | None:
        below, seen = "", set()
        while parent not in seen and parent in found and found[parent][:2] == (volume, bucket):
            seen.add(parent)
            if parent in buckets:
                return buckets[parent] and buckets[parent] + below
            below = f"{found[parent][3].decode()}/{below}"
            parent = found[parent][2]
        return None

    paths: dict[bytes, str | None] = {}
    for key, _ in tables.get(table, []):
        _, volume, bucket_id, parent, name, *_ = key.split(b"/")
        above = path_of(volume, bucket_id, int(parent))
        paths[key] = above + name.decode() if above else None
    return paths
