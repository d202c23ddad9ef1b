"""Where the OMs' web servers are, by Ozone's keys for one OM and for OM HA."""

from __future__ import annotations

from typing import Final

from ozone_recon.config import keys
from ozone_recon.config.kinds import Address
from ozone_recon.config.settings import Settings
from ozone_recon.errors import ConfigError

_ANY: Final = ("0.0.0.0", "::")
"""Hosts that say where a server listens, not where it is."""


def om_web_addresses(settings: Settings) -> tuple[str, ...]:
    """Base addresses of the OMs to ask, such as `http://om1:9874`. Raises ConfigError for HA keys that do not fit."""
    service = _service(settings)
    if service is None:
        return (_web_address(settings, ""),)
    nodes = settings.get(keys.OM_NODES, f".{service}")
    if not nodes:
        raise ConfigError(
            f"{keys.OM_NODES.name}.{service} is not set: it is to list the OMs of the service {service!r}"
        )
    return tuple(_web_address(settings, f".{service}.{node}") for node in nodes)


def _service(settings: Settings) -> str | None:
    """The id of the OM service to read; None without OM HA."""
    services = settings.get(keys.OM_SERVICE_IDS)
    wanted = settings.get(keys.OM_INTERNAL_SERVICE_ID)
    if wanted:
        if wanted not in services:
            raise ConfigError(
                f"{keys.OM_INTERNAL_SERVICE_ID.name} = {wanted!r} is not one of {keys.OM_SERVICE_IDS.name}: "
                + ", ".join(services)
            )
        return wanted
    if len(services) > 1:
        raise ConfigError(
            f"{keys.OM_SERVICE_IDS.name} has more than one ({', '.join(services)}): "
            f"say in {keys.OM_INTERNAL_SERVICE_ID.name} which one to read"
        )
    return services[0] if services else None


def _web_address(settings: Settings, node: str) -> str:
    https = settings.get(keys.HTTP_POLICY) == "HTTPS_ONLY"
    key = keys.OM_HTTPS_ADDRESS if https else keys.OM_HTTP_ADDRESS
    address = settings.get(key, node)
    if address.host in _ANY:
        rpc_host = settings.get(keys.OM_ADDRESS, node)
        address = Address("localhost" if rpc_host in _ANY else rpc_host, address.port)
    return f"{'https' if https else 'http'}://{address}"
