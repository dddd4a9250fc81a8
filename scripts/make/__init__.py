"""What only the Makefile calls."""
