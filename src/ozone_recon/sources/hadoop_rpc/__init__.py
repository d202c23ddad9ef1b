"""Hadoop RPC over sockets: calls OM and SCM, and accepts datanodes' calls."""
