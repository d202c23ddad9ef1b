"""Decodes OM rows, SCM responses and datanode reports into records and columns; no I/O."""
