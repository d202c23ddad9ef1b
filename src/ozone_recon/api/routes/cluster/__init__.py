"""Cluster routes: datanodes, pipelines, storage, tasks."""
