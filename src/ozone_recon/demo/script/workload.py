"""Simulates the users of a cluster: they write keys over time, upload in parts and keep files open."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from ozone_recon.demo.om.content import BUCKETS, path_of, size_near
from ozone_recon.demo.om.keys import OpenedKey
from ozone_recon.demo.om.namespace import SimulatedBucket
from ozone_recon.demo.om.uploads import Upload
from ozone_recon.demo.plan import MB
from ozone_recon.demo.refusal import Refused
from ozone_recon.demo.world import World

_WRITING: Final = 4.0
"""The maximum seconds to write a key."""
_FIRST_NUMBER: Final = 1_000_000
"""The number of the first key written during the day; keys from before have smaller numbers."""
_PART: Final = 64 * MB
_DAY: Final = 86_400.0
_CONTENT: Final = {content.name: content for content in BUCKETS}

Refuse = Callable[[str], None]


@dataclass(slots=True)
class _Load:
    """A bucket's load: `left` keys remain, one is written every `interval` seconds."""

    bucket: SimulatedBucket
    directory: str | None
    left: int
    interval: float
    next_at: float
    when: float
    """The time of the next key in the script's days, from which it gets its name."""
    refused: bool = False
    """Whether a refusal has been reported."""


class Workload:
    """All running loads, uploads and open files; call `step` regularly."""

    def __init__(self, world: World, refused: Refuse) -> None:
        """`refused` receives the reason of each refused write."""
        self._world, self._refused = world, refused
        self._loads: list[_Load] = []
        self._writing: list[tuple[float, int, OpenedKey]] = []
        self._uploads: dict[tuple[str, str], Upload] = {}
        self._held: dict[tuple[str, str], OpenedKey] = {}
        self._numbers = count(_FIRST_NUMBER)
        self._order = count()

    def load(
        self, bucket: SimulatedBucket, keys: int, seconds: float, when: float, directory: str | None = None
    ) -> None:
        """Writes keys evenly over `seconds`, named as the bucket's keys are, or as parts in `directory`."""
        if keys:
            self._loads.append(_Load(bucket, directory, keys, seconds / keys, self._world.clock.now, when))

    def step(self, now: float) -> None:
        """Writes the keys up to `now`; while OM is down, users retry."""
        if not self._world.om_runs:
            return
        while self._writing and self._writing[0][0] <= now:
            self._try(self._world.keys.commit, heapq.heappop(self._writing)[2])
        for load in self._loads:
            while load.left and load.next_at <= now:
                self._begin(load, now)
                load.left -= 1
                load.next_at += load.interval
                load.when += load.interval * _DAY / self._world.plan.day
        self._loads = [load for load in self._loads if load.left]

    def _begin(self, load: _Load, now: float) -> None:
        number, chance = next(self._numbers), self._world.chance
        content = _CONTENT[load.bucket.name]
        if load.directory is None:
            path = path_of(content, chance, load.when, number)
        else:
            path = f"{load.directory}/part-{number:06}"
        try:
            writing = self._world.keys.open(load.bucket, path, size_near(chance, content.size))
        except Refused as why:
            if not load.refused:
                load.refused = True
                self._refused(str(why))
            return
        heapq.heappush(self._writing, (now + chance.random() * _WRITING, next(self._order), writing))

    def _try(self, action: Callable[[OpenedKey], None], writing: OpenedKey) -> None:
        try:
            action(writing)
        except Refused as why:
            self._refused(str(why))

    def begin_upload(self, bucket: SimulatedBucket, path: str, parts: int) -> None:
        """Starts an upload and uploads `parts` parts."""
        upload = self._uploads[bucket.name, path] = self._world.uploads.begin(bucket, path)
        for _ in range(parts):
            self._world.uploads.add_part(upload, _PART)

    def end_upload(self, bucket: SimulatedBucket, path: str, *, complete: bool) -> None:
        """Completes or aborts an upload."""
        upload = self._uploads.pop((bucket.name, path), None)
        if upload is None:
            raise Refused(f"there is no upload to {bucket.name}/{path}")
        end = self._world.uploads.complete if complete else self._world.uploads.abort
        end(upload)

    def hold(self, bucket: SimulatedBucket, path: str) -> None:
        """Writes a readable key and keeps it open (hsync)."""
        writing = self._held[bucket.name, path] = self._world.keys.open(bucket, path, _PART)
        self._world.keys.hsync(writing)

    def finish(self, bucket: SimulatedBucket, path: str) -> None:
        """Closes a key opened by `hold`."""
        writing = self._held.pop((bucket.name, path), None)
        if writing is None:
            raise Refused(f"{bucket.name}/{path} is not open")
        self._world.keys.commit(writing)
