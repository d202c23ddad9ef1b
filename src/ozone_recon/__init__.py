"""Recon for Apache Ozone: indexes an Ozone Manager's database and answers operators' questions about it."""

__version__ = "0.2.0"
