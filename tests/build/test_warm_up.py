"""What a rehearsal leaves: kernels that are loaded, and nothing else."""

import subprocess
import sys
from pathlib import Path

REHEARSED = """
import gc, sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from ozone_recon.build.warm_up import rehearse

rehearse(Path(sys.argv[1]))
print(*(one.py_func.__name__ for one in gc.get_objects() if isinstance(one, Dispatcher) and one.signatures))
"""


def test_what_is_compiled_is_loaded_and_nothing_stays_on_disk(tmp_path: Path) -> None:
    command = [sys.executable, "-c", REHEARSED, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {"fill_key_columns", "fill_directory_columns", "fill_ids", "put_slices"} <= set(said)
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_it_nothing_is_rehearsed(tmp_path: Path) -> None:
    code = "import logging; logging.basicConfig(level=logging.INFO)\n" + REHEARSED
    command = [sys.executable, "-c", code, str(tmp_path / "nowhere")]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "what is compiled is loaded with the first build: " in said.stderr
    assert "fill_key_columns" not in said.stdout
