"""Takes an OM checkpoint from a directory, a tar, or a running OM."""
