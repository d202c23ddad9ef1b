"""The exceptions raised on purpose, as one tree.

ReconError
├── ConfigError            an invalid configuration value
├── SourceError            a data source is missing, unreachable or broken
│   ├── CheckpointError    an OM checkpoint is incomplete, damaged or not a checkpoint
│   ├── TransferError      a download or a call failed; a retry may succeed
│   │   ├── NoLeader       no server of a group responds as its leader
│   │   └── KerberosError  an authentication failed; the message names the principal, the keytab and the remedy
│   ├── RemoteError        a server rejected a call
│   ├── UnknownCommand     the server's release does not support a command
│   └── CheckpointNeeded   OM's changes cannot be applied to the current generation
├── DecodeError            bytes violate their format
│   ├── MessageTooLong     a message exceeds the size limit
│   └── Unsupported        the data uses a RocksDB feature that only RocksDB itself reads
├── StoreError             the data directory cannot be used
│   ├── DataDirectoryBusy  another process has locked the data directory
│   ├── GenerationRemoved  a newer generation has replaced the requested one
│   └── NoSpace            the disk has too little free space
├── LoginError             a client's login over HTTP is not valid, or does not permit what it asks for
├── NotReady               no generation has been built yet
└── BadRequest             an invalid request

Every message says what happened, where, and what to do.
"""

from __future__ import annotations

from enum import StrEnum


class ReconError(Exception):
    """Base class; the message is written for operators."""


class ConfigError(ReconError):
    """An invalid configuration value; the message names the key, the value and the allowed values."""


class SourceError(ReconError):
    """A data source is missing, unreachable or broken."""


class CheckpointError(SourceError):
    """An OM checkpoint is incomplete, damaged or not a checkpoint."""


class TransferError(SourceError):
    """A download or a call failed; a retry may succeed."""


class NoLeader(TransferError):
    """No server of a group responds as its leader: none is reachable, or an election is in progress."""


class KerberosError(TransferError):
    """An authentication by Kerberos failed, at either side: no ticket, no key, or a token that does not match."""


class RemoteError(SourceError):
    """The server `address` rejected a call with `exception` (its simple class name) and `message`."""

    def __init__(self, address: str, exception: str, message: str) -> None:
        super().__init__(f"{address} answers {exception}: {message}")
        self.exception = exception
        self.message = message


class UnknownCommand(SourceError):
    """The server's release does not support a command."""


class CheckpointCause(StrEnum):
    """Why a new checkpoint is needed: a label of /prom; docs/operations.md has a remedy for each."""

    NO_DATA = "no_data"
    SETTINGS = "settings"
    MANY_CHANGES = "many_changes"
    ANOTHER_OM = "another_om"
    OM_RESTORED = "om_restored"
    GAP = "gap"
    COLUMN_FAMILY = "column_family"
    UNREADABLE = "unreadable"
    DELTA_TOO_LARGE = "delta_too_large"
    NO_RESPONSE = "no_response"


class CheckpointNeeded(SourceError):
    """OM's changes cannot be applied to the current generation: a new checkpoint is needed; the message says why."""

    def __init__(self, cause: CheckpointCause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class DecodeError(ReconError):
    """Bytes violate their format: they are truncated, oversized or malformed."""


class MessageTooLong(DecodeError):
    """A message exceeds the size limit: request less, or raise the limit."""


class Unsupported(DecodeError):
    """The database uses a feature that only RocksDB itself reads; the message names it."""


class StoreError(ReconError):
    """The data directory cannot be used."""


class DataDirectoryBusy(StoreError):
    """Another process has locked the data directory."""


class GenerationRemoved(StoreError):
    """A newer generation has replaced the requested one: retry with the current one."""


class NoSpace(StoreError):
    """The disk has too little free space."""


class LoginError(ReconError):
    """A client's login over HTTP is not valid, or does not permit what it asks for; the text is for the client."""


class NotReady(ReconError):
    """No generation has been built yet."""


class BadRequest(ReconError):
    """An invalid request (HTTP 400, CLI exit code 2)."""
