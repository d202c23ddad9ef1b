"""Drives the left side: gets a checkpoint, builds a generation, keeps every task's status."""
