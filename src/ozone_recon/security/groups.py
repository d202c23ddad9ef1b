"""The groups of a user by the operating system, cached for a while (Hadoop's ShellBasedUnixGroupsMapping)."""

from __future__ import annotations

import grp
import os
import pwd
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

CACHED_FOR: Final = 300.0
"""Seconds for which groups are remembered (`hadoop.security.groups.cache.secs`)."""
MAX_CACHED: Final = 10_000
"""Maximum number of users whose groups are remembered."""


class UserGroups:
    """Looks up groups, for any thread; may block, as the system may ask a directory service."""

    def __init__(
        self, lookup: Callable[[str], frozenset[str]] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lookup = lookup or groups_of
        self._clock = clock
        self._cached: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()
        self._lock = threading.Lock()

    def cached(self, user: str) -> frozenset[str] | None:
        """Returns the remembered groups of a user, without blocking; None if there are none."""
        until, groups = self._cached.get(user, (0.0, frozenset()))
        return groups if until > self._clock() else None

    def of(self, user: str) -> frozenset[str]:
        """Returns the names of a user's groups; none for an unknown user."""
        groups = self.cached(user)
        if groups is None:
            groups = self._lookup(user)
            with self._lock:
                self._cached[user] = self._clock() + CACHED_FOR, groups
                self._cached.move_to_end(user)
                if len(self._cached) > MAX_CACHED:
                    self._cached.popitem(last=False)
        return groups


def groups_of(user: str) -> frozenset[str]:
    """Returns the names of a user's groups, its primary one included."""
    try:
        entry = pwd.getpwnam(user)
    except (KeyError, ValueError, OSError):
        return frozenset()
    names = set()
    for number in os.getgrouplist(user, entry.pw_gid):
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return frozenset(names)
