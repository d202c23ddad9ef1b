"""Fetches the changes since a generation from a running OM, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import aclosing
from typing import Final, NamedTuple, Protocol

from ozone_recon.columnar.changes import Changes
from ozone_recon.config.connections import RpcSettings
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.sources.om_deltas import OmDeltas
from ozone_recon.store.manifest import GenerationInfo

MAX_BYTES: Final = 64 << 20
"""Maximum size of the changes to read at once, in bytes."""


class OmChangesRead(NamedTuple):
    """Changes, and OM's sequence number `latest` at the time `read_at` (ms since 1970).

    `complete` means that OM had no further changes, up to the configured lag threshold.
    """

    changes: Changes
    read_at: int
    latest: int
    complete: bool


class ChangeSource(Protocol):
    """A source of changes."""

    @property
    def problem(self) -> str:
        """The reason why `since` is delayed; empty if none is known."""
        ...

    @property
    def leader(self) -> str:
        """The node id of the server that answered last; empty if none leads as far as known."""
        ...

    def since(self, about: GenerationInfo) -> OmChangesRead:
        """Reads the changes since a generation; raises CheckpointNeeded if they cannot be applied to it."""
        ...

    def close(self) -> None:
        """Closes the source; a running `since` fails."""
        ...


class OmChanges:
    """Reads changes from the leader of an OM service."""

    def __init__(
        self, servers: Mapping[str, str], rpc: RpcSettings, limit: int, lag_threshold: int, max_bytes: int = MAX_BYTES
    ) -> None:
        """The parameters are those of `RpcGroup` and `OmDeltas`; `max_bytes` limits one read."""
        self._servers, self._rpc = servers, rpc
        self._limit, self._lag_threshold, self._max_bytes = limit, lag_threshold, max_bytes
        self._thread = threading.Thread(target=self._run, name="om-changes", daemon=True)
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._stop = asyncio.Event()
        self._group: RpcGroup | None = None

    @property
    def problem(self) -> str:
        """The reason why no OM is known to be the leader; empty after a response."""
        return self._group.problem if self._group else ""

    @property
    def leader(self) -> str:
        """The node id of the OM that answered last; empty while the leader is searched."""
        return self._group.leader if self._group else ""

    def since(self, about: GenerationInfo) -> OmChangesRead:
        """Reads the changes since a generation."""
        if not self._thread.is_alive():
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._since(about), self._loop.result()).result()

    def close(self) -> None:
        """Closes the connections and ends the thread."""
        if self._thread.is_alive():
            self._loop.result().call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._connect())

    async def _connect(self) -> None:
        group = self._group = RpcGroup(self._servers, self._rpc)
        self._deltas = OmDeltas(group.call_leader, self._limit, self._lag_threshold)
        self._loop.set_result(asyncio.get_running_loop())
        await self._stop.wait()
        await group.close()

    async def _since(self, about: GenerationInfo) -> OmChangesRead:
        families = {number: name for name, number in about.families.items()}
        changes, latest = Changes(about.sequence_number, {}), about.sequence_number
        async with aclosing(
            self._deltas.since(about.sequence_number, about.node, families, about.last_batch)
        ) as deltas:
            async for delta in deltas:
                changes, latest = changes.followed_by(delta.changes), delta.latest_sequence_number
                if changes.size > self._max_bytes:
                    return OmChangesRead(changes, _now(), latest, complete=False)
        return OmChangesRead(changes, _now(), latest, complete=True)


def _now() -> int:
    return time.time_ns() // 1_000_000
