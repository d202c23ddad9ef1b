"""SCM's answers and datanodes' reports into records and columns."""
