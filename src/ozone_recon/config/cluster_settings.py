"""Settings for following SCM and the datanodes: addresses, intervals, timeouts and container health rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from ozone_recon.config.connections import RpcSettings
from ozone_recon.config.security.rpc import KeytabIdentity, RpcSecurity
from ozone_recon.config.security.trust import DEFAULT_TRUST, TrustSettings
from ozone_recon.model.container_health import HealthRules

_MOST: Final = 1000
"""An interval is at most this multiple of its base (ServerUtils.sanitizeUserArgs)."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds without a heartbeat after which a datanode is stale, is dead, or must register again."""

    stale: float = 300.0
    dead: float = 600.0
    register: float = 180.0

    @classmethod
    def of(cls, *, stale: float, dead: float, check: float, heartbeat: float, recon_heartbeat: float) -> Self:
        """Limits the configured intervals as SCM does.

        The parameters are `ozone.scm.stale.node.interval`, `ozone.scm.dead.node.interval`,
        `ozone.scm.heartbeat.thread.interval`, `hdds.heartbeat.interval` and `hdds.heartbeat.recon.interval`.
        """
        stale = _within(_within(stale, check, 5), heartbeat, 3)
        return cls(stale, _within(dead, stale, 2), 3 * recon_heartbeat)


def _within(interval: float, base: float, least: int) -> float:
    return min(max(interval, base * least), base * _MOST)


@dataclass(frozen=True, slots=True)
class ScmPace:
    """Seconds between reads of each kind; `containers_delay` is the delay before all containers are first read."""

    containers: float = 21600.0
    containers_delay: float = 0.0
    counts: float = 60.0
    pipelines: float = 300.0
    info: float = 30.0


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """The SCMs to follow, the address for datanode reports, intervals and timeouts. Times are seconds."""

    scms: Mapping[str, str]
    """RPC addresses of the SCMs by node id."""
    rpc: RpcSettings
    host: str
    """Host to listen on for datanode reports."""
    port: int
    intervals: Intervals = field(default_factory=Intervals)
    health_interval: float = 3.0
    """Time between two checks for silent datanodes."""
    pace: ScmPace = field(default_factory=ScmPace)
    safe_mode_timeout: float = 300.0
    """How long to wait for full container reports before container health is evaluated without them."""
    evaluation_interval: float = 300.0
    """Longest delay until a change is evaluated, in a cluster of any size."""
    sizes_interval: float = 60.0
    """Longest delay until a change of sizes and times alone is published."""
    rules: HealthRules = field(default_factory=HealthRules)
    https: bool = False
    """Whether datanodes' web servers accept https only."""
    pending_interval: float = 30.0
    """Pause between two queries of all datanodes for their pending deletions."""
    pending_timeout: float = 600.0
    """Timeout of one such query."""
    security: RpcSecurity | None = None
    """None if the cluster is not secure."""
    datanode_login: KeytabIdentity | None = None
    """Who Recon is to the datanodes' web servers (SPNEGO); None if they require no login."""
    trust: TrustSettings = DEFAULT_TRUST
    """The CAs to trust for https to datanodes and to the peer, in addition to the system's."""
    peer: str = ""
    """Base URL of the other Recon of a pair, from which datanode reports are copied while none arrive here."""
    peer_interval: float = 60.0
    """Pause between two copies from the peer."""
