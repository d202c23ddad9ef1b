"""Where the OMs are, their web servers and where they take calls, by Ozone's keys for one OM and for OM HA."""

from __future__ import annotations

from typing import Final

from ozone_recon.config import keys
from ozone_recon.config.kinds import Address
from ozone_recon.config.settings import Settings
from ozone_recon.errors import ConfigError

_ANY: Final = ("0.0.0.0", "::")
"""Hosts that say where a server listens, not where it is."""
_RPC_PORT: Final = 9862


def om_web_addresses(settings: Settings) -> tuple[str, ...]:
    """Base addresses of the OMs to ask, such as `http://om1:9874`. Raises ConfigError for HA keys that do not fit."""
    return tuple(_web_address(settings, suffix) for suffix in _suffixes(settings).values())


def om_rpc_addresses(settings: Settings) -> dict[str, str]:
    """Where the same OMs take calls, such as `om1:9862`, in the same order, by their node ids (empty without OM HA)."""
    return {node: str(_rpc_address(settings, suffix)) for node, suffix in _suffixes(settings).items()}


def _suffixes(settings: Settings) -> dict[str, str]:
    """What the keys of each OM end in, by its node id."""
    service = _service(settings)
    if service is None:
        return {"": ""}
    nodes = settings.get(keys.OM_NODES, f".{service}")
    if not nodes:
        raise ConfigError(
            f"{keys.OM_NODES.name}.{service} is not set: it is to list the OMs of the service {service!r}"
        )
    return {node: f".{service}.{node}" for node in nodes}


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
