"""The host and the process: how scripts start and end, files, temporary directories."""
