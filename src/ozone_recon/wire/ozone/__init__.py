"""Ozone's own calls over Hadoop RPC, sans-I/O: OM's envelope, and the datanodes' protocol."""
