"""Containers: which keys are in them, where OM and SCM disagree, and their health."""
