"""Times how far answers are behind an OM that is written to as fast as it can.

    .venv/bin/python bench/lag.py [--keys 300000] [--threads 10]

Starts an OM that is empty, a datanode and ours, which follows that OM as it does by default, all on one machine. While
`freon omkg` writes keys, OM is asked every tenth of a second for its last sequence number, and ours for that of its
answers. Ours is behind by as long as it is since OM went beyond that number.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from rebuild import HERE, OURS, RECON, Cluster

from ozone_recon.sources.hadoop_rpc import RpcGroup, RpcSettings
from ozone_recon.wire.om_calls import METHOD, PROTOCOL, Command, OmRequest, OmResponse, Updates, UpdatesRequest

EVERY = 0.1
Reached = list[tuple[float, int]]
"""Times, and the sequence numbers that were reached by then."""


def watch_om(reached: Reached, done: threading.Event) -> None:
    """Notes what OM has reached."""

    async def ask() -> None:
        group = RpcGroup({"": "localhost:9862"}, RpcSettings("recon"))
        last = answered()
        while not done.is_set():
            request = OmRequest(Command.DB_UPDATES, UpdatesRequest(last, 1).encode(), "client-bench")
            _, answer = await group.call_leader(PROTOCOL, METHOD, request.encode())
            last = Updates.decode(OmResponse.decode(answer, Command.DB_UPDATES).message).latest_sequence_number
            reached.append((time.monotonic(), last))
            await asyncio.sleep(EVERY)
        await group.close()

    asyncio.run(ask())


def watch_ours(reached: Reached, done: threading.Event) -> None:
    """Notes what answers are of."""
    while not done.is_set():
        reached.append((time.monotonic(), answered()))
        time.sleep(EVERY)


def answered() -> int:
    """The sequence number that an answer is of; 0 when there is none."""
    with (
        suppress(OSError, urllib.error.HTTPError),
        urllib.request.urlopen(f"{OURS}/api/v1/clusterState", timeout=60) as answer,
    ):
        json.load(answer)
        return int(answer.headers["X-Recon-Sequence-Number"] or 0)
    return 0


def behind(om: Reached, ours: Reached) -> list[float]:
    """Seconds, at each time at which ours was asked, since OM went beyond what ours had."""
    found = []
    numbers = [number for _, number in om]
    for at, number in ours:
        beyond = bisect.bisect_right(numbers, number)
        found.append(max(0.0, at - om[beyond][0]) if beyond < len(om) else 0.0)
    return found


def measured(cluster: Cluster, keys: int, threads: int) -> None:
    """Prints how far ours was behind."""
    cluster("up", "--datanodes", "1")
    try:
        cluster("sh", given="sh volume create /vol1\nsh bucket create /vol1/obs --layout OBJECT_STORE\n")
        flags = ["-D", "ozone.om.address=localhost:9862", "-D", "ozone.om.http-address=localhost:9874"]
        with tempfile.TemporaryDirectory() as place:
            command = [*RECON, "serve", "--data-dir", place, "--port", OURS.rpartition(":")[2], *flags]
            with subprocess.Popen(command) as process:
                while not answered():
                    time.sleep(0.2)
                om: Reached = []
                ours: Reached = []
                done = threading.Event()
                watching = [threading.Thread(target=watch_om, args=(om, done))]
                watching.append(threading.Thread(target=watch_ours, args=(ours, done)))
                for one in watching:
                    one.start()
                time.sleep(1)
                before, began = om[-1][1], time.monotonic()
                cluster("sh", given=f"freon omkg -n {keys} -t {threads} -v vol1 -b obs -p lag\n")
                seconds, written = time.monotonic() - began, om[-1][1] - before
                while ours[-1][1] < om[-1][1]:
                    time.sleep(EVERY)
                done.set()
                for one in watching:
                    one.join()
                process.send_signal(signal.SIGINT)
        found = sorted(second for (at, _), second in zip(ours, behind(om, ours), strict=True) if at > began)
        shares = {"half of the time": 0.5, "nine tenths of it": 0.9, "99 of 100": 0.99}
        print(f"{written:,} changes in {seconds:.0f} s, {written / seconds:,.0f}/s; ours was behind by at most")
        for name, share in shares.items():
            print(f"  {found[int(share * len(found))]:.1f} s {name}")
        print(f"  {found[-1]:.1f} s at all")
    finally:
        cluster("down", "--wipe")


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=300_000, help="to write")
    parser.add_argument("--threads", type=int, default=10, help="that write them")
    default = os.environ.get("OZONE_CLUSTER", HERE.parents[1] / "shared" / "ozone" / "cluster")
    parser.add_argument("--cluster", type=Path, default=default, help="the cluster script")
    options = parser.parse_args()
    home = Path(tempfile.gettempdir()) / "ozone-recon-bench"
    measured(Cluster(options.cluster, home, "4g"), options.keys, options.threads)


if __name__ == "__main__":
    main()
