"""The simulated OM."""
