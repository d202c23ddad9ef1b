"""Decides what a user may do: administrators everything, readers look only, owners look at their own only.

The rules for administrators are those of ReconAdminFilter and OzoneAdmins; readers and owners are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

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

    def acting_as(self, identity: Identity, user: str, hosts: frozenset[str]) -> Identity:
        """Returns the identity of `user`, as whom a proxy user at `hosts` acts; LoginError if it may not."""
        rule = self._settings.proxy_users.get(identity.user)
        if rule is None or not _may_act(rule, user, hosts, self._groups.of):
            raise LoginError(f"User: {identity.user} is not allowed to impersonate {user}")
        return Identity(user, user, identity.method, identity.user)


def _may_act(rule: ProxyUser, user: str, hosts: frozenset[str], groups: Callable[[str], frozenset[str]]) -> bool:
    if EVERYBODY not in rule.hosts and rule.hosts.isdisjoint(hosts):
        return False
    return AccessList.of(rule.users, rule.groups).admits(user, groups)
