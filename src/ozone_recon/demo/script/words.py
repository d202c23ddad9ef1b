"""The commands that a simulated cluster understands: how they are written, and what they do."""

from __future__ import annotations

import re
from typing import Final

COMMANDS: Final[tuple[tuple[str, str], ...]] = (
    ("load BUCKET KEYS [over HOURS] [in DIRECTORY]", "writes keys, evenly, in an hour if nothing else is said"),
    ("remove BUCKET PATH", "deletes a directory (FSO), or the keys that begin so"),
    ("rename BUCKET PATH TO", "gives a key another name; puts it or a directory elsewhere"),
    ("upload BUCKET KEY PARTS", "uploads parts of a key"),
    ("complete BUCKET KEY", "makes a key of an upload"),
    ("abort BUCKET KEY", "gives an upload up"),
    ("hsync BUCKET KEY", "writes a key that can be read, and keeps it open"),
    ("finish BUCKET KEY", "ends the writing of such a key"),
    ("quota BUCKET SIZE", "limits a bucket: 70GB, 103% of what is used, none"),
    ("snapshot BUCKET NAME", "makes a snapshot"),
    ("unsnapshot BUCKET NAME", "deletes a snapshot"),
    ("deletion SWITCH", "OM's services that delete: on, off"),
    ("kill DATANODE", "a datanode stops"),
    ("start DATANODE", "a datanode runs again"),
    ("decommission DATANODE", "takes a datanode out of service"),
    ("maintenance DATANODE", "takes a datanode out of service for a while"),
    ("recommission DATANODE", "takes a datanode into service again"),
    ("quasi-close COUNT", "pipelines break: containers are closed as far as they go"),
    ("force-close", "closes those for good"),
    ("corrupt COUNT", "replicas cannot be read any more"),
    ("mismatch COUNT", "replicas have other data than they should"),
    ("repair", "all these replicas are as they should be again"),
    ("replication SWITCH", "SCM copies and deletes replicas as is needed: on, off"),
    ("om STATE", "OM stops, starts, or forgets its changes: stop, start, forget"),
    ("scm STATE", "SCM stops or starts: stop, start"),
)
"""In capitals what is to be put in, in brackets what may be left out."""


def explained() -> str:
    """All of them, a line each."""
    return "\n".join(f"  {words:<46}{meaning}" for words, meaning in COMMANDS)


def parse(line: str) -> tuple[str, tuple[str | None, ...]] | None:
    """The name of a command and what is put in, None where that is left out; None for a line that is no command."""
    for words, _ in COMMANDS:
        pattern = re.sub(r" \[([^]]*)\]", r"(?: \1)?", words)
        if found := re.fullmatch(re.sub("[A-Z]+", r"(\\S+)", pattern), " ".join(line.split())):
            return words.split()[0], found.groups()
    return None
