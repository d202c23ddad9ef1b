"""Simulates datanodes: their replicas, their reports and their calls to Recon."""
