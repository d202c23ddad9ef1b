"""Starts a real Apache Ozone on this machine, to hold this program against: plain, with HA or with Kerberos."""
