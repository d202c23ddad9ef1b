"""Config: all settings, parsed and checked. Keys and notation are Ozone's (see keys.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ozone_recon.config import cluster_keys, keys
from ozone_recon.config.connections import OmHttp
from ozone_recon.config.kinds import Address
from ozone_recon.config.om_addresses import om_rpc_addresses, om_web_addresses
from ozone_recon.config.properties import EffectiveProperty, effective_properties
from ozone_recon.config.scm_addresses import scm_addresses
from ozone_recon.config.security import http_keys, tls_keys
from ozone_recon.config.security.http import HttpSecurity, http_security
from ozone_recon.config.security.rpc import RpcSecurity, rpc_security
from ozone_recon.config.security.tls import HttpsSettings, https_settings, trust_settings
from ozone_recon.config.settings import Settings
from ozone_recon.errors import ConfigError
from ozone_recon.logs import LogSettings

if TYPE_CHECKING:
    from ozone_recon.config.cluster_settings import ClusterSettings


@dataclass(frozen=True, slots=True)
class Config:
    """All settings, parsed and checked. Times are seconds, sizes are bytes."""

    http: Address
    """Address to listen on."""
    http_enabled: bool
    """Whether the web server speaks http. Without it and https, there is no web server."""
    https: HttpsSettings | None
    """None without https."""
    xframe: str
    """The value of the header X-Frame-Options; empty for none."""
    extra_headers: tuple[tuple[str, str], ...]
    """Additional headers of every response (`ozone.http.header.NAME`)."""
    own_hosts: tuple[str, ...]
    """Host names in `ozone.recon.http-address`, `ozone.recon.http-bind-host` and `ozone.recon.address`."""
    http_allowed_hosts: tuple[str, ...]
    """Additional host names; a name with a leading dot is a domain."""
    http_processes: int
    """Number of worker processes; 0 means one per CPU, at most four."""
    data_dir: Path | None
    """None if unset; `serve` then fails."""
    data_dir_mode: int
    checkpoints: Path | None
    """Directory for unpacked checkpoints; None for the data directory's `checkpoints`."""
    om: OmHttp
    om_rpc: Mapping[str, str]
    """RPC addresses of the OMs by node id, in the order of `om.addresses`."""
    om_delta_limit: int
    om_delta_lag_threshold: int
    """Both in number of changes of OM's database."""
    om_initial_delay: float
    om_interval: float
    memory_limit: int
    threads: int
    """Threads of a build; 0 means one per CPU."""
    filesystem_paths: bool
    om_service_ids: str | None
    """As configured, for /clusterState; None if unset."""
    scm_service_ids: str | None
    cluster: ClusterSettings | None
    """None if no key names an SCM: no cluster is followed."""
    prometheus_url: str
    """Without a trailing slash; empty if unset."""
    metrics_connect_timeout: float
    metrics_answer_timeout: float
    heatmap: bool
    """Whether the heatmap is enabled and has a provider."""
    chatbot: bool
    """Whether the chatbot's routes exist."""
    logs: LogSettings
    prom_enabled: bool
    prom_token: str
    security: RpcSecurity | None
    """None if the cluster is not secure."""
    http_security: HttpSecurity | None
    """None if no login is required."""
    properties: tuple[EffectiveProperty, ...]
    """For /conf."""
    unprotected: str | None
    """`key=value` of a policy that requires https without a certificate; None if nothing is missing."""

    @classmethod
    def load(
        cls,
        conf_dir: Path | None = None,
        environment: Mapping[str, str] | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> Config:
        """Reads the configuration; raises ConfigError for an invalid value.

        `flags` are the keys set on the command line. `conf_dir` contains ozone-site.xml; its default is the
        environment's OZONE_CONF_DIR.
        """
        environment = environment or {}
        if conf_dir is None and environment.get("OZONE_CONF_DIR"):
            conf_dir = Path(environment["OZONE_CONF_DIR"])
        settings = Settings(conf_dir, environment, flags or {})
        security, serves = rpc_security(settings), settings.get(keys.HTTP_SERVER)
        return cls(
            http=_http(settings),
            http_enabled=serves and (settings.get(keys.HTTP_POLICY) != "HTTPS_ONLY" or settings.get(keys.UNPROTECTED)),
            https=https_settings(settings) if serves else None,
            xframe=settings.get(keys.XFRAME_VALUE) if settings.get(keys.XFRAME) else "",
            extra_headers=_extra_headers(settings),
            own_hosts=_own_hosts(settings),
            http_allowed_hosts=settings.get(keys.HTTP_ALLOWED_HOSTS),
            http_processes=settings.get(keys.HTTP_PROCESSES),
            data_dir=_data_dir(settings),
            data_dir_mode=settings.get(keys.DB_MODE),
            checkpoints=settings.get(keys.OM_DB_DIR),
            om=_om(settings, security),
            om_rpc=om_rpc_addresses(settings),
            om_delta_limit=settings.get(keys.OM_DELTA_LIMIT),
            om_delta_lag_threshold=settings.get(keys.OM_DELTA_LAG),
            om_initial_delay=settings.get(keys.OM_INITIAL_DELAY),
            om_interval=settings.get(keys.OM_INTERVAL),
            memory_limit=settings.get(keys.MEMORY_LIMIT),
            threads=settings.get(keys.THREADS),
            filesystem_paths=settings.get(keys.FILESYSTEM_PATHS),
            om_service_ids=",".join(settings.get(keys.OM_SERVICE_IDS)) or None,
            scm_service_ids=settings.get(cluster_keys.SCM_SERVICE_IDS) or None,
            cluster=_cluster(settings, security),
            prometheus_url=settings.get(keys.PROMETHEUS_URL),
            metrics_connect_timeout=settings.get(keys.METRICS_CONNECTION_TIMEOUT),
            metrics_answer_timeout=settings.get(keys.METRICS_REQUEST_TIMEOUT),
            heatmap=settings.get(keys.HEATMAP_ENABLED) and bool(settings.get(keys.HEATMAP_PROVIDER)),
            chatbot=settings.get(keys.CHATBOT_ENABLED),
            logs=LogSettings(settings.get(keys.LOG_FORMAT), settings.get(keys.LOG_LEVEL)),
            prom_enabled=settings.get(keys.PROM_ENABLED),
            prom_token=settings.get(keys.PROM_TOKEN),
            security=security,
            http_security=http_security(settings, security.identity.principal if security else "") if serves else None,
            properties=effective_properties(settings),
            unprotected=_unprotected(settings) if serves else None,
        )

    def require_data_dir(self) -> Path:
        """Returns the data directory; raises ConfigError if none is set."""
        if self.data_dir is None:
            raise ConfigError(f"no data directory is set: use --data-dir, or set {keys.DB_DIR.name} in ozone-site.xml")
        return self.data_dir

    def make_data_dir(self) -> Path:
        """Returns the data directory; creates it with the configured mode if it does not exist."""
        path = self.require_data_dir()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(self.data_dir_mode)
        return path

    def require_protection(self) -> None:
        """Raises ConfigError if the configuration requires https, but names no certificate."""
        if self.unprotected:
            raise ConfigError(
                f"{self.unprotected} requires a certificate for Recon's web server: set "
                f"{tls_keys.CERTIFICATE.name} and {tls_keys.PRIVATE_KEY.name}, or {tls_keys.KEY_STORE.name} in "
                f"ssl-server.xml; or, behind a proxy that provides https, set {keys.UNPROTECTED.name}=true"
            )


def _http(settings: Settings) -> Address:
    address = settings.get(keys.HTTP_ADDRESS)
    return Address(settings.get(keys.HTTP_BIND_HOST), address.port)


def _extra_headers(settings: Settings) -> tuple[tuple[str, str], ...]:
    found = tuple((name, value.strip()) for name, value in settings.with_prefix(keys.HEADER_PREFIX).items())
    for name, value in found:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or not re.fullmatch(r"[\x20-\x7e\xa0-\xff]*", value):
            raise ConfigError(
                f"{keys.HEADER_PREFIX}{name} = {value!r} is not a valid HTTP header: correct or remove it"
            )
    return found


def _data_dir(settings: Settings) -> Path | None:
    own, shared = settings.get(keys.DB_DIR), settings.get(keys.METADATA_DIRS)
    return own or (shared[0] / "recon" if shared else None)


def _om(settings: Settings, security: RpcSecurity | None) -> OmHttp:
    return OmHttp(
        addresses=om_web_addresses(settings),
        flush=settings.get(keys.OM_FLUSH),
        connect_timeout=settings.get(keys.OM_CONNECTION_TIMEOUT),
        answer_timeout=settings.get(keys.OM_REQUEST_TIMEOUT),
        read_timeout=settings.get(keys.OM_SOCKET_TIMEOUT),
        attempts=settings.get(keys.OM_ATTEMPTS),
        pause=settings.get(keys.OM_PAUSE),
        longest_pause=settings.get(keys.OM_LONGEST_PAUSE),
        ca_file=settings.get(keys.OM_CA_FILE),
        trust=trust_settings(settings),
        identity=security.identity if security and settings.get(http_keys.OM_AUTH_TYPE) == "kerberos" else None,
    )


def _own_hosts(settings: Settings) -> tuple[str, ...]:
    addresses = settings.get(keys.HTTP_ADDRESS), settings.get(keys.RECON_ADDRESS)
    return settings.get(keys.HTTP_BIND_HOST), *(one.host for one in addresses)


def _cluster(settings: Settings, security: RpcSecurity | None) -> ClusterSettings | None:
    scms = scm_addresses(settings)
    if not scms:
        return None
    # Slow to import: query commands do not need it.
    from ozone_recon.config.cluster import cluster_settings

    return cluster_settings(settings, scms, security)


def _unprotected(settings: Settings) -> str | None:
    policy = settings.get(keys.HTTP_POLICY)
    if policy == "HTTP_ONLY" or settings.get(keys.UNPROTECTED) or https_settings(settings):
        return None
    return f"{keys.HTTP_POLICY.name}={policy}"
