"""Answers datanodes' heartbeats, and queries datanodes for their pending deletions."""
