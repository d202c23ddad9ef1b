"""Times a rebuild from a checkpoint by stage, compared with reading it once and with Java Recon's rebuild.

    .venv/bin/python bench/rebuild.py DIRECTORY                        ours, from an om.db on this disk
    .venv/bin/python bench/rebuild.py --java 1500000,1500000,150000,5  both, from a running OM with these rows

With --java, a real OM is started and filled (OBS keys, FSO files, directories, buckets: `cluster fill`). Then our Recon
(--times times; the median counts) and Java Recon (once: it takes minutes) start on it one after the other, without
prior state. Each is timed from the start of its process to its first correct answer about the whole namespace with
every task at OM's sequence number, which includes fetching the checkpoint and starting a JVM. The datanode is stopped
before, because its idle JVM takes half a core. Memory is the peak resident size of the largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ozone_recon.build.insights import INSIGHTS
from ozone_recon.decode.om.key_columns import decode_directories, decode_keys
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint

HERE = Path(__file__).resolve().parent
RECON = [sys.executable, "-m", "ozone_recon"]
JAVA, OURS = "http://localhost:9888", "http://localhost:9788"
MIB = 1 << 20
TIMEOUT = 3600
DECODERS: dict[str, Callable[..., Any]] = {
    "keyTable": partial(decode_keys, table="keyTable"),
    "fileTable": partial(decode_keys, table="fileTable"),
    "directoryTable": decode_directories,
}


@dataclass(frozen=True)
class Cost:
    """The cost of a run: wall time in seconds, peak memory and disk in bytes."""

    seconds: float
    memory: int
    disk: int = 0


def measured(command: list[str]) -> tuple[Cost, str]:
    """Runs a command; returns its cost (memory: of the largest process it started) and its output."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(time.perf_counter() - began, usage.ru_maxrss << 10), printed


def bytes_below(directory: Path) -> int:
    """The sizes of all files below a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def about(data: Path) -> dict[str, Any]:
    """The build record of the newest generation in a data directory."""
    newest = max(data.rglob("manifest.json"), key=lambda file: file.stat().st_mtime)
    said: dict[str, Any] = json.loads(newest.read_text())["about"]
    return {**said, "disk": bytes_below(newest.parent)}


def read_once(checkpoint: Path) -> None:
    """Reads and decodes every column family, discards the columns, and prints the seconds.

    This is the lower bound of a rebuild. Kernels are compiled before the clock starts.
    """
    with Checkpoint.open(checkpoint) as opened:
        for name, decode in DECODERS.items():
            next(opened.scan(name, decode), None)
        began = time.perf_counter()
        for name in opened.column_families:
            for _ in opened.scan(name, DECODERS.get(name, len), threads=os.cpu_count() or 1):
                pass
        print(time.perf_counter() - began)


def ours(checkpoint: Path) -> None:
    """Prints the stages of our rebuild of a checkpoint on this disk."""
    with tempfile.TemporaryDirectory() as directory:
        whole, _ = measured([*RECON, "open", str(checkpoint), "--data-dir", directory, "--no-serve"])
        said = about(Path(directory))
    process, seconds = measured([sys.executable, __file__, "--read-once", str(checkpoint)])
    counts, rows, once = said["counts"], sum(said["counts"].values()), float(seconds)
    table(
        ("stage", "rows", "seconds", "rows/s", "of reading and decoding all once"),
        [
            (stage, f"{of:,}", f"{took:.2f}", f"{of / took:,.0f}", f"{took / once:.2f}")
            for stage, took in said["seconds"].items()
            if (of := counts.get(stage, rows))
        ],
    )
    single = {insight.NAME for insight in INSIGHTS}
    stages = sum(took for stage, took in said["seconds"].items() if stage not in single)
    table(
        ("", "seconds", "rows/s", "peak memory", "disk"),
        [
            cells("reading and decoding once", Cost(once, process.memory), rows),
            cells("all stages", Cost(stages, whole.memory, said["disk"]), rows),
            cells("the whole command", Cost(whole.seconds, whole.memory, said["disk"]), rows),
        ],
    )
    print(f"The stages take {stages / once:.2f} times as long as reading and decoding once.")


def cells(what: str, cost: Cost, rows: int) -> tuple[str, ...]:
    """A row of a table of costs."""
    disk = f"{cost.disk / MIB:,.0f} MiB" if cost.disk else "-"
    return what, f"{cost.seconds:.1f}", f"{rows / cost.seconds:,.0f}", f"{cost.memory / MIB:,.0f} MiB", disk


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Prints a table in Markdown."""
    for row in (head, ("---",) + ("--:",) * (len(head) - 1), *rows):
        print("| " + " | ".join(row) + " |")
    print()


