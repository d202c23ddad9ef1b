"""However much is announced or sent, what we keep of it is bounded: measured in processes of their own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.proxy import HUGE, Does, Fault, Side, proxy
from tests.sources.rpc_stand_in import HERE, METHODS, begun, call_once, sends, server, stall

from ozone_recon.sources.hadoop_rpc.server import take_calls
from ozone_recon.wire.hadoop_rpc.frames import LONGEST
from ozone_recon.wire.hadoop_rpc.messages import RpcResponseHeader
from ozone_recon.wire.protobuf.fields import delimited, varint

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.faults.measured"]
MIB = 1 << 20


class Measured:
    """A server, and by how many bytes its memory has grown when it is over."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.address = f"127.0.0.1:{int(process.stdout.readline())}"
        self.growth = 0


@contextmanager
def measured_server() -> Iterator[Measured]:
    with subprocess.Popen([*COMMAND, "serve"], stdin=-1, stdout=-1, stderr=-3, text=True, cwd=ROOT) as process:
        measured = Measured(process)
        yield measured
        said, _ = process.communicate()
        measured.growth = int(said)


def called(address: str, times: int) -> tuple[list[str], int]:
    """Why calls fail in a process of their own, and by how many bytes its memory grows."""
    words = [*COMMAND, "call", address, str(times)]
    *errors, growth = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout.splitlines()
    return errors, int(growth)


def test_a_client_does_not_keep_what_is_announced_as_too_long() -> None:
    async def run() -> tuple[list[str], int]:
        async with take_calls(METHODS, HERE) as port:
            with proxy(f"127.0.0.1:{port}", *[Fault(Does.HUGE)] * 3) as between:
                return await asyncio.to_thread(called, between.address, 3)

    errors, growth = asyncio.run(run())
    assert [f"{HUGE:,}" in error for error in errors] == [True] * 3
    assert growth < 16 * MIB


def test_a_client_keeps_no_more_than_the_longest_answer() -> None:
    header = delimited(RpcResponseHeader(7).encode())
    longest = LONGEST.to_bytes(4, "big") + header + varint(LONGEST - len(header) - 4)

    async def run() -> tuple[list[str], int]:
        async with server(sends(longest, *[bytes(MIB)] * (LONGEST // MIB), then=stall)) as address:
            return await asyncio.to_thread(called, address, 3)

    errors, growth = asyncio.run(run())
    assert len(errors) == 3
    assert growth < 3 * LONGEST


def test_a_server_does_not_keep_what_is_announced_as_too_long() -> None:
    async def run(address: str) -> None:
        with proxy(address, *[Fault(Does.HUGE, Side.CLIENT, 7)] * 3) as between:
            for _ in range(3):
                with pytest.raises(Exception, match=r"Rpc|broke"):
                    await call_once(between.address)
            assert await call_once(between.address) == b"hello"

    with measured_server() as measured:
        asyncio.run(run(measured.address))
    assert measured.growth < 16 * MIB


def test_a_server_keeps_no_more_than_it_may_of_requests_that_never_end() -> None:
    async def run(address: str) -> None:
        host, port = address.split(":")
        held = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
        for _, writer in held:
            writer.write(begun(10 * MIB) + bytes(10 * MIB - 1))
        assert await call_once(address) == b"hello"
        await asyncio.gather(*(writer.drain() for _, writer in held), return_exceptions=True)
        assert await call_once(address) == b"hello"
        for _, writer in held:
            writer.transport.abort()

    with measured_server() as measured:
        asyncio.run(run(measured.address))
    assert measured.growth < 80 * MIB, "200 MiB were sent, and 32 MiB may be held"
