"""Files and bytes by owner and by month of the last modification, for every node of the namespace."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.insights.namespace.counts import PAIRS, tally, write_counts
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import Schema

NAME: Final = "OwnersAges"
TABLES: Final[dict[str, Schema]] = {
    # Codes are rows of `owners`; the next code is for keys without an owner.
    "namespace_by_owner": PAIRS,
    "namespace_by_owner_large": PAIRS,
    # Codes are months of the last modification, counted from January 1970, UTC.
    "namespace_by_month": PAIRS,
    "namespace_by_month_large": PAIRS,
}
DAY: Final = 86_400_000
"""Milliseconds."""
MONTHS: Final = 12 * 1030
"""Months from 1970 to 2999; times outside are clamped to the first or last month."""


@dataclass(frozen=True, slots=True)
class OwnerTotals:
    """The files of an owner; `owner` is empty for keys without one. Sizes are bytes."""

    owner: bytes
    files: int
    size: int
    replicated_size: int


@dataclass(frozen=True, slots=True)
class MonthTotals:
    """The files last modified in a month (`YYYY-MM`, UTC). Sizes are bytes."""

    month: str
    files: int
    size: int
    replicated_size: int


def rebuild(build: GenerationBuild) -> None:
    """Writes the tables above; needs those of `summary`."""
    owners = build.table("owners").rows
    write_counts(build, "namespace_by_owner", "owner", lambda owner: np.where(owner < 0, owners, owner), owners + 1)
    write_counts(build, "namespace_by_month", "modification_time", month_of, MONTHS)


def month_of(time: Int64s) -> Int64s:
    """Returns the months since January 1970, UTC, of times in milliseconds."""
    months = _month_of_day()
    return months[np.clip(time // DAY, 0, len(months) - 1)]


@cache
def _month_of_day() -> Int64s:
    firsts = np.arange(MONTHS + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    return np.repeat(np.arange(MONTHS), np.diff(firsts))


def owners_of(generation: Generation, node: int) -> list[OwnerTotals]:
    """Returns the totals of a subtree by owner: most bytes first, then most files, then by name."""
    names = generation.table("owners").bytes("name")
    sums = tally(generation, "namespace_by_owner", node, len(names) + 1)
    totals = [
        OwnerTotals(names[code] if code < len(names) else b"", *numbers)
        for code, *numbers in _occurring(sums.files, sums.size, sums.replicated_size)
    ]
    return sorted(totals, key=lambda of: (-of.size, -of.files, of.owner))


def months_of(generation: Generation, node: int) -> list[MonthTotals]:
    """Returns the totals of a subtree by month of the last modification, oldest first."""
    sums = tally(generation, "namespace_by_month", node, MONTHS)
    return [
        MonthTotals(str(np.datetime64(code, "M")), *numbers)
        for code, *numbers in _occurring(sums.files, sums.size, sums.replicated_size)
    ]


def _occurring(files: Int64s, size: Int64s, replicated_size: Int64s) -> list[list[int]]:
    codes = np.flatnonzero(files)
    rows: list[list[int]] = np.column_stack([codes, files[codes], size[codes], replicated_size[codes]]).tolist()
    return rows
