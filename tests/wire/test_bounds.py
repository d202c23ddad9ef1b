"""What is compiled reads and writes within its arrays: the tests of this directory once more, every index checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_no_kernel_leaves_its_arrays(tmp_path: Path) -> None:
    checked = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    here = Path(__file__)
    selected = (f"--ignore={here}", str(here.parent), "-m", "not slow and not cluster")
    command = [sys.executable, "-m", "pytest", "-q", *selected]
    done = subprocess.run(command, cwd=here.parents[2], env=checked, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
