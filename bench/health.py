"""Times evaluating the health of all containers, and replacing the tables of unhealthy ones.

    .venv/bin/python bench/health.py [--containers 10000000] [--unhealthy 0.1]

One process makes and evaluates a cluster generation of random containers with three replicas each (one in ten is EC,
with five parts) on 200 datanodes in 20 racks. A second process, which is measured, evaluates the same containers again
and replaces the tables; containers that stay unhealthy must keep the time since when they are. Then both run again with
a tenth of the containers, all of them unhealthy. Memory is the peak resident size.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.insights.cluster.tables import HEALTH, OP_STATES, TABLES
from ozone_recon.insights.containers.health import build as container_health
from ozone_recon.insights.om.key_rows import write_replications
from ozone_recon.model.container_health import HealthRules
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.columns import dtype_of
from ozone_recon.store.generation import Generation, GenerationBuild, Table

DATANODES, RACKS = 200, 20
CHUNK = 1 << 20
KINDS = (ReplicationConfig("RATIS", factor=3), ReplicationConfig("EC", data=3, parity=2, codec="rs", chunk=1 << 20))


class Rebuilt(GenerationBuild):
    """A build that reuses the tables of an existing generation."""

    def __init__(self, path: Path, tables: Generation) -> None:
        super().__init__(path)
        self._tables = tables

    def table(self, name: str) -> Table:
        """The new table, if it has been built here, else that generation's."""
        return self._tables.table(name) if name in TABLES else super().table(name)


def make(place: Path, containers: int, unhealthy: float) -> None:
    """Makes a cluster generation with random containers."""
    with GenerationBuild(place) as build:
        tables: dict[str, dict[str, Any]] = {
            "datanodes": {
                "uuid": [f"uuid-{n}" for n in range(DATANODES)],
                "host": [f"host-{n}" for n in range(DATANODES)],
                "location": [f"/rack-{n % RACKS}" for n in range(DATANODES)],
                "record": [""] * DATANODES,
                "health": np.full(DATANODES, HEALTH.index("HEALTHY"), np.uint8),
                "op_state": np.full(DATANODES, OP_STATES.index("IN_SERVICE"), np.uint8),
            },
            "pipelines": {"id": ["pipeline"], "record": ["{}"]},
        }
        for name, rows in tables.items():
            write(build, name, rows)
        write_replications(build, KINDS)
        write_containers(build, containers, unhealthy)
        container_health.rebuild(build, None, HealthRules(), 1000)
        build.seal()


def write(build: GenerationBuild, name: str, columns: dict[str, Any]) -> None:
    """Writes a table with these columns."""
    with build.create(name, TABLES[name]) as out:
        out.append(
            **{
                column: ByteColumn.of(text.encode() for text in values) if isinstance(values, list) else values
                for column, values in columns.items()
            }
        )


def write_containers(build: GenerationBuild, containers: int, unhealthy: float) -> None:
    """Closed containers; some have a replica too few, some data that differs."""
    random = np.random.default_rng(1)
    replicas = 0
    with (
        build.create("containers", TABLES["containers"]) as out,
        build.create("replicas", TABLES["replicas"]) as copies,
    ):
        for start in range(1, containers + 1, CHUNK):
            count = min(CHUNK, containers + 1 - start)
            kind = (random.random(count) < 0.1).astype(np.int32)
            required = np.where(kind == 1, 5, 3)
            is_bad = random.random(count) < unhealthy
            needs = required - (is_bad & ((kind == 1) | (random.random(count) < 0.5)))
            first = np.cumsum(needs) - needs
            index = np.arange(needs.sum()) - np.repeat(first, needs)
            differs = np.repeat(is_bad & (needs == required), needs) & (index == 0)
            columns = {
                "id": np.arange(start, start + count),
                "state": np.full(count, ContainerState.CLOSED),
                "replication": kind,
                "used_bytes": random.integers(0, 5 << 30, count),
                "blocks": random.integers(1, 1000, count),
                "sequence_id": np.full(count, 100),
                "first_replica": replicas + first,
            }
            append(out, "containers", columns, count)
            # Datanodes with consecutive numbers are in different racks.
            datanode = (np.repeat(random.integers(0, DATANODES, count), needs) + index) % DATANODES
            append(
                copies,
                "replicas",
                {
                    "datanode": datanode,
                    "present": np.ones(len(index)),
                    "state": np.full(len(index), ReplicaState.CLOSED),
                    "replica_index": np.where(np.repeat(kind, needs) == 1, index + 1, 0),
                    "sequence_id": np.full(len(index), 100),
                    "data_checksum": np.where(differs, 6, 5),
                },
                len(index),
            )
            replicas += len(index)
        out.end(first_replica=replicas)


def append(out: Any, name: str, columns: dict[str, Any], rows: int) -> None:
    """Rows with 0 in every column not given."""
    out.append(
        **{c: np.asarray(columns.get(c, np.zeros(rows))).astype(dtype_of(kind)) for c, kind in TABLES[name].items()}
    )


def evaluate(place: Path) -> None:
    """Evaluates the containers of a generation again, and prints the time."""
    before = Generation.open(place)
    with tempfile.TemporaryDirectory(dir=place.parent) as directory, Rebuilt(Path(directory) / "new", before) as build:
        began = time.perf_counter()
        container_health.rebuild(build, before, HealthRules(), 2000)
        seconds = time.perf_counter() - began
        rows = build.table("unhealthy")
        if not np.array_equal(rows["since"], before.table("unhealthy")["since"]) or rows["since"].max() != 1000:
            sys.exit("an unhealthy container has lost its time since when")
        containers, replicas = (before.table(name).rows for name in ("containers", "replicas"))
        print(f"{containers:,} containers, {replicas:,} replicas, {rows.rows:,} unhealthy rows: {seconds:.1f} s")


def measured(*words: str) -> int:
    """Runs this program with other arguments; returns its peak memory in MiB."""
    with subprocess.Popen([sys.executable, __file__, *words]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}")
    return usage.ru_maxrss >> 10


def main() -> None:
    """Runs the whole benchmark or, with --make or --evaluate, a part of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containers", type=int, default=10_000_000)
    parser.add_argument("--unhealthy", type=float, default=0.1, help="share of unhealthy containers")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--evaluate", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make(arguments.make, arguments.containers, arguments.unhealthy)
    elif arguments.evaluate:
        evaluate(arguments.evaluate)
    else:
        for containers, unhealthy in ((arguments.containers, arguments.unhealthy), (arguments.containers // 10, 1.0)):
            with tempfile.TemporaryDirectory() as directory:
                place = str(Path(directory) / "generation")
                measured("--make", place, "--containers", str(containers), "--unhealthy", str(unhealthy))
                print(f"peak memory: {measured('--evaluate', place):,} MiB")


if __name__ == "__main__":
    main()
