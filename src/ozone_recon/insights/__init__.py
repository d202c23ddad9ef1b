"""Insights: each module answers one question of an operator, with a `rebuild` and functions that read its tables."""
