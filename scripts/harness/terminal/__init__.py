"""A kernel on the user's terminal, and how its run ended."""
