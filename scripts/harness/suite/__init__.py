"""The tests of an image: chosen, booted and counted."""
