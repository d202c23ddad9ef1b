"""Where the SCMs take calls, by Ozone's keys for one SCM and for SCM HA."""

from __future__ import annotations

from ozone_recon.config import cluster_keys as keys
from ozone_recon.config.kinds import Address
from ozone_recon.config.settings import Settings
from ozone_recon.errors import ConfigError


def scm_addresses(settings: Settings) -> dict[str, str]:
    """Such as `scm1:9860`, by the SCMs' node ids (empty without SCM HA); none when no key says where SCM is.

    Raises ConfigError for HA keys that do not fit.
    """
    service = _service(settings)
    if service is None:
        return _alone(settings)
    nodes = settings.get(keys.SCM_NODES, f".{service}")
    if not nodes:
        raise ConfigError(
            f"{keys.SCM_NODES.name}.{service} is not set: it is to list the SCMs of the service {service!r}"
        )
    return {node: str(_address(settings, f".{service}.{node}")) for node in nodes}


def _service(settings: Settings) -> str | None:
    """The id of the SCM service to follow; None without SCM HA."""
    wanted = settings.get(keys.SCM_DEFAULT_SERVICE_ID)
    services = [one.strip() for one in settings.get(keys.SCM_SERVICE_IDS).split(",") if one.strip()]
    if not wanted and len(services) > 1:
        raise ConfigError(
            f"{keys.SCM_SERVICE_IDS.name} has more than one ({', '.join(services)}): "
            f"say in {keys.SCM_DEFAULT_SERVICE_ID.name} which one to follow"
        )
    return wanted or next(iter(services), None)


def _alone(settings: Settings) -> dict[str, str]:
    if settings.has(keys.SCM_CLIENT_ADDRESS):
        address = settings.get(keys.SCM_CLIENT_ADDRESS)
    elif names := settings.get(keys.SCM_NAMES):
        # A port in it is that for datanodes.
        address = Address(names[0].host, 0)
    else:
        return {}
    return {"": str(Address(address.host, address.port or settings.get(keys.SCM_CLIENT_PORT)))}


def _address(settings: Settings, suffix: str) -> Address:
    """The host is in one key, the port in the client's address, else in a key of its own."""
    if not settings.has(keys.SCM_ADDRESS, suffix):
        raise ConfigError(f"{keys.SCM_ADDRESS.name}{suffix} is not set: it is to be the host of that SCM")
    port = settings.get(keys.SCM_CLIENT_ADDRESS, suffix).port if settings.has(keys.SCM_CLIENT_ADDRESS, suffix) else 0
    if not port:
        port = settings.get(keys.SCM_CLIENT_PORT, suffix if settings.has(keys.SCM_CLIENT_PORT, suffix) else "")
    return Address(settings.get(keys.SCM_ADDRESS, suffix), port)
