"""Hadoop RPC, sans-I/O: frames, messages, SASL, and both sides of a connection."""
