"""A client or a server of Hadoop RPC in a process of its own, whose memory can be measured.

`python -m tests.faults.measured serve` prints its port, takes calls until its input ends, and prints by how many bytes
its memory has grown; `… call HOST:PORT TIMES` calls so often, and prints why that failed and the same.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from tests.sources.rpc_stand_in import HERE, METHODS, call_once

from ozone_recon.errors import ReconError
from ozone_recon.sources.hadoop_rpc.server import take_calls


def peak() -> int:
    """Bytes that it had at most; `getrusage` would say those of the process that started it, if they were more."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) << 10


async def serve() -> None:
    async with take_calls(METHODS, replace(HERE, max_buffered=32 << 20, patience=2)) as port:
        assert await call_once(f"127.0.0.1:{port}") == b"hello"
        before = peak()
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    print(peak() - before)


async def call(address: str, times: int) -> None:
    async with take_calls(METHODS, HERE) as port:
        assert await call_once(f"127.0.0.1:{port}") == b"hello"
    before = peak()
    for _ in range(times):
        try:
            await call_once(address)
        except ReconError as error:
            print(error)
    print(peak() - before)


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1] == "serve" else call(sys.argv[2], int(sys.argv[3])))
