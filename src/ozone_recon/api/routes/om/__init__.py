"""Routes about OM's namespace and keys."""
