"""What several packages' tests share: the sample checkpoint, built once for the whole run, and where Recon is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.security.kdc import kdc
from tests.skips_in_ci import pytest_make_collect_report, pytest_runtest_makereport

from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.manifest import GenerationInfo

__all__ = ["kdc", "pytest_make_collect_report", "pytest_runtest_makereport"]

SAMPLE = Path(__file__).parent / "data" / "sample-om.tar.gz"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--recon-url", help="put the golden requests to the Recon that runs there, on the sample, instead of to ours"
    )


@pytest.fixture(scope="session")
def sample_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's directory: a checkpoint of a real OM 2.2.0."""
    from ozone_recon.sources.checkpoint.fetch import from_path

    return from_path(SAMPLE, tmp_path_factory.mktemp("checkpoints"), lambda _: None)


@pytest.fixture(scope="session")
def sample(sample_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """The generation built from the sample."""
    from ozone_recon.build.build import build_generation
    from ozone_recon.build.contents import CheckpointContents
    from ozone_recon.sources.rocksdb.checkpoint import Checkpoint

    place = tmp_path_factory.mktemp("generation")
    with Checkpoint.open(sample_checkpoint) as checkpoint, GenerationBuild(place) as build:
        build.about = GenerationInfo(source="sample", checkpoint=str(sample_checkpoint))
        build_generation(CheckpointContents(checkpoint, build.threads), build, lambda _: None)
        build.seal()
    return Generation.open(place)
