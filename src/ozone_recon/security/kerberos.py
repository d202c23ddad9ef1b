"""Kerberos for Hadoop RPC: the mechanisms of Recon as a client of OM and SCM, and as the datanodes' server."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

from ozone_recon.config.security.rpc import KerberosClientSettings, RpcSecurity
from ozone_recon.errors import DecodeError
from ozone_recon.security.access_list import AccessList
from ozone_recon.security.auth_to_local import AuthToLocal
from ozone_recon.security.groups import UserGroups
from ozone_recon.security.gssapi import (
    CONFIDENTIALITY,
    INTEGRITY,
    KRB5,
    MUTUAL,
    REPLAY,
    SEQUENCE,
    accept,
    initiate,
)
from ozone_recon.security.principals import Principal, is_datanode, require_server
from ozone_recon.wire.hadoop_rpc.messages import SaslAuth
from ozone_recon.wire.hadoop_rpc.sasl_gssapi import (
    MECHANISM,
    METHOD,
    GssapiClient,
    GssapiServer,
    Protection,
    kerberos_auth,
)

_FLAGS: Final = {
    Protection.AUTHENTICATION: MUTUAL | REPLAY | SEQUENCE,
    Protection.INTEGRITY: INTEGRITY,
    Protection.PRIVACY: INTEGRITY | CONFIDENTIALITY,
}
"""The flags of a context that each level of protection needs."""


class KerberosClient:
    """Recon to a server at `host`. `begin` and the exchange's steps may wait for a KDC and for DNS."""

    auth: Final = SaslAuth(METHOD, MECHANISM)

    def __init__(self, settings: KerberosClientSettings, host: str) -> None:
        self._settings = settings
        self._host = host

    def begin(self, auth: SaslAuth) -> GssapiClient:
        """Starts an exchange with the principal that the server claims, if it is the expected one."""
        settings = self._settings
        if not auth.protocol or not auth.server_id:
            raise DecodeError("the server offers KERBEROS without its principal")
        own = Principal.parse(settings.identity.principal)
        server = str(Principal(auth.protocol, auth.server_id, own.realm))
        require_server(server, settings.server, _names_of(self._host))
        flags = _FLAGS[Protection.AUTHENTICATION]
        for level in settings.protections:
            flags |= _FLAGS[level]
        context = initiate(server, settings.identity, KRB5, flags)
        return GssapiClient(context, settings.protections)


class KerberosServer:
    """Recon as a server of datanodes."""

    def __init__(self, security: RpcSecurity, replay_cache: Path) -> None:
        """`replay_cache` is used unless the configuration names another."""
        self.auth = kerberos_auth(security.identity.principal)
        self._security = security
        self._replay_cache = security.replay_cache or replay_cache

    def begin(self, auth: SaslAuth) -> GssapiServer:
        """Starts an exchange with a client."""
        principal, keytab = self._security.identity
        return GssapiServer(accept(keytab, principal, self._replay_cache, KRB5), self._security.protections)


class DatanodeAdmission:
    """Decides who may report as a datanode: the datanodes' principal on any host, or an access list's users."""

    def __init__(self, security: RpcSecurity) -> None:
        self._datanodes = security.datanodes
        acl = AccessList.parse(security.datanode_acl)
        self._acl = None if acl.everybody else acl
        self._names = AuthToLocal(security.names)
        self._groups = UserGroups()

    def refusal(self, user: str, protocol: str) -> str:
        """Returns why a principal may not use the protocol; empty if it may. May block for a directory service."""
        refused = f"User {user} (auth:KERBEROS) is not authorized for protocol interface {protocol}"
        if self._acl is None:
            expected = f"only {self._datanodes} is (hdds.datanode.kerberos.principal)"
            return "" if is_datanode(user, self._datanodes) else f"{refused}: {expected}"
        admitted = self._acl.admits(self._names.short_name(user), self._groups.of)
        return "" if admitted else f"{refused}: denied by configured ACL"


def _names_of(host: str) -> tuple[str, ...]:
    """The names by which a server may be called: the configured one, and the canonical one."""
    return host, socket.getfqdn(host)
