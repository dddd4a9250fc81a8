"""A page on a run of tests."""
