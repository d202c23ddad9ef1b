"""The simulated cluster's day: a script of commands, faults and load."""
