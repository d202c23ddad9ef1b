"""Hadoop RPC, sans-I/O: frames, messages, SASL, both sides of a connection."""
