"""What users do with a simulated cluster: keys that are written bit by bit, uploads, files that stay open."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from ozone_recon.demo.om.company import HOLDINGS, path_of, size_near
from ozone_recon.demo.om.keys import Writing
from ozone_recon.demo.om.namespace import SimulatedBucket
from ozone_recon.demo.om.uploads import Upload
from ozone_recon.demo.plan import MB
from ozone_recon.demo.refusal import Refused
from ozone_recon.demo.world import World

_WRITING: Final = 4.0
"""Seconds that it takes to write a key, at most."""
_FIRST_NUMBER: Final = 1_000_000
"""Of the keys that are written on the day: no key from before has such."""
_PART: Final = 64 * MB
_DAY: Final = 86_400.0
_HOLDINGS: Final = {holding.name: holding for holding in HOLDINGS}

Refuse = Callable[[str], None]


@dataclass(slots=True)
class _Load:
    """Keys that are still to be written into a bucket: `left` of them, one every `interval` seconds."""

    bucket: SimulatedBucket
    directory: str | None
    left: int
    interval: float
    due: float
    when: float
    """The time in the script's days of the next one, by which it is called."""
    refused: bool = False
    """Whether it has been said that there is no room."""


class Workload:
    """All that is under way; `step` is to be called as time goes by."""

    def __init__(self, world: World, refused: Refuse) -> None:
        """`refused` is told why something was not done."""
        self._world, self._refused = world, refused
        self._loads: list[_Load] = []
        self._writing: list[tuple[float, int, Writing]] = []
        self._uploads: dict[tuple[str, str], Upload] = {}
        self._held: dict[tuple[str, str], Writing] = {}
        self._numbers = count(_FIRST_NUMBER)
        self._order = count()

    def load(
        self, bucket: SimulatedBucket, keys: int, seconds: float, when: float, directory: str | None = None
    ) -> None:
        """Has keys written, evenly over a time, called as in this bucket or as parts in a directory."""
        if keys:
            self._loads.append(_Load(bucket, directory, keys, seconds / keys, self._world.clock.now, when))

    def step(self, now: float) -> None:
        """Writes what is due; while OM is away, users try again and again."""
        if not self._world.om_runs:
            return
        while self._writing and self._writing[0][0] <= now:
            self._try(self._world.keys.commit, heapq.heappop(self._writing)[2])
        for load in self._loads:
            while load.left and load.due <= now:
                self._begin(load, now)
                load.left -= 1
                load.due += load.interval
                load.when += load.interval * _DAY / self._world.plan.day
        self._loads = [load for load in self._loads if load.left]

    def _begin(self, load: _Load, now: float) -> None:
        number, chance = next(self._numbers), self._world.chance
        holding = _HOLDINGS[load.bucket.name]
        if load.directory is None:
            path = path_of(holding, chance, load.when, number)
        else:
            path = f"{load.directory}/part-{number:06}"
        try:
            writing = self._world.keys.open(load.bucket, path, size_near(chance, holding.size))
        except Refused as why:
            if not load.refused:
                load.refused = True
                self._refused(str(why))
            return
        heapq.heappush(self._writing, (now + chance.random() * _WRITING, next(self._order), writing))

    def _try(self, what: Callable[[Writing], None], writing: Writing) -> None:
        try:
            what(writing)
        except Refused as why:
            self._refused(str(why))

    def begin_upload(self, bucket: SimulatedBucket, path: str, parts: int) -> None:
        """Uploads so many parts, and then leaves it at that."""
        upload = self._uploads[bucket.name, path] = self._world.uploads.begin(bucket, path)
        for _ in range(parts):
            self._world.uploads.add_part(upload, _PART)

    def end_upload(self, bucket: SimulatedBucket, path: str, *, complete: bool) -> None:
        """Makes a key of an upload, or gives it up."""
        upload = self._uploads.pop((bucket.name, path), None)
        if upload is None:
            raise Refused(f"nothing is being uploaded to {bucket.name}/{path}")
        end = self._world.uploads.complete if complete else self._world.uploads.abort
        end(upload)

    def hold(self, bucket: SimulatedBucket, path: str) -> None:
        """Writes a key that can be read already, and keeps it open."""
        writing = self._held[bucket.name, path] = self._world.keys.open(bucket, path, _PART)
        self._world.keys.hsync(writing)

    def let_go(self, bucket: SimulatedBucket, path: str) -> None:
        """Ends the writing of such a key."""
        writing = self._held.pop((bucket.name, path), None)
        if writing is None:
            raise Refused(f"nothing is being written to {bucket.name}/{path}")
        self._world.keys.commit(writing)
