"""Reads an OM checkpoint, a RocksDB database."""
