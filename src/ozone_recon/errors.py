"""Every error this program raises on purpose, as one tree.

ReconError
├── ConfigError            a configuration value that cannot be used
├── SourceError            the data we read from is missing, unreachable or broken
│   ├── CheckpointError    an OM checkpoint that is incomplete, damaged or not a checkpoint
│   ├── TransferError      a download or a call that failed and may work when tried again
│   │   └── NoLeader       no server of a group answers as its leader
│   ├── RemoteError        a server's own refusal of a call
│   ├── UnknownCommand     a question that the server's release does not know
│   └── CheckpointNeeded   OM's changes do not lead on from what we have
├── DecodeError            bytes that are not what their format says
│   ├── TooLong            a message longer than we take
│   └── Unsupported        bytes that may be right, but that only RocksDB itself reads
├── StoreError             our own data directory cannot be used
│   ├── DataDirectoryBusy  another process holds the data directory
│   ├── GenerationRemoved  a newer generation has taken the place of the one asked for
│   └── NoSpace            the disk is too full for what was asked
├── NotReady               no generation has been built yet
└── BadRequest             a question that cannot be answered as it was asked

Every message says what was wrong, where, and what to do about it.
"""

from __future__ import annotations

from enum import StrEnum


class ReconError(Exception):
    """Base of all errors raised on purpose; its text is fit for an operator's eyes."""


class ConfigError(ReconError):
    """A configuration value that cannot be used; the text names the key, the value and what is allowed."""


class SourceError(ReconError):
    """The data we read from is missing, unreachable or broken."""


class CheckpointError(SourceError):
    """An OM checkpoint that is incomplete, damaged or not a checkpoint at all."""


class TransferError(SourceError):
    """A download or a call that failed on its way; trying again may help."""


class NoLeader(TransferError):
    """No server of a group answers as its leader: none can be reached, or they are still electing one."""


class RemoteError(SourceError):
    """A server's own refusal of a call: its exception's simple class name and message, of the server `address`."""

    def __init__(self, address: str, exception: str, message: str) -> None:
        super().__init__(f"{address} answers {exception}: {message}")
        self.exception = exception
        self.message = message


class UnknownCommand(SourceError):
    """A question that the server's release does not know."""


class CheckpointCause(StrEnum):
    """Why OM's changes do not lead on from what we have, in short; docs/operations.md says what to do about each."""

    NO_DATA = "no data"
    SETTINGS = "settings"
    MANY_CHANGES = "many changes"
    ANOTHER_OM = "another OM"
    PUT_BACK = "put back"
    GAP = "gap"
    COLUMN_FAMILY = "column family"
    UNREADABLE = "unreadable"
    TOO_MUCH = "too much"
    NO_ANSWERS = "no answers"


class CheckpointNeeded(SourceError):
    """OM's changes do not lead on from what we have, so that only a new checkpoint does; the text says why."""

    def __init__(self, cause: CheckpointCause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class DecodeError(ReconError):
    """Bytes that are not what their format says: truncated, oversized or malformed."""


class MessageTooLong(DecodeError):
    """A message longer than we take: ask for less, or allow more."""


class Unsupported(DecodeError):
    """A database that may be right, but has something that only RocksDB itself reads; the text says what."""


class StoreError(ReconError):
    """Our own data directory cannot be used."""


class DataDirectoryBusy(StoreError):
    """Another process holds the data directory."""


class GenerationRemoved(StoreError):
    """A newer generation has taken the place of the one asked for; asking for the current one again helps."""


class NoSpace(StoreError):
    """The disk is too full for what was asked."""


class NotReady(ReconError):
    """No generation has been built yet, so nothing can be answered."""


class BadRequest(ReconError):
    """A question that cannot be answered as it was asked (HTTP 400, CLI exit code 2)."""
