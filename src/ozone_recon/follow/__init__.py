"""Follows a running OM and a running cluster."""
