"""A simulated cluster that speaks the real protocols: its OM, SCM and datanodes, and the day that they go through."""
