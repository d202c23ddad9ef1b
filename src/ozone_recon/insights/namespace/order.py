"""Pre-order numbering of a forest given by parent pointers, and sums over its subtrees.

In depth-first pre-order every subtree is a contiguous range of rows, and a parent precedes its descendants.
"""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.amounts_kernel import plus
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.kernels import kernel

ROOT = -1
"""The parent of a root."""


@kernel
def _visit(parent: Int64s, order: Int64s) -> int:
    """Writes the nodes to `order` in depth-first pre-order; returns the number of nodes visited.

    A counting sort by parent gives each node's children in CSR form; then an explicit stack visits the trees. Roots and
    siblings are visited in order of their numbers. Nodes on a cycle, and their descendants, are not visited.
    """
    nodes = len(parent)
    first = np.zeros(nodes + 2, np.int64)  # children of node i: first[i + 1] up to first[i + 2]; the roots: first[0]
    for node in range(nodes):
        first[parent[node] + 2] += 1
    for node in range(nodes + 1):
        first[node + 1] += first[node]
    child = np.empty(nodes, np.int64)
    for node in range(nodes):
        slot = parent[node] + 1
        child[first[slot]] = node
        first[slot] += 1
    # The loop has moved every start to its end, which is the start of the next.
    stack = np.empty(nodes, np.int64)
    top = 0
    for slot in range(first[0] - 1, -1, -1):
        stack[top] = child[slot]
        top += 1
    visited = 0
    while top:
        top -= 1
        node = stack[top]
        order[visited] = node
        visited += 1
        for slot in range(first[node + 1] - 1, first[node] - 1, -1):
            stack[top] = child[slot]
            top += 1
    return visited


@kernel
def _roll_up(parent: Int64s, totals: Int64s, oldest: Int64s, newest: Int64s) -> None:
    """Adds every row's totals to its parent's, from the last row to the first; parents precede their children."""
    columns = totals.shape[1]
    for row in range(len(parent) - 1, -1, -1):
        above = parent[row]
        if above >= 0:
            for column in range(columns):
                totals[above, column] = plus(totals[above, column], totals[row, column])
            oldest[above] = min(oldest[above], oldest[row])
            newest[above] = max(newest[above], newest[row])


def depth_first(parent: Int64s) -> Int64s:
    """Returns the nodes in depth-first pre-order, one tree after another in order of their roots' numbers.

    `parent[i]` is the parent of node i, or ROOT. A cycle, which only damaged data has, is broken: its node with the
    lowest number becomes a root, and `parent` is changed accordingly.
    """
    order = np.empty(len(parent), np.int64)
    visited = _visit(parent, order)
    while visited < len(parent):
        unvisited = np.ones(len(parent), np.bool_)
        unvisited[order[:visited]] = False
        _cut_cycles(parent, np.flatnonzero(unvisited))
        visited = _visit(parent, order)
    return order


def _cut_cycles(parent: Int64s, unvisited: Int64s) -> None:
    above = dict(zip(unvisited.tolist(), parent[unvisited].tolist(), strict=True))
    walked: dict[int, int] = {}
    for start in above:
        trail: list[int] = []
        node = start
        while node not in walked:
            walked[node] = start
            trail.append(node)
            node = above[node]
        if walked[node] == start:
            parent[min(trail[trail.index(node) :])] = ROOT


def roll_up(parent: Int64s, totals: Int64s, oldest: Int64s, newest: Int64s) -> None:
    """Replaces every row's own values by those of its subtree: saturating sums, minimum, maximum.

    Rows are in pre-order; `parent[row]` is a row or ROOT; each column of `totals` is a sum.
    """
    _roll_up(parent, totals, oldest, newest)
