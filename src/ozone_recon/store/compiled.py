"""Chooses numba's cache of compiled kernels: beside the source if that is writable, otherwise the data directory.

numba's own fallback is the user's home directory, which a service may not have.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import ozone_recon

NAME: Final = "kernels"
"""The cache's directory within the data directory."""
_VARIABLE: Final = "NUMBA_CACHE_DIR"


def choose_kernel_cache(data_dir: Path) -> None:
    """Sets NUMBA_CACHE_DIR for this process and its children unless the user has; call it before importing numba."""
    if not _beside_source():
        os.environ.setdefault(_VARIABLE, str(data_dir.absolute() / NAME))


def _beside_source() -> bool:
    """Whether every subpackage's __pycache__, or the subpackage itself where it has none, is writable."""
    package = Path(ozone_recon.__file__).parent
    caches = [directory / "__pycache__" for directory in package.iterdir() if (directory / "__init__.py").exists()]
    return all(os.access(cache if cache.exists() else cache.parent, os.W_OK) for cache in caches)
