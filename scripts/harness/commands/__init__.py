"""The runner's commands, a module each."""
