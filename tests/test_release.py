"""What others install: the wheel and the sdist hold all that is needed, and run for a user without a home."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ozone_recon import __version__

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "tests" / "data" / "sample-om.tar.gz"
NOBODY = 65534


def build(place: Path) -> tuple[Path, Path]:
    """The wheel and the sdist."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", place, ROOT], check=True, capture_output=True)
    (wheel,), (sdist,) = place.glob("*.whl"), place.glob("*.tar.gz")
    return wheel, sdist


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_release_installs_and_answers_without_a_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("release")
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
    subprocess.run([venv / "bin" / "pip", "install", "--quiet", f"--constraint={constraints}", str(wheel)], check=True)
    if os.geteuid() != 0:
        pytest.skip("only root can become a user without a home")
    data = place / "data"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)
    for directory in (place, *place.parents):
        if directory.is_relative_to(place.parents[1]):
            directory.chmod(0o755)
    command: list[str | Path] = [venv / "bin" / "ozone-recon", "open", SAMPLE, "--data-dir", data, "--no-serve"]
    run = subprocess.run(
        command,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert not list(venv.rglob("*.nbi")), "compiled code stands beside the data"
