"""Measures Kerberos on the datanodes' port: handshakes when all reconnect at once, calls, and a frame of 100 MB.

    PYTHONPATH=. .venv/bin/python bench/secure_rpc.py [--datanodes 1000] [--calls 5000] [--level none privacy]

The KDC is one of MIT Kerberos (`krb5-kdc`), started for the run. Datanodes and server are two processes. The levels are
called in turn, so that other load concerns all of them alike; CPU seconds depend little on it.

The frame is measured without a network: one process wraps a call, another unwraps it as it arrives in pieces of 64 KiB.
Its copies are the growth of the process's peak memory in units of the frame, which counts those of the Kerberos library
too; the message itself is one of them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

import uvloop
from tests.security.kdc import export, local_kdc
from tools.cluster.kdc import REALM

from ozone_recon.config.connections import RpcSettings
from ozone_recon.config.security.rpc import ExpectedPrincipal, KeytabIdentity, NameRules, RpcSecurity
from ozone_recon.security.kerberos import DatanodeAdmission, KerberosClient, KerberosServer
from ozone_recon.sources.hadoop_rpc.client import RpcConnection
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings, take_calls
from ozone_recon.wire.hadoop_rpc.client import ClientConnection
from ozone_recon.wire.hadoop_rpc.sasl_gssapi import Protection
from ozone_recon.wire.hadoop_rpc.server import Call, ServerConnection

CALL = "bench", "echo"
HEARTBEAT = bytes(300)
PLAIN = "none"
"""Without Kerberos."""
PIECE = 1 << 16
LEVELS = {level.name.lower(): level for level in Protection}
_RECON = ExpectedPrincipal("ozone.recon.kerberos.principal", f"recon/localhost@{REALM}", "")


@contextmanager
def keytabs() -> Iterator[Path]:
    """Runs a KDC; yields the directory with the keytabs of Recon, of datanodes and of the web server."""
    with tempfile.TemporaryDirectory() as place, local_kdc(Path(place)) as kdc:
        for name in ("recon", "dn"):
            export(kdc, name, f"{name}/localhost")
        yield kdc.place


def security(directory: Path, level: Protection, name: str = "recon") -> RpcSecurity:
    """The security of a service at one level; by default of Recon, which admits datanodes alone."""
    identity = KeytabIdentity(f"{name}/localhost@{REALM}", directory / f"{name}.keytab")
    names = NameRules("DEFAULT", "hadoop")
    replays = directory / f"{name}.replays"
    return RpcSecurity(identity, (level,), _RECON, _RECON, f"dn/_HOST@{REALM}", "*", names, replays)


def datanode(directory: Path, level: Protection) -> RpcSettings:
    """A datanode's settings for calls to Recon."""
    own = security(directory, level, "dn")
    return RpcSettings(own.identity.principal, own.client(_RECON))


async def serve(directory: Path, levels: list[str]) -> None:
    """Serves each level on a port of its own; prints the ports, then its CPU seconds for each line of input."""

    async def echo(request: bytes) -> bytes:
        return request

    async with AsyncExitStack() as servers:
        for level in levels:
            settings = RpcServerSettings("127.0.0.1", 0)
            if level != PLAIN:
                own = security(directory, LEVELS[level])
                mechanisms = (KerberosServer(own, directory / "replays"),)
                settings = replace(settings, mechanisms=mechanisms, authorize=DatanodeAdmission(own).refusal)
            print(await servers.enter_async_context(take_calls({CALL: echo}, settings)))
        sys.stdout.flush()
        while await asyncio.to_thread(sys.stdin.readline):
            print(time.process_time(), flush=True)


class Server:
    """The server's process."""

    def __init__(self, process: subprocess.Popen[str], levels: list[str]) -> None:
        self._process = process
        self.address = {level: f"localhost:{int(self._line())}" for level in levels}

    def cpu(self) -> float:
        """Its CPU seconds so far."""
        print(file=self._process.stdin, flush=True)
        return float(self._line())

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


@contextmanager
def served(directory: Path, levels: list[str]) -> Iterator[Server]:
    """Runs the server's process."""
    with subprocess.Popen(part("serve", directory, levels), stdin=-1, stdout=-1, text=True) as process:
        try:
            yield Server(process, levels)
        finally:
            process.terminate()


def part(name: str, directory: Path, levels: list[str], *more: object) -> list[str]:
    """The command of a process of this benchmark."""
    return [sys.executable, __file__, "--part", name, "--keytabs", str(directory), *map(str, more), "--level", *levels]


def settings_of(directory: Path, level: str) -> RpcSettings:
    """Those of a datanode."""
    settings = RpcSettings("dn") if level == PLAIN else datanode(directory, LEVELS[level])
    return replace(settings, call_timeout=120.0, connect_timeout=60.0, idle_limit=600.0, probe_after=60.0)


