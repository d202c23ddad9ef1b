"""Where two JSON answers differ, and by which rules they may."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


@dataclass(frozen=True)
class Difference:
    """One place: `at` is like `keys[].path`, all elements of a list being one place; "" is the whole answer."""

    at: str
    java: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.at}: {repr(self.java)[:200]} became {repr(self.ours)[:200]}"


@dataclass(frozen=True)
class Rule:
    """What may differ: in answers to requests that match `request`, at places that match `at`, when `holds`.

    `name` is that of a line under Differences in docs/compatibility.md.
    """

    name: str
    request: str
    at: str
    holds: Callable[[Any, Any], bool] = lambda java, ours: True

    def allows(self, request: str, difference: Difference) -> bool:
        """Whether this rule explains the difference."""
        return (
            re.match(self.request, request) is not None
            and re.fullmatch(self.at, difference.at) is not None
            and self.holds(difference.java, difference.ours)
        )


def differences(java: Any, ours: Any, at: str = "") -> Iterator[Difference]:
    """Every place where two JSON values differ; true is not 1, 1 is not 1.0."""
    if isinstance(java, dict) and isinstance(ours, dict):
        for name in sorted(java.keys() | ours.keys()):
            place = f"{at}.{name}" if at else name
            yield from differences(java.get(name, ABSENT), ours.get(name, ABSENT), place)
    elif isinstance(java, list) and isinstance(ours, list) and len(java) == len(ours):
        for one, other in zip(java, ours, strict=True):
            yield from differences(one, other, f"{at}[]")
    elif type(java) is not type(ours) or java != ours:
        yield Difference(at, java, ours)
