"""Prints an answer: as a table with readable sizes and times, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, the formatter of its cells, and whether they are numbers (right-aligned)."""

    heading: str
    write: Callable[[Any], str]
    number: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """An answer: `answer` is the API's JSON; the other fields are its table."""

    answer: Any
    columns: tuple[Column, ...]
    rows: Iterable[Row]
    notes: Sequence[str] = field(default=())
    """Lines below the table, such as totals and how to get the next page."""


def text(heading: str) -> Column:
    """Makes a column of texts."""
    return Column(heading, printable)


def count(heading: str) -> Column:
    """Makes a column of counts."""
    return Column(heading, lambda value: "" if value is None else f"{value:,}", number=True)


def size(heading: str) -> Column:
    """Makes a column of sizes in bytes."""
    return Column(heading, human_size, number=True)


def quotas(heading: str) -> Column:
    """Makes a column of quotas in bytes."""
    return Column(heading, human_quota, number=True)


def time(heading: str) -> Column:
    """Makes a column of times, given in milliseconds since 1970 or as ISO 8601 text."""
    return Column(heading, human_time)


def printable(value: object) -> str:
    """Escapes characters that a terminal would interpret: a key name can contain any character."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value))


_UNITS: Final = ("B", "KB", "MB", "GB", "TB", "PB", "EB")


def human_size(size: int | None) -> str:
    """Formats bytes in Ozone's units (powers of 1024); OM's used bytes can be negative. Empty for None."""
    if size is None:
        return ""
    power = min(max(0, (size.bit_length() - 1) // 10), len(_UNITS) - 1)
    return f"{size} B" if not power else f"{size / (1 << 10 * power):.1f} {_UNITS[power]}"


def human_quota(quota: int | None, write: Callable[[int], str] = human_size) -> str:
    """Formats a quota. OM accepts no quota of 0 and stores -1 for no quota."""
    return "" if quota is None else write(quota) if quota > 0 else "no quota"


def human_time(value: int | str | None) -> str:
    """Formats a time in the local time zone, to the second; empty if unset, unchanged if out of range."""
    if not value or value == -1:
        return ""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else datetime.fromtimestamp(value / 1000)
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return printable(value)


MAX_PADDED: Final = 64
"""Maximum column width for alignment when not printing to a terminal; a longer cell only extends its own line."""


def show(sheet: Sheet, *, as_json: bool) -> None:
    """Writes the sheet to standard output; raises BrokenPipeError if the reader has closed the pipe."""
    if as_json or not sheet.columns:
        json.dump(sheet.answer, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    if not sys.stdout.isatty():
        _write_lines(sheet)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            """Re-raises for the caller; rich would exit with code 1."""
            raise

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in sheet.columns:
        table.add_column(column.heading, justify="right" if column.number else "left", overflow="fold")
    for row in sheet.rows:
        table.add_row(*(Text(column.write(cell)) for column, cell in zip(sheet.columns, row, strict=True)))
    console = Plain(highlight=False)
    console.print(table)
    for note in sheet.notes:
        console.print(Text(note, style="dim"), soft_wrap=True)


def _write_lines(sheet: Sheet) -> None:
    """Writes the table for pipes and files: one line per row, without trailing spaces."""
    from rich.cells import cell_len

    headings = [column.heading for column in sheet.columns]
    rows = [[column.write(cell) for column, cell in zip(sheet.columns, row, strict=True)] for row in sheet.rows]
    lengths = [[cell_len(cell) for cell in row] for row in (headings, *rows)]
    widths = [min(MAX_PADDED, max(column)) for column in zip(*lengths, strict=True)]
    for cells, row in zip((headings, *rows), lengths, strict=True):
        line = ""
        for column, cell, length, width in zip(sheet.columns, cells, row, widths, strict=True):
            padding = " " * max(0, width - length)
            line += (padding + cell if column.number else cell + padding) + "  "
        sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.writelines(f"{note}\n" for note in sheet.notes)
