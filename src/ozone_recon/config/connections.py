"""How to connect to OM's web server, and to call OM and SCM: addresses, timeouts, retries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ozone_recon.wire.hadoop_rpc.frames import LONGEST
from ozone_recon.wire.hadoop_rpc.sasl import Mechanism


@dataclass(frozen=True, slots=True)
class OmHttp:
    """Where the OMs' web servers are, and how patient to be with them. Times are seconds."""

    addresses: tuple[str, ...]
    """Base addresses, such as `http://om1:9874`, in the order in which to try them."""
    flush: bool = False
    """Ask OM to flush its tables first (`ozone.recon.om.snapshot.task.flush.param`)."""
    connect_timeout: float = 5.0
    answer_timeout: float = 5.0
    """How long OM may take to make the checkpoint before it begins to answer."""
    read_timeout: float = 5.0
    """How long the stream may stand still."""
    attempts: int = 5
    pause: float = 2.0
    """Wait before the second attempt; it doubles before each one after that."""
    longest_pause: float = 60.0
    ca_file: Path | None = None
    """PEM certificates to trust beside the system's, for https."""


@dataclass(frozen=True, slots=True)
class RpcSettings:
    """How to call, and how patient to be. Times are seconds."""

    user: str
    mechanisms: Sequence[Mechanism] = ()
    """Ways to authenticate; none when the cluster does not."""
    connect_timeout: float = 5.0
    call_timeout: float = 60.0
    """How long an answer may take, from the call to its last byte."""
    probe_after: float = 4.0
    """Silence, while calls wait, after which a server is asked for a sign of life; it has as long to give one."""
    idle_limit: float = 10.0
    """How long a connection without calls is kept."""
    attempts: int = 15
    """How often to ask at least, all servers together."""
    retry_for: float = 0.0
    """How long to ask again at least."""
    pause: float = 2.0
    """The longest wait between two rounds."""
    longest_answer: int = LONGEST
    """Bytes (`ipc.maximum.response.length`)."""
