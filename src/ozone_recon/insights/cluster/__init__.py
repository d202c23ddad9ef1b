"""The cluster's tables: SCM's containers, replicas and datanodes."""