def get(url: str) -> Any:
    """The JSON at `url`, or None when there is no answer yet."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def ready(recon: str, tasks: int, keys: int = 1) -> int | None:
    """The sequence number of all OM tasks of a Recon, once it reports at least `keys` keys."""
    names = ("ContainerKeyMapper", "FileSizeCount", "NSSummary", "OmTableInsight", "OmDelta", "OmSnapshot")
    rows = [row for row in get(f"{recon}/api/v1/task/status") or [] if row["taskName"].startswith(names)]
    numbers = {row["lastUpdatedSeqNumber"] for row in rows}
    if len(rows) < tasks or len(numbers) != 1 or 0 in numbers:
        return None
    root = get(f"{recon}/api/v1/namespace/summary?path=/") or {}
    return numbers.pop() if root.get("status") == "OK" and root["countStats"]["numKey"] >= keys else None


def wait(recon: str, tasks: int, began: float) -> float:
    """Seconds from `began` until that Recon is ready."""
    while ready(recon, tasks) is None:
        if time.perf_counter() - began > TIMEOUT:
            sys.exit(f"{recon} is not ready after {TIMEOUT} s")
        time.sleep(0.05)
    return time.perf_counter() - began


class Cluster:
    """A real cluster (tools/cluster), with a directory of state that is the benchmarks' own."""

    def __init__(self, heap: str) -> None:
        """`heap` is the maximum heap of each Java server."""
        self.home = Path(tempfile.gettempdir()) / "ozone-recon-bench"
        self.environment = {**os.environ, "OZONE_HOME": str(self.home), "OZONE_HEAP": heap}

    def __call__(self, *words: str, given: str | None = None) -> None:
        """Runs a command of the tool."""
        command = [sys.executable, "-m", "tools.cluster", *words]
        subprocess.run(
            command, cwd=HERE.parent, env=self.environment, input=given, text=True, stdout=sys.stderr, check=True
        )

    @contextmanager
    def up(self, threads: int) -> Iterator[None]:
        """Runs OM and SCM while entered."""
        self("up", "--datanodes", "1", f"--set=recon:ozone.recon.task.thread.count={threads}")
        try:
            yield
        finally:
            self("down", "--wipe")


def java(cluster: Cluster, threads: int) -> tuple[Cost, Any]:
    """Starts Java Recon on the running OM; returns its cost and its namespace summary."""
    home = cluster.home / "recon"
    cluster("up", "--datanodes", "1", f"--set=recon:ozone.recon.task.thread.count={threads}", "--recon")
    for role in ("recon", "dn1"):
        cluster("stop", role)
    for part in ("db", "om", "scm", "meta"):
        shutil.rmtree(home / part, ignore_errors=True)
    began = time.perf_counter()
    cluster("start", "recon")
    seconds = wait(JAVA, 8, began)
    status = Path(f"/proc/{(home / 'pid').read_text()}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) << 10
    answer = get(f"{JAVA}/api/v1/namespace/summary?path=/")
    cluster("stop", "recon")
    return Cost(seconds, peak, bytes_below(home / "db")), answer


@contextmanager
def ours_on_om(directory: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs our Recon on the running OM while entered."""
    flags = ["--data-dir", directory, "--port", OURS.rpartition(":")[2], "-D", "ozone.om.address=localhost:9862"]
    with subprocess.Popen([*RECON, "serve", *flags, "-D", "ozone.om.http-address=localhost:9874"]) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def ours_of_om() -> tuple[Cost, Any]:
    """Our cost since the start, and our namespace summary."""
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        with ours_on_om(directory) as process:
            seconds = wait(OURS, 1, began)
            answer = get(f"{OURS}/api/v1/namespace/summary?path=/")
            process.send_signal(signal.SIGTERM)
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
        return Cost(seconds, usage.ru_maxrss << 10, about(Path(directory))["disk"]), answer


def compared(cluster: Cluster, rows: str, threads: int, times: int) -> None:
    """Prints the costs of both on the same OM; ours is the median of `times` runs."""
    with cluster.up(threads):
        layouts = {"obs": "OBJECT_STORE", "fso": "FILE_SYSTEM_OPTIMIZED"}
        made = [f"sh bucket create /vol1/{name} --layout {layout}" for name, layout in layouts.items()]
        cluster("sh", given="\n".join(["sh volume create /vol1", *made]) + "\n")
        cluster("fill", rows)
        # Once it answers this, OM is the leader and can serve a checkpoint.
        cluster("sh", given="sh volume info /vol1\n")
        cluster("stop", "dn1")
        runs = sorted((ours_of_om() for _ in range(times)), key=lambda run: run[0].seconds)
        mine, my_answer = runs[times // 2]
        theirs, their_answer = java(cluster, threads)
    if my_answer["countStats"] != their_answer["countStats"]:
        sys.exit(f"not the same namespace: {my_answer['countStats']}, Java {their_answer['countStats']}")
    keys = my_answer["countStats"]["numKey"]
    table(
        ("", "seconds", "keys/s", "peak memory", "derived data"),
        [
            cells("ozone-recon", mine, keys),
            cells(f"Java Recon 2.2.0, {threads} task threads", theirs, keys),
        ],
    )
    print(f"Ours, {times} times: {', '.join(f'{cost.seconds:.1f} s' for cost, _ in runs)}.")
    print(f"{keys:,} keys: {theirs.seconds / mine.seconds:.1f} times as fast, ", end="")
    print(f"with {mine.memory / theirs.memory:.2f} of the memory.")


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?", type=Path, metavar="DIRECTORY")
    parser.add_argument("--read-once", action="store_true", help="only read and decode it once")
    parser.add_argument("--java", metavar="OBS,FSO,DIRECTORIES,BUCKETS")
    parser.add_argument("--task-threads", type=int, default=8, help="task threads of Java Recon, whose default is 1")
    parser.add_argument("--times", type=int, default=5, help="runs of ours, an odd number")
    parser.add_argument("--heap", default="8g", help="maximum heap of each Java server")
    options = parser.parse_args()
    if options.java:
        compared(Cluster(options.heap), options.java, options.task_threads, options.times)
    elif not options.checkpoint:
        parser.error("give a DIRECTORY or --java")
    elif options.read_once:
        read_once(options.checkpoint)
    else:
        ours(options.checkpoint)


if __name__ == "__main__":
    main()
