"""Kerberos, TLS, and who may do what."""
