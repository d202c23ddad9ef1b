"""`ozone-recon open`, killed with -9 at random moments of unpacking, building and swapping, leaves what was there."""

import os
import random
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from ozone_recon.store.data_directory import current_generation


def served(data: Path) -> tuple[str, dict[str, int]]:
    """The current generation's name, and its counts; it is not held, for what is held is not removed."""
    generation = current_generation(data)
    assert generation is not None
    return generation.path.name, generation.about.counts


def names(data: Path) -> list[str]:
    """Of all that is in a data directory, two levels deep, with N for numbers."""
    return sorted(re.sub(r"\d+", "N", str(place.relative_to(data))) for at in ("*", "*/*") for place in data.glob(at))


@pytest.mark.slow
def test_whatever_moment_it_is_killed_at(sample_checkpoint: Path, tmp_path: Path) -> None:
    archive, data = tmp_path / "om.db.tar", tmp_path / "data"
    with tarfile.open(archive, "w") as tar:
        tar.add(sample_checkpoint, ".")
    command = [sys.executable, "-m", "ozone_recon", "open", str(archive), "--data-dir", str(data), "--no-serve"]
    began = time.monotonic()
    subprocess.run(command, check=True)
    took = time.monotonic() - began
    first, counts = served(data)
    alone = names(data)
    moments, killed = random.Random(1), 0
    for attempt in range(1, 16):
        # It is another checkpoint by then, which has to be built.
        os.utime(archive, (attempt, attempt))
        with subprocess.Popen(command) as opening:
            try:
                opening.wait(moments.uniform(0.1, 1.2) * took)
            except subprocess.TimeoutExpired:
                opening.kill()
                killed += 1
        assert served(data)[1] == counts
    assert killed > 3
    os.utime(archive, (0, 0))
    subprocess.run(command, check=True)
    last, last_counts = served(data)
    assert (last != first, last_counts) == (True, counts)
    assert names(data) == alone, "nothing is left behind"
