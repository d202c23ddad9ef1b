"""The command line: the same insights, for people and for programs."""
