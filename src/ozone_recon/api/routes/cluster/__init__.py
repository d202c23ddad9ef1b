"""Routes about the cluster: datanodes, pipelines, storage, tasks."""
