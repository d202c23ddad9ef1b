"""Growable NumPy columns with amortised appends (capacity doubles)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

_FIRST: Final = 64
"""Initial capacity in rows."""


class Growing:
    """A table of NumPy columns; a column may have several values per row."""

    def __init__(self, **columns: DTypeLike | tuple[DTypeLike, int]) -> None:
        """`columns` are dtypes by name, with the number of values per row if there are several."""
        self.rows = 0
        self._columns: dict[str, NDArray[Any]] = {}
        for name, column in columns.items():
            kind, places = column if isinstance(column, tuple) else (column, 0)
            self._columns[name] = np.zeros((_FIRST, places) if places else _FIRST, kind)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A view of a column, valid until rows are added."""
        return self._columns[name][: self.rows]

    def add(self, rows: int = 1, **values: Any) -> int:
        """Appends rows, 0 in columns without a value; returns the index of the first."""
        first, end = self.rows, self.rows + rows
        for name, column in self._columns.items():
            if end > len(column):
                grown = np.zeros((max(end, 2 * len(column)), *column.shape[1:]), column.dtype)
                grown[:first] = column[:first]
                self._columns[name] = column = grown
            column[first:end] = values.get(name, 0)
        self.rows = end
        return first

    def swap_remove(self, row: int) -> None:
        """Removes a row by moving the last row into its place."""
        self.rows -= 1
        for column in self._columns.values():
            column[row] = column[self.rows]
