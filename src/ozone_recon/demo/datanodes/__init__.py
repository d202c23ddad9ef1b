"""The simulated datanodes."""
