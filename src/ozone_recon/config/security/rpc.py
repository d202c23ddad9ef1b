"""Settings of Kerberos for RPC: who Recon is, who the servers and the datanodes must be, and the protection."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from ozone_recon.config import keys
from ozone_recon.config.key import Key
from ozone_recon.config.security import rpc_keys
from ozone_recon.config.settings import Settings
from ozone_recon.errors import ConfigError
from ozone_recon.wire.hadoop_rpc.sasl_gssapi import Protection

_HOST: Final = "_HOST"
_ANY_HOST: Final = ("", "0.0.0.0", "::")


class ExpectedPrincipal(NamedTuple):
    """The principal that a server must have: `principal`, with `_HOST` for its host, or one that matches `pattern`."""

    key: str
    """The key of `principal`."""
    principal: str
    pattern: str


class KeytabIdentity(NamedTuple):
    """A principal and the keytab with its key."""

    principal: str
    keytab: Path


class NameRules(NamedTuple):
    """How principals are mapped to short names (`security.auth_to_local`)."""

    rules: str
    mechanism: str


class KerberosClientSettings(NamedTuple):
    """Who Recon is to one service, and what it requires of the service."""

    identity: KeytabIdentity
    protections: tuple[Protection, ...]
    server: ExpectedPrincipal


@dataclass(frozen=True, slots=True)
class RpcSecurity:
    """Kerberos for RPC."""

    identity: KeytabIdentity
    """Recon's own."""
    protections: tuple[Protection, ...]
    """The allowed levels, the most wanted one first."""
    om: ExpectedPrincipal
    scm: ExpectedPrincipal
    datanodes: str
    """The datanodes' principal, with `_HOST`."""
    datanode_acl: str
    """The access list of the datanodes' protocol; `*` if it is not enforced."""
    names: NameRules
    replay_cache: Path | None

    def client(self, server: ExpectedPrincipal) -> KerberosClientSettings:
        """The settings for calls to a service."""
        return KerberosClientSettings(self.identity, self.protections, server)


def rpc_security(settings: Settings) -> RpcSecurity | None:
    """Returns the settings, None if the cluster is not secure; ConfigError for what does not fit together."""
    if not settings.get(keys.SECURITY):
        return None
    if settings.get(rpc_keys.AUTHENTICATION) != "kerberos":
        raise ConfigError(
            f"{keys.SECURITY.name}=true requires {rpc_keys.AUTHENTICATION.name}=kerberos: set it in core-site.xml"
        )
    keytab = settings.get(rpc_keys.RECON_KEYTAB)
    principal = settings.get(rpc_keys.RECON_PRINCIPAL)
    for key, value in ((rpc_keys.RECON_PRINCIPAL, principal), (rpc_keys.RECON_KEYTAB, keytab)):
        if not value:
            raise ConfigError(f"{keys.SECURITY.name}=true requires {key.name}: set it in ozone-site.xml")
    assert keytab is not None
    enforced = settings.get(rpc_keys.AUTHORIZATION)
    return RpcSecurity(
        identity=KeytabIdentity(with_host(principal, settings.get(keys.RECON_ADDRESS).host), keytab),
        protections=_protections(settings),
        om=_expected(settings, rpc_keys.OM_PRINCIPAL, rpc_keys.OM_PATTERN),
        scm=_expected(settings, rpc_keys.SCM_PRINCIPAL, rpc_keys.SCM_PATTERN),
        datanodes=settings.get(rpc_keys.DATANODE_PRINCIPAL),
        datanode_acl=settings.get(rpc_keys.DATANODE_ACL) if enforced else "*",
        names=name_rules(settings),
        replay_cache=settings.get(rpc_keys.REPLAY_CACHE),
    )


def name_rules(settings: Settings) -> NameRules:
    """Returns the cluster's rules."""
    return NameRules(settings.get(rpc_keys.AUTH_TO_LOCAL), settings.get(rpc_keys.AUTH_TO_LOCAL_MECHANISM))


def with_host(principal: str, host: str) -> str:
    """Replaces `_HOST` by a host, in lower case; by this machine's name if the host is none (SecurityUtil)."""
    if _HOST not in principal:
        return principal
    return principal.replace(_HOST, (socket.getfqdn() if host in _ANY_HOST else host).lower())


def _expected(settings: Settings, principal: Key[str], pattern: Key[str]) -> ExpectedPrincipal:
    return ExpectedPrincipal(principal.name, settings.get(principal), settings.get(pattern))


def _protections(settings: Settings) -> tuple[Protection, ...]:
    found: dict[Protection, None] = {}
    for word in settings.get(rpc_keys.PROTECTION):
        try:
            found[Protection[word.upper()]] = None
        except KeyError:
            raise ConfigError(
                f"{rpc_keys.PROTECTION.name} = {word!r} is not a level of protection: use "
                + ", ".join(one.name.lower() for one in Protection)
            ) from None
    return tuple(found) or (Protection.AUTHENTICATION,)
