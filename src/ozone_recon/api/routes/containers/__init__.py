"""Routes about containers."""
