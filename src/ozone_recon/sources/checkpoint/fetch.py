"""Takes an OM checkpoint from a directory, a tar, or a running OM; returns the directory to read.

A directory is read in place and never written to. A tar, from a file or from OM, is unpacked while it is read into
`<checkpoints>/.staging-*`, verified, and renamed to `<checkpoints>/om.snapshot.db_<ms>` (Java Recon's name): a
directory with that name is complete. The caller holds the lock of the data directory.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from ozone_recon.config.connections import OmHttp
from ozone_recon.errors import CheckpointError, TransferError
from ozone_recon.sources.checkpoint.files import COMPLETE, check_whole, find_database
from ozone_recon.sources.checkpoint.http import checkpoint_body
from ozone_recon.sources.checkpoint.tar import Stream, no_space, unpack

_LOG: Final = logging.getLogger(__name__)
_STAGING: Final = ".staging-"
_PREFIX: Final = "om.snapshot.db_"
_REPORT_EVERY: Final = 0.2
"""Seconds between two reports of one transfer."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Progress of a transfer. `received` and `total` count bytes of the tar as sent, compressed or not."""

    origin: str
    received: int
    total: int | None
    seconds: float
    """Since the start of the transfer."""
    file: str
    files: int
    """`files` is the number of files begun so far, `file` the name of the last one."""

    @property
    def bytes_per_second(self) -> float:
        """Mean rate since the start of the transfer."""
        return self.received / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate at that rate; None when the total is unknown or nothing was received yet."""
        if self.total is None or not self.received:
            return None
        return max(0, self.total - self.received) / self.bytes_per_second


@dataclass(frozen=True, slots=True)
class Retry:
    """A transfer failed for `reason`; attempt `attempt` of `attempts` starts in `seconds`."""

    reason: str
    attempt: int
    attempts: int
    seconds: float


Report = Callable[[Transfer | Retry], None]
"""Callback for progress; may raise to abort the transfer."""


def from_path(path: Path, checkpoints: Path, report: Report) -> Path:
    """Takes the checkpoint in `path`: a directory that is or holds one, or a tar (`-` is standard input)."""
    if path.is_dir():
        return from_directory(path)
    return from_tar(path, checkpoints, report)


def from_directory(path: Path) -> Path:
    """The checkpoint directory that `path` is or holds; CheckpointError when there is none or it is incomplete."""
    database = find_database(path, str(path))
    check_whole(database, str(path))
    return database


def from_tar(path: Path, checkpoints: Path, report: Report) -> Path:
    """Unpacks a tar of an om.db, compressed or not (see `checkpoint.tar`), below `checkpoints`.

    A tar from OM ends with a marker; one made with `tar cf` has none. So a tar is complete when every file that the
    MANIFEST names exists with the size that it states.
    """
    if str(path) == "-":
        return _staged(_CountingReader("standard input", sys.stdin.buffer, None, report), checkpoints)
    try:
        with path.open("rb", buffering=0) as tar:
            total = path.stat().st_size if path.is_file() else None
            return _staged(_CountingReader(str(path), tar, total, report), checkpoints)
    except FileNotFoundError as error:
        raise missing(path) from error


def missing(path: Path) -> CheckpointError:
    """The error for a path that does not exist."""
    return CheckpointError(f"{path}: no such file or directory; give an om.db directory or a tar of one.")


def from_om(om: OmHttp, checkpoints: Path, report: Report, expected: int = 0) -> tuple[Path, str]:
    """Fetches a new checkpoint from a running OM; returns its directory below `checkpoints`, and the OM's address.

    `expected` bytes must be free before the transfer starts: OM does not announce the size, so callers pass that of
    the last checkpoint. A failed transfer restarts from the beginning, up to `om.attempts` attempts in total; then its
    error is raised.
    """

    def before_retry(state: RetryCallState) -> None:
        failed = state.outcome.exception() if state.outcome else None
        attempt, pause = state.attempt_number + 1, state.upcoming_sleep
        _LOG.warning("%s: starting attempt %s of %s in %.0f s", failed, attempt, om.attempts, pause)
        report(Retry(str(failed), attempt, om.attempts, pause))

    retrying = Retrying(
        retry=retry_if_exception_type((TransferError, CheckpointError)),
        stop=stop_after_attempt(om.attempts),
        wait=wait_exponential(multiplier=om.pause, max=om.longest_pause),
        before_sleep=before_retry,
        reraise=True,
    )
    return retrying(_download, om, checkpoints, report, expected)


def _download(om: OmHttp, checkpoints: Path, report: Report, expected: int) -> tuple[Path, str]:
    with checkpoint_body(om) as body:
        source = _CountingReader(body.address, body, body.length, report)
        return _staged(source, checkpoints, expected, marked=True), body.address


class _CountingReader:
    """A stream that counts the bytes read from it and reports progress."""

    def __init__(self, origin: str, stream: Stream, total: int | None, report: Report) -> None:
        self.origin = origin
        self.total = total
        self._stream = stream
        self._report = report
        self._received = 0
        self._began = time.monotonic()
        self._reported = 0.0
        self._file = ""
        self._files = 0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._received += len(data)
        if time.monotonic() - self._reported > _REPORT_EVERY:
            self.report()
        return data

    def entered(self, file: str) -> None:
        self._file = file
        self._files += 1

    def report(self) -> None:
        self._reported = time.monotonic()
        seconds = self._reported - self._began
        self._report(Transfer(self.origin, self._received, self.total, seconds, self._file, self._files))


def _staged(source: _CountingReader, checkpoints: Path, expected: int = 0, *, marked: bool = False) -> Path:
    """Unpacks the source into a staging directory, verifies it, and renames it."""
    with _staging(checkpoints) as staging:
        free = shutil.disk_usage(staging).free
        needed = max(expected, source.total or 0)
        if needed > free:
            raise no_space(checkpoints, free, needed)
        unpack(source, staging, source.origin, source.entered)
        source.report()
        database = find_database(staging, source.origin, depth=16)
        if marked and not (database / COMPLETE).exists():
            raise CheckpointError(
                f"{source.origin}: the checkpoint is truncated: its last entry, {COMPLETE}, is missing."
            )
        check_whole(database, source.origin)
        return database.rename(_free_name(checkpoints))


@contextmanager
def _staging(checkpoints: Path) -> Iterator[Path]:
    """An empty directory below `checkpoints`, removed on exit; first removes those of a killed process."""
    checkpoints.mkdir(parents=True, exist_ok=True)
    for stale in checkpoints.glob(_STAGING + "*"):
        shutil.rmtree(stale)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=checkpoints))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _free_name(checkpoints: Path) -> Path:
    now = time.time_ns() // 1_000_000
    while (path := checkpoints / f"{_PREFIX}{now}").exists():
        now += 1
    return path
