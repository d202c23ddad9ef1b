"""Hadoop's access lists: `user1,user2 group1,group2`, or `*` for everybody (AccessControlList)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

EVERYBODY: Final = "*"


@dataclass(frozen=True, slots=True)
class AccessList:
    """Users and groups; everybody if `everybody`."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    everybody: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses users, a space, and groups; a list that begins with a space has only groups."""
        users, _, groups = text.partition(" ")
        return cls.of(_words(users), _words(groups))

    @classmethod
    def of(cls, users: frozenset[str], groups: frozenset[str]) -> Self:
        """A list of these; `*` among them stands for everybody."""
        return cls(users, groups, EVERYBODY in users | groups)

    def admits(self, user: str, groups: Callable[[str], frozenset[str]]) -> bool:
        """Whether a user, by its short name, is on the list; `groups` is called only if that decides."""
        return self.everybody or user in self.users or (bool(self.groups) and not self.groups.isdisjoint(groups(user)))


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",") if word.strip())
