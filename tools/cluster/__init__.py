"""Runs a real Apache Ozone on this machine for tests and benchmarks: plain, with HA or with Kerberos."""
