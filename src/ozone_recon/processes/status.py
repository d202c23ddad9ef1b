"""The processes of the service, as the first of them sees the others."""

from __future__ import annotations

from typing import Final, NamedTuple

SUSPECT: Final = 5
"""Heartbeats, one a second, that a process may miss before it is shown as hung."""


def silent_for(seconds: int) -> str:
    """Says that a process is."""
    return f"has not answered for {seconds} s"


class ProcessState(NamedTuple):
    """One process: `state` is starting, running, hung, ended or stopped.

    `reason` says why it does not run as it should; one that was told to stop, or has not been started yet, has none.
    """

    name: str
    state: str
    pid: int
    reason: str = ""
    hung: int = 0
    """Times that it was replaced because it did not answer."""
    ended: int = 0
    """Times that it was replaced because it had ended by itself."""


def first_process(pid: int, silence: int) -> ProcessState:
    """How the first process fares, as one that it has started sees it: `silence` is in heartbeats."""
    hung = silence >= SUSPECT
    return ProcessState("main", "hung" if hung else "running", pid, silent_for(silence) if hung else "")
