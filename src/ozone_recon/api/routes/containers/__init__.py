"""Container routes."""
