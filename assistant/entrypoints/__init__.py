"""The command line, and later the server."""
