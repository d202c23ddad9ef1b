"""Finds the OMs' web and RPC addresses from Ozone's keys, with and without OM HA."""

from __future__ import annotations

from typing import Final

from ozone_recon.config import keys
from ozone_recon.config.kinds import Address
from ozone_recon.config.settings import Settings
from ozone_recon.errors import ConfigError

_ANY: Final = ("0.0.0.0", "::")
"""Wildcard hosts: a server listens on them, but cannot be reached by them."""
_RPC_PORT: Final = 9862


def om_web_addresses(settings: Settings) -> tuple[str, ...]:
    """Base URLs of the OMs' web servers, such as `http://om1:9874`. Raises ConfigError for contradictory HA keys."""
    return tuple(_web_address(settings, suffix) for suffix in _suffixes(settings).values())


def om_rpc_addresses(settings: Settings) -> dict[str, str]:
    """RPC addresses of the same OMs in the same order, such as `om1:9862`, by node id (empty without OM HA)."""
    return {node: str(_rpc_address(settings, suffix)) for node, suffix in _suffixes(settings).items()}


def _suffixes(settings: Settings) -> dict[str, str]:
    """Key suffixes of the OMs by node id."""
    service = _service(settings)
    if service is None:
        return {"": ""}
    nodes = settings.get(keys.OM_NODES, f".{service}")
    if not nodes:
        raise ConfigError(
            f"{keys.OM_NODES.name}.{service} is not set: set it to the OM node ids of the service {service!r}"
        )
    return {node: f".{service}.{node}" for node in nodes}


def _service(settings: Settings) -> str | None:
    """The id of the OM service to follow; None without OM HA."""
    services = settings.get(keys.OM_SERVICE_IDS)
    wanted = settings.get(keys.OM_INTERNAL_SERVICE_ID)
    if wanted:
        if wanted not in services:
            raise ConfigError(
                f"{keys.OM_INTERNAL_SERVICE_ID.name} = {wanted!r} is not in {keys.OM_SERVICE_IDS.name}: "
                + ", ".join(services)
            )
        return wanted
    if len(services) > 1:
        raise ConfigError(
            f"{keys.OM_SERVICE_IDS.name} lists several services ({', '.join(services)}): "
            f"set {keys.OM_INTERNAL_SERVICE_ID.name} to the one to follow"
        )
    return services[0] if services else None


def _web_address(settings: Settings, suffix: str) -> str:
    https = settings.get(keys.HTTP_POLICY) == "HTTPS_ONLY"
    key = keys.OM_HTTPS_ADDRESS if https else keys.OM_HTTP_ADDRESS
    address = settings.get(key, suffix)
    if address.host in _ANY:
        address = Address(_rpc_address(settings, suffix).host, address.port)
    return f"{'https' if https else 'http'}://{address}"


def _rpc_address(settings: Settings, suffix: str) -> Address:
    address = settings.get(keys.OM_ADDRESS, suffix)
    return Address("localhost" if address.host in _ANY else address.host, address.port or _RPC_PORT)
