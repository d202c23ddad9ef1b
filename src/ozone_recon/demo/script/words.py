"""Lists the commands of a simulated cluster, and parses them."""

from __future__ import annotations

import re
from typing import Final

COMMANDS: Final[tuple[tuple[str, str], ...]] = (
    ("load BUCKET KEYS [over HOURS] [in DIRECTORY]", "writes keys evenly over HOURS (default 1)"),
    ("remove BUCKET PATH", "deletes a directory (FSO), or the keys with this prefix"),
    ("rename BUCKET PATH TO", "renames or moves a key, or in FSO a directory"),
    ("upload BUCKET KEY PARTS", "starts a multipart upload and uploads PARTS parts"),
    ("complete BUCKET KEY", "completes a multipart upload"),
    ("abort BUCKET KEY", "aborts a multipart upload"),
    ("hsync BUCKET KEY", "writes a readable key and keeps it open"),
    ("finish BUCKET KEY", "closes a key opened by hsync"),
    ("quota BUCKET SIZE", "sets a bucket's quota: 70GB, 103% (of the used bytes), none"),
    ("snapshot BUCKET NAME", "creates a snapshot"),
    ("unsnapshot BUCKET NAME", "deletes a snapshot"),
    ("deletion SWITCH", "switches OM's deletion services: on, off"),
    ("kill DATANODE", "stops a datanode"),
    ("start DATANODE", "starts a datanode"),
    ("decommission DATANODE", "decommissions a datanode"),
    ("maintenance DATANODE", "puts a datanode into maintenance"),
    ("recommission DATANODE", "returns a datanode to service"),
    ("quasi-close COUNT", "breaks pipelines: COUNT containers become QUASI_CLOSED"),
    ("force-close", "closes all QUASI_CLOSED containers"),
    ("corrupt COUNT", "makes COUNT replicas unreadable (UNHEALTHY)"),
    ("mismatch COUNT", "makes COUNT replicas differ from the others"),
    ("repair", "repairs the replicas changed by mismatch"),
    ("replication SWITCH", "switches SCM's replication manager: on, off"),
    ("om STATE", "stops or starts OM, or discards its log: stop, start, forget"),
    ("scm STATE", "stops or starts SCM: stop, start"),
)
"""Arguments are in capitals, optional parts in brackets."""


def explained() -> str:
    """The commands with their meanings, one per line."""
    return "\n".join(f"  {words:<46}{meaning}" for words, meaning in COMMANDS)


def parse(line: str) -> tuple[str, tuple[str | None, ...]] | None:
    """The name and the arguments of a command, None for each omitted one; None for an unknown command."""
    for words, _ in COMMANDS:
        pattern = re.sub(r" \[([^]]*)\]", r"(?: \1)?", words)
        if found := re.fullmatch(re.sub("[A-Z]+", r"(\\S+)", pattern), " ".join(line.split())):
            return words.split()[0], found.groups()
    return None
