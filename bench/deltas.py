"""Times applying the changes of a real OM to a generation, compared with Java Recon applying the same changes.

    .venv/bin/python bench/deltas.py [--keys 100000] [--times 5] [--java]

Starts an OM, takes a checkpoint while it is almost empty, and runs `freon omkg`, where a key makes about 4.5 database
changes. Fetches OM's delta responses and keeps them. Each of --times runs starts from the same state: it applies the
first response untimed, to warm up the processes, and is then timed from the bytes of the others to a generation that is
committed, open and at OM's sequence number.

With --java, Java Recon also takes its checkpoint before. It is paused (SIGSTOP) while the keys are written, and timed
from its resumption until all its tasks are at OM's sequence number, including the fetch.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rebuild import JAVA, Cluster, ready, table

from ozone_recon.columnar.changes import Changes
from ozone_recon.config.connections import OmHttp, RpcSettings
from ozone_recon.follow.om.changes import OmChangesRead
from ozone_recon.follow.om.origin import RunningOm
from ozone_recon.follow.om.sync import OmSync, OmSyncSettings
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.sources.om_deltas import OmDeltas
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.manifest import GenerationInfo

ORIGIN = RunningOm(OmHttp(("http://localhost:9874",)))
SERVERS = {"": "localhost:9862"}
LIMIT = 50_000


class Kept:
    """Replays OM's delta responses: a source of changes without OM."""

    problem = ""
    leader = ""

    def __init__(self) -> None:
        self._answers: list[bytes] = []
        self._again: Iterator[bytes] = iter(())
        self._first = True

    async def fetch(self, about: GenerationInfo) -> int:
        """Fetches all changes since a generation; returns their number."""
        group = RpcGroup(SERVERS, RpcSettings("recon"))

        async def call(protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
            node, answer = await group.call_leader(protocol, method, request)
            self._answers.append(answer)
            return node, answer

        found = await changes_since(about, OmDeltas(call, LIMIT, 0))
        await group.close()
        return found.last_sequence - about.sequence_number

    def again(self) -> None:
        """Restarts at the first response."""
        self._again = iter(self._answers)
        self._first = True

    def since(self, about: GenerationInfo) -> OmChangesRead:
        """Returns the first response, then all others."""
        deltas = OmDeltas(self._answer, LIMIT, 1 << 62 if self._first else 0)
        self._first = False
        changes = asyncio.run(changes_since(about, deltas))
        return OmChangesRead(changes, time.time_ns() // 1_000_000, changes.last_sequence, complete=True)

    def close(self) -> None:
        """Closes nothing."""

    async def _answer(self, protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
        return "", next(self._again)


async def changes_since(about: GenerationInfo, deltas: OmDeltas) -> Changes:
    """All changes since a generation, as one."""
    families = {number: name for name, number in about.families.items()}
    changes = Changes(about.sequence_number, {})
    async for delta in deltas.since(about.sequence_number, about.node, families):
        changes = changes.followed_by(delta.changes)
    return changes


def ours(before: Path, kept: Kept) -> tuple[float, int]:
    """Applies the changes to a copy of `before`; returns the seconds until it can be queried, and their number."""
    with tempfile.TemporaryDirectory() as place:
        copied = shutil.copytree(before, Path(place) / "data")
        with DataDirectory.lock(copied) as directory:
            sync = OmSync(directory, ORIGIN, OmSyncSettings(), lambda generation: None, kept)
            kept.again()
            first = sync.follow().sequence_number
            began = time.perf_counter()
            generation = sync.follow()
            assert generation.table("keys").rows
            seconds = time.perf_counter() - began
            sync.stop()
            return seconds, generation.sequence_number - first


def pid_of(cluster: Cluster) -> int:
    """The pid of Java Recon."""
    return int((cluster.home / "recon" / "pid").read_text())


def compared(cluster: Cluster, keys: int, times: int, *, java: bool) -> None:
    """Prints the times of both."""
    recon = ["--recon"] if java else []
    cluster("up", "--datanodes", "1", "--set=recon:ozone.recon.task.thread.count=8", *recon)
    try:
        cluster("sh", given="sh volume create /vol1\nsh bucket create /vol1/obs --layout OBJECT_STORE\n")
        with tempfile.TemporaryDirectory() as before:
            with DataDirectory.lock(before) as directory:
                first = OmSync(directory, ORIGIN, OmSyncSettings(), lambda generation: None).synchronise()
            while java and ready_at(first.sequence_number) is None:
                time.sleep(0.5)
            if java:
                os.kill(pid_of(cluster), signal.SIGSTOP)
            cluster("sh", given=f"freon omkg -n {keys} -t 10 -v vol1 -b obs -p bench\n")
            kept = Kept()
            began = time.perf_counter()
            changes = asyncio.run(kept.fetch(first.about))
            fetching = time.perf_counter() - began
            if changes <= LIMIT:
                sys.exit(f"{changes:,} changes arrived in one response, which is not timed: use more --keys")
            runs = sorted(ours(Path(before), kept) for _ in range(times))
        mine, of = runs[times // 2]
        lines: list[tuple[str, ...]] = [("ozone-recon", f"{of:,}", f"{mine:.2f}", f"{of / mine:,.0f}")]
        if java:
            began = time.perf_counter()
            os.kill(pid_of(cluster), signal.SIGCONT)
            while ready_at(first.sequence_number + changes) is None:
                time.sleep(0.05)
            theirs = time.perf_counter() - began
            name = "Java Recon 2.2.0, 8 task threads, with fetching"
            lines.append((name, f"{changes:,}", f"{theirs:.2f}", f"{changes / theirs:,.0f}"))
        table(("", "changes", "seconds", "changes/s"), lines)
        print(f"Ours, {times} times: {', '.join(f'{run:.2f} s' for run, _ in runs)}; fetching takes {fetching:.2f} s.")
        if java:
            with_fetching = fetching + mine * changes / of
            print(f"{of / mine / (changes / theirs):.1f} times as fast, {theirs / with_fetching:.1f} with fetching.")
    finally:
        cluster("down", "--wipe")


def ready_at(sequence_number: int) -> int | None:
    """Java Recon's sequence number, once all its tasks have reached this one or a later one."""
    number = ready(JAVA, 8, keys=0)
    return number if number is not None and number >= sequence_number else None


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=5, help="runs of ours, an odd number")
    parser.add_argument("--java", action="store_true")
    options = parser.parse_args()
    if options.times % 2 == 0:
        sys.exit("--times must be an odd number")
    compared(Cluster("4g"), options.keys, options.times, java=options.java)


if __name__ == "__main__":
    main()
