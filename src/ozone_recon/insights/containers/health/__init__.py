"""Container health, evaluated as SCM's replication manager does."""
