"""Maps the exceptions of OM and SCM to the retry action: fail over, retry later, or give up.

The simple class name decides: the packages of the exceptions changed between releases.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class Remedy(Enum):
    """The action after a failed call."""

    ANOTHER = "fail over: this server is not the leader"
    LATER = "retry the same server after a pause"
    NONE = "do not retry"


_REMEDIES: Final = {
    "OMNotLeaderException": Remedy.ANOTHER,
    "ServerNotLeaderException": Remedy.ANOTHER,
    "NotLeaderException": Remedy.ANOTHER,
    "LeaderSteppingDownException": Remedy.ANOTHER,
    "StandbyException": Remedy.ANOTHER,
    "RetriableWithFailOverException": Remedy.ANOTHER,
    "ReadIndexException": Remedy.ANOTHER,
    "ReadException": Remedy.ANOTHER,
    "OMLeaderNotReadyException": Remedy.LATER,
    "LeaderNotReadyException": Remedy.LATER,
    "RetriableException": Remedy.LATER,
    "RetriableWithNoFailoverException": Remedy.LATER,
    "ResourceUnavailableException": Remedy.LATER,
    "ReconfigurationInProgressException": Remedy.LATER,
    "ReconfigurationTimeoutException": Remedy.LATER,
}
_NOT_LEADER: Final = re.compile(r"\bis not (the )?leader\b")
_LEADER: Final = re.compile(r"Suggested leader is (?:OM:([^\s\[]+)\[|Server:([^\s:]+:\d+))")


def remedy(exception: str, message: str) -> Remedy:
    """The action after an exception. An unknown one is final, unless its message says that this is not the leader.

    Java's clients instead fail over on any unknown exception, up to 500 times.
    """
    return _REMEDIES.get(exception, Remedy.ANOTHER if _NOT_LEADER.search(message) else Remedy.NONE)


def suggested_leader(message: str) -> str | None:
    """The leader that a follower names: an OM by its node id, an SCM as `host:port`; None when it names none.

    The address in an OM's message is not its RPC address.
    """
    match = _LEADER.search(message)
    return match and (match[1] or match[2])
