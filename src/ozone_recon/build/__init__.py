"""Builds generations from an OM database, in a separate process."""
