"""What the demo needs and ships: the local GitLab stand-in, the sample knowledge base, the script."""
