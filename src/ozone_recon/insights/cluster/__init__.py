"""The cluster in memory and as tables: SCM's containers, replicas, datanodes and pipelines."""
