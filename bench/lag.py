"""Measures how far our answers lag behind an OM that is written to at full speed.

    .venv/bin/python bench/lag.py [--keys 300000] [--threads 10] [--fill 1500000,1500000,150000,5]

Starts an OM, a datanode and our Recon with default settings on one machine. OM is empty, or first filled with the given
numbers of OBS keys, FSO files, directories and buckets (`tools/cluster`'s `fill`). While `freon omkg` writes keys, OM's
last sequence number and that of our answers are sampled every 0.1 s. The lag is the time since OM passed the sequence
number of our answers.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable

from rebuild import OURS, Cluster, ours_on_om, ready

from ozone_recon.config.connections import RpcSettings
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.wire.ozone.om_calls import METHOD, PROTOCOL, OmRequest, OmResponse, Updates, UpdatesRequest
from ozone_recon.wire.ozone.schema import OmCommand

EVERY = 0.1
SHARES = {"half of the time": 0.5, "nine tenths of it": 0.9, "99 of 100": 0.99}
Reached = list[tuple[float, int]]
"""Times, and the sequence numbers reached by then."""


async def watch(reached: Reached, ask: Callable[[], Awaitable[int]], enough: Callable[[int], bool]) -> None:
    """Samples until the wanted sequence number is reached."""
    while not (reached and enough(reached[-1][1])):
        await asyncio.sleep(EVERY)
        reached.append((time.monotonic(), await ask()))


async def answered() -> int:
    """The sequence number of our answers; 0 when there is none."""

    def ask() -> int:
        try:
            with urllib.request.urlopen(f"{OURS}/api/v1/clusterState", timeout=60) as answer:
                return int(answer.headers["X-Recon-Sequence-Number"] or 0)
        except OSError:
            return 0

    return await asyncio.to_thread(ask)


def behind(om: Reached, ours: Reached) -> list[float]:
    """The lag in seconds at each sample of ours."""
    found = []
    numbers = [number for _, number in om]
    for at, number in ours:
        beyond = bisect.bisect_right(numbers, number)
        found.append(max(0.0, at - om[beyond][0]) if beyond < len(om) else 0.0)
    return found


async def measured(cluster: Cluster, keys: int, threads: int) -> None:
    """Prints our lag while keys are written."""
    group = RpcGroup({"": "localhost:9862"}, RpcSettings("recon"))
    om: Reached = [(time.monotonic(), await answered())]
    ours: Reached = []
    is_written = asyncio.Event()

    async def of_om() -> int:
        request = OmRequest(OmCommand.DB_UPDATES, UpdatesRequest(om[-1][1], 1).encode(), "client-bench")
        _, answer = await group.call_leader(PROTOCOL, METHOD, request.encode())
        return Updates.decode(OmResponse.decode(answer, OmCommand.DB_UPDATES).message).latest_sequence_number

    async with asyncio.TaskGroup() as watching:
        watching.create_task(watch(om, of_om, lambda _: is_written.is_set()))
        watching.create_task(watch(ours, answered, lambda number: is_written.is_set() and number >= om[-1][1]))
        before, began = om[-1][1], time.monotonic()
        writing = f"freon omkg -n {keys} -t {threads} -v vol1 -b obs -p lag\n"
        await asyncio.to_thread(cluster, "sh", given=writing)
        seconds, written = time.monotonic() - began, await of_om() - before
        om.append((time.monotonic(), before + written))
        is_written.set()
    await group.close()
    found = sorted(second for (at, _), second in zip(ours, behind(om, ours), strict=True) if at > began)
    print(f"{written:,} changes in {seconds:.0f} s, {written / seconds:,.0f}/s; our lag was at most")
    for name, share in SHARES.items():
        print(f"  {found[int(share * len(found))]:.1f} s {name}")
    print(f"  {found[-1]:.1f} s always")


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=300_000, help="keys to write")
    parser.add_argument("--threads", type=int, default=10, help="threads that write them")
    parser.add_argument("--fill", metavar="OBS,FSO,DIRECTORIES,BUCKETS", help="rows to fill OM with first")
    options = parser.parse_args()
    cluster = Cluster("4g")
    cluster("up", "--datanodes", "1")
    try:
        layouts = {"obs": "OBJECT_STORE", "fso": "FILE_SYSTEM_OPTIMIZED"}
        made = [f"sh bucket create /vol1/{name} --layout {layout}" for name, layout in layouts.items()]
        cluster("sh", given="\n".join(["sh volume create /vol1", *made]) + "\n")
        if options.fill:
            cluster("fill", options.fill)
            cluster("sh", given="sh volume info /vol1\n")
        with tempfile.TemporaryDirectory() as directory, ours_on_om(directory):
            while ready(OURS, 1, keys=0) is None:
                time.sleep(EVERY)
            asyncio.run(measured(cluster, options.keys, options.threads))
    finally:
        cluster("down", "--wipe")


if __name__ == "__main__":
    main()
