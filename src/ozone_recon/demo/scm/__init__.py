"""Simulates SCM: containers, pipelines, replication and its RPC protocol."""
