"""Decides what a user may do: administrators everything, readers look only, owners look at their own only.

The rules for administrators are those of ReconAdminFilter and OzoneAdmins; readers and owners are our own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from ozone_recon.config.security.http import HttpSecurity, ProxyUser
from ozone_recon.errors import LoginError
from ozone_recon.model.identity import Identity
from ozone_recon.security.access_list import EVERYBODY, AccessList
from ozone_recon.security.groups import UserGroups
from ozone_recon.security.principals import Principal


class Access(IntEnum):
    """What a user may do; each includes the ones before."""

    NOTHING = 0
    OWN = 1
    """Read what the user owns, where a route says whose its answer is (`Route.of_owner`)."""
    READ = 2
    CHANGE = 3


class AccessRules:
    """The rules of a server. `of` and `acting_as` may block for a directory service; any thread may call them."""

    def __init__(self, settings: HttpSecurity, groups: UserGroups | None = None) -> None:
        self._settings = settings
        self._lists = (
            (Access.CHANGE, AccessList.of(settings.admins, settings.admin_groups)),
            (Access.READ, AccessList.of(settings.readers, settings.reader_groups)),
        )
        self._others = Access.OWN if settings.owners_read else Access.NOTHING
        self._groups = groups or UserGroups()

    def known(self, identity: Identity | None) -> Access | None:
        """Returns what a user may do, if that is known without asking for groups."""
        if not self._settings.checks_access:
            return Access.CHANGE
        if identity is None:
            return Access.NOTHING
        groups = self._groups.cached(identity.user)
        for access, admitted in self._lists:
            if admitted.admits(identity.user, lambda _: groups or frozenset()):
                return access
            if groups is None and admitted.groups:
                return None
        return self._others

    def of(self, identity: Identity) -> Access:
        """Returns what a user may do."""
        if (known := self.known(identity)) is not None:
            return known
        admitted = (access for access, admitted in self._lists if admitted.admits(identity.user, self._groups.of))
        return next(admitted, self._others)

    def is_peer(self, identity: Identity | None) -> bool:
        """Whether a user is the other Recon of a pair: Recon's own principal, on any host."""
        own = self._settings.own_principal
        if identity is None or identity.real_user or not own or identity.method != "kerberos":
            return False
        found, expected = Principal.parse(identity.principal), Principal.parse(own)
        return bool(found.host) and found._replace(host="") == expected._replace(host="")

    def acting_as(self, identity: Identity, user: str, client: str) -> Identity:
        """Returns the identity of `user`, as whom a proxy user at the address `client` acts; LoginError if it may not.

        May wait for DNS.
        """
        rule = self._settings.proxy_users.get(identity.user)
        if rule is None or not _may_act(rule, user, client, self._groups.of):
            raise LoginError(f"User: {identity.user} is not allowed to impersonate {user}")
        return Identity(user, user, identity.method, identity.user)


def _may_act(rule: ProxyUser, user: str, client: str, groups: Callable[[str], frozenset[str]]) -> bool:
    return AccessList.of(rule.users, rule.groups).admits(user, groups) and (
        EVERYBODY in rule.hosts or any(_is_at(client, host) for host in rule.hosts)
    )


def _is_at(client: str, host: str) -> bool:
    """Whether a client's address is that of a host: an address, a network in CIDR notation, or a name."""
    try:
        address = _plain(ip_address(client))
    except ValueError:
        return False
    try:
        return address in ip_network(host, strict=False)
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(_plain(ip_address(str(one[4][0]))) == address for one in found)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address of a client that an IPv6 socket shows as `::ffff:10.0.0.1`."""
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
