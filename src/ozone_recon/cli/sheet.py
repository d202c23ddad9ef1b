"""An answer as people read it: a table with sizes and times in words, or as JSON for programs."""

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
    """A column: its heading, how its cells are written, and whether they are numbers (set to the right)."""

    heading: str
    write: Callable[[Any], str]
    number: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """An answer: `answer` is the API's own JSON; the rest is the same for people."""

    answer: Any
    columns: tuple[Column, ...]
    rows: Iterable[Row]
    notes: Sequence[str] = field(default=())
    """Lines below the table: totals, and how to get the next page."""


def text(heading: str) -> Column:
    """A column of names."""
    return Column(heading, printable)


def count(heading: str) -> Column:
    """A column of numbers of things."""
    return Column(heading, lambda value: "" if value is None else f"{value:,}", number=True)


def size(heading: str) -> Column:
    """A column of bytes."""
    return Column(heading, human_size, number=True)


def quotas(heading: str) -> Column:
    """A column of quotas in bytes."""
    return Column(heading, human_quota, number=True)


def time(heading: str) -> Column:
    """A column of times, given in milliseconds since 1970 or as the API's text."""
    return Column(heading, human_time)


def printable(value: object) -> str:
    """Text without anything that would act on a terminal: a key's name may hold any character."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value))


_UNITS: Final = ("B", "KB", "MB", "GB", "TB", "PB", "EB")


def human_size(size: int | None) -> str:
    """Bytes in Ozone's units (powers of 1024), negative ones too: OM's count of used bytes may be; empty for None."""
    if size is None:
        return ""
    power = min(max(0, (size.bit_length() - 1) // 10), len(_UNITS) - 1)
    return f"{size} B" if not power else f"{size / (1 << 10 * power):.1f} {_UNITS[power]}"


def human_quota(quota: int | None, write: Callable[[int], str] = human_size) -> str:
    """A quota; OM accepts none of 0, and says -1 where there is none."""
    return "" if quota is None else write(quota) if quota > 0 else "no quota"


def human_time(value: int | str | None) -> str:
    """A time in the local time zone, to the second; empty when there is none, as it is when no calendar has it."""
    if not value or value == -1:
        return ""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else datetime.fromtimestamp(value / 1000)
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return printable(value)


MOST_PADDED: Final = 64
"""The width up to which columns are aligned where nobody watches: a longer name makes its own line longer alone."""


def show(sheet: Sheet, *, as_json: bool) -> None:
    """Writes the sheet to standard output; raises BrokenPipeError when nobody reads it any more."""
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
            """Leaves it to the caller, where rich would end the program with 1."""
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
    """The table for pipes and files: a line for each row, which ends with its last cell."""
    from rich.cells import cell_len

    headings = [column.heading for column in sheet.columns]
    rows = [[column.write(cell) for column, cell in zip(sheet.columns, row, strict=True)] for row in sheet.rows]
    lengths = [[cell_len(cell) for cell in row] for row in (headings, *rows)]
    widths = [min(MOST_PADDED, max(column)) for column in zip(*lengths, strict=True)]
    for cells, row in zip((headings, *rows), lengths, strict=True):
        line = ""
        for column, cell, length, width in zip(sheet.columns, cells, row, widths, strict=True):
            padding = " " * max(0, width - length)
            line += (padding + cell if column.number else cell + padding) + "  "
        sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.writelines(f"{note}\n" for note in sheet.notes)
