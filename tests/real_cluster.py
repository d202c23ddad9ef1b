"""The marks of tests that start a real Ozone: where its programs are missing, they are skipped and say so."""

from __future__ import annotations

import pytest
from tools.cluster.install import missing_packages


def needs_cluster(mode: str = "plain", seconds: int = 1800) -> list[pytest.MarkDecorator]:
    """The marks of a test that starts a cluster in this mode."""
    missing = missing_packages(mode)
    return [
        pytest.mark.cluster,
        pytest.mark.timeout(seconds),
        pytest.mark.skipif(bool(missing), reason=f"missing packages: {' '.join(missing)}"),
    ]
