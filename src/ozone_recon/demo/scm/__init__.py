"""The simulated SCM."""
