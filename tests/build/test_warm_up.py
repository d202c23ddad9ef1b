"""A warm-up loads the compiled kernels and leaves no files."""

import subprocess
import sys
from pathlib import Path

WARMED_UP = """
import gc, sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from ozone_recon.build.warm_up import warm_up

warm_up(Path(sys.argv[1]))
print(*(one.py_func.__name__ for one in gc.get_objects() if isinstance(one, Dispatcher) and one.signatures))
"""


def test_kernels_are_loaded_and_no_files_remain(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WARMED_UP, str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {"fill_key_columns", "fill_directory_columns", "fill_ids", "put_slices"} <= set(output)
    assert list(tmp_path.iterdir()) == []


def test_without_a_scratch_directory_there_is_no_warm_up(tmp_path: Path) -> None:
    code = "import logging; logging.basicConfig(level=logging.INFO)\n" + WARMED_UP
    command = [sys.executable, "-c", code, str(tmp_path / "nowhere")]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot warm up the build process" in output.stderr
    assert "fill_key_columns" not in output.stdout
