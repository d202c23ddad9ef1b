"""Columns of byte strings and numbers (Arrow's layout), sorted search, saturating sums, and kernel compilation."""
