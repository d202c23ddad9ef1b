"""Asks a running OM what has changed since a generation, over connections that live in a thread of their own."""

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

MOST: Final = 64 << 20
"""Bytes of changed rows to take in at a time."""


class OmChangesRead(NamedTuple):
    """What has changed; `complete` when OM, at its sequence number `latest` at the time `read_at` (ms), had no more."""

    changes: Changes
    read_at: int
    latest: int
    complete: bool


class ChangeSource(Protocol):
    """Where changes come from."""

    @property
    def trouble(self) -> str:
        """Why `since` takes its time; empty when nothing is known to be wrong."""
        ...

    def since(self, about: GenerationInfo) -> OmChangesRead:
        """What has changed since a generation; CheckpointNeeded, or what else keeps it from being found out."""
        ...

    def close(self) -> None:
        """End it: `since` fails, also where it is being waited for."""
        ...


class OmChanges:
    """The OMs of a service."""

    def __init__(
        self, servers: Mapping[str, str], rpc: RpcSettings, limit: int, lag_threshold: int, most: int = MOST
    ) -> None:
        """`servers`, and what to ask, are as for `RpcGroup` and `OmDeltas`; `most` is bytes."""
        self._servers, self._rpc = servers, rpc
        self._limit, self._lag_threshold, self._most = limit, lag_threshold, most
        self._thread = threading.Thread(target=self._run, name="om-changes", daemon=True)
        self._runs: Future[asyncio.AbstractEventLoop] = Future()
        self._stop = asyncio.Event()
        self._group: RpcGroup | None = None

    @property
    def trouble(self) -> str:
        """Why no OM is known to lead at present; empty when one answered last."""
        return self._group.trouble if self._group else ""

    def since(self, about: GenerationInfo) -> OmChangesRead:
        """What has changed since a generation."""
        if not self._thread.is_alive():
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._since(about), self._runs.result()).result()

    def close(self) -> None:
        """End it."""
        if self._thread.is_alive():
            self._runs.result().call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._answer())

    async def _answer(self) -> None:
        group = self._group = RpcGroup(self._servers, self._rpc)
        self._deltas = OmDeltas(group.call_leader, self._limit, self._lag_threshold)
        self._runs.set_result(asyncio.get_running_loop())
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
                if changes.size > self._most:
                    return OmChangesRead(changes, _now(), latest, complete=False)
        return OmChangesRead(changes, _now(), latest, complete=True)


def _now() -> int:
    return time.time_ns() // 1_000_000
