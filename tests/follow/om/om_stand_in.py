"""An OM that gives out captured checkpoints and WriteBatches, and the sync that follows it."""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.sources.captured_deltas import CAPTURE, updates_of
from tests.sources.om_log_stand_in import StandIn
from tests.sources.rpc_stand_in import HERE, QUICK
from tools.capture.deltas import Deltas

from ozone_recon.follow.om.changes import OmChanges
from ozone_recon.follow.om.origin import Taken
from ozone_recon.follow.om.sync import OmSync, OmSyncSettings
from ozone_recon.sources.checkpoint.fetch import Report
from ozone_recon.sources.hadoop_rpc.server import take_calls
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.generation import Generation
from ozone_recon.wire.ozone.om_calls import METHOD, PROTOCOL


class Served(list[Generation]):
    """What was given to be served."""


NODE = "om1"


@pytest.fixture(scope="module")
def deltas(tmp_path_factory: pytest.TempPathFactory) -> Deltas:
    return Deltas.unpack(CAPTURE, tmp_path_factory.mktemp("deltas"))


@dataclass
class Om:
    """A real OM's checkpoints and WriteBatches, as captured, given out as an OM gives them; a checkpoint at a time."""

    deltas: Deltas
    log: StandIn
    address: str = ""
    state: str = "before"
    """Of which its checkpoint is."""
    leader: str = NODE
    checkpoints: int = 0
    has_all_changes_after_checkpoint: bool = False
    """Whether its log is whole once it has given another checkpoint."""
    all_batches: list[bytes] = field(default_factory=list)

    description = "an OM"
    changes = True

    def identity(self) -> str:
        return ""

    def get(self, checkpoints: Path, report: Report, expected: int, leader: str = "") -> Taken:
        self.checkpoints += 1
        if self.has_all_changes_after_checkpoint:
            self.log.first, self.log.batches = 0, self.all_batches
        copied = checkpoints / f"om.snapshot.db_{time.time_ns()}"
        shutil.copytree(getattr(self.deltas, self.state), copied)
        return Taken(copied, NODE)

    def writes(self, batches: int) -> None:
        """Its log has so many batches now."""
        self.log.batches = self.all_batches[:batches]

    @contextmanager
    def sync(self, directory: DataDirectory, served: Served, **settings: Any) -> Iterator[OmSync]:
        changes = OmChanges({self.leader: self.address}, QUICK, 50_000, settings.pop("threshold", 0))
        sync = OmSync(directory, self, OmSyncSettings(**settings), served.append, changes)
        try:
            yield sync
        finally:
            sync.stop()


@pytest.fixture
def om(deltas: Deltas) -> Iterator[Om]:
    raw = []
    for answer in deltas.answers:
        data, starts, ends = updates_of(answer).batches
        raw += [data[at:end].tobytes() for at, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    om = Om(deltas, StandIn(raw, node=NODE), all_batches=raw)
    stop = threading.Event()
    ready = threading.Event()

    async def listen() -> None:
        async with take_calls({(PROTOCOL, METHOD): om.log.answer}, HERE) as port:
            om.address = f"127.0.0.1:{port}"
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(listen(),))
    thread.start()
    assert ready.wait(10)
    yield om
    stop.set()
    thread.join()
