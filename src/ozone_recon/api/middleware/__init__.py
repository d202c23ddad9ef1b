"""What happens around every request: limits, headers, cache, metrics."""
