"""Routes for monitoring: health, readiness, and Prometheus metrics."""
