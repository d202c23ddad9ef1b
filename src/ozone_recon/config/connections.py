"""Connection settings for OM's web server and for RPC to OM and SCM: addresses, timeouts, retries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ozone_recon.config.security.trust import DEFAULT_TRUST, TrustSettings
from ozone_recon.wire.hadoop_rpc.frames import LONGEST

if TYPE_CHECKING:
    from ozone_recon.config.security.rpc import KerberosClientSettings, KeytabIdentity


@dataclass(frozen=True, slots=True)
class OmHttp:
    """Addresses, timeouts and retries for the OMs' web servers. Times are seconds."""

    addresses: tuple[str, ...]
    """Base URLs such as `http://om1:9874`, tried in this order."""
    flush: bool = False
    """Whether OM flushes its tables first (`ozone.recon.om.snapshot.task.flush.param`)."""
    connect_timeout: float = 5.0
    answer_timeout: float = 5.0
    """Timeout for OM to create the checkpoint, until the response begins."""
    read_timeout: float = 5.0
    """Timeout for a download that receives no data."""
    attempts: int = 5
    pause: float = 2.0
    """Delay before the second attempt; it doubles with each further attempt, up to `longest_pause`."""
    longest_pause: float = 60.0
    ca_file: Path | None = None
    """PEM file of CA certificates to trust for https, in addition to the system's."""
    trust: TrustSettings = DEFAULT_TRUST
    """The CAs to trust for https, in addition to the system's and those of `ca_file`."""
    identity: KeytabIdentity | None = None
    """Who Recon is to OM's web server (SPNEGO); None if it requires no login."""


@dataclass(frozen=True, slots=True)
class RpcSettings:
    """User, authentication, timeouts and retries of RPC calls. Times are seconds."""

    user: str
    kerberos: KerberosClientSettings | None = None
    """None if the cluster is not secure."""
    connect_timeout: float = 5.0
    call_timeout: float = 60.0
    """Timeout from the call to the last byte of its response."""
    probe_after: float = 4.0
    """Silence with pending calls after which the client sends a ping; the server has the same time to respond."""
    idle_limit: float = 10.0
    """Time after which a connection without calls is closed."""
    attempts: int = 15
    """Minimum number of attempts, over all servers."""
    retry_for: float = 0.0
    """Minimum time for which a call is retried."""
    pause: float = 2.0
    """Maximum delay between two rounds over all servers."""
    longest_answer: int = LONGEST
    """Maximum size of a response in bytes (`ipc.maximum.response.length`)."""
