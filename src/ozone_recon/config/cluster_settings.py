"""How to follow SCM and the datanodes: addresses, intervals, time limits and the rules of container health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from ozone_recon.config.connections import RpcSettings
from ozone_recon.model.container_health import HealthRules

_MOST: Final = 1000
"""An interval is at most this many times its lower bound."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds of silence after which a datanode is stale, dead, or has to register again."""

    stale: float = 300.0
    dead: float = 600.0
    register: float = 180.0

    @classmethod
    def of(cls, *, stale: float, dead: float, check: float, heartbeat: float, recon_heartbeat: float) -> Self:
        """From settings, kept within the bounds that SCM keeps them in.

        They are `ozone.scm.stale.node.interval`, `ozone.scm.dead.node.interval`,
        `ozone.scm.heartbeat.thread.interval`, `hdds.heartbeat.interval` and `hdds.heartbeat.recon.interval`.
        """
        stale = _within(_within(stale, check, 5), heartbeat, 3)
        return cls(stale, _within(dead, stale, 2), 3 * recon_heartbeat)


def _within(interval: float, base: float, least: int) -> float:
    return min(max(interval, base * least), base * _MOST)


@dataclass(frozen=True, slots=True)
class ScmPace:
    """Seconds between two askings for the same, and from the start to the first for all containers."""

    containers: float = 21600.0
    containers_delay: float = 0.0
    counts: float = 60.0
    pipelines: float = 300.0
    info: float = 30.0


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Which SCMs to ask, where to hear datanodes, how patient to be. Times are seconds."""

    scms: Mapping[str, str]
    """Where they take calls, by their node ids."""
    rpc: RpcSettings
    host: str
    """Where datanodes report."""
    port: int
    intervals: Intervals = field(default_factory=Intervals)
    health_interval: float = 3.0
    """Between two looks at which datanodes are silent."""
    pace: ScmPace = field(default_factory=ScmPace)
    safe_mode_timeout: float = 300.0
    """How long to wait for datanodes to say what they have, before containers are judged without them."""
    evaluation_interval: float = 300.0
    """How long what has changed may wait to be judged, however large the cluster is."""
    sizes_interval: float = 60.0
    """How long what changes nothing but sizes and times may wait to be shown."""
    rules: HealthRules = field(default_factory=HealthRules)
    https: bool = False
    """Whether datanodes' web servers speak https alone."""
    pending_pause: float = 30.0
    """Between two askings of all datanodes what they have still to delete."""
    pending_timeout: float = 600.0
    """For one of these."""
