"""Ozone Manager rows into records and columns; knows key grammars and value messages, no I/O."""
