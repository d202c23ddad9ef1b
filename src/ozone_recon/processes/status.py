"""The state of a process of the service, and the rule for when it counts as hung."""

from __future__ import annotations

from typing import Final, NamedTuple

SUSPECT: Final = 5
"""Number of missed heartbeats, one a second, after which a process is shown as hung."""


def silent_for(seconds: int) -> str:
    """The reason of a hung process."""
    return f"has not answered for {seconds} s"


class ProcessState(NamedTuple):
    """The state of one process: starting, running, hung, ended or stopped.

    `reason` explains a failure; it is empty for a process that runs, was stopped on request or has not started yet.
    """

    name: str
    state: str
    pid: int
    reason: str = ""
    hung: int = 0
    """Number of times the process was replaced because it hung."""
    ended: int = 0
    """Number of times the process was replaced because it had exited."""


def first_process(pid: int, silence: int) -> ProcessState:
    """The state of the main process, as seen by a child: `silence` is the number of heartbeats it has missed."""
    hung = silence >= SUSPECT
    return ProcessState("main", "hung" if hung else "running", pid, silent_for(silence) if hung else "")
