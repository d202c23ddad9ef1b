"""Simulates an Ozone cluster that speaks the real protocols: OM, SCM, datanodes and a scripted day."""
