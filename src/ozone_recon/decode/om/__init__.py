"""Decodes OM's rows into records and columns."""
