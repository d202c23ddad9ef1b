"""Stores that changes are applied to: the prototype of ours, what it is held against, and DuckDB over our columns."""
