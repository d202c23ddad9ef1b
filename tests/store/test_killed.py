"""kill -9 at any moment of a build or a swap: what was acknowledged is there, whole, and nothing else."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ozone_recon.store.data_directory import DataDirectory

BUILDER = """
import sys
import numpy as np
from dataclasses import replace
from pathlib import Path
from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.store.data_directory import DataDirectory

directory = DataDirectory.lock(Path(sys.argv[1]))
number = directory.current().sequence_number if directory.current() else 0
print("ready", flush=True)
while True:
    number += 1
    with directory.build() as build:
        for table in ("a", "b", "c/d"):
            with build.create(table, {"name": "bytes", "number": "i8"}) as writer:
                for _ in range(5):
                    writer.append(name=ByteColumn.of([b"%d" % number] * 1000), number=np.full(1000, number))
        build.about = replace(build.about, sequence_number=number)
        build.finish()
    print(number, flush=True)
"""


@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_what_was_acknowledged_survives(tmp_path: Path, kills: int) -> None:
    chance = random.Random(4)
    acknowledged = 0
    for _ in range(kills):
        with subprocess.Popen([sys.executable, "-c", BUILDER, tmp_path], stdout=subprocess.PIPE, text=True) as builder:
            assert builder.stdout is not None
            assert builder.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, 0.3))
            builder.kill()
            said = builder.stdout.read().split()
        acknowledged = int(said[-1]) if said else acknowledged
        with DataDirectory.lock(tmp_path) as directory:
            generation = directory.current()
            assert directory.damage is None
            if generation is None:
                assert not acknowledged
                continue
            # The last swap may have been done and not yet said.
            assert generation.sequence_number in (acknowledged, acknowledged + 1)
            acknowledged = generation.sequence_number
            for table in ("a", "b", "c/d"):
                assert set(generation.table(table).bytes("name")) == {b"%d" % acknowledged}
                assert generation.table(table)["number"].tolist() == [acknowledged] * 5000
            assert [place.name for place in (tmp_path / "generations").iterdir()] == [generation.id]
            del generation  # or the next one to lock may not remove it
    assert acknowledged > 1
