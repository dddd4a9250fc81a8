"""What is wrong with the surroundings, for the one who can fix it."""

from __future__ import annotations


class EnvironmentFault(Exception):
    """Something that a boot needs is missing. One line says what, and what fixes it."""
