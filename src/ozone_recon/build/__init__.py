"""Builds a generation from rows, in a process of its own."""
