"""Containers: their keys, differences between OM and SCM, and their health."""
