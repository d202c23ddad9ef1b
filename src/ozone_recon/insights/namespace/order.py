"""Depth-first order of a forest given by each node's parent, and sums over its subtrees."""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.amounts_kernel import plus
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.kernels import kernel

ROOT = -1
"""Parent of a node that has none."""


@kernel
def _visit(parent: Int64s, order: Int64s) -> int:
    """Writes the nodes into `order` as a depth-first walk meets them; gives how many it met.

    Roots and the children of one node are met in order of their numbers. Nodes on a cycle, and what hangs on one,
    are met never.
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
    # Placing has moved every start to its end, which is the next one's start.
    waiting = np.empty(nodes, np.int64)
    top = 0
    for slot in range(first[0] - 1, -1, -1):
        waiting[top] = child[slot]
        top += 1
    met = 0
    while top:
        top -= 1
        node = waiting[top]
        order[met] = node
        met += 1
        for slot in range(first[node + 1] - 1, first[node] - 1, -1):
            waiting[top] = child[slot]
            top += 1
    return met


@kernel
def _roll_up(parent: Int64s, totals: Int64s, oldest: Int64s, newest: Int64s) -> None:
    """Adds every row's totals to its parent's, from the last row to the first; a parent's row is before its own."""
    columns = totals.shape[1]
    for row in range(len(parent) - 1, -1, -1):
        above = parent[row]
        if above >= 0:
            for column in range(columns):
                totals[above, column] = plus(totals[above, column], totals[row, column])
            oldest[above] = min(oldest[above], oldest[row])
            newest[above] = max(newest[above], newest[row])


def depth_first(parent: Int64s) -> Int64s:
    """The nodes in depth-first pre-order, trees one after another in order of their roots' numbers.

    `parent[i]` is the node above node i, or ROOT. A cycle, which only damaged data has, is cut: the node of it that
    has the lowest number becomes a root, and `parent` is changed to say so.
    """
    order = np.empty(len(parent), np.int64)
    met = _visit(parent, order)
    while met < len(parent):
        unmet = np.ones(len(parent), np.bool_)
        unmet[order[:met]] = False
        _cut_cycles(parent, np.flatnonzero(unmet))
        met = _visit(parent, order)
    return order


def _cut_cycles(parent: Int64s, unmet: Int64s) -> None:
    above = dict(zip(unmet.tolist(), parent[unmet].tolist(), strict=True))
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
    """Turns every row's own values into those of its subtree, in place: sums of amounts, minimum, maximum.

    Rows are in pre-order and `parent[row]` is a row or ROOT; `totals` has one column for each kind of sum.
    """
    _roll_up(parent, totals, oldest, newest)
