"""Answers datanodes' heartbeats, and asks datanodes what they have still to delete."""
