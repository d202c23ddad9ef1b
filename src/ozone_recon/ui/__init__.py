"""The web pages (static ES modules); no Python."""
