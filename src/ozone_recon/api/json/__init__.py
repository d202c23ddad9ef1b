"""Serialises rows and records as Recon's JSON."""
