"""Reads ClusterSettings from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ozone_recon.config import cluster_keys, keys
from ozone_recon.config.cluster_settings import ClusterSettings, Intervals, ScmPace
from ozone_recon.config.connections import RpcSettings
from ozone_recon.config.security import http_keys
from ozone_recon.config.security.rpc import RpcSecurity
from ozone_recon.config.security.tls import trust_settings
from ozone_recon.config.settings import Settings, user_name
from ozone_recon.model.container_health import HealthRules, PlacementPolicy

DATANODE_PORT: Final = 9891


def cluster_settings(
    settings: Settings, scms: Mapping[str, str], security: RpcSecurity | None = None
) -> ClusterSettings:
    """Returns the settings for the cluster of these SCMs; raises ConfigError for an invalid value."""
    get = settings.get
    return ClusterSettings(
        scms=scms,
        rpc=_rpc(settings, len(scms), security),
        host=get(cluster_keys.DATANODE_BIND_HOST),
        port=get(cluster_keys.DATANODE_ADDRESS).port or DATANODE_PORT,
        intervals=Intervals.of(
            stale=get(cluster_keys.STALE_INTERVAL),
            dead=get(cluster_keys.DEAD_INTERVAL),
            check=get(cluster_keys.NODE_CHECK_INTERVAL),
            heartbeat=get(cluster_keys.HEARTBEAT_INTERVAL),
            recon_heartbeat=get(cluster_keys.RECON_HEARTBEAT_INTERVAL),
        ),
        health_interval=get(cluster_keys.NODE_CHECK_INTERVAL),
        pace=ScmPace(
            containers=get(cluster_keys.CONTAINERS_INTERVAL),
            containers_delay=get(cluster_keys.CONTAINERS_DELAY),
            counts=get(cluster_keys.COUNTS_INTERVAL),
            pipelines=get(cluster_keys.PIPELINES_INTERVAL),
            info=get(cluster_keys.INFO_INTERVAL),
        ),
        safe_mode_timeout=get(cluster_keys.REPORT_WAIT),
        evaluation_interval=get(cluster_keys.EVALUATION_INTERVAL),
        sizes_interval=get(cluster_keys.SIZES_DELAY),
        rules=HealthRules(
            maintenance_replicas=get(cluster_keys.MAINTENANCE_REPLICAS),
            maintenance_redundancy=get(cluster_keys.MAINTENANCE_REDUNDANCY),
            best_origin_copies=get(cluster_keys.BEST_ORIGIN_COPIES),
            other_origin_copies=get(cluster_keys.OTHER_ORIGIN_COPIES),
            placement=PlacementPolicy.of(get(cluster_keys.PLACEMENT)),
            ec_placement=PlacementPolicy.of(get(cluster_keys.EC_PLACEMENT)),
        ),
        https=get(keys.HTTP_POLICY) == "HTTPS_ONLY",
        pending_interval=get(cluster_keys.PENDING_INTERVAL),
        pending_timeout=get(cluster_keys.PENDING_TIMEOUT),
        security=security,
        datanode_login=security.identity if security and get(http_keys.DATANODE_AUTH_TYPE) == "kerberos" else None,
        trust=trust_settings(settings),
        peer=get(cluster_keys.PEER),
        peer_interval=get(cluster_keys.PEER_INTERVAL),
    )


def _rpc(settings: Settings, servers: int, security: RpcSecurity | None) -> RpcSettings:
    return RpcSettings(
        security.identity.principal if security else user_name(),
        security.client(security.scm) if security else None,
        call_timeout=settings.get(cluster_keys.SCM_TIMEOUT),
        attempts=max(1 + settings.get(cluster_keys.SCM_RETRIES), servers),
        retry_for=settings.get(cluster_keys.SCM_RETRY_TIMEOUT),
        pause=settings.get(cluster_keys.SCM_RETRY_INTERVAL),
    )
