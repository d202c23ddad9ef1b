"""Measures what a change costs: the running server applies changes of different number and spread to an OM database.

    .venv/bin/python bench/changes.py DIRECTORY [--changes 1000,100000] [--times 3]

A simulated OM answers from a copy of an om.db (`bench/make_om_db.py` makes one), and `ozone-recon serve` follows it as
it would follow OM. Then a number of changes is written to the OM, in batches like OM's; a tenth of the rows is created,
a tenth deleted, the rest overwritten. They are spread over all buckets, or lie in one bucket or one directory. The
directory that is renamed and deleted has everything of its bucket below it, moved there before.

Seconds are from the first bytes of the changes that OM sends to the first answer at OM's sequence number. Written bytes
and CPU are the kernel's counts (/proc/PID/io and stat) of all processes of the server, up to the moment when they have
been idle for --settle seconds, so that merging in the background counts. Memory is the peak resident size of the
largest process; files are those below the data directory, without the checkpoint. A row is the median by seconds of
--times runs. Nothing depends on how the server stores its data.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from om_database.changes import Change, Samples
from rebuild import MIB, RECON, table

from ozone_recon.demo.om.database import OmDatabase
from ozone_recon.demo.om.server import HOST, om_methods, serve_checkpoints
from ozone_recon.sources.hadoop_rpc.server import Recognised, RpcServerSettings, take_calls
from ozone_recon.wire.ozone import om_calls
from ozone_recon.wire.ozone.om_calls import OmRequest
from ozone_recon.wire.ozone.schema import OmCommand

CHANGES_PER_BATCH = 100
EVERY = 0.01
"""Seconds between two requests for the sequence number of our answers."""
PATIENCE = 3600
TICKS = os.sysconf("SC_CLK_TCK")
IDLE_SHARE = 0.05
"""CPU seconds a second below which the processes are idle; answering the questions of this script costs less."""


@dataclass(frozen=True)
class Use:
    """What the processes of the server have used by now."""

    written: dict[int, int]
    cpu: dict[int, float]
    peak: int

    @classmethod
    def of(cls, server: int) -> Use:
        """Reads the kernel's counts of a process and everything it started."""
        written, cpu, peak = {}, {}, 0
        for pid in family(server):
            try:
                process = Path(f"/proc/{pid}")
                counts = dict(line.split(": ") for line in (process / "io").read_text().splitlines())
                times = (process / "stat").read_text().rpartition(") ")[2].split()[11:13]
                status = (process / "status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if "VmHWM:" not in status:
                continue  # It has just ended.
            written[pid] = int(counts["write_bytes"])
            cpu[pid] = sum(map(int, times)) / TICKS
            peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) << 10)
        return cls(written, cpu, peak)

    def since(self, before: Use) -> tuple[int, float]:
        """The bytes and CPU seconds since then; those of a process that ended meanwhile are lost."""
        written = sum(of - before.written.get(pid, 0) for pid, of in self.written.items())
        return written, sum(of - before.cpu.get(pid, 0.0) for pid, of in self.cpu.items())


def family(server: int) -> list[int]:
    """The pids of a process and its descendants."""
    found = [server]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def forget_peaks(server: int) -> None:
    """Restarts the kernel's record of the peak resident sizes."""
    for pid in family(server):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass(frozen=True)
class Cost:
    """The cost of applying some changes."""

    seconds: float
    written: int
    cpu: float
    memory: int
    files: int
    disk: int

    def cells(self, changes: int) -> tuple[str, ...]:
        """The cells of a table."""
        return (
            f"{self.seconds:.2f}",
            f"{self.written / MIB:,.1f} MiB",
            f"{self.written / changes / 1000:,.0f} kB",
            f"{self.cpu:.1f} s",
            f"{self.memory / MIB:,.0f} MiB",
            f"{self.files:,}",
            f"{self.disk / MIB:,.0f} MiB",
        )


class Server:
    """A server that follows the simulated OM."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, data: Path, settle: float) -> None:
        self.pid, self._process, self._url, self._data, self._settle = process.pid, process, url, data, settle

    def sequence_number(self) -> int:
        """The sequence number of an answer; 0 while there is none."""
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/clusterState", timeout=60) as answer:
                return int(answer.headers["X-Recon-Sequence-Number"] or 0)
        except OSError:
            return 0

    async def reaches(self, number: int) -> float:
        """The time when an answer has this sequence number or a later one."""
        deadline = time.perf_counter() + PATIENCE
        while await asyncio.to_thread(self.sequence_number) < number:
            if self._process.poll() is not None or time.perf_counter() > deadline:
                sys.exit(f"the server does not reach sequence number {number:,}")
            await asyncio.sleep(EVERY)
        return time.perf_counter()

    async def idle(self) -> Use:
        """Waits until the processes neither write nor compute; returns what they have used then."""
        use = Use.of(self.pid)
        while True:
            await asyncio.sleep(self._settle)
            later = Use.of(self.pid)
            written, cpu = later.since(use)
            if not written and cpu < IDLE_SHARE * self._settle:
                return later
            use = later

    def files(self) -> tuple[int, int]:
        """The number of derived files and their bytes."""
        sizes = []
        for place, _, names in os.walk(self._data):
            for name in names if "checkpoints" not in Path(place).parts else ():
                with suppress(FileNotFoundError):
                    sizes.append((Path(place) / name).stat().st_size)
        return len(sizes), sum(sizes)


class SimulatedOm:
    """OM's calls and checkpoints on a database; knows when it first sent the last changes."""

    def __init__(self, database: OmDatabase) -> None:
        self.database = database
        self._is_asked = asyncio.Event()
        self._is_written = asyncio.Event()
        self._is_written.set()
        self._sent = 0.0

    @asynccontextmanager
    async def served(self, directory: Path) -> AsyncIterator[tuple[int, int]]:
        """Serves while entered; yields the RPC and HTTP ports."""
        ports = (0, 0)
        calls = om_methods(self.database, lambda: ports)
        name = om_calls.PROTOCOL, om_calls.METHOD

        async def noted(request: bytes) -> bytes | Recognised:
            await self._is_written.wait()
            answer = await calls[name](request)
            if OmRequest.decode(request).command is OmCommand.DB_UPDATES and not self._is_asked.is_set():
                self._sent = time.perf_counter()
                self._is_asked.set()
            return answer

        with serve_checkpoints(self.database, directory, 0) as http:
            async with take_calls({name: noted}, RpcServerSettings(HOST, 0)) as rpc:
                ports = (rpc, http)
                yield ports

    async def write(self, changes: Sequence[Change]) -> float:
        """Commits changes, and waits until they are sent; returns the time when the first of them were."""
        self._is_asked.clear()
        self._is_written.clear()
        for low in range(0, len(changes), CHANGES_PER_BATCH):
            for name, key, value in changes[low : low + CHANGES_PER_BATCH]:
                if value is None:
                    self.database.delete(name, key)
                else:
                    self.database.put(name, key, value)
            self.database.commit()
            await asyncio.sleep(0)  # The server probes the connection meanwhile.
        self._is_written.set()
        await self._is_asked.wait()
        return self._sent


