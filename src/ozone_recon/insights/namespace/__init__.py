"""The namespace as a tree: totals, sizes, owners and ages of every node."""
