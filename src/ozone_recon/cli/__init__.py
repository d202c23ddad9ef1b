"""The command line: runs the server, and prints the API's answers as tables or JSON."""