async def costs(om: SimulatedOm, server: Server, changes: Sequence[Change]) -> Cost:
    """Writes changes to OM and measures the server."""
    before = await server.idle()
    forget_peaks(server.pid)
    began = await om.write(changes)
    answered = await server.reaches(om.database.sequence_number)
    after = await server.idle()
    return Cost(answered - began, *after.since(before), after.peak, *server.files())


@dataclass(frozen=True)
class ChangeCase:
    """One kind of change: its name, the number of changes, and functions of the run that make them.

    The changes of `before` are applied first, without being measured.
    """

    name: str
    number: int
    changes: Callable[[int], list[Change]]
    before: Callable[[int], list[Change]] = lambda _: []


def cases(samples: Samples, numbers: Sequence[int], times: int) -> Iterator[ChangeCase]:
    """What is measured, in order: each case starts from the database that the case before it leaves."""
    bucket, few = samples.buckets[samples.fso], numbers[0]
    for number in numbers:
        yield ChangeCase(f"{number:,} at random", number, partial(samples.spread, number))
    yield ChangeCase(f"{few:,} in one bucket", few, lambda _: samples.changed(bucket, few))
    yield ChangeCase(f"{few:,} new in one directory", few, lambda _: samples.created(few))
    below = f"with about {samples.files_below:,} files below"
    yield ChangeCase(
        f"a directory renamed, {below}",
        2,
        lambda run: samples.renamed(f"tree-{run}", f"tree-{run + 1}"),
        lambda run: [] if run else samples.gathered("tree-0"),
    )
    last = f"tree-{times}"
    yield ChangeCase(
        f"a directory deleted, {below}",
        2,
        lambda _: samples.deleted(last),
        lambda run: samples.restored(last) if run else [],
    )


async def measured(path: Path, numbers: Sequence[int], times: int, settle: float) -> None:
    """Prints the costs of all kinds of changes to one database."""
    samples = Samples(path, seed=1)
    lines: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        om = SimulatedOm(OmDatabase(copied(path, place / "om.db")))

        async def apply(changes: Sequence[Change]) -> Cost:
            return await costs(om, server, changes)

        async with om.served(place) as (rpc, http):
            with running(place / "data", rpc, http, settle) as server:
                await server.reaches(om.database.sequence_number)
                await apply(samples.changed(samples.all, 10))
                for case in cases(samples, numbers, times):
                    runs = []
                    for run in range(times):
                        if before := case.before(run):
                            await apply(before)
                        runs.append(await apply(await asyncio.to_thread(case.changes, run)))
                    cost = sorted(runs, key=lambda cost: cost.seconds)[times // 2]
                    lines.append((f"{samples.rows:,}", case.name, *cost.cells(case.number)))
                    print(lines[-1], file=sys.stderr, flush=True)
        om.database.close()
    table(("objects", "changes", "seconds", "written", "a change", "CPU", "memory", "files", "derived data"), lines)


def copied(path: Path, to: Path) -> Path:
    """A copy of a database that may be written to: its SST files, which never change, are linked if possible."""

    def copy(source: str, target: str) -> None:
        if source.endswith(".sst"):
            with suppress(OSError):
                os.link(source, target)
                return
        shutil.copy2(source, target)

    return Path(shutil.copytree(path, to, copy_function=copy))


@contextmanager
def running(data: Path, rpc: int, http: int, settle: float) -> Iterator[Server]:
    """Runs our server while entered, following the OM on these ports."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    addresses = ["-D", f"ozone.om.address={HOST}:{rpc}", "-D", f"ozone.om.http-address={HOST}:{http}"]
    command = [*RECON, "serve", "--data-dir", str(data), "--port", str(port), *addresses]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield Server(process, f"http://{HOST}:{port}", data, settle)
        finally:
            process.send_signal(signal.SIGTERM)


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path, metavar="DIRECTORY")
    parser.add_argument("--changes", default="1000,100000", help="numbers of changes spread at random")
    parser.add_argument("--times", type=int, default=3, help="runs of each, an odd number")
    parser.add_argument("--settle", type=float, default=2.0, help="seconds in which an idle server does nothing")
    options = parser.parse_args()
    numbers = [int(number) for number in options.changes.split(",")]
    asyncio.run(measured(options.database, numbers, options.times, options.settle))


if __name__ == "__main__":
    main()
