"""Monitoring routes: health, readiness, and Prometheus metrics."""
