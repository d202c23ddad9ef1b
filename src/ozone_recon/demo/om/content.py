"""Creates the initial content of a simulated cluster: buckets of every layout and replication, and their keys."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from ozone_recon.decode.om.keys import encode_text
from ozone_recon.demo.om.keys import Keys
from ozone_recon.demo.om.namespace import SimulatedBucket, SimulatedNamespace
from ozone_recon.demo.om.values import encode_key_info
from ozone_recon.demo.plan import EC_3_2, EC_6_3, GB, MB, ONE, THREE, Plan
from ozone_recon.demo.scm.stock import Stock
from ozone_recon.model.om import LocationVersion
from ozone_recon.model.replication import ReplicationConfig

DAYS: Final = 14
"""The age of the oldest data in days."""
_DAY: Final = 86_400.0
_SPREAD: Final = 1.2
"""Standard deviation of the logarithm of key sizes."""
_KEYS_PER_COMMIT: Final = 5_000
FSO, OBS, LEGACY = "FILE_SYSTEM_OPTIMIZED", "OBJECT_STORE", "LEGACY"


class Clock:
    """The time in the cluster, in seconds since 1970."""

    def __init__(self, now: float) -> None:
        self.now = now

    def ms(self) -> int:
        """The time in milliseconds since 1970."""
        return int(self.now * 1000)


@dataclass(frozen=True, slots=True)
class DemoBucket:
    """A bucket; `part` is its share of all keys, `size` their median bytes, `path` the template of their names."""

    name: str
    owner: str
    layout: str
    replication: ReplicationConfig
    part: float
    size: int
    path: str


BUCKETS: Final = (
    DemoBucket(
        "warehouse/events", "hive", FSO, EC_3_2, 0.34, 20 * MB, "date={date}/hour={hour:02}/part-{n:06}.parquet"
    ),
    DemoBucket("warehouse/tables", "spark", FSO, THREE, 0.14, 48 * MB, "sales.db/{table}/year={year}/part-{n:06}.orc"),
    DemoBucket("warehouse/staging", "spark", FSO, ONE, 0.04, 40 * MB, "job-{n:06}/_temporary/part-{n:06}"),
    DemoBucket("lake/media", "alice", OBS, THREE, 0.15, 3 * MB, "images/{site}/{date}/{n:06}.jpg"),
    DemoBucket("lake/backups", "backup", OBS, EC_6_3, 0.02, GB, "daily/{date}/db-{n:06}.tar"),
    DemoBucket("iot/sensors", "iot", OBS, THREE, 0.24, 40_000, "{site}/{date}/readings-{n:06}.json"),
    DemoBucket("home/people", "bob", LEGACY, THREE, 0.07, 200_000, "{person}/documents/{n:06}.odt"),
)
OWNERS: Final = {"warehouse": "hive", "lake": "alice", "iot": "iot", "home": "bob"}
LINK: Final = "home/tables", "warehouse/tables"
_TABLES: Final = ("orders", "customers", "returns", "stock", "suppliers")
_SITES: Final = ("berlin", "lyon", "porto", "oslo", "turin")
_PEOPLE: Final = ("alice", "bob", "carol", "dave", "erin", "frank")


def size_near(chance: random.Random, size: int) -> int:
    """A random size in bytes, log-normal around `size`."""
    return max(1, min(int(math.exp(chance.gauss(math.log(size), _SPREAD))), 20 * GB))


class ClusterContent:
    """Creates everything that exists before the day begins."""

    def __init__(self, plan: Plan, namespace: SimulatedNamespace, clock: Clock, chance: random.Random) -> None:
        self._plan, self._space, self._clock, self._chance = plan, namespace, clock, chance

    def create(self, stock: Stock) -> None:
        """Creates volumes, buckets, and keys with their blocks in the containers of `stock`."""
        today = self._clock.now
        self._clock.now = today - (DAYS + 30) * _DAY
        for volume, owner in OWNERS.items():
            self._space.create_volume(volume, owner)
        for content in BUCKETS:
            replication = self._plan.fitting(content.replication)
            self._space.create_bucket(content.name, content.owner, content.layout, replication)
        self._space.create_bucket(LINK[0], "bob", FSO, THREE, source=LINK[1])
        keys = Keys(self._space, stock.put)
        for content in BUCKETS:
            self._fill(content, keys, today)
        self._clock.now = today
        stock.seal()
        self._space.rows.commit()

    def _fill(self, content: DemoBucket, keys: Keys, today: float) -> None:
        bucket = self._space.buckets[content.name]
        count = int(self._plan.keys * content.part)
        replicated = 0
        for number in range(count):
            age = (DAYS * _DAY - 3600) * (1 - number / count) + 3600
            self._clock.now = today - age
            path = path_of(content, self._chance, self._clock.now, number)
            replicated += self._write_old_key(bucket, path, size_near(self._chance, content.size), keys)
            if number % _KEYS_PER_COMMIT == 0:
                self._space.rows.commit()
        self._space.charge(bucket, replicated, count)

    def _write_old_key(self, bucket: SimulatedBucket, path: str, size: int, keys: Keys) -> int:
        """Writes the rows of a committed key; returns its replicated bytes."""
        self._space.request()
        if bucket.is_fso:
            parent, name = self._space.parent_of(bucket, path, make=True), path.rpartition("/")[2]
            table, row = "fileTable", bucket.id_prefix(parent) + encode_text(name)
        else:
            parent, name = 0, path
            table, row = self._space.key_row(bucket, path)
        version = LocationVersion(0, keys.blocks(bucket.replication, size), is_multipart=False)
        info = replace(self._space.new_key(bucket, name, parent, size, self._clock.ms()), locations=(version,))
        self._space.rows.put(table, row, encode_key_info(info))
        return info.replicated_size


def path_of(content: DemoBucket, chance: random.Random, written: float, number: int) -> str:
    """The name of key `number` of a bucket, written at `written` (seconds since 1970)."""
    when = datetime.fromtimestamp(written, UTC)
    return content.path.format(
        date=f"{when:%Y-%m-%d}",
        hour=when.hour,
        year=when.year,
        n=number,
        table=chance.choice(_TABLES),
        site=chance.choice(_SITES),
        person=chance.choice(_PEOPLE),
    )


def date_of(today: float, days: int = 0) -> str:
    """The date `days` days after `today` (seconds since 1970), as YYYY-MM-DD."""
    return f"{datetime.fromtimestamp(today, UTC) + timedelta(days=days):%Y-%m-%d}"
