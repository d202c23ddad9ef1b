"""Where numba keeps compiled kernels: beside the source where that can be written, else in the data directory.

Else numba would choose the user's home, and a service has none.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import ozone_recon

NAME: Final = "kernels"
"""Of their directory, in the data directory."""
_VARIABLE: Final = "NUMBA_CACHE_DIR"


def keep_compiled(data_dir: Path) -> None:
    """Decides it for this process and those that it starts, unless the user has; before numba is imported."""
    if not _beside_source():
        os.environ.setdefault(_VARIABLE, str(data_dir.absolute() / NAME))


def _beside_source() -> bool:
    """Whether each directory of the package can be written, or its __pycache__ if it has one."""
    package = Path(ozone_recon.__file__).parent
    caches = [place / "__pycache__" for place in package.iterdir() if (place / "__init__.py").exists()]
    return all(os.access(cache if cache.exists() else cache.parent, os.W_OK) for cache in caches)
