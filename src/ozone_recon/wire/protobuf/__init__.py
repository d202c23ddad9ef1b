"""Protobuf messages, sans-I/O: one by one, and many of one kind as columns."""
