"""Decides what a user may do: administrators everything, readers look only, everybody else nothing.

The rules for administrators are those of ReconAdminFilter and OzoneAdmins; readers are our own.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from ozone_recon.config.security.http import HttpSecurity, ProxyUser
from ozone_recon.errors import KerberosError
from ozone_recon.model.identity import Identity
from ozone_recon.security.access_list import EVERYBODY, AccessList
from ozone_recon.security.groups import CACHED_FOR, UserGroups
from ozone_recon.security.principals import Principal

MAX_CACHED: Final = 10_000
"""Maximum number of users whose access is remembered."""


class Access(IntEnum):
    """What a user may do; each includes the ones before."""

    NOTHING = 0
    READ = 1
    CHANGE = 2


class AccessRules:
    """The rules of a server. `of` and `acting_as` may block for a directory service; any thread may call them."""

    def __init__(
        self, settings: HttpSecurity, groups: UserGroups | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._admins = AccessList.of(settings.admins, settings.admin_groups)
        self._readers = AccessList.of(settings.readers, settings.reader_groups)
        self._groups = groups or UserGroups()
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Access]] = OrderedDict()

    def known(self, identity: Identity | None) -> Access | None:
        """Returns what a user may do, if that is known without asking for groups."""
        if not self._settings.checks_access:
            return Access.CHANGE
        if identity is None:
            return Access.NOTHING
        until, access = self._known.get(identity.user, (0.0, Access.NOTHING))
        return access if until > self._clock() else None

    def of(self, identity: Identity) -> Access:
        """Returns what a user may do."""
        if (known := self.known(identity)) is not None:
            return known
        access = self._evaluated(identity.user)
        with self._lock:
            self._known[identity.user] = self._clock() + CACHED_FOR, access
            self._known.move_to_end(identity.user)
            if len(self._known) > MAX_CACHED:
                self._known.popitem(last=False)
            return access

    def is_peer(self, identity: Identity | None) -> bool:
        """Whether a user is the other Recon of a pair: Recon's own principal, on any host."""
        own = self._settings.own_principal
        if identity is None or identity.real_user or not own or identity.method != "kerberos":
            return False
        found, expected = Principal.parse(identity.principal), Principal.parse(own)
        return bool(found.host) and found._replace(host="") == expected._replace(host="")

    def acting_as(self, identity: Identity, user: str, hosts: frozenset[str]) -> Identity:
        """Returns the identity of `user`, as whom a proxy user at `hosts` acts; KerberosError if it may not."""
        rule = self._settings.proxy_users.get(identity.user)
        if rule is None or not _may_act(rule, user, hosts, self._groups.of):
            raise KerberosError(f"User: {identity.user} is not allowed to impersonate {user}")
        return Identity(user, user, identity.method, identity.user)

    def _evaluated(self, user: str) -> Access:
        if self._admins.admits(user, self._groups.of):
            return Access.CHANGE
        return Access.READ if self._readers.admits(user, self._groups.of) else Access.NOTHING


def _may_act(rule: ProxyUser, user: str, hosts: frozenset[str], groups: Callable[[str], frozenset[str]]) -> bool:
    if EVERYBODY not in rule.hosts and rule.hosts.isdisjoint(hosts):
        return False
    return AccessList.of(rule.users, rule.groups).admits(user, groups)
