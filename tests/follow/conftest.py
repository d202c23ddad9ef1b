"""The sample checkpoint of a real OM, unpacked once."""

from pathlib import Path

import pytest

from ozone_recon.sources.checkpoint.fetch import from_tar

SAMPLE = Path(__file__).parents[1] / "data" / "sample-om.tar.gz"


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return from_tar(SAMPLE, tmp_path_factory.mktemp("checkpoints"), lambda _: None)
