"""Times responses to datanode heartbeats: alone, and while OM's database is rebuilt and containers are evaluated.

    PYTHONPATH=. .venv/bin/python bench/heartbeats.py [--datanodes 2000] [--containers 5000] [--om DIRECTORY]
        [--protection none privacy] [--hostile 0,1,2 3]

One process simulates SCM and its datanodes (those of `ozone-recon demo`), another follows that cluster. All datanodes
register with full reports at random moments of the first heartbeat interval, timed from the first call until all
reports are read. Heartbeats are then measured for --seconds, and for --seconds again while the om.db given with --om
(`bench/make_om_db.py` makes one) is rebuilt repeatedly. Some replicas change all the time, so that containers are
evaluated every ten seconds, or for a fifth of the time.

With --protection, all of this is repeated at each level, with Kerberos and a KDC of its own (`krb5-kdc`). With
--hostile, heartbeats are measured for another --seconds while bench/hostile_clients.py attacks the server with the
given kinds of clients, once for each list of kinds.

Latencies are measured at the datanodes, from call to response, and include competition for the CPUs. An idle server
that answers the same number of calls shows the machine's share. Memory is that of the process that answers heartbeats.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import queue
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import uvloop
from secure_rpc import LEVELS, datanode, keytabs, security

from ozone_recon.config.cluster_settings import ClusterSettings, ScmPace
from ozone_recon.config.connections import RpcSettings
from ozone_recon.demo.datanodes.fleet import Fleet
from ozone_recon.demo.plan import Plan
from ozone_recon.demo.scm.answers import ScmAnswers
from ozone_recon.demo.scm.scm import SimulatedScm
from ozone_recon.demo.scm.stock import Stock
from ozone_recon.follow.cluster.job import ClusterJob
from ozone_recon.follow.cluster.supervisor import ClusterSupervisor
from ozone_recon.model.cluster import Cluster
from ozone_recon.sources.hadoop_rpc.client import RpcConnection
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings, take_calls
from ozone_recon.sources.scm import METHOD, PROTOCOL

HOST = "127.0.0.1"
CHANGES = 20
"""Replicas that change per second."""
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
SETTLING = 20
"""Seconds after all reports are read, for the first publication."""
PATIENCE = 1800


async def answer_only() -> None:
    """Runs the idle server."""

    async def echo(request: bytes) -> bytes:
        return request

    async with take_calls({(PROTOCOL, METHOD): echo}, RpcServerSettings(HOST, 0)) as port:
        tell(port=port)
        await asyncio.Event().wait()


async def call_again_and_again(address: str, after: float, pause: float, seconds: deque[float]) -> None:
    """Calls the idle server and records the latencies."""
    connection = await RpcConnection.open(address, RpcSettings("bench"))
    await asyncio.sleep(after)
    while True:
        began = time.perf_counter()
        await connection.call(PROTOCOL, METHOD, bytes(300))
        seconds.append(time.perf_counter() - began)
        await asyncio.sleep(pause)


async def simulate(plan: Plan, recon: str, beside: str, settings: RpcSettings) -> None:
    """Runs SCM and the datanodes; standard input says when to start and when to report the latencies so far."""
    chance = random.Random(plan.seed)
    scm = SimulatedScm(plan, chance, time.time())
    Stock(scm, plan, time.time()).seal()
    answers = ScmAnswers(scm)
    fleet = Fleet(scm, plan, recon, settings)
    fleet.answers.seconds = deque()
    others: deque[float] = deque()
    callers = max(1, round(plan.datanodes / plan.heartbeat))
    words: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(words.put_nowait, line.strip())
        loop.call_soon_threadsafe(words.put_nowait, "end")

    async def submit(request: bytes) -> bytes:
        return answers.answer(request)

    async def live() -> None:
        while True:
            await asyncio.sleep(1)
            for _ in range(CHANGES):
                datanode = chance.choice(scm.datanodes)
                datanode.replicas.touch(int(chance.choice(datanode.replicas.containers)))

    threading.Thread(target=listen, daemon=True).start()
    async with take_calls({(PROTOCOL, METHOD): submit}, RpcServerSettings(HOST, 0)) as port:
        tell(port=port, containers=len(scm.containers), replicas=sum(len(one.replicas) for one in scm.datanodes))
        tasks = []
        while (word := await words.get()) != "end":
            if word == "begin":
                calls = (call_again_and_again(beside, chance.random(), 1.0, others) for _ in range(callers))
                tasks = [loop.create_task(one) for one in (fleet.run(), live(), *calls)]
            tell(
                calls=len(fleet.answers.seconds),
                failures=fleet.answers.failures,
                answers=shares(fleet.answers.seconds),
                others=shares(others),
            )
            fleet.answers.seconds.clear()
            others.clear()
        for task in tasks:
            task.cancel()


def shares(seconds: deque[float]) -> str:
    """Percentiles, in milliseconds."""
    times = sorted(seconds)
    of = {name: times[int(part * (len(times) - 1))] * 1000 for name, part in SHARES.items() if times}
    return ", ".join(f"{name} {value:.1f}" for name, value in of.items())


def tell(**what: Any) -> None:
    """Sends a JSON line to the parent process."""
    print(json.dumps(what), flush=True)


class Child:
    """Runs a part of this program in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.about = self._hear()

    def ask(self, word: str = "say") -> dict[str, Any]:
        """The latencies since the last call."""
        assert self._process.stdin is not None
        print(word, file=self._process.stdin, flush=True)
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


