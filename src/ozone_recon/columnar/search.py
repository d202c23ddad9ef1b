"""Where keys are in a sorted column of byte strings, in as many steps as the column's length has bits."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from ozone_recon.columnar.byte_column import ByteColumn


def first_at_or_after(column: ByteColumn, key: bytes, low: int = 0, high: int | None = None) -> int:
    """The first item that is `key` or greater, among items `low` to `high`; `high` when there is none."""
    return bisect_left(column, key, low, len(column) if high is None else high)


def first_after(column: ByteColumn, key: bytes, low: int = 0, high: int | None = None) -> int:
    """The first item that is greater than `key`, among items `low` to `high`; `high` when there is none."""
    return bisect_right(column, key, low, len(column) if high is None else high)


def find(column: ByteColumn, key: bytes, low: int = 0, high: int | None = None) -> int | None:
    """The item that is `key`, or None."""
    stop = len(column) if high is None else high
    at = bisect_left(column, key, low, stop)
    return at if at < stop and column[at] == key else None


def prefix_range(column: ByteColumn, prefix: bytes, low: int = 0, high: int | None = None) -> tuple[int, int]:
    """The items that begin with `prefix`, as (first, end)."""
    start = first_at_or_after(column, prefix, low, high)
    end = after_prefix(prefix)
    if end is None:
        return start, len(column) if high is None else high
    return start, first_at_or_after(column, end, start, high)


def after_prefix(prefix: bytes) -> bytes | None:
    """The smallest key that is greater than everything with this prefix; None when there is none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else None


def page(column: ByteColumn, prefix: bytes, after: bytes, limit: int | None = None) -> tuple[int, int]:
    """The first `limit` items (all for None) that begin with `prefix` and are greater than `after`: (first, end)."""
    start, end = prefix_range(column, prefix)
    start = first_after(column, after, start, end)
    return start, end if limit is None else min(end, start + limit)
