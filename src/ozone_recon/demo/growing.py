"""Columns to which rows are added one by one, or many at once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

_FIRST: Final = 64
"""Rows for which there is room at first."""


class Growing:
    """Numbered rows of a few columns; a column may have several places in each row."""

    def __init__(self, **columns: DTypeLike | tuple[DTypeLike, int]) -> None:
        """The types of the columns, by name."""
        self.rows = 0
        self._columns: dict[str, NDArray[Any]] = {}
        for name, column in columns.items():
            kind, places = column if isinstance(column, tuple) else (column, 0)
            self._columns[name] = np.zeros((_FIRST, places) if places else _FIRST, kind)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column; only until rows are added."""
        return self._columns[name][: self.rows]

    def add(self, rows: int = 1, **values: Any) -> int:
        """Adds rows with these values, in the columns that are not named 0; the number of the first."""
        first, end = self.rows, self.rows + rows
        for name, column in self._columns.items():
            if end > len(column):
                grown = np.zeros((max(end, 2 * len(column)), *column.shape[1:]), column.dtype)
                grown[:first] = column[:first]
                self._columns[name] = column = grown
            column[first:end] = values.get(name, 0)
        self.rows = end
        return first

    def take_last(self, row: int) -> None:
        """Puts the last row in the place of this one, which is no more."""
        self.rows -= 1
        for column in self._columns.values():
            column[row] = column[self.rows]