@contextmanager
def child(*arguments: str) -> Iterator[Child]:
    """Runs one while entered."""
    with subprocess.Popen([sys.executable, __file__, *arguments], stdin=-1, stdout=-1, text=True) as process:
        try:
            yield Child(process)
        finally:
            process.terminate()


@contextmanager
def rebuilding(om: Path | None) -> Iterator[list[float]]:
    """Rebuilds a database repeatedly; collects the seconds of each rebuild."""
    took: list[float] = []
    ended = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def rebuild() -> None:
        while om is not None and not ended.is_set():
            with tempfile.TemporaryDirectory() as place:
                command = [sys.executable, "-m", "ozone_recon", "open", str(om), "--data-dir", place, "--no-serve"]
                began = time.perf_counter()
                running[:] = [subprocess.Popen(command, stderr=subprocess.DEVNULL)]
                if running[0].wait() == 0:
                    took.append(time.perf_counter() - began)

    thread = threading.Thread(target=rebuild)
    thread.start()
    try:
        yield took
    finally:
        ended.set()
        for process in running:
            process.terminate()
        thread.join()


@contextmanager
def attacked(address: str, *kinds: str) -> Iterator[None]:
    """Runs hostile clients of these kinds, or of all, while entered."""
    command = [sys.executable, str(Path(__file__).with_name("hostile_clients.py")), address, *kinds]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


class Followed:
    """The messages and the memory of the process that follows the cluster."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.told: queue.Queue[Cluster | Path] = queue.Queue()
        self.generations = 0

    def until(self, is_so: Callable[[Cluster], bool], seconds: float = PATIENCE) -> bool:
        """Waits until `is_so`, for at most `seconds`; returns whether it is."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with suppress(queue.Empty):
                news = self.told.get(timeout=left)
                self.generations += isinstance(news, Path)
                if isinstance(news, Cluster) and is_so(news):
                    return True
        return False

    def memory(self) -> str:
        """Its current and peak resident size."""
        status = Path(f"/proc/{int((self.place / 'LOCK').read_text())}/status").read_text()
        now, peak = (int(status.split(name)[1].split()[0]) / 1024 for name in ("VmRSS:", "VmHWM:"))
        return f"{now:,.0f} MiB (at most {peak:,.0f})"


def line(what: str, said: dict[str, Any], more: str) -> None:
    """Prints the latencies of heartbeats."""
    print(f"{what}: {said['calls']:,} calls, {said['failures']} failed so far; {more}; {load()}")
    print(f"    ms: {said['answers']}; of the idle server: {said['others']}", flush=True)


def load() -> str:
    """The load average of the machine."""
    return "load " + " ".join(f"{one:.1f}" for one in os.getloadavg())