async def measure_handshakes(directory: Path, level: str, server: Server, datanodes: int) -> list[RpcConnection]:
    """Connects all datanodes at once, each for one call; prints the rate, and returns the connections."""
    settings, address = settings_of(directory, level), server.address[level]

    async def run() -> RpcConnection:
        connection = await RpcConnection.open(address, settings)
        await connection.call(*CALL, HEARTBEAT)
        return connection

    for connection in await asyncio.gather(*(run() for _ in range(10))):
        await connection.close()
    used, own, began = server.cpu(), time.process_time(), time.perf_counter()
    connections = await asyncio.gather(*(run() for _ in range(datanodes)))
    rate = datanodes / (time.perf_counter() - began)
    used, own = server.cpu() - used, time.process_time() - own
    print(
        f"{level}: {datanodes:,} datanodes at once, {rate:,.0f} a second; CPU for each: server "
        f"{1000 * used / datanodes:.2f} ms, datanode {1000 * own / datanodes:.2f} ms",
        flush=True,
    )
    return connections


async def measure_calls(server: Server, connections: Mapping[str, list[RpcConnection]], calls: int) -> None:
    """Calls the levels in turn, one call at a time, so that other load concerns all alike; prints the latencies."""
    chance = random.Random(5)
    seconds: dict[str, list[float]] = {level: [] for level in connections}
    for _ in range(calls):
        for level in chance.sample(list(connections), len(connections)):
            connection = chance.choice(connections[level])
            began = time.perf_counter()
            await connection.call(*CALL, HEARTBEAT)
            seconds[level].append(time.perf_counter() - began)
    for level, times in seconds.items():
        used = server.cpu()
        for _ in range(calls):
            await chance.choice(connections[level]).call(*CALL, HEARTBEAT)
        used = server.cpu() - used
        times.sort()
        middle, slow = (1000 * times[int(share * (calls - 1))] for share in (0.5, 0.99))
        print(
            f"{level}: {calls:,} calls in turn, p50 {middle:.2f} ms, p99 {slow:.2f} ms; "
            f"CPU of the server for each {1000 * used / calls:.3f} ms",
            flush=True,
        )


async def measure_connections(directory: Path, levels: list[str], datanodes: int, calls: int) -> None:
    """Measures handshakes, then calls over these connections."""
    with served(directory, levels) as server:
        connections = {level: await measure_handshakes(directory, level, server, datanodes) for level in levels}
        await measure_calls(server, connections, calls)
        for connection in chain.from_iterable(connections.values()):
            await connection.close()


def authenticated(directory: Path, level: Protection) -> tuple[ServerConnection, ClientConnection]:
    """Both sides of a connection after its handshake."""
    settings = datanode(directory, level)
    assert settings.kerberos
    client = ClientConnection(settings.user, bytes(16), (KerberosClient(settings.kerberos, "localhost"),))
    server = ServerConnection((KerberosServer(security(directory, level), directory / "replays"),))
    client.connect()
    while client.negotiating:
        list(server.receive(client.data_to_send()))
        list(client.receive(server.data_to_send()))
    return server, client


@contextmanager
def costs(what: str, size: int) -> Iterator[None]:
    """Prints what handling a frame took."""
    before, began, used = _peak(), time.perf_counter(), time.process_time()
    yield
    seconds, used = time.perf_counter() - began, time.process_time() - used
    copies = (_peak() - before) / size
    print(f"    {what}: {seconds:.2f} s, {used:.2f} s of CPU, {copies:.1f} copies at once", flush=True)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def measure_frame(directory: Path, level: str, size: int) -> None:
    """Wraps one call of `size` bytes in a forked process, then unwraps it in this one."""
    server, client = authenticated(directory, LEVELS[level])
    list(server.receive(client.data_to_send()))
    with (directory / "frame").open("w+b") as file:
        if not (child := os.fork()):
            request = bytes(size)
            with costs("wrap", size):
                client.call(*CALL, request)
                data = client.data_to_send()
            file.write(data)
            file.flush()
            os._exit(0)
        os.waitpid(child, 0)
        file.seek(0)
        length = 0
        with costs("unwrap", size):
            while piece := file.read(PIECE):
                for event in server.receive(piece):
                    length += len(event.request) if isinstance(event, Call) else 0
    assert length == size


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datanodes", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--level", choices=(PLAIN, *LEVELS), nargs="+", default=[PLAIN, *LEVELS])
    parser.add_argument("--part", choices=("serve", "frame"), help=argparse.SUPPRESS)
    parser.add_argument("--keytabs", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "serve":
        uvloop.run(serve(options.keytabs, options.level))
    elif options.part == "frame":
        measure_frame(options.keytabs, options.level[0], options.megabytes << 20)
    else:
        with keytabs() as directory:
            uvloop.run(measure_connections(directory, options.level, options.datanodes, options.calls))
            for level in options.level:
                if level != PLAIN:
                    print(f"{level}: one frame of {options.megabytes} MiB", flush=True)
                    command = part("frame", directory, [level], "--megabytes", options.megabytes)
                    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
