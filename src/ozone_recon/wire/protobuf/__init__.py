"""Protobuf messages, sans-I/O: one at a time, and many of one type as columns."""
