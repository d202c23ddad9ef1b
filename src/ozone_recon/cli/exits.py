"""The exit codes: their meanings, and the mapping from errors."""

from __future__ import annotations

from typing import Final

from ozone_recon.errors import (
    BadRequest,
    ConfigError,
    DataDirectoryBusy,
    NoSpace,
    NotReady,
    ReconError,
    SourceError,
)


class NotFound(ReconError):
    """The requested path, container or route does not exist."""


EXITS: Final[dict[int, str]] = {
    0: "success, also when the reader closes the pipe early (`| head`)",
    1: "failure of any other kind",
    2: "invalid command line or setting",
    3: "not found: the path, container or route does not exist",
    4: "not ready: no data has been built or read yet",
    5: "the data directory is in use by another process",
    6: "cannot read the checkpoint, or cannot reach the OM or server",
    7: "not enough disk space",
    130: "interrupted by Ctrl-C",
}

_CODES: Final[tuple[tuple[type[ReconError], int], ...]] = (
    (ConfigError, 2),
    (BadRequest, 2),
    (NotFound, 3),
    (NotReady, 4),
    (DataDirectoryBusy, 5),
    (SourceError, 6),
    (NoSpace, 7),
    (ReconError, 1),
)


def exit_code(error: ReconError) -> int:
    """Returns the exit code of the first class in _CODES that matches the error."""
    return next(code for kind, code in _CODES if isinstance(error, kind))
