"""The server: its processes, sockets and startup."""
