"""Follows SCM and the datanodes, in a process of its own."""
