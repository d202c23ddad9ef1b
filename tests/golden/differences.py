"""Finds the differences between two JSON answers, and the rules that allow them."""

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
    """A difference at a JSON path such as `keys[].path`, which stands for all elements of the list; "" is the root."""

    at: str
    java: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.at}: {repr(self.java)[:200]} became {repr(self.ours)[:200]}"


@dataclass(frozen=True)
class Rule:
    """Allows a difference in answers to requests that match `request`, at JSON paths that match `at`, if `holds`.

    `name` is the name of a row under Differences in docs/compatibility.md.
    """

    name: str
    request: str
    at: str
    holds: Callable[[Any, Any], bool] = lambda java, ours: True

    def allows(self, request: str, difference: Difference) -> bool:
        """Whether this rule allows the difference."""
        return (
            re.match(self.request, request) is not None
            and re.fullmatch(self.at, difference.at) is not None
            and self.holds(difference.java, difference.ours)
        )


def differences(java: Any, ours: Any, at: str = "") -> Iterator[Difference]:
    """Yields every difference between two JSON values; true differs from 1, and 1 from 1.0."""
    if isinstance(java, dict) and isinstance(ours, dict):
        for name in sorted(java.keys() | ours.keys()):
            path = f"{at}.{name}" if at else name
            yield from differences(java.get(name, ABSENT), ours.get(name, ABSENT), path)
    elif isinstance(java, list) and isinstance(ours, list) and len(java) == len(ours):
        for one, other in zip(java, ours, strict=True):
            yield from differences(one, other, f"{at}[]")
    elif type(java) is not type(ours) or java != ours:
        yield Difference(at, java, ours)
