"""Requests from a worker process to the process that follows the cluster, and their replies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ozone_recon.model.cluster import Datanode

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Removal:
    """The result of RemoveDatanodes: `refused` has the reason for each datanode that was not removed, by UUID."""

    removed: tuple[Datanode, ...] = ()
    not_found: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)


class ClusterRequest(Generic[A]):
    """A request whose reply is an A."""


@dataclass(frozen=True, slots=True)
class RemoveDatanodes(ClusterRequest[Removal]):
    """Removes datanodes, given by UUID, that are dead and have neither open containers nor open pipelines."""

    datanodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Synchronise(ClusterRequest[bool]):
    """Starts a complete read of SCM; the reply is False if one is already running."""


@dataclass(frozen=True, slots=True)
class StopSynchronising(ClusterRequest[bool]):
    """Stops the complete read of SCM; the reply is False if none is running."""


@dataclass(frozen=True, slots=True)
class PendingBlocks:
    """Bytes of blocks pending deletion by datanode UUID; -1 for a datanode that did not respond.

    The numbers are those of the last complete poll of all datanodes, which ended at `ended` (ms since 1970, 0 before
    the first). `polling` is True while the next poll runs.
    """

    pending: dict[str, int] = field(default_factory=dict)
    ended: int = 0
    polling: bool = False


@dataclass(frozen=True, slots=True)
class GetPendingBlocks(ClusterRequest[PendingBlocks]):
    """Returns the last known PendingBlocks, and starts a new poll of the datanodes if those are old."""


@dataclass(frozen=True, slots=True)
class RequestMessage:
    """A request with the number that its reply will carry."""

    number: int
    request: ClusterRequest[Any]


@dataclass(frozen=True, slots=True)
class ReplyMessage:
    """The reply to the request with this number; None if no process can handle it."""

    number: int
    answer: Any
