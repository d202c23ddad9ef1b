"""Keeps the served generation current with OM."""
