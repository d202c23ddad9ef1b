"""Simulates OM: namespace, keys, database and servers."""
