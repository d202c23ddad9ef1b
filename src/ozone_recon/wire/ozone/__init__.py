"""Ozone's own messages over Hadoop RPC, sans-I/O: calls of OM, and responses to datanodes."""
