"""What others install: the wheel and the sdist hold all that is needed, and run for a user without a home."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

from ozone_recon import __version__

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "tests" / "data" / "sample-om.tar.gz"
NOBODY = 65534
# The user may read what root may: pytest's directories and the tests' Python can be root's alone.
SETPRIV = (
    *("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


def build(place: Path) -> tuple[Path, Path]:
    """The wheel and the sdist."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", place, ROOT], check=True, capture_output=True)
    (wheel,), (sdist,) = place.glob("*.whl"), place.glob("*.tar.gz")
    return wheel, sdist


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_release_installs_and_answers_without_a_home() -> None:
    # pytest's own directories can be entered by their owner alone.
    with tempfile.TemporaryDirectory() as directory:
        check_release(Path(directory))


def check_release(place: Path) -> None:
    place.chmod(0o755)
    wheel, sdist = build(place / "dist")
    assert __version__ in wheel.name and __version__ in sdist.name
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert {"ozone_recon/py.typed", "ozone_recon/ui/static/index.html"} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "bench/"))]
    assert [name for name in names if name.endswith(("licenses/LICENSE", "licenses/NOTICE"))]
    with tarfile.open(sdist) as packed_source:
        files = {name.partition("/")[2] for name in packed_source.getnames()}
    assert {"LICENSE", "NOTICE", "CHANGELOG.md", "README.md", "docs/operations.md", "constraints.txt"} <= files

    venv = place / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    constraints = ROOT / "constraints.txt"
    install: list[str | Path] = [venv / "bin" / "pip", "install", "--quiet", f"--constraint={constraints}", str(wheel)]
    subprocess.run(install, check=True, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"})
    data = place / "data"
    data.mkdir()
    command = [venv / "bin" / "ozone-recon", "open", SAMPLE, "--data-dir", data, "--no-serve"]
    if as_nobody := os.geteuid() == 0 and shutil.which("setpriv") is not None:
        os.chown(data, NOBODY, NOBODY)
    run = subprocess.run(
        [*(SETPRIV if as_nobody else ()), *map(str, command)],
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert not as_nobody or not list(venv.rglob("*.nbi")), "compiled code stands beside the data"
