"""Finds the SCMs' RPC addresses from Ozone's keys, with and without SCM HA."""

from __future__ import annotations

from ozone_recon.config import cluster_keys as keys
from ozone_recon.config.kinds import Address
from ozone_recon.config.settings import Settings
from ozone_recon.errors import ConfigError


def scm_addresses(settings: Settings) -> dict[str, str]:
    """RPC addresses such as `scm1:9860` by node id (the id is empty without SCM HA); empty if no key names an SCM.

    Raises ConfigError for missing or contradictory HA keys.
    """
    service = _service(settings)
    if service is None:
        return _without_ha(settings)
    nodes = settings.get(keys.SCM_NODES, f".{service}")
    if not nodes:
        raise ConfigError(
            f"{keys.SCM_NODES.name}.{service} is not set: set it to the SCM node ids of the service {service!r}"
        )
    return {node: str(_address(settings, f".{service}.{node}")) for node in nodes}


def _service(settings: Settings) -> str | None:
    """The id of the SCM service to follow; None without SCM HA."""
    wanted = settings.get(keys.SCM_DEFAULT_SERVICE_ID)
    services = [one.strip() for one in settings.get(keys.SCM_SERVICE_IDS).split(",") if one.strip()]
    if not wanted and len(services) > 1:
        raise ConfigError(
            f"{keys.SCM_SERVICE_IDS.name} lists several services ({', '.join(services)}): "
            f"set {keys.SCM_DEFAULT_SERVICE_ID.name} to the one to follow"
        )
    return wanted or next(iter(services), None)


def _without_ha(settings: Settings) -> dict[str, str]:
    if settings.has(keys.SCM_CLIENT_ADDRESS):
        address = settings.get(keys.SCM_CLIENT_ADDRESS)
    elif names := settings.get(keys.SCM_NAMES):
        # Its port, if any, is the one for datanodes.
        address = Address(names[0].host, 0)
    else:
        return {}
    return {"": str(Address(address.host, address.port or settings.get(keys.SCM_CLIENT_PORT)))}


def _address(settings: Settings, suffix: str) -> Address:
    """Combines the host key with the port of the client address or of the port key."""
    if not settings.has(keys.SCM_ADDRESS, suffix):
        raise ConfigError(f"{keys.SCM_ADDRESS.name}{suffix} is not set: set it to the host of that SCM")
    port = settings.get(keys.SCM_CLIENT_ADDRESS, suffix).port if settings.has(keys.SCM_CLIENT_ADDRESS, suffix) else 0
    if not port:
        port = settings.get(keys.SCM_CLIENT_PORT, suffix if settings.has(keys.SCM_CLIENT_PORT, suffix) else "")
    return Address(settings.get(keys.SCM_ADDRESS, suffix), port)
