"""What happens: one story a file."""
