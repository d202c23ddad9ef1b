"""What any process that answers may ask of the one that follows the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ozone_recon.model.cluster import Datanode

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of datanodes that were to be removed: `refused` says why not, by their UUIDs."""

    removed: tuple[Datanode, ...] = ()
    not_found: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)


class ClusterRequest(Generic[A]):
    """Something that can be asked, and is answered with an A."""


@dataclass(frozen=True, slots=True)
class RemoveDatanodes(ClusterRequest[Removal]):
    """Forget these datanodes, by their UUIDs, if they are dead and have neither open containers nor open pipelines."""

    datanodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Synchronise(ClusterRequest[bool]):
    """Read all of SCM now; False when that is being done already."""


@dataclass(frozen=True, slots=True)
class StopSynchronising(ClusterRequest[bool]):
    """Give up reading all of SCM; False when that is not being done."""


@dataclass(frozen=True, slots=True)
class PendingBlocks:
    """Bytes of blocks that datanodes have still to delete, by their UUIDs: -1 for one that did not say.

    They are of the last time that all were asked, which ended at `ended` (ms since 1970, 0 before the first one);
    `asking` says that they are being asked again.
    """

    pending: dict[str, int] = field(default_factory=dict)
    ended: int = 0
    asking: bool = False


@dataclass(frozen=True, slots=True)
class AskForPendingBlocks(ClusterRequest[PendingBlocks]):
    """What datanodes last said of the blocks that they have to delete; they are asked again if that was long ago."""


@dataclass(frozen=True, slots=True)
class RequestMessage:
    """A request on its way, and the number under which its answer is awaited."""

    number: int
    request: ClusterRequest[Any]


@dataclass(frozen=True, slots=True)
class ReplyMessage:
    """The answer to the request of this number; None when nobody is there to give one."""

    number: int
    answer: Any