def measure(options: argparse.Namespace, directory: Path | None, level: str) -> None:
    """Runs all measurements of a cluster, secure at this level if it has a directory of keytabs, and prints them."""
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    secure = () if directory is None else ("--keytabs", str(directory), "--level", level)
    simulate = "--simulate", f"localhost:{port}"
    with (
        child("--answer-only") as other,
        child(*sys.argv[1:], *secure, *simulate, "--beside", f"{HOST}:{other.about['port']}") as simulated,
        tempfile.TemporaryDirectory() as place,
    ):
        about = simulated.about
        print(
            f"{level}: {options.datanodes:,} datanodes, {about['replicas']:,} replicas of {about['containers']:,} "
            "containers"
        )
        followed = Followed(Path(place) / "cluster")
        settings = ClusterSettings(
            {"": f"{HOST}:{about['port']}"},
            RpcSettings("bench"),
            HOST,
            port,
            sizes_interval=10,
            pace=ScmPace(),
            security=None if directory is None else security(directory, LEVELS[level]),
        )
        watch = ClusterSupervisor(ClusterJob(settings, followed.place), followed.told.put)
        watch.start()
        try:
            followed.until(lambda cluster: cluster.scm_at > 0)
            print(f"SCM has been read; {followed.memory()}; {load()}", flush=True)
            began = time.perf_counter()
            simulated.ask("begin")
            followed.until(lambda cluster: not cluster.waiting_for)
            seconds = time.perf_counter() - began
            line(f"all is read after {seconds:.1f} s", simulated.ask(), followed.memory())
            time.sleep(SETTLING)
            simulated.ask()
            time.sleep(options.seconds)
            line("evaluating", simulated.ask(), followed.memory())
            followed.until(lambda _: True)
            before = followed.generations
            if options.om is not None:
                with rebuilding(options.om) as took:
                    followed.until(lambda _: False, options.seconds)
                rebuilt = ", ".join(f"{one:.0f}" for one in took)
                more = f"{followed.generations - before} evaluations; rebuilt in {rebuilt} s; {followed.memory()}"
                line("evaluating and rebuilding", simulated.ask(), more)
            for kind in options.hostile or ():
                with attacked(f"{HOST}:{port}", *kind.split(",")):
                    time.sleep(2)
                    simulated.ask()
                    time.sleep(options.seconds)
                    line(f"attacked by kind {kind}", simulated.ask(), followed.memory())
        finally:
            watch.stop()


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datanodes", type=int, default=2000)
    parser.add_argument("--containers", type=int, default=5000, help="replicas per datanode")
    parser.add_argument("--heartbeat", type=float, default=60.0, help="seconds between heartbeats of a datanode")
    parser.add_argument("--seconds", type=float, default=60.0, help="duration of each measurement")
    parser.add_argument(
        "--om", type=Path, metavar="DIRECTORY", help="an om.db to rebuild during the second measurement"
    )
    parser.add_argument(
        "--hostile", nargs="+", metavar="KINDS", help="measure with hostile clients of these kinds too, such as 0,1,5 6"
    )
    parser.add_argument(
        "--protection",
        nargs="+",
        choices=("none", *LEVELS),
        default=["none"],
        help="measure with Kerberos at these levels of hadoop.rpc.protection, and without",
    )
    parser.add_argument("--keytabs", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--level", help=argparse.SUPPRESS)
    parser.add_argument("--simulate", metavar="HOST:PORT", help=argparse.SUPPRESS)
    parser.add_argument("--beside", metavar="HOST:PORT", help=argparse.SUPPRESS)
    parser.add_argument("--answer-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer_only:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(answer_only())
    elif options.simulate:
        plan = Plan(
            datanodes=options.datanodes,
            racks=min(20, options.datanodes),
            containers=options.containers,
            keys=0,
            heartbeat=options.heartbeat,
            stale=1e6,
            dead=2e6,
            full_report=1e6,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            settings = datanode(options.keytabs, LEVELS[options.level]) if options.keytabs else RpcSettings("hadoop")
            runner.run(simulate(plan, options.simulate, options.beside, settings))
    else:
        for level in options.protection:
            with keytabs() if level != "none" else nullcontext() as directory:
                measure(options, directory, level)


if __name__ == "__main__":
    main()
