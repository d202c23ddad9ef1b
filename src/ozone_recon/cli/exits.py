"""What the program's exit code means, and which error ends with which."""

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
    """What was asked about is not there."""


EXITS: Final[dict[int, str]] = {
    0: "it went well, also when who reads the answer has read enough (`| head`)",
    1: "it failed",
    2: "the command, or a setting, cannot be as it is",
    3: "what was asked about is not there",
    4: "nothing has been built yet that could answer",
    5: "another process holds the data directory",
    6: "the checkpoint, or the OM or server it was to come from, cannot be read",
    7: "the disk is too full",
    130: "it was interrupted with Ctrl-C",
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
    """The exit code of an error: that of the first class it belongs to."""
    return next(code for kind, code in _CODES if isinstance(error, kind))
