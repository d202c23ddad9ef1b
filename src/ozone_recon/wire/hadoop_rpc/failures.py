"""What an OM's or an SCM's refusal of a call means for the next attempt, by the exception's simple class name.

Java's class names come with their package, which changed between releases, so only the last part counts.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class Remedy(Enum):
    """What may help."""

    ANOTHER = "ask another server of the group: this one is not its leader"
    LATER = "ask the same server again, later"
    NONE = "asking again does not help"


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
    """What may help against an exception. One that is not known is final, unless it says that this is not the leader.

    Java's clients go on to the next server for any exception that they do not know, up to 500 times.
    """
    return _REMEDIES.get(exception, Remedy.ANOTHER if _NOT_LEADER.search(message) else Remedy.NONE)


def suggested_leader(message: str) -> str | None:
    """The leader that a follower names: an OM by its node id, an SCM as `host:port`; None when it names none.

    What an OM says of its leader's address is not where it takes calls.
    """
    found = _LEADER.search(message)
    return found and (found[1] or found[2])
