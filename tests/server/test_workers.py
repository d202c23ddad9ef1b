"""Several worker processes on one port, on the sample."""

import os
import re
import shutil
import signal
import socket
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
import pytest
from tests.conftest import SAMPLE
from tests.eventually import eventually
from tests.server.serving import fresh, rest, running, wait_until_ready

from ozone_recon.api.middleware.metrics import RequestMetrics
from ozone_recon.config import Config
from ozone_recon.processes.child import ChildProcess, Program
from ozone_recon.server.accept import counts_file
from ozone_recon.server.worker import ClusterUpdate, OmUpdate, WorkerJob, WorkerReport
from ozone_recon.store.generation import Generation

TWO = ("-D", "ozone.recon.http.process.count=2")


def children(pid: int) -> set[int]:
    """The worker processes besides the first."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    pids = {int(child) for held in found for child in read(held).split()}
    return {pid for pid in pids if b"server.worker" in read(Path(f"/proc/{pid}/cmdline"))}


def read(file: Path) -> bytes:
    """What is in a file of a process; nothing when that has ended."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.timeout(120)
def test_all_answer_alike_and_each_counts_for_all(tmp_path: Path) -> None:
    def counted() -> int:
        found = re.findall(r'_count\{route="/api/v1/volumes",status="200"\} (\d+)\.0', fresh(address + "prom").text)
        return int(found[0]) if found else 0

    with running("open", SAMPLE, "--data-dir", tmp_path, "--port", 0, *TWO) as (address, process):
        wait_until_ready(address)
        (other,) = eventually(lambda: children(process.pid))
        eventually(lambda: shares(address, process.pid, other) == [1, 1])
        for _ in range(40):
            assert fresh(address + "api/v1/volumes").json()["totalCount"] > 0
        eventually(lambda: counted() == 40 and counted() == 40 and counted() == 40)

        before = fresh(address + "ready").json()["generation"]
        assert fresh(address + "api/v1/triggerdbsync/om").json()
        eventually(lambda: before not in {fresh(address + "ready").json()["generation"] for _ in range(20)})
        assert {row["lastUpdatedSeqNumber"] for row in fresh(address + "api/v1/task/status").json()} != {0}

        assert rest(process, signal.SIGINT)[0] == 0
        assert not alive(other)


@pytest.mark.timeout(60)
def test_news_of_generations_that_are_removed_or_torn_wait_for_the_next(
    sample: Generation, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def news(generation: Path) -> OmUpdate:
        return OmUpdate(generation, (), "", False, 0, RequestMetrics(), ())

    removed, another = tmp_path / "removed", Path(shutil.copytree(sample.path, tmp_path / "another"))
    torn = Path(shutil.copytree(sample.path, tmp_path / "torn"))
    (torn / "manifest.json").write_bytes(b"{")
    said: SimpleQueue[WorkerReport] = SimpleQueue()
    with counts_file(tmp_path, 2) as counts, socket.create_server(("127.0.0.1", 0)) as listener:
        program = Program("worker", "ozone_recon.server.worker", descriptors=(listener.fileno(), counts))
        start = WorkerJob(Config.load(), False, ((listener.fileno(), False),), counts)
        child = ChildProcess(program, said.put, greeting=lambda: [start, news(removed)], grace=20)
        child.start()
        for place in (sample.path, removed, torn):
            child.send(ClusterUpdate(None, removed))
            child.send(news(place))
        eventually(lambda: said.get().generation == sample.path)
        child.send(news(another))
        eventually(lambda: said.get().generation == another)
        child.stop()
        assert child.returncode == 0
    (line,) = capfd.readouterr().err.splitlines()
    assert "torn/manifest.json is not a valid manifest" in line


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_one_that_hangs_holds_up_nobody_is_seen_and_is_replaced(tmp_path: Path) -> None:
    def health() -> Any:
        return fresh(address + "health").json()

    with running("open", SAMPLE, "--data-dir", tmp_path, "--port", 0, *TWO) as (address, process):
        wait_until_ready(address)
        (first,) = eventually(lambda: children(process.pid))
        eventually(lambda: shares(address, process.pid, first) == [1, 1])
        assert health()["status"] == "OK"
        os.kill(first, signal.SIGSTOP)
        (hung,) = (one for one in eventually(lambda: degraded(health()))["processes"] if one["name"] == "worker-1")
        assert (hung["state"], hung["pid"]) == ("hung", first)
        assert 'ozone_recon_process_up{process="worker-1"} 0.0' in fresh(address + "prom").text
        before = fresh(address + "ready").json()["generation"]
        assert fresh(address + "api/v1/triggerdbsync/om").json()
        eventually(lambda: fresh(address + "ready").json()["generation"] != before)
        eventually(lambda: not alive(first))
        (second,) = eventually(lambda: children(process.pid))
        eventually(lambda: shares(address, process.pid, second) == [1, 1])
        eventually(lambda: health()["status"] == "OK")
        replaced = 'ozone_recon_process_replaced_total{cause="hung",process="worker-1"} 1.0'
        eventually(lambda: replaced in fresh(address + "prom").text)
        code, said = rest(process, signal.SIGTERM)
        assert code == 0
        assert re.findall(r"process worker-1 \(pid \d+\) .*", said) == [
            f"process worker-1 (pid {first}) has not answered for 30 s: killing it with SIGKILL and starting another"
        ]


def degraded(health: Any) -> Any:
    return health if health["status"] == "DEGRADED" else None


@pytest.mark.timeout(120)
def test_one_that_dies_is_replaced_and_none_outlives_the_first(tmp_path: Path) -> None:
    with running("open", SAMPLE, "--data-dir", tmp_path, "--port", 0, *TWO) as (address, process):
        wait_until_ready(address)
        (first,) = eventually(lambda: children(process.pid))
        eventually(lambda: shares(address, process.pid, first) == [1, 1])
        os.kill(first, signal.SIGKILL)
        (second,) = eventually(lambda: children(process.pid) - {first})
        eventually(lambda: shares(address, process.pid, second) == [1, 1])
        assert all(fresh(address + "ready").status_code == 200 for _ in range(20))
        process.kill()
        eventually(lambda: not alive(second))


def shares(address: str, *pids: int) -> list[int]:
    """How many of two kept connections each process holds."""
    port = f":{int(address.rsplit(':', 1)[1].strip('/')):04X}"
    with httpx.Client(base_url=address) as one, httpx.Client(base_url=address) as other:
        assert one.get("ready").status_code == other.get("ready").status_code == 200
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        established = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(port) and row[3] == "01"}
        return [len(established & open_files(pid)) for pid in pids]


def open_files(pid: int) -> set[str]:
    found = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # It has been closed since.
            found.add(os.readlink(file))
    return found


def test_counters_add_up() -> None:
    one, two = RequestMetrics(), RequestMetrics()
    one.observe("/a", 200, 0.004)
    two.observe("/a", 200, 0.004)
    two.observe("/b", 503, 9.0)
    both = RequestMetrics()
    for route, status, seconds in (("/a", 200, 0.004), ("/a", 200, 0.004), ("/b", 503, 9.0)):
        both.observe(route, status, seconds)
    assert list(one.plus(two).answers()) == list(both.answers())
    assert one.plus(two) == two.plus(one) == both
