"""Recon's REST API v1 over HTTP: a route reads parameters, asks an insight, and answers bytes."""
