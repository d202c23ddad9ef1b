"""The data directory: immutable generations of columnar tables, built in full and then made current at once."""
