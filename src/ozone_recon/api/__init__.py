"""Recon's REST API v1 over HTTP: a route reads its parameters, queries an insight and returns JSON."""
