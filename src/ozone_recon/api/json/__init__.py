"""Rows and records as Recon's JSON."""
