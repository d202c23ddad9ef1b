"""Inputs from outside: checkpoint files, and the connections to OM, SCM and datanodes."""
