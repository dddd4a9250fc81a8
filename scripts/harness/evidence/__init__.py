"""What is kept of a boot that failed."""
