"""Decodes SCM's responses and datanodes' reports into records and columns."""
