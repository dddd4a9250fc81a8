"""What a kernel says, and the verdict on it."""
